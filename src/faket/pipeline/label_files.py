"""Further labels of a tomogram that a recipe asks for, each a file of its own."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from faket.data import DoubleArray, Species, Volume
from faket.io.membranes import write_mesh
from faket.io.model_folder import (
    LABELS_BALLS,
    LABELS_HEATMAP,
    LABELS_MEMBRANES,
    LABELS_SOLID,
    MEMBRANE_NORMALS,
    PACKED,
    membrane_mesh_name,
)
from faket.io.mrc import write_mask, write_volume
from faket.io.text import write_text
from faket.pipeline.recipe import Recipe
from faket.pipeline.specimen_parts import SpecimenParts
from faket.specimen.labels import ball_planes, heatmap_planes, solid_mask, surface_points
from faket.vocabulary import FIDUCIAL, VESICLE, is_extended, is_membrane

_NORMALS = ("id", "x_A", "y_A", "z_A", "normal_x", "normal_y", "normal_z")


def write_labels(
    folder: Path, recipe: Recipe, parts: SpecimenParts, library: Sequence[Species]
) -> None:
    """Write the labels that the recipe asks for.

    Parameters
    ----------
    folder : Path
    recipe : Recipe
    parts : SpecimenParts
        On the tomogram's grid.
    library : sequence of Species
    """
    size_A, ending = parts.grandmodel.voxel_size_A, PACKED if recipe.pack else ""
    shape, kinds = parts.class_mask.shape, set(recipe.labels)
    centres, labels, radii_A = _marked(recipe, parts, library)
    if "balls" in kinds:
        balls = np.stack(list(ball_planes(shape, centres, labels, radii_A / size_A)))
        write_mask(folder / (LABELS_BALLS + ending), balls, size_A)
    if "solid" in kinds:
        named = zip(parts.particles.ids, parts.particles.species, strict=True)
        hollow = frozenset(int(number) for number, name in named if is_extended(name))
        solid = solid_mask(parts.class_mask, parts.instance_mask, hollow)
        write_mask(folder / (LABELS_SOLID + ending), solid, size_A)
    if "heatmap" in kinds:
        heat = np.stack(list(heatmap_planes(shape, centres, radii_A / size_A / 2)))
        write_volume(folder / LABELS_HEATMAP, Volume(heat, size_A))
    if "membranes" in kinds:
        numbers = [label for label, info in parts.classes.items() if is_membrane(info.name)]
        membranes = np.isin(parts.class_mask, numbers)
        write_mask(folder / (LABELS_MEMBRANES + ending), membranes, size_A)
        write_text(folder / MEMBRANE_NORMALS, _normals(parts, size_A))
    if "meshes" in kinds:
        for number, mesh in parts.meshes.items():
            surface = mesh.vertices_A, mesh.normals, mesh.mean_curvature_per_A, mesh.triangles
            write_mesh(folder / membrane_mesh_name(number), *surface)


def _marked(
    recipe: Recipe, parts: SpecimenParts, library: Sequence[Species]
) -> tuple[DoubleArray, list[int], DoubleArray]:
    """Return centres (voxels, x y z), class numbers and radii (Å) of molecules and fiducials."""
    numbers = {info.name: label for label, info in parts.classes.items()}
    radii = {one.name: volume_radius_A(one) for one in library if one.labelled}
    particles = parts.particles
    marked, sizes = [], []
    for i, name in enumerate(particles.species):
        if name == FIDUCIAL:
            radius = float(particles.semi_axes_A[i].mean())
        elif name in radii:
            radius = recipe.label_radius_A or radii[name]
        else:
            continue
        marked.append(i)
        sizes.append(radius)
    centres = particles.positions_A[marked] / parts.grandmodel.voxel_size_A
    return centres, [numbers[particles.species[i]] for i in marked], np.array(sizes)


def volume_radius_A(species: Species) -> float:
    """Return the radius of a ball as large as a molecule's label."""
    volume = np.count_nonzero(species.envelope >= 0.5) * species.voxel_size_A**3
    return float(np.cbrt(3 * volume / (4 * np.pi)))


def _of_species(parts: SpecimenParts, name: str) -> list[int]:
    return [i for i, species in enumerate(parts.particles.species) if species == name]


def _normals(parts: SpecimenParts, spacing_A: float) -> list[str]:
    """Return a table of points in the middle of the membranes that lie in the tomogram."""
    lines, particles = [",".join(_NORMALS)], parts.particles
    upper = np.array(parts.class_mask.shape[::-1]) * parts.grandmodel.voxel_size_A
    # Written as SHREC's instance mask is: particles are renumbered in the order of their ids.
    written = np.argsort(np.argsort(particles.ids)) + 1
    found = []
    for i in _of_species(parts, VESICLE):
        turn = particles.rotations[i].as_matrix()
        points, normals = surface_points(
            particles.positions_A[i], turn, particles.semi_axes_A[i], spacing_A
        )
        found.append((written[i], points, normals))
    by_id = dict(zip(particles.ids, written, strict=True))
    for number, mesh in parts.meshes.items():
        if number in by_id:
            found.append((by_id[number], mesh.vertices_A, mesh.normals))
    for name, points, normals in found:
        inside = np.all((points >= 0) & (points < upper), axis=1)
        for row in np.hstack([points, normals])[inside]:
            lines.append(",".join([str(name), *(f"{value:.4f}" for value in row)]))
    return lines
