"""From scores to particles: cut-off, candidates, iterative maxima, classes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from scipy.special import erfcinv

from faket.data import AnyArray, DoubleArray, FloatArray, Particles
from faket.errors import InputError
from faket.picking.template_matching.kernels import iterative_maxima
from faket.picking.template_matching.search import ScoreMaps


def noise_cutoff(false_positives: float, n_voxels: int, n_orientations: int) -> float:
    """Return the score, in units of its σ, that noise exceeds ``false_positives`` times.

    It is √2 erfcinv(2 n_FP / (n_voxels n_orientations)): n_FP pairs of a voxel and an orientation
    are expected to have a normally distributed score above it. Neighbouring pairs exceed it
    together, so there are fewer picks than pairs.

    Raises
    ------
    InputError
        If more false positives are accepted than half the number of pairs.
    """
    chances = n_voxels * n_orientations
    if not 0 < false_positives < chances / 2:
        raise InputError(
            f"false positives: expected a number between 0 and half of the {chances} scores "
            f"computed, found {false_positives:g}; accept fewer"
        )
    return math.sqrt(2) * float(erfcinv(2 * false_positives / chances))


@dataclass(frozen=True)
class Candidates:
    """All voxels that score above the cut-off for one template.

    Attributes
    ----------
    name : str
        Of the species.
    voxels : ndarray, shape (n, 3), int32
        z y x.
    offsets : ndarray, shape (n, 3), float32
        z y x from the voxel's centre to the vertex of parabolas through its neighbours; 0 along
        an axis where it is no maximum.
    scores : ndarray, shape (n,), float32
        Local correlation, -1 to 1.
    quaternions : ndarray, shape (n, 4), float64
        Scalar last.
    sigma : float
        Spread of the scores in the tomogram.
    cutoff : float
        Lowest score of a candidate.
    exclusion_voxels : float
        Smallest distance to another particle.
    """

    name: str
    voxels: NDArray[np.int32]
    offsets: FloatArray
    scores: FloatArray
    quaternions: DoubleArray
    sigma: float
    cutoff: float
    exclusion_voxels: float


@dataclass(frozen=True)
class TemplatePicks:
    """The particles that were found, best first.

    Attributes
    ----------
    particles : Particles
    scores : ndarray, shape (n,), float64
        Local correlation divided by its spread σ for the particle's template. Different templates
        are compared by this score.
    correlations : ndarray, shape (n,), float64
        Local correlation, -1 to 1.
    """

    particles: Particles
    scores: DoubleArray
    correlations: DoubleArray

    def __len__(self) -> int:
        """Return the number of particles."""
        return len(self.particles)


def find_candidates(
    name: str,
    maps: ScoreMaps,
    *,
    exclusion_voxels: float,
    false_positives: float,
    region: NDArray[np.bool_] | None = None,
) -> Candidates:
    """Return all voxels above the cut-off for an accepted number of false positives.

    Parameters
    ----------
    name : str
    maps : ScoreMaps
    exclusion_voxels : float
    false_positives : float
        Expected in the whole region if it were noise.
    region : ndarray of bool, shape (z, y, x), optional
        Where particles are searched.

    Returns
    -------
    Candidates
    """
    n_voxels = maps.scores.size if region is None else int(np.count_nonzero(region))
    cutoff = maps.sigma * noise_cutoff(false_positives, n_voxels, len(maps.rotations))
    above = maps.scores > cutoff
    if region is not None:
        above &= region
    voxels = np.argwhere(above)
    chosen = tuple(voxels.T)
    return Candidates(
        name=name,
        voxels=voxels.astype(np.int32),
        offsets=_vertices(maps.scores, voxels),
        scores=maps.scores[chosen],
        quaternions=maps.rotations.as_quat()[maps.orientations[chosen]].reshape(-1, 4),
        sigma=maps.sigma,
        cutoff=float(cutoff),
        exclusion_voxels=exclusion_voxels,
    )


def merge_candidates(
    candidates: Sequence[Candidates], shape: tuple[int, int, int], voxel_size_A: float
) -> TemplatePicks:
    """Pick the highest maxima over all templates; none within the exclusion radius of a higher one.

    Templates are compared by score / σ, and a pick has the class of the template with the highest.
    The radius is that of the higher pick's particle.

    Parameters
    ----------
    candidates : sequence of Candidates
        One for each template.
    shape : tuple of int
        z y x of the tomogram.
    voxel_size_A : float
    """
    kinds = np.repeat(np.arange(len(candidates)), [len(item.scores) for item in candidates])
    voxels = _joined([item.voxels for item in candidates], (0, 3)).astype(np.int64)
    offsets = _joined([item.offsets for item in candidates], (0, 3))
    quaternions = _joined([item.quaternions for item in candidates], (0, 4))
    correlations = _joined([item.scores for item in candidates], (0,)).astype(np.float64)
    sigmas = np.array([item.sigma for item in candidates])
    radii = np.array([item.exclusion_voxels for item in candidates], np.float32)
    scores = correlations / sigmas[kinds] if len(kinds) else correlations
    order = np.argsort(-scores, kind="stable")
    free = np.ones(shape, np.bool_)
    order = order[iterative_maxima(voxels[order], radii[kinds[order]], free)]
    particles = Particles(
        ids=np.arange(1, len(order) + 1),
        species=tuple(candidates[kind].name for kind in kinds[order]),
        positions_A=((voxels + offsets)[order] * voxel_size_A)[:, ::-1].astype(np.float64),
        rotations=Rotation.from_quat(quaternions[order]),
        semi_axes_A=np.full((len(order), 3), np.nan),
    )
    return TemplatePicks(particles, scores[order], correlations[order])


def _joined(parts: list[AnyArray], empty: tuple[int, ...]) -> AnyArray:
    return np.concatenate([np.zeros(empty), *parts])


def _vertices(scores: FloatArray, voxels: NDArray[np.int64]) -> FloatArray:
    offsets = np.zeros(voxels.shape, np.float32)
    here = scores[tuple(voxels.T)]
    for axis in range(3):
        inside = (voxels[:, axis] > 0) & (voxels[:, axis] < scores.shape[axis] - 1)
        step = np.eye(3, dtype=np.int64)[axis] * inside[:, None]
        below, above = scores[tuple((voxels - step).T)], scores[tuple((voxels + step).T)]
        curve = below + above - 2 * here
        highest = inside & (here >= below) & (here >= above) & (curve < 0)
        offsets[highest, axis] = (0.5 * (below - above) / np.where(curve < 0, curve, 1))[highest]
    return offsets
