"""All that a page shows of one tomogram."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from faket.data import DoubleArray, Particles
from faket.io.model_folder import CLASS_MASK, GRANDMODEL, stored
from faket.io.mrc.reduced import read_samples
from faket.io.tomograms import reduced_tomogram, tomogram_shape, tomogram_voxel_size
from faket.pages.particles import (
    SpeciesHits,
    TrueParticles,
    hits_of,
    molecules_of,
    neighbour_distances_nm,
    ordered,
    places,
    radii_A,
    read_true_particles,
    truth_for,
)
from faket.pages.sprites import Detail, fitting_factor, grey_sprite, label_sprite
from faket.pages.stacks import stack_content, stacks_of
from faket.pages.targets import View
from faket.units import A_PER_NM
from faket.vocabulary import FIDUCIALS


@dataclass(frozen=True)
class TomogramNumbers:
    """Numbers of one tomogram, for the tables over all of them.

    Attributes
    ----------
    view : View
    there : TrueParticles or None
    shape : (int, int, int) or None
        z y x of its volumes.
    voxel_size_A : float or None
    radii_A : dict of str to float
        Of the ball of a species' mean volume.
    neighbours_nm : ndarray, shape (molecules,)
        Distance of each molecule's centre from the nearest other one's.
    """

    view: View
    there: TrueParticles | None
    shape: tuple[int, int, int] | None
    voxel_size_A: float | None
    radii_A: dict[str, float] = field(default_factory=dict)
    neighbours_nm: DoubleArray | None = None

    def source(self, name: str) -> str:
        """Return how the page names a file of the tomogram's folder."""
        return f"{self.view.name}/{name}"


def measure(view: View) -> TomogramNumbers:
    """Read the particles and the sizes of a tomogram; no volume is kept."""
    volumes = volumes_of(view)
    shape = tomogram_shape(volumes[0][1]) if volumes else None
    size_A = tomogram_voxel_size(volumes[0][1]) if volumes else None
    if view.folder is None or size_A is None:
        return TomogramNumbers(view, None, shape, size_A)
    there = read_true_particles(view.folder, size_A)
    if there is None:
        return TomogramNumbers(view, None, shape, size_A)
    radii = radii_A(there, view.folder, size_A)
    molecules = there.particles.positions_A[molecules_of(there.particles)]
    return TomogramNumbers(view, there, shape, size_A, radii, neighbour_distances_nm(molecules))


def volumes_of(view: View) -> list[tuple[str, Path]]:
    """Return title and file of the volumes of a tomogram that are there, the tomogram first."""
    found = [("tomogram", view.tomogram)] if view.tomogram is not None else []
    if view.folder is not None:
        found += [
            ("potential", view.folder / GRANDMODEL),
            ("labels", stored(view.folder / CLASS_MASK)),
        ]
    return [(title, path) for title, path in found if path is not None and path.exists()]


def hits_by_picks(view: View) -> list[tuple[str, str, list[SpeciesHits]]]:
    """Return title, source and hits of each set of picks in a tomogram whose truth is known."""
    if view.folder is None or not view.picks:
        return []
    truth = truth_for(view.folder)
    if truth is None:
        return []
    return [(each.title, each.source, hits_of(each.picks, truth)) for each in view.picks]


def content(found: TomogramNumbers, species: Sequence[str], detail: Detail) -> dict[str, Any]:
    """Return what the page's script shows of a tomogram, as JSON can hold it.

    Parameters
    ----------
    found : TomogramNumbers
    species : sequence of str
        All of the page; particles name theirs by its number there.
    detail : Detail
    """
    view, numbers = found.view, {name: i for i, name in enumerate(species)}
    true = found.there
    own_radii = None if true is None else _own_radii_A(true.particles)
    return {
        "name": view.name,
        **_volumes(found, numbers, detail),
        "radii_nm": {
            str(numbers[name]): round(radius / A_PER_NM, 2)
            for name, radius in found.radii_A.items()
        },
        "true": None
        if true is None
        else {
            "source": found.source(true.source),
            "rows": places(true.particles.species, true.particles.positions_A, numbers, own_radii),
        },
        "picks": [
            {
                "title": each.title,
                "source": each.source,
                "rows": places(each.picks.species, each.picks.positions_A, numbers),
            }
            for each in view.picks
        ],
        # Its data stand once for all tomograms: see faket.pages.report.
        "reference": None if view.reference is None else view.reference.name,
        "stacks": [stack_content(stack, view, detail) for stack in stacks_of(view)],
    }


def _own_radii_A(particles: Particles) -> DoubleArray:
    """Return the mean semi-axis of fiducials; NaN for others. A vesicle is marked in its middle."""
    fiducial = np.array([name in FIDUCIALS for name in particles.species], bool)
    return np.where(fiducial, particles.semi_axes_A.mean(axis=1), np.nan)


def species_of(found: Sequence[TomogramNumbers]) -> list[str]:
    """Return the names of all species of some tomograms: of labels, particles and picks."""
    names: list[str] = []
    for each in found:
        if each.there is not None:
            names += [*each.there.classes.values(), *each.there.particles.species]
        for picks in each.view.picks:
            names += picks.picks.species
    return ordered(names)


def _volumes(found: TomogramNumbers, numbers: dict[str, int], detail: Detail) -> dict[str, Any]:
    """Return the grey volumes and the labels, all in the same blocks."""
    if found.shape is None or found.voxel_size_A is None:
        return {"grey": [], "labels": None}
    factor = fitting_factor(found.shape, detail, stack=False)
    grey, labels = [], None
    for title, path in volumes_of(found.view):
        if tomogram_shape(path) != found.shape:
            continue
        source = found.source(path.name) if found.view.folder is not None else path.name
        if title != "labels":
            sprite = grey_sprite(reduced_tomogram(path, factor), detail.quality)
            grey.append({"title": title, "source": source, "sprite": sprite})
        elif found.there is not None:
            classes = {str(label): numbers[n] for label, n in found.there.classes.items()}
            sprite = label_sprite(read_samples(path, factor))
            labels = {"source": source, "sprite": sprite, "classes": classes}
    return {
        "grey": grey,
        "labels": labels,
        "voxel_nm": factor * found.voxel_size_A / A_PER_NM,
        # Centre of the first block, from the centre of the first voxel.
        "origin_nm": (factor - 1) / 2 * found.voxel_size_A / A_PER_NM,
        "factor": factor,
    }
