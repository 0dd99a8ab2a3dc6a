"""Particles of a tomogram for its page: places, numbers, distances, and what picks hit of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from faket.data import DoubleArray, Particles
from faket.errors import InputError
from faket.evaluation.matching import Picks, Truth, match_picks
from faket.io.model_folder import CLASS_MASK, LOCATIONS, PARTICLES, stored
from faket.io.mrc.reduced import count_labels
from faket.io.particles import read_particles
from faket.io.shrec.locations import read_particle_locations
from faket.io.truth import read_class_numbers
from faket.units import A_PER_NM
from faket.vocabulary import is_extended, is_molecule


@dataclass(frozen=True)
class TrueParticles:
    """The objects of a tomogram, and where they are from.

    Attributes
    ----------
    particles : Particles
    classes : dict of int to str
        Labels of the class mask.
    source : str
        Name of the file.
    """

    particles: Particles
    classes: dict[int, str]
    source: str


@dataclass(frozen=True)
class SpeciesHits:
    """How many picks of a species there are, and what they hit.

    Attributes
    ----------
    species : str
    true, picked : int
    found : int
        Particles of the species that a pick of any class hits.
    right : int
        Those of them whose first pick has their class.
    """

    species: str
    true: int
    picked: int
    found: int
    right: int


def read_true_particles(folder: Path, voxel_size_A: float) -> TrueParticles | None:
    """Read the particles of a tomogram's folder; None if it has no table of them."""
    numbers = {n: name for n, name in read_class_numbers(folder).items() if n > 0}
    if (folder / PARTICLES).exists():
        return TrueParticles(read_particles(folder / PARTICLES), numbers, PARTICLES)
    if (folder / LOCATIONS).exists():
        found = read_particle_locations(folder / LOCATIONS, voxel_size_A)
        return TrueParticles(found, numbers, LOCATIONS)
    return None


def neighbour_distances_nm(positions_A: DoubleArray) -> DoubleArray:
    """Return the distance of each place from the nearest other one, nm; empty for fewer than two.

    Parameters
    ----------
    positions_A : ndarray, shape (n, 3)
    """
    if len(positions_A) < 2:
        return np.zeros(0)
    distances, _ = cKDTree(positions_A).query(positions_A, k=2)
    return np.asarray(distances[:, 1] / A_PER_NM)


def molecules_of(particles: Particles) -> list[int]:
    """Return the indices of the particles that are molecules, not vesicles or fiducials."""
    return [i for i, name in enumerate(particles.species) if is_molecule(name)]


def radii_A(there: TrueParticles, folder: Path, voxel_size_A: float) -> dict[str, float]:
    """Return for each species the radius of the ball of its mean volume in the class mask, Å.

    Species without a voxel, and all species of a folder without a class mask, are left out.
    """
    mask = stored(folder / CLASS_MASK)
    if not mask.exists():
        return {}
    voxels = count_labels(mask)
    found = {}
    for label, name in there.classes.items():
        n = there.particles.species.count(name)
        if (
            n and voxels.get(label) and not is_extended(name)
        ):  # of a shell the volume tells no radius
            volume = voxels[label] / n * voxel_size_A**3
            found[name] = float((3 * volume / (4 * np.pi)) ** (1 / 3))
    return found


def hits_of(picks: Picks, truth: Truth) -> list[SpeciesHits]:
    """Return what picks hit, by SHREC'21's rule, species by species: the truth's, then others."""
    true, picked = truth.particles.species, picks.species
    first = match_picks(picks, truth).first_picks.tolist()  # of each particle; -1 for none
    rows = []
    for name in ordered([*truth.class_names, *true, *picked]):
        hits = [pick for kind, pick in zip(true, first, strict=True) if kind == name and pick >= 0]
        right = sum(picked[pick] == name for pick in hits)
        rows.append(SpeciesHits(name, true.count(name), picked.count(name), len(hits), right))
    return rows


def truth_for(folder: Path) -> Truth | None:
    """Read the truth that picks are compared with; None if the folder has none."""
    from faket.io.truth import read_truth

    try:
        return read_truth(folder)
    except InputError:
        if (folder / PARTICLES).exists() or (folder / LOCATIONS).exists():
            raise
        return None


def ordered(names: Sequence[str]) -> list[str]:
    """Return each name once, molecules before vesicles and fiducials."""
    once = dict.fromkeys(names)
    return sorted(once, key=lambda name: not is_molecule(name))


def places(
    species: Sequence[str],
    positions_A: DoubleArray,
    numbers: Mapping[str, int],
    own_radii_A: DoubleArray | None = None,
) -> list[list[float]]:
    """Return rows (number of the species, x, y, z in nm, and a radius where one is its own)."""
    rows = []
    for i, (name, place) in enumerate(zip(species, positions_A / A_PER_NM, strict=True)):
        row = [float(numbers[name]), *(round(float(v), 2) for v in place)]
        if own_radii_A is not None and np.isfinite(own_radii_A[i]):
            row.append(round(float(own_radii_A[i] / A_PER_NM), 2))
        rows.append(row)
    return rows
