"""The true particles of a tomogram, from the folder of a model or a specimen."""

from pathlib import Path

import numpy as np

from faket.data import Particles
from faket.errors import InputError
from faket.evaluation.matching import Truth
from faket.io.failures import PathLike, input_error, shown
from faket.io.model_folder import (
    CLASS_INFO,
    CLASS_MASK,
    CLASS_NAMES,
    GRANDMODEL,
    INSTANCE_MASK,
    LOCATIONS,
    OCCUPANCY_MASK,
    PARTICLES,
    POTENTIAL,
    RECONSTRUCTION,
    stored,
)
from faket.io.mrc import read_mask, read_voxel_size
from faket.io.particles import canonical_name, read_particles
from faket.io.shrec.checks import check_frame, renumber
from faket.io.shrec.locations import Euler
from faket.io.shrec.model import read_shrec_model
from faket.io.specimen_files import read_classes
from faket.io.text import parse_whole, text_lines
from faket.io.tomograms import tomogram_voxel_size
from faket.vocabulary import SHREC_CLASSES

# The files that are read, if they exist.
TRUTH_FILES = (PARTICLES, LOCATIONS, OCCUPANCY_MASK, INSTANCE_MASK, CLASS_NAMES, CLASS_INFO)
_SHREC_NUMBERS = dict(enumerate(SHREC_CLASSES, start=1))


def read_truth(
    folder: PathLike, *, voxel_size_A: float | None = None, euler: Euler = "zxz"
) -> Truth:
    """Read the true particles and their mask from the folder of a model or a specimen.

    Parameters
    ----------
    folder : str or Path
        SHREC'21's ``model_N``, one of faket's, or a specimen's folder (with
        ``instance_mask.mrc``). Of faket's, the particle table is read rather than SHREC's text,
        which rounds to voxels.
    voxel_size_A : float, optional
        Used instead of the mask's header (10 in SHREC'21). If the header has 0 or 1 Å, which
        programs write if they do not know it, it is read from another volume of the folder;
        ``notes`` says which.
    euler : {"zxz", "ZXZ"}
        See :mod:`faket.io.shrec.locations`.

    Raises
    ------
    InputError
        If a file is missing, or particles and mask do not belong together.
    """
    root = Path(folder)
    if not root.is_dir():
        raise input_error(folder, "expected a model's folder, found none; check the path")
    masks = [stored(root / OCCUPANCY_MASK), root / INSTANCE_MASK]
    mask = next((item for item in masks if item.exists()), None)
    if mask is None:
        raise input_error(
            folder, f"expected {OCCUPANCY_MASK} or {INSTANCE_MASK} in it, found neither; check the "
            "path"
        )  # fmt: skip
    table, text = root / PARTICLES, root / LOCATIONS
    if not table.exists() and (mask == masks[1] or not text.exists()):
        raise input_error(
            folder, f"expected {PARTICLES} with the particles of {mask.name}, found none; add it"
        )
    size_A, notes = (voxel_size_A, ()) if voxel_size_A is not None else _voxel_size(root, mask)
    if not table.exists():
        model = read_shrec_model(root, parts=("occupancy_mask",), voxel_size_A=size_A, euler=euler)
        assert model.occupancy_mask is not None  # one of the files, as was seen above
        particles, labels = model.particles, model.occupancy_mask
    else:
        particles, labels = read_particles(table), read_mask(mask)
        if mask == masks[0]:
            particles = _in_order(particles)  # as the mask of a model was renumbered
        else:
            particles, labels = renumber(particles, labels, path=mask)
        check_frame(root, particles, size_A, {"grandmodel": labels, "occupancy_mask": labels})
    return Truth(particles, labels, size_A, _class_names(root, particles.species), notes)


def read_class_numbers(folder: PathLike) -> dict[int, str]:
    """Return what class numbers mean: ``classes.txt``, ``classes.json``, or SHREC'21's numbers.

    The first is a model's, the second a specimen's; without either the folder is SHREC'21's.
    """
    root = Path(folder)
    if not (root / CLASS_NAMES).exists():
        if (root / CLASS_INFO).exists():
            listed = read_classes(root / CLASS_INFO)
            return {number: info.name for number, info in listed.items()}
        return dict(_SHREC_NUMBERS)
    path = root / CLASS_NAMES
    numbers: dict[int, str] = {}
    for line, text in text_lines(path):
        number, _, word = text.partition(" ")
        label = parse_whole(number, path, f"line {line}", low=0, high=10**6)
        name = canonical_name(word.strip())
        if label in numbers or name in numbers.values():
            raise input_error(
                path, f"line {line}: expected a number and a name not used before, found "
                f"{shown(text)}; correct it"
            )  # fmt: skip
        numbers[label] = name
    return numbers


def _voxel_size(root: Path, mask: Path) -> tuple[float, tuple[str, ...]]:
    """Return the mask's own voxel size; that of a neighbour, with a note, where it tells none."""
    own_A = _told_size(mask)
    if own_A is not None:
        return own_A, ()
    for name in (RECONSTRUCTION, CLASS_MASK, GRANDMODEL, POTENTIAL):
        size_A = _told_size(stored(root / name))
        if size_A is not None:
            note = f"{mask}: tells no voxel size; {size_A:g} Å taken from {name}"
            return size_A, (f"{note}; otherwise give `voxel_size_A`",)
    return read_voxel_size(mask), ()


def _told_size(path: Path) -> float | None:
    """Return the voxel size in a header; None for none, or 1 Å, which may mean none."""
    try:
        size_A = tomogram_voxel_size(path)
    except InputError:
        return None
    return None if size_A == 1.0 else size_A


def _in_order(particles: Particles) -> Particles:
    """Give the particles the ids 1 to n in the order of their ids."""
    nothing = np.zeros((0, 0, 0), np.uint16)
    ordered, _ = renumber(particles, nothing)
    return ordered


def _class_names(root: Path, species: tuple[str, ...]) -> tuple[str, ...]:
    """Return the classes of the folder's list; SHREC'21's; or those that occur."""
    if (root / CLASS_NAMES).exists() or (root / CLASS_INFO).exists():
        return tuple(name for number, name in read_class_numbers(root).items() if number > 0)
    if set(species) & set(SHREC_CLASSES[:-2]) and set(species) <= set(SHREC_CLASSES):
        return SHREC_CLASSES
    return tuple(sorted(set(species)))
