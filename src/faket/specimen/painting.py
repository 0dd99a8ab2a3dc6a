"""From a record of poses to a labelled potential; nothing is random here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faket.constants import GOLD_POTENTIAL_V, ICE_POTENTIAL_V
from faket.data import AnyArray, DoubleArray, Particles, Species, Specimen, Volume
from faket.errors import InputError
from faket.specimen.classes import check_species, class_labels
from faket.specimen.config import MAX_OBJECTS, SpecimenConfig
from faket.specimen.ellipsoids import paint_solids
from faket.specimen.membrane import LABEL_HALF_THICKNESS_A, tabulated_bilayer
from faket.specimen.molecules import add_molecules, label_molecules
from faket.specimen.placement import place_particles
from faket.specimen.shapes import prepare_shape
from faket.specimen.shells import paint_shells
from faket.vocabulary import FIDUCIAL, VESICLE


def build_specimen(config: SpecimenConfig, species: Sequence[Species], *, seed: int) -> Specimen:
    """Place everything and paint it.

    Parameters
    ----------
    config : SpecimenConfig
    species : sequence of Species
        On the specimen's voxel size.
    seed : int
        The same seed gives the same bytes on any number of threads.

    Returns
    -------
    Specimen
        ``particles`` lists the objects that fitted;
        :func:`faket.specimen.requested_counts` with the same arguments gives the numbers that
        were asked for.

    Raises
    ------
    InputError
        As :func:`faket.specimen.place_particles`.
    """
    placement = place_particles(config, species, seed=seed)
    return paint_specimen(config, species, placement.particles)


def paint_specimen(
    config: SpecimenConfig, species: Sequence[Species], particles: Particles
) -> Specimen:
    """Paint a record of poses; the same record gives the same bytes.

    Potentials add up. A voxel gets the label of the first object that contains it, in the order
    vesicles, gold, molecules as the species are given. In a record made by
    :func:`faket.specimen.place_particles` no two objects contain the same voxel.

    Parameters
    ----------
    config : SpecimenConfig
        Only its size and voxel size are used.
    species : sequence of Species
    particles : Particles
        Of these species, vesicles and gold; parts outside the box are cut off.

    Returns
    -------
    Specimen

    Raises
    ------
    InputError
        If the record names an unknown species, or an id, position or semi-axis is not valid.
    """
    classes = class_labels(species)
    check_species(config, species)
    _check_record(particles, [info.name for info in classes.values()])
    nx, ny, nz = config.size_voxels
    canvas = _Canvas(
        np.zeros((nz, ny, nx), np.float32),
        np.zeros((nz, ny, nx), np.uint8),
        np.zeros((nz, ny, nx), np.uint16),
    )
    _paint_vesicles(canvas, _Group.select(config, particles, VESICLE), len(species) + 1, config)
    _paint_gold(canvas, _Group.select(config, particles, FIDUCIAL), len(species) + 2)
    for label, one in enumerate(species, start=1):
        _paint_molecules(canvas, _Group.select(config, particles, one.name), label, one)
    return Specimen(
        potential=Volume(canvas.potential, config.voxel_size_A),
        class_mask=canvas.class_mask,
        instance_mask=canvas.instance_mask,
        particles=particles,
        classes=classes,
    )


@dataclass(frozen=True)
class _Canvas:
    potential: AnyArray
    class_mask: AnyArray
    instance_mask: AnyArray


@dataclass(frozen=True)
class _Group:
    """The particles of one class; lengths in voxels."""

    centres: DoubleArray
    rotations: DoubleArray
    semi_axes: DoubleArray
    ids: AnyArray

    @classmethod
    def select(cls, config: SpecimenConfig, particles: Particles, name: str) -> "_Group":
        """Pick the particles called ``name``, in the order of the record."""
        chosen = np.flatnonzero([one == name for one in particles.species])
        matrices = np.empty((0, 3, 3))
        if len(chosen):
            matrices = particles.rotations[chosen].as_matrix()
        return cls(
            centres=particles.positions_A[chosen] / config.voxel_size_A,
            rotations=np.ascontiguousarray(matrices),
            semi_axes=particles.semi_axes_A[chosen] / config.voxel_size_A,
            ids=particles.ids[chosen].astype(np.uint16),
        )


def _paint_vesicles(canvas: _Canvas, group: _Group, label: int, config: SpecimenConfig) -> None:
    profile = tabulated_bilayer(config.voxel_size_A)
    paint_shells(
        canvas.potential,
        canvas.class_mask,
        canvas.instance_mask,
        group.centres,
        group.rotations,
        group.semi_axes,
        group.ids,
        label,
        LABEL_HALF_THICKNESS_A / config.voxel_size_A,
        profile.values_V,
        profile.step_A / config.voxel_size_A,
    )


def _paint_gold(canvas: _Canvas, group: _Group, label: int) -> None:
    paint_solids(
        canvas.potential,
        canvas.class_mask,
        canvas.instance_mask,
        group.centres,
        group.rotations,
        group.semi_axes,
        group.ids,
        label,
        GOLD_POTENTIAL_V - ICE_POTENTIAL_V,
    )


def _paint_molecules(canvas: _Canvas, group: _Group, label: int, species: Species) -> None:
    if not len(group.ids):
        return
    shape = prepare_shape(species)
    add_molecules(canvas.potential, group.centres, group.rotations, shape.spline)
    label_molecules(
        canvas.class_mask,
        canvas.instance_mask,
        group.centres,
        group.rotations,
        shape.envelope,
        group.ids,
        label,
    )


def _check_record(particles: Particles, names: Sequence[str]) -> None:
    n = len(particles)
    lengths = {
        "species": len(particles.species),
        "positions": len(particles.positions_A),
        "rotations": len(particles.rotations),
        "semi-axes": len(particles.semi_axes_A),
    }
    for what, length in lengths.items():
        if length != n:
            raise InputError(
                f"particles: expected {what} for all {n} ids, found {length}; was it edited?"
            )
    for name in dict.fromkeys(particles.species):
        if name not in names:
            raise InputError(
                f"particles: expected species among {', '.join(names)}; found {name!r}; "
                "paint with the species that were placed"
            )
    ids = particles.ids
    if n and (ids.min() < 1 or ids.max() > MAX_OBJECTS or len(np.unique(ids)) < n):
        raise InputError(
            f"particles: expected unique ids from 1 to {MAX_OBJECTS}, found {ids.min()} to "
            f"{ids.max()}, {n - len(np.unique(ids))} of them repeated; number them anew"
        )
    if not np.isfinite(particles.positions_A).all():
        raise InputError(
            "particles: expected finite positions, found NaN or infinity; correct them"
        )
    ellipsoids = np.array([name in (VESICLE, FIDUCIAL) for name in particles.species], bool)
    if not (particles.semi_axes_A[ellipsoids] > 0).all():
        raise InputError(
            "particles: expected semi-axes > 0 Å for vesicles and fiducials, found others; correct "
            "them"
        )
