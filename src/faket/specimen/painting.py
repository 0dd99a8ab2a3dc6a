"""From a record of poses to a labelled potential; nothing is random here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from faket.constants import GOLD_POTENTIAL_V, ICE_POTENTIAL_V
from faket.data import (
    AnyArray,
    ClassInfo,
    DoubleArray,
    FloatArray,
    Particles,
    Species,
    Specimen,
    Volume,
)
from faket.errors import InputError
from faket.specimen.classes import check_species, class_labels
from faket.specimen.config import MAX_OBJECTS, SpecimenConfig
from faket.specimen.ellipsoids import add_solids, label_solids
from faket.specimen.membrane import label_half_thickness_A, tabulated_bilayer
from faket.specimen.membranes import PlacedMembrane
from faket.specimen.molecules import clear_molecules, label_molecules
from faket.specimen.placement import place_particles
from faket.specimen.shapes import Shape, prepare_shape
from faket.specimen.shells import add_shells, label_shells
from faket.specimen.splines import add_molecules
from faket.specimen.surroundings import Surroundings
from faket.vocabulary import FIDUCIAL, VESICLE, membrane_class


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
    around = placement.membranes, placement.surroundings
    return paint_specimen(config, species, placement.particles, *around)


def paint_specimen(
    config: SpecimenConfig,
    species: Sequence[Species],
    particles: Particles,
    membranes: Sequence[PlacedMembrane] = (),
    surroundings: Surroundings | None = None,
) -> Specimen:
    """Paint a record of poses; the same record gives the same bytes.

    Potentials add up, but there are no lipids inside the envelopes of molecules on membranes.
    A voxel gets the label of the first object that contains it, in the order carbon, crystals,
    vacuum, vesicles, gold, molecules as the species are given, membranes. In a record made by
    :func:`faket.specimen.place_particles` no two objects contain the same voxel.

    Parameters
    ----------
    config : SpecimenConfig
        Only its size and voxel size are used.
    species : sequence of Species
    particles : Particles
        Of these species, vesicles and gold; parts outside the box are cut off.
    membranes : sequence of PlacedMembrane
        The membranes among the particles.
    surroundings : Surroundings, optional
        What bounds the ice.

    Returns
    -------
    Specimen

    Raises
    ------
    InputError
        If the record names an unknown species, or an id, position or semi-axis is not valid.
    """
    painter = Painter.of(config, species, particles, membranes, surroundings)
    potential = painter.potential(0, config.size_voxels[2])
    class_mask, instance_mask = painter.labels()
    return Specimen(
        potential=Volume(potential, config.voxel_size_A),
        class_mask=class_mask,
        instance_mask=instance_mask,
        particles=particles,
        classes=painter.classes,
        membranes=tuple(one.facts() for one in membranes),
    )


@dataclass(frozen=True, eq=False)
class Painter:
    """Paints any planes of a specimen, and any labels: as :func:`paint_specimen` the whole.

    Attributes
    ----------
    classes : mapping of int to ClassInfo
        The meaning of the class mask's values.
    """

    classes: Mapping[int, ClassInfo]
    _config: SpecimenConfig
    _groups: tuple["_Group", ...]
    _membranes: tuple[PlacedMembrane, ...] = ()
    _surroundings: Surroundings | None = None

    @classmethod
    def of(
        cls,
        config: SpecimenConfig,
        species: Sequence[Species],
        particles: Particles,
        membranes: Sequence[PlacedMembrane] = (),
        surroundings: Surroundings | None = None,
    ) -> "Painter":
        """Prepare to paint; parameters and errors as :func:`paint_specimen`."""
        classes = class_labels(species, config.membrane_classes, config.surroundings)
        check_species(config, species)
        _check_record(particles, [info.name for info in classes.values()])
        shapes = {one.name: one for one in species}
        groups = []
        # Vesicles and gold come after all species in the class mask, but are painted first.
        for label in sorted(classes, key=lambda label: classes[label].material == "protein"):
            name = classes[label].name
            if name not in (VESICLE, FIDUCIAL, *shapes):  # a membrane, or around the ice
                continue
            group = _Group.select(config, particles, name, label)
            if len(group.ids) and name in shapes:
                group = replace(group, shape=prepare_shape(shapes[name]))
            if len(group.ids):
                groups.append(group)
        return cls(classes, config, tuple(groups), tuple(membranes), surroundings)

    def potential(self, first: int, planes: int) -> FloatArray:
        """Return the potential of some planes from z = ``first`` on, V above ice, [z, y, x]."""
        nx, ny, _ = self._config.size_voxels
        painted = np.zeros((planes, ny, nx), np.float32)
        voxel_A = self._config.voxel_size_A
        for membrane in self._membranes:
            membrane.add_to(painted, first, voxel_A)
        for group in self._groups:
            if group.name in self._config.on_membranes:
                group.clear(painted, first)
        for group in self._groups:
            group.add_to(painted, first, voxel_A)
        if self._surroundings is not None:
            self._surroundings.apply(painted, first)
        return painted

    def labels(
        self, origin: tuple[int, int, int] = (0, 0, 0), step: int = 1
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
        """Return class and instance masks of every ``step``-th voxel from ``origin`` (x y z) on.

        Both are [z, y, x], with size // step samples along each axis.
        """
        shape = tuple(size // step for size in self._config.size_voxels[::-1])
        masks = np.zeros(shape, np.uint8), np.zeros(shape, np.uint16)
        labels = {info.name: label for label, info in self.classes.items()}
        if self._surroundings is not None:
            self._surroundings.label(*masks, origin, step, labels)
        for group in self._groups:
            group.label(*masks, origin, step, self._config.voxel_size_A)
        for membrane in self._membranes:
            label = labels[membrane_class(membrane.record.name)]
            membrane.label(*masks, origin, step, self._config.voxel_size_A, label)
        return masks


@dataclass(frozen=True, eq=False)
class _Group:
    """The particles of one class; lengths in voxels."""

    name: str
    label_value: int
    centres: DoubleArray
    rotations: DoubleArray
    semi_axes: DoubleArray
    ids: AnyArray
    shape: Shape | None = None  # of molecules

    @classmethod
    def select(
        cls, config: SpecimenConfig, particles: Particles, name: str, label: int
    ) -> "_Group":
        """Pick the particles called ``name``, in the order of the record."""
        chosen = np.flatnonzero([one == name for one in particles.species])
        matrices = np.empty((0, 3, 3))
        if len(chosen):
            matrices = particles.rotations[chosen].as_matrix()
        return cls(
            name=name,
            label_value=label,
            centres=particles.positions_A[chosen] / config.voxel_size_A,
            rotations=np.ascontiguousarray(matrices),
            semi_axes=particles.semi_axes_A[chosen] / config.voxel_size_A,
            ids=particles.ids[chosen].astype(np.uint16),
        )

    def add_to(self, potential: FloatArray, first: int, voxel_size_A: float) -> None:
        """Add the potential to planes [z, y, x] from z = ``first`` on."""
        poses = potential, first, self.centres, self.rotations
        if self.shape is not None:
            add_molecules(*poses, self.shape.spline)
        elif self.name == VESICLE:
            profile = tabulated_bilayer(voxel_size_A)
            add_shells(*poses, self.semi_axes, profile.values_V, profile.step_A / voxel_size_A)
        else:
            add_solids(*poses, self.semi_axes, GOLD_POTENTIAL_V - ICE_POTENTIAL_V)

    def clear(self, potential: FloatArray, first: int) -> None:
        """Take away from planes [z, y, x] what lies inside the molecules."""
        assert self.shape is not None
        clear_molecules(potential, first, self.centres, self.rotations, self.shape.envelope)

    def label(
        self,
        class_mask: AnyArray,
        instance_mask: AnyArray,
        origin: tuple[int, int, int],
        step: int,
        voxel_size_A: float,
    ) -> None:
        """Label the samples [z, y, x] that no other object has."""
        samples = class_mask, instance_mask, origin, step, self.centres, self.rotations
        names = self.ids, self.label_value
        if self.shape is not None:
            label_molecules(*samples, self.shape.envelope, *names)
        elif self.name == VESICLE:
            half = label_half_thickness_A() / voxel_size_A
            label_shells(*samples, self.semi_axes, *names, half)
        else:
            label_solids(*samples, self.semi_axes, *names)


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
