"""Specimens that another program made: ``specimen.from`` of a recipe.

Their potential, labels and particles are read; binning, labels of the tomogram and images are ours.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from faket.data import AnyArray, ClassInfo, DoubleArray, Material, Particles, Specimen, Volume
from faket.errors import InputError
from faket.io.failures import input_error
from faket.io.model_folder import POTENTIAL
from faket.io.mrc import read_mask, read_shape, read_volume
from faket.io.specimen_files import read_specimen
from faket.pipeline.own_tables import class_names, particles_of, unturned
from faket.pipeline.recipe import Recipe
from faket.specimen import Placement
from faket.vocabulary import CARBON, FIDUCIAL, ICE_CRYSTAL, VACUUM, VESICLE

_MATERIALS: Mapping[str, Material] = {
    VESICLE: "membrane",
    FIDUCIAL: "gold",
    CARBON: "carbon",
    ICE_CRYSTAL: "crystal",
    VACUUM: "vacuum",
}
_NEITHER = (
    "specimen.from: expected labels or a table of particles beside the potential, found neither; "
    "name one of them"
)


def with_own_grid(recipe: Recipe) -> Recipe:
    """Return a recipe whose specimen has the size and the voxels of the files it names.

    Raises
    ------
    InputError
        If they differ from each other, or the recipe varies them.
    """
    if recipe.own_specimen is None:
        return recipe
    found = set()
    for path in recipe.own_specimen.potential:
        file = _potential_file(recipe, path)
        voxel_A = read_volume(file, voxel_size_A=recipe.own_specimen.voxel_size_A).voxel_size_A
        found.add((*read_shape(file)[::-1], voxel_A))  # z y x → x y z
    varied = [place for place in recipe.varied if place.startswith("specimen.")]
    if len(found) > 1 or varied:
        raise InputError(
            "specimen.from: expected volumes of one size and voxel size and nothing of [specimen] "
            f"that varies, found {len(found)} sizes and {', '.join(varied) or 'no range'}; make "
            "several data sets"
        )
    (x, y, z, voxel_A), = found  # fmt: skip
    size = int(x), int(y), int(z)
    specimen = replace(recipe.specimen, size_voxels=size, voxel_size_A=float(voxel_A))
    return recipe.model_copy(update={"specimen": specimen})


def own_files(recipe: Recipe) -> list[Path]:
    """Return all files of the specimens that a recipe names."""
    own = recipe.own_specimen
    if own is None:
        return []
    paths = [recipe.at(path) for path in (*own.potential, *own.labels, *own.particles)]
    paths += [recipe.at(own.classes)] if own.classes is not None else []
    return [file for p in paths for file in (sorted(p.iterdir()) if p.is_dir() else [p])]


def check_own(recipe: Recipe) -> None:
    """Read the small files of the specimens that a recipe names, before the first is needed.

    Raises
    ------
    InputError
        If a table or a list of names cannot be used, or labels lie on another grid.
    """
    own = recipe.own_specimen
    if own is None:
        return
    if (
        not own.labels
        and not own.particles
        and not all(recipe.at(p).is_dir() for p in own.potential)
    ):
        raise InputError(_NEITHER)
    x, y, z = recipe.specimen.size_voxels
    for path in own.labels:
        _check_grid(recipe.at(path), read_shape(recipe.at(path)), (z, y, x))
    for path in own.particles:
        particles_of(recipe.at(path))
    if own.classes is not None:
        class_names(recipe.at(own.classes))


def _check_grid(labels: Path, found: tuple[int, ...], shape: tuple[int, ...]) -> None:
    if tuple(found) != tuple(shape):
        raise input_error(
            labels, f"expected the potential's shape {shape}, found {tuple(found)}; give both on "
            "one grid"
        )  # fmt: skip


def _potential_file(recipe: Recipe, path: Path) -> Path:
    place = recipe.at(path)
    return place / POTENTIAL if place.is_dir() else place


def read_own_specimen(recipe: Recipe, index: int) -> tuple[Specimen, Placement]:
    """Read the specimen of a tomogram: number ``index`` modulo their number.

    Raises
    ------
    InputError
        If a file cannot be used, or does not fit the others.
    """
    own = recipe.own_specimen
    assert own is not None
    path = recipe.at(own.potential[index % len(own.potential)])
    if path.is_dir():
        specimen = read_specimen(path)
    else:
        volume = read_volume(path, voxel_size_A=own.voxel_size_A)
        data = np.float32(own.volts_per_unit) * (volume.data - np.float32(own.background))
        labels = [recipe.at(file) for file in own.labels]
        tables = [recipe.at(file) for file in own.particles]
        names = class_names(recipe.at(own.classes)) if own.classes is not None else {}
        specimen = _labelled(
            Volume(data, volume.voxel_size_A),
            labels[index % len(labels)] if labels else None,
            tables[index % len(tables)] if tables else None,
            names,
            own.radius_A,
        )
    return specimen, Placement(specimen.particles, Counter(specimen.particles.species))


def _labelled(
    potential: Volume,
    labels: Path | None,
    table: Path | None,
    names: Mapping[int, str],
    radius_A: float,
) -> Specimen:
    """Return a specimen with what is known of its labels and particles."""
    shape, voxel_A = potential.data.shape, potential.voxel_size_A
    particles = None if table is None else particles_of(table)
    if labels is not None:
        mask = read_mask(labels, dtype=np.uint8)
        _check_grid(labels, mask.shape, shape)
        names = (_names_there(mask, particles, voxel_A) if particles else {}) | dict(names)
        names = {int(n): names.get(int(n), f"class_{n}") for n in np.unique(mask) if n}
        if particles is None:
            particles = _pieces(mask, names, voxel_A)
    elif particles is None:
        raise InputError(_NEITHER)
    else:
        names = dict(enumerate(dict.fromkeys(particles.species), start=1))
        mask = np.zeros(shape, np.uint8)
    instances = _balls(particles, shape, voxel_A, radius_A)
    if labels is None:
        numbers = {name: number for number, name in names.items()}
        values = np.zeros(int(particles.ids.max(initial=0)) + 1, np.uint8)
        values[particles.ids] = [numbers[name] for name in particles.species]
        mask = values[instances]
    else:
        instances = instances * (mask > 0)
    classes = {n: ClassInfo(name, _MATERIALS.get(name, "protein")) for n, name in names.items()}
    return Specimen(potential, mask, instances, particles, classes)


def _names_there(mask: AnyArray, particles: Particles, voxel_A: float) -> dict[int, str]:
    """Name each class as most of the particles are called whose centres lie in it."""
    index = np.rint(particles.positions_A[:, ::-1] / voxel_A).astype(np.int64)
    here = ((index >= 0) & (index < mask.shape)).all(axis=1)
    labels = np.zeros(len(index), np.int64)
    labels[here] = mask[tuple(index[here].T)]
    found = Counter(zip(labels.tolist(), particles.species, strict=True))
    return {label: name for (label, name), _ in reversed(found.most_common()) if label}


def _pieces(mask: AnyArray, names: Mapping[int, str], voxel_A: float) -> Particles:
    """Return every connected piece of a class as a particle at its centre; nothing tells poses."""
    species: list[str] = []
    centres: list[DoubleArray] = []
    for number, name in names.items():
        pieces, n = ndimage.label(mask == number)
        found = np.array(ndimage.center_of_mass(mask == number, pieces, range(1, n + 1)))
        centres.append(found.reshape(-1, 3)[:, ::-1] * voxel_A)  # z y x → x y z
        species += [name] * n
    return unturned(species, np.concatenate([*centres, np.empty((0, 3))]))


def _balls(
    particles: Particles, shape: tuple[int, ...], voxel_A: float, radius_A: float
) -> AnyArray:
    """Return an instance mask of balls; a voxel of two belongs to the nearer centre."""
    instances, nearest = np.zeros(shape, np.uint16), np.full(shape, np.inf, np.float32)
    for number, centre in zip(particles.ids, particles.positions_A[:, ::-1] / voxel_A, strict=True):
        low = np.maximum(np.ceil(centre - radius_A / voxel_A).astype(int), 0)
        high = np.minimum(np.floor(centre + radius_A / voxel_A).astype(int) + 1, shape)
        if (high <= low).any():
            continue
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        axes = np.ogrid[box]
        square = sum((axis - c) ** 2 for axis, c in zip(axes, centre, strict=True))
        closer = (square <= (radius_A / voxel_A) ** 2) & (square < nearest[box])
        instances[box][closer] = number
        nearest[box][closer] = square[closer]
    return instances
