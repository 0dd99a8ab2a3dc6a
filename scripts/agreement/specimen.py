"""A tomogram of one asymmetric particle, computed in closed form: a sum of Gaussians."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from faket.data import Particles, Volume
from faket.io.model_folder import CLASS_NAMES, PARTICLES
from faket.io.particles import write_particles
from faket.io.shrec.model import write_shrec_model

NAME = "model_0"
SPECIES = "asym"
SHAPE = (64, 90, 110)  # z y x: each axis has a length of its own
VOXEL_A = 10.0
REACH = 9  # voxels that the particle reaches from its origin
_WIDTH = 1.3  # voxels: the standard deviation of a Gaussian
_SPACING = 22  # voxels between particles, so that no two overlap
# Places x y z in voxels and weights: along three arms of different length, in a right-handed
# screw, so that neither a rotation nor a mirror image brings the particle onto itself.
_BLOBS = np.array(
    [(0, 0, 0), (4, 0, 0), (6.5, 1.5, 0), (0, 4, 1), (0, 5, 4), (-1, 0, -5), (-3.5, -3, -4)]
)
_WEIGHTS = np.array([1.0, 0.9, 0.8, 1.1, 0.7, 1.0, 1.2])


@dataclass(frozen=True)
class Poses:
    """Particles in a tomogram.

    Attributes
    ----------
    volume : ndarray, shape (z, y, x)
        Their tomogram, read by the format's reader where it has one for volumes.
    voxels : ndarray, shape (n, 3)
        x y z in voxels from the centre of voxel [0, 0, 0].
    turns : ndarray, shape (n, 3, 3), or None
        Particle's frame to the tomogram's.
    """

    volume: np.ndarray
    voxels: np.ndarray
    turns: np.ndarray | None


def density(places):
    """Return the particle at places x y z in its own frame, voxels; any shape (..., 3)."""
    squares = ((places[..., None, :] - _BLOBS) ** 2).sum(axis=-1)
    return np.exp(squares / (-2 * _WIDTH**2)) @ _WEIGHTS


def mesh(axes):
    """Return all combinations of the numbers of each axis, in the last axis of the result."""
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


def write_dataset(out):
    """Write ``model_0`` with its truth, in SHREC'21's layout, and return the true poses."""
    rng = np.random.default_rng(1)
    grid = np.stack(
        np.meshgrid(*(np.arange(11, n - 11, _SPACING) for n in SHAPE[::-1]), indexing="ij")
    )
    voxels = grid.reshape(3, -1).T + rng.uniform(-0.9, 0.9, (grid[0].size, 3))
    turns = Rotation.random(len(voxels), rng=rng)
    volume, ids = np.zeros(SHAPE, np.float32), np.zeros(SHAPE, np.uint16)
    for i, (centre, turn) in enumerate(zip(voxels, turns.as_matrix(), strict=True), start=1):
        first = np.rint(centre).astype(int)
        box = tuple(slice(max(0, c - REACH), c + REACH + 1) for c in first[::-1])
        z, y, x = np.meshgrid(
            *(np.arange(n)[s] for n, s in zip(SHAPE, box, strict=True)), indexing="ij"
        )
        values = density(
            (np.stack([x, y, z], axis=-1) - centre) @ turn
        )  # into the particle's frame
        volume[box] += values
        ids[box][values > 0.3] = i
    particles = Particles(
        np.arange(1, len(voxels) + 1), (SPECIES,) * len(voxels), voxels * VOXEL_A, turns,
        np.full((len(voxels), 3), np.nan),
    )  # fmt: skip
    recorded = Volume(volume, VOXEL_A)
    write_shrec_model(
        out / NAME, grandmodel=recorded, reconstruction=recorded, particles=particles,
        class_mask=(ids > 0).astype(np.uint8), occupancy_mask=ids,
    )  # fmt: skip
    write_particles(out / NAME / PARTICLES, particles)
    (out / NAME / CLASS_NAMES).write_text(f"1 {SPECIES}\n2 empty\n")
    return Poses(volume, voxels, turns.as_matrix())
