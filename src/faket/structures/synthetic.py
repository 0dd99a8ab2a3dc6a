"""The embedded library: synthetic complexes built by code, for runs without any file.

None of them exists in nature. Each is a union of capsules that a point group repeats, filled with
pseudo-residues at a protein's density: sizes, symmetries, contrast and solvent are those of real
complexes. All names start with ``syn-``, so that nobody takes them for real ones.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from faket.constants import (
    ICE_POTENTIAL_V,
    POTENTIAL_K_V_A2,
    PROTEIN_POTENTIAL_V,
    PROTEIN_VOLUME_A3_PER_DA,
)
from faket.data import DoubleArray, FloatArray, Species
from faket.errors import InputError
from faket.seeds import generator
from faket.structures.grids import block_mean, envelope_of
from faket.units import DA_PER_KDA

Point = tuple[float, float, float]
Capsule = tuple[Point, Point, float]  # two ends and a radius

RESIDUE_DA = 110.0  # chosen: the usual mean mass of a residue
_RESIDUE_A3 = RESIDUE_DA * PROTEIN_VOLUME_A3_PER_DA
# Scattering length of a mean residue, so that the mean inner potential is a protein's.
_RESIDUE_F0_A = PROTEIN_POTENTIAL_V * _RESIDUE_A3 / POTENTIAL_K_V_A2
_RESIDUE_SIGMA_A = 2.3  # chosen: residues 5.1 Å apart then overlap to an almost even density
_FINE_A = 2.0  # chosen: finer samples change nothing, with this σ
_MARGIN_A = 12.0  # chosen: the soft edge of the envelope (σ 4 Å) ends within it


@dataclass(frozen=True)
class SyntheticSpecies:
    """Definition of an embedded species: capsules of one subunit, in arbitrary units."""

    mass_kDa: float
    symmetry: str
    shape: str
    capsules: tuple[Capsule, ...]


SYNTHETIC_SPECIES: dict[str, SyntheticSpecies] = {
    "syn-bean": SyntheticSpecies(
        30, "C1", "bent bean", (((-14, 0, 0), (8, 0, 0), 12), ((8, 0, 0), (18, 12, 4), 10))
    ),
    "syn-hook": SyntheticSpecies(
        50,
        "C1",
        "hook of three domains",
        (((0, 0, -34), (0, 0, 10), 11), ((0, 0, 10), (26, 0, 24), 11), ((34, 6, 4), (34, 6, 4), 14)),
    ),
    "syn-dimer": SyntheticSpecies(
        75, "C2", "two discs that touch", (((13, -14, 0), (13, 14, 6), 15),)
    ),
    "syn-elbow": SyntheticSpecies(
        110,
        "C1",
        "long elbow",
        (((-58, 0, 0), (0, 0, 0), 14), ((0, 0, 0), (10, 46, 0), 16), ((-58, 0, 14), (-58, 0, 14), 17)),
    ),
    "syn-wye": SyntheticSpecies(
        150, "C2", "Y of a stem and two arms", (((0, 6, -52), (0, 6, 0), 13), ((4, 0, 0), (46, 8, 40), 16))
    ),
    "syn-propeller": SyntheticSpecies(
        220, "C3", "propeller", (((10, 0, -6), (48, 10, 4), 14), ((56, 22, 10), (56, 22, 10), 16))
    ),
    "syn-ring": SyntheticSpecies(
        340, "C6", "flat ring with a hole", (((40, 0, -12), (40, 8, 12), 18),)
    ),
    "syn-block": SyntheticSpecies(
        460, "D2", "solid block", (((20, 20, 14), (26, 22, 34), 24), ((40, 10, 10), (44, 14, 12), 18))
    ),
    "syn-barrel": SyntheticSpecies(
        800, "D7", "barrel of two stacked rings, open at both ends",
        (((50, 0, 20), (50, 6, 40), 19), ((42, 16, 64), (54, 12, 64), 15)),
    ),
    "syn-star": SyntheticSpecies(
        620, "C5", "five-armed star", (((14, 0, 0), (80, 12, 0), 15), ((88, 14, 20), (88, 14, 20), 18))
    ),
    "syn-cage": SyntheticSpecies(
        1200, "O", "hollow cube", (((72, 16, 14), (54, 52, 10), 18),)
    ),
    "syn-rod": SyntheticSpecies(
        2000, "D3", "rod with lobed caps",
        (((24, 0, 6), (30, 8, 90), 24), ((54, 16, 108), (20, 30, 132), 28)),
    ),
    "syn-lobes": SyntheticSpecies(
        4000, "C1", "two unequal lobes with a cleft",
        (
            ((-30, -30, -20), (30, 30, -10), 62),
            ((0, 40, -30), (-40, 50, 0), 44),
            ((40, -30, 72), (-40, -10, 76), 40),
            ((52, 10, 80), (60, 50, 60), 26),
            ((-70, -60, -10), (-92, -72, 20), 22),
        ),
    ),
}  # fmt: skip

# Subunits of filaments; not in the library that a recipe without species gets. Their x points away
# from the filament's axis and their z along it, to the plus end. Sizes follow actin (four lobes of a
# plate about 55 x 55 x 35 Å) and tubulin's dimer (two lobes 41 Å apart); the shapes are chosen.
FILAMENT_SUBUNITS: dict[str, SyntheticSpecies] = {
    "syn-actin": SyntheticSpecies(
        42, "C1", "plate of four lobes",
        (
            ((12, 2, -12), (12, 2, -12), 13), ((14, -4, 15), (14, -4, 15), 10),
            ((-9, 0, -13), (-9, 0, -13), 12), ((-9, 0, 12), (-9, 0, 12), 13),
        ),
    ),
    "syn-tubulin": SyntheticSpecies(
        100, "C1", "two unequal lobes in a row",
        (
            ((0, 0, -20.5), (0, 0, -20.5), 20), ((0, 0, 20.5), (0, 0, 20.5), 20),
            ((16, 0, -8), (16, 0, -8), 9), ((18, 4, 24), (18, 4, 24), 8),
        ),
    ),
}  # fmt: skip


def synthetic_species(name: str, *, voxel_size_A: float) -> Species:
    """Build an embedded species.

    Parameters
    ----------
    name : str
        A key of :data:`SYNTHETIC_SPECIES` or :data:`FILAMENT_SUBUNITS`.
    voxel_size_A : float

    Returns
    -------
    Species
        Marked ``synthetic``.

    Raises
    ------
    InputError
        If there is no such species.
    """
    known = SYNTHETIC_SPECIES | FILAMENT_SUBUNITS
    if name not in known:
        raise InputError(f"synthetic species: expected one of {', '.join(known)}, found {name!r}")
    recipe = known[name]
    ends, radii, group = _scaled(recipe)
    beads = _beads(name, ends, radii, group)
    reach = np.abs(beads).max(axis=0)
    centre = beads.mean(axis=0)
    factor = math.ceil(voxel_size_A / _FINE_A)
    fine = voxel_size_A / factor
    half = np.ceil((reach + np.abs(centre) + _MARGIN_A) / voxel_size_A).astype(int)
    size = (2 * half + 1) * factor  # fine samples x y z; the centre lies in voxel `half`
    origin = centre - (half * factor + (factor - 1) / 2) * fine
    potential = block_mean(_deposit((beads - origin) / fine, size, fine), factor)
    inside = block_mean(_inside(origin, size, fine, ends, radii, group), factor)
    potential -= np.float32(ICE_POTENTIAL_V) * inside
    return Species(
        name=name,
        potential=potential,
        envelope=envelope_of(inside, voxel_size_A),
        voxel_size_A=voxel_size_A,
        mass_kDa=len(beads) * RESIDUE_DA / DA_PER_KDA,
        symmetry=recipe.symmetry,
        synthetic=True,
        source=f"synthetic: {recipe.shape}, {recipe.symmetry}, {recipe.mass_kDa:g} kDa nominal",
    )


def _scaled(recipe: SyntheticSpecies) -> tuple[DoubleArray, DoubleArray, Rotation]:
    """Return capsule ends [n, 2, 3], radii and the group, scaled to the volume of the mass."""
    ends = np.array([capsule[:2] for capsule in recipe.capsules], float)
    radii = np.array([capsule[2] for capsule in recipe.capsules], float)
    group = Rotation.create_group(recipe.symmetry)
    step = 2.5
    reach = math.ceil((np.linalg.norm(ends, axis=2).max() + radii.max()) / step)
    size = np.full(3, 2 * reach + 1)
    inside = _inside(np.full(3, -reach * step), size, step, ends, radii, group)
    volume_A3 = float(inside.sum(dtype=np.float64)) * step**3
    scale = (recipe.mass_kDa * DA_PER_KDA * PROTEIN_VOLUME_A3_PER_DA / volume_A3) ** (1 / 3)
    return ends * scale, radii * scale, group


def _distance(points: DoubleArray, ends: DoubleArray, radii: DoubleArray) -> DoubleArray:
    """Return the signed distance of points [n, 3] to the union of one subunit's capsules."""
    nearest = np.full(len(points), np.inf)
    for (a, b), radius in zip(ends, radii, strict=True):
        axis = b - a
        length2 = max(float(axis @ axis), 1e-9)
        along = np.clip((points - a) @ axis / length2, 0, 1)
        nearest = np.minimum(
            nearest, np.linalg.norm(points - a - along[:, None] * axis, axis=1) - radius
        )
    return nearest


def _inside(
    origin: DoubleArray, size: DoubleArray, step: float, ends: DoubleArray, radii: DoubleArray,
    group: Rotation,
) -> FloatArray:  # fmt: skip
    """Return 1 inside the union of all subunits, 0 outside, [z, y, x]; soft over one sample."""
    field = np.full(size[::-1], np.inf, np.float32)
    for capsule, radius in _copies(ends, radii, group):
        low = (capsule.min(axis=0) - radius - 2 * step - origin) / step
        high = (capsule.max(axis=0) + radius + 2 * step - origin) / step
        box = [
            slice(max(0, math.floor(a)), min(int(n), math.ceil(b) + 1))
            for a, b, n in zip(low, high, size, strict=True)
        ]
        z, y, x = np.meshgrid(*(np.arange(s.start, s.stop) for s in box[::-1]), indexing="ij")
        points = np.stack([x, y, z], axis=-1).reshape(-1, 3) * step + origin  # [z, y, x] → [n, 3]
        # [n] → [z, y, x]
        distance = _distance(points, capsule[None], np.array([radius])).reshape(x.shape)
        window = (box[2], box[1], box[0])
        field[window] = np.minimum(field[window], distance)
    return np.asarray(np.clip(0.5 - field / step, 0, 1), np.float32)


def _copies(
    ends: DoubleArray, radii: DoubleArray, group: Rotation
) -> Iterator[tuple[DoubleArray, float]]:
    for rotation in group:
        for capsule, radius in zip(ends, radii, strict=True):
            yield rotation.apply(capsule), float(radius)


def _beads(name: str, ends: DoubleArray, radii: DoubleArray, group: Rotation) -> DoubleArray:
    """Return pseudo-residues [n, 3]: a jittered lattice in one subunit, repeated by the group."""
    spacing = _RESIDUE_A3 ** (1 / 3)
    low = (ends - radii[:, None, None]).min(axis=(0, 1))
    high = (ends + radii[:, None, None]).max(axis=(0, 1))
    axes = [np.arange(a, b, spacing) for a, b in zip(low, high, strict=True)]
    lattice = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(
        -1, 3
    )  # [x, y, z, 3] → [n, 3]
    lattice += generator(0, name).uniform(-0.3, 0.3, lattice.shape) * spacing
    own = _distance(lattice, ends, radii)
    keep = own < 0
    for rotation in group:
        if rotation.magnitude() > 1e-6:  # a bead belongs to the subunit that it lies deepest in
            keep &= own <= _distance(rotation.apply(lattice), ends, radii)
    return np.concatenate([rotation.apply(lattice[keep]) for rotation in group])


def _deposit(positions: DoubleArray, size: DoubleArray, fine_A: float) -> FloatArray:
    """Return the potential (V, [z, y, x]) of beads at ``positions`` (samples, x y z)."""
    grid = np.zeros(size[::-1])
    corner = np.floor(positions).astype(int)
    part = positions - corner
    for dx, dy, dz in np.ndindex(2, 2, 2):
        weight = np.prod(np.where([dx, dy, dz], part, 1 - part), axis=1)
        np.add.at(grid, (corner[:, 2] + dz, corner[:, 1] + dy, corner[:, 0] + dx), weight)
    # Splitting a bead over eight samples already blurs it by a variance of 1/6 sample².
    sigma = math.sqrt(max(0.0, (_RESIDUE_SIGMA_A / fine_A) ** 2 - 1 / 6))
    grid *= POTENTIAL_K_V_A2 * _RESIDUE_F0_A / fine_A**3
    return np.asarray(ndimage.gaussian_filter(grid, sigma, mode="constant"), np.float32)
