"""What a tomogram needs of its specimen, which is painted slab by slab and never whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from faket.data import ClassInfo, FloatArray, MembraneFacts, Particles, Specimen, Volume
from faket.pipeline.clock import Clock
from faket.pipeline.methods import Plan, method_of
from faket.projection import PLANES, SlabProjector
from faket.reconstruction import binned_offset, fourier_crop
from faket.specimen import Mesh, Painter, Placement, paint_specimen


@dataclass(frozen=True, eq=False)
class SpecimenParts:
    """A specimen's projections and, on the tomogram's grid, its potential and labels.

    Attributes
    ----------
    noise_free : ndarray, shape (tilt, y, x)
        Noise-free projections, protein dark.
    grandmodel : Volume
        Potential above ice, binned.
    class_mask, instance_mask : ndarray, shape of the grandmodel
        The label of a binned voxel is that of the voxel at its centre, so boundaries do not move
        and small objects do not disappear by a majority.
    particles : Particles
        Positions from the centre of the grandmodel's voxel [0, 0, 0].
    classes : mapping of int to ClassInfo
    whole : Specimen or None
        For the physics simulator, which turns the specimen.
    distractors : Particles or None
        Those that are in the images and in no label.
    membranes : tuple of MembraneFacts
    meshes : mapping of int to Mesh
        Their triangles, by id; positions as those of the particles.
    """

    noise_free: FloatArray
    grandmodel: Volume
    class_mask: NDArray[np.uint8]
    instance_mask: NDArray[np.uint16]
    particles: Particles
    classes: Mapping[int, ClassInfo]
    whole: Specimen | None = None
    distractors: Particles | None = None
    membranes: tuple[MembraneFacts, ...] = ()
    meshes: Mapping[int, Mesh] = field(default_factory=dict)


def paint_parts(plan: Plan, placement: Placement, clock: Clock) -> SpecimenParts:
    """Paint the specimen of a record of poses, and take the parts of it."""
    particles, membranes = placement.particles, placement.membranes
    around = membranes, placement.surroundings
    binning, size_A = plan.recipe.reconstruction.binning, plan.specimen.voxel_size_A
    x, y, z = (binned_offset(size, binning) for size in plan.specimen.size_voxels)
    whole = None
    with clock.stage("painting"):
        painter = Painter.of(plan.specimen, plan.library, particles, *around)
        class_mask, instance_mask = painter.labels((x, y, z), binning)
        if method_of(plan.recipe).name == "benchmark":
            whole = paint_specimen(plan.specimen, plan.library, particles, *around)
    noise_free, grandmodel = _projected_and_binned(plan, painter, whole, clock)
    parts = SpecimenParts(
        noise_free,
        Volume(grandmodel, size_A * binning),
        class_mask,
        instance_mask,
        replace(particles, positions_A=particles.positions_A - np.array([x, y, z]) * size_A),
        painter.classes,
        whole,
        membranes=tuple(one.facts() for one in membranes),
        meshes={one.number: one.mesh.moved(np.array([-x, -y, -z]) * size_A) for one in membranes},
    )
    return without_distractors(parts, [one.name for one in plan.library if not one.labelled])


def parts_of(plan: Plan, specimen: Specimen, clock: Clock) -> SpecimenParts:
    """Take the parts of a specimen that is there."""
    binning, size_A = plan.recipe.reconstruction.binning, plan.specimen.voxel_size_A
    offset = [binned_offset(size, binning) for size in plan.specimen.size_voxels]
    # x y z → z y x
    sampled = tuple(
        slice(first, first + binning * (size // binning), binning)
        for first, size in zip(offset[::-1], plan.specimen.size_voxels[::-1], strict=True)
    )
    noise_free, grandmodel = _projected_and_binned(plan, None, specimen, clock)
    particles = specimen.particles
    parts = SpecimenParts(
        noise_free,
        Volume(grandmodel, size_A * binning),
        np.ascontiguousarray(specimen.class_mask[sampled]),
        np.ascontiguousarray(specimen.instance_mask[sampled]),
        replace(particles, positions_A=particles.positions_A - np.array(offset) * size_A),
        specimen.classes,
        specimen,
        membranes=specimen.membranes,
    )
    hidden = [info.name for info in specimen.classes.values() if not info.labelled]
    return without_distractors(parts, hidden)


def without_distractors(parts: SpecimenParts, names: Sequence[str]) -> SpecimenParts:
    """Take species that are not labelled out of masks, classes and particles.

    The whole specimen keeps them, because the physics simulator asks it for materials.
    """
    if not names:
        return parts
    hidden = [label for label, info in parts.classes.items() if info.name in names]
    seen = ~np.isin(parts.class_mask, hidden)
    labelled = np.array([name not in names for name in parts.particles.species], bool)
    return replace(
        parts,
        class_mask=parts.class_mask * seen,
        instance_mask=parts.instance_mask * seen,
        particles=parts.particles.select(np.flatnonzero(labelled)),
        classes={label: info for label, info in parts.classes.items() if label not in hidden},
        distractors=parts.particles.select(np.flatnonzero(~labelled)),
    )


def _projected_and_binned(
    plan: Plan, painter: Painter | None, whole: Specimen | None, clock: Clock
) -> tuple[FloatArray, FloatArray]:
    """Return noise-free projections [tilt, y, x] and the binned potential [z, y, x]."""
    nx, ny, nz = plan.specimen.size_voxels
    binning = plan.recipe.reconstruction.binning
    projector = SlabProjector((nz, ny, nx), plan.angles_deg)
    binned = np.empty((nz, ny // binning, nx // binning), np.float32)
    for first in range(0, nz, PLANES):
        planes = slice(first, min(first + PLANES, nz))
        with clock.stage("painting"):
            slab = _planes(painter, whole, planes)
            binned[planes] = fourier_crop(slab, binning, axes=(2, 1))
        with clock.stage("projection"):
            projector.add(slab)
    with clock.stage("painting"):
        binned = fourier_crop(binned, binning, axes=(0,))
    with clock.stage("projection"):
        images = projector.images()
        images *= np.float32(-plan.specimen.voxel_size_A)  # line integrals, protein dark
    return images, binned


def _planes(painter: Painter | None, whole: Specimen | None, planes: slice) -> FloatArray:
    if whole is None:
        assert painter is not None
        return painter.potential(planes.start, planes.stop - planes.start)
    return whole.potential.data[planes]
