"""Labelled tomograms from folders: faket's own models, SHREC'21's, or a tomogram and its mask."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from faket.data import Volume
from faket.errors import InputError
from faket.io.model_folder import (
    ALL_MODELS,
    CLASS_MASK,
    CLASS_NAMES,
    LOCATIONS,
    OCCUPANCY_MASK,
    PARTICLES,
    RECONSTRUCTION,
    stored,
)
from faket.io.mrc import check_mask_voxels, read_mask
from faket.io.tomograms import read_tomogram
from faket.io.truth import read_class_numbers, read_truth
from faket.io.verification import check_intact
from faket.picking import LabelledTomogram
from faket.vocabulary import BACKGROUND, NO_MOLECULES, SHREC_UNSCORED, is_extended

_FILES = (
    RECONSTRUCTION,
    CLASS_MASK,
    OCCUPANCY_MASK,
    PARTICLES,
    LOCATIONS,
    CLASS_NAMES,
)
_AGREEING = 0.5  # least fraction of the objects whose class in the mask is that of the table


def is_scored(name: str) -> bool:
    """Tell whether a class is among the proteins whose mean F1 counts."""
    return not is_extended(name) and name not in (*NO_MOLECULES, SHREC_UNSCORED)


@dataclass(frozen=True)
class LabelledModel:
    """One model's tomogram and its labels.

    Attributes
    ----------
    folder : Path
    tomogram : LabelledTomogram
    voxel_size_A : float
    names : mapping of int to str
        Label → class.
    instance_mask : ndarray of uint16, shape (z, y, x)
    object_labels : mapping of int to int
        Value of the instance mask → label.
    """

    folder: Path
    tomogram: LabelledTomogram
    voxel_size_A: float
    names: dict[int, str]
    instance_mask: NDArray[np.uint16]
    object_labels: dict[int, int]


def find_models(sources: Sequence[Path]) -> tuple[Path, ...]:
    """Return the model folders: the sources themselves, or the ``model_*`` inside them.

    Raises
    ------
    InputError
        If a source is neither, or one is given twice.
    """
    found: list[Path] = []
    for source in sources:
        inside = sorted(
            (path for path in source.glob(ALL_MODELS) if _is_model(path)),
            key=lambda path: (len(path.name), path.name),
        )
        if not inside and not _is_model(source):
            raise InputError(
                f"{source}: expected a folder with {RECONSTRUCTION} and {CLASS_MASK}, or with "
                "such folders model_0, model_1, ..., found neither; check the path"
            )
        found += inside or [source]
    resolved = [path.resolve() for path in found]
    for i, path in enumerate(resolved):
        if path in resolved[:i]:
            raise InputError(
                f"{found[i]}: expected each tomogram once, found it twice; name it once"
            )
    return tuple(found)


def model_files(folder: Path) -> tuple[Path, ...]:
    """Return the existing files of a model that :func:`read_labelled` may read.

    Raises
    ------
    InputError
        If faket wrote the model and one of the files is missing or has changed.
    """
    files = [stored(folder / name) for name in _FILES]
    check_intact(files)
    return tuple(file for file in files if file.exists())


def read_labelled(folder: Path, *, voxel_size_A: float | None = None) -> LabelledModel:
    """Read a tomogram, its class mask and its objects.

    Objects are read from ``particles.csv`` or ``particle_locations.txt`` with the instance mask
    ``occupancy_mask.mrc``; if there is no such mask, connected voxels of one class are an object.
    Names of classes are read from ``classes.txt`` or from the particles; otherwise they are
    "class_1", "class_2", ...

    Parameters
    ----------
    folder : Path
    voxel_size_A : float, optional
        Instead of the one in the headers (10 in SHREC'21).

    Raises
    ------
    InputError
        If a file cannot be used, or tomogram, masks and particles do not belong together.
    """
    file = stored(folder / RECONSTRUCTION)
    volume = read_tomogram(file, voxel_size_A=voxel_size_A)
    check_varies(file, volume)
    mask = stored(folder / CLASS_MASK)
    labels = read_mask(mask, dtype=np.uint8)
    if voxel_size_A is None:
        check_mask_voxels(mask, volume.voxel_size_A)
    if labels.shape != volume.data.shape:
        raise InputError(
            f"{mask}: expected the tomogram's {volume.data.shape} voxels (z, "
            f"y, x), found {labels.shape}; give the mask of this tomogram"
        )
    if stored(folder / OCCUPANCY_MASK).exists():
        centres, ids, object_labels, names = _objects(folder, volume, labels)
    else:
        centres, ids, object_labels = _blobs(labels)
        names = read_class_numbers(folder) if (folder / CLASS_NAMES).exists() else {}
    _check_listed(folder, labels)
    names = {int(n): names.get(int(n), f"class_{n}") for n in {*names, *np.unique(labels)} if n}
    tomogram = LabelledTomogram(volume.data, labels, centres, name=str(folder))
    return LabelledModel(folder, tomogram, volume.voxel_size_A, names, ids, object_labels)


def common_classes(models: Sequence[LabelledModel]) -> tuple[str, ...]:
    """Return the name of each label from 0, for all models; "class_N" if no model names it.

    Raises
    ------
    InputError
        If two models have different names for a label, or their voxel sizes differ by over 2 %.
    """
    names: dict[int, str] = {}
    for model in models:
        for label, name in model.names.items():
            if names.setdefault(label, name) != name:
                raise InputError(
                    f"{model.folder}: expected class {label} to be {names[label]} as in "
                    f"{models[0].folder}, found {name}; train on models with the same classes"
                )
        if abs(model.voxel_size_A / models[0].voxel_size_A - 1) > 0.02:
            raise InputError(
                f"{model.folder}: expected voxels of {models[0].voxel_size_A:g} Å as in "
                f"{models[0].folder}, found {model.voxel_size_A:g} Å; rescale one of them"
            )
    return (BACKGROUND, *(names.get(label, f"class_{label}") for label in range(1, max(names) + 1)))


def check_varies(path: Path | str, volume: Volume) -> None:
    """Refuse a tomogram that has the same value everywhere."""
    if volume.data.min() == volume.data.max():
        raise InputError(
            f"{path}: expected values that differ, found {volume.data.flat[0]:g} everywhere; check "
            "how it was reconstructed"
        )


def _check_listed(folder: Path, labels: NDArray[np.uint8]) -> None:
    """Refuse a mask with classes that are not in the folder's list of classes."""
    if not (folder / CLASS_NAMES).exists():
        return
    listed = set(read_class_numbers(folder)) | {0}
    strangers = sorted(set(np.unique(labels).tolist()) - listed)
    if strangers:
        raise InputError(
            f"{folder / CLASS_MASK}: expected the classes of {CLASS_NAMES} "
            f"({', '.join(map(str, sorted(listed)))}), found {strangers[0]}; add it to the "
            "list, or remove the list, so that classes are named by number"
        )


def _is_model(folder: Path) -> bool:
    return all(stored(folder / name).exists() for name in (RECONSTRUCTION, CLASS_MASK))


def _objects(
    folder: Path, volume: Volume, labels: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.uint16], dict[int, int], dict[int, str]]:
    """Return centres, instance mask, label of each object and class names, from the tables."""
    truth = read_truth(folder, voxel_size_A=volume.voxel_size_A)
    ids = np.asarray(truth.instance_mask, np.uint16)
    if ids.shape != labels.shape:
        raise InputError(
            f"{folder / OCCUPANCY_MASK}: expected the tomogram's {labels.shape} voxels (z, "
            f"y, x), found {ids.shape}; give the mask of this tomogram"
        )
    seen = _majority_labels(ids, labels)
    names = _class_names(folder, truth.particles.species, truth.particles.ids, seen)
    numbers = {name: label for label, name in names.items()}
    of_object = {
        int(i): numbers[name]
        for i, name in zip(truth.particles.ids, truth.particles.species, strict=True)
        if name in numbers
    }
    wrong = [i for i, label in seen.items() if of_object.get(i, label) != label]
    if len(wrong) > (1 - _AGREEING) * len(seen):
        raise InputError(
            f"{folder}: expected class mask, instance mask and particles of one tomogram, found "
            f"{len(wrong)} of {len(seen)} objects with another class in the mask; check the files"
        )
    voxels = np.rint(truth.particles.positions_A[:, ::-1] / volume.voxel_size_A).astype(np.int64)
    # Centres of vesicles may lie outside the tomogram.
    inside = ((voxels >= 0) & (voxels < np.array(labels.shape))).all(axis=1)
    return voxels[inside], ids, {**seen, **of_object}, names


def _class_names(
    folder: Path, species: Sequence[str], ids: NDArray[np.int64], seen: dict[int, int]
) -> dict[int, str]:
    """Return names of the labels: from the folder's list, SHREC'21's, or the particles."""
    numbers = read_class_numbers(folder)
    if (folder / CLASS_NAMES).exists() or set(species) <= set(numbers.values()):
        return {label: name for label, name in numbers.items() if label > 0}
    votes: dict[int, list[str]] = {}
    for i, name in zip(ids, species, strict=True):
        if int(i) in seen:
            votes.setdefault(seen[int(i)], []).append(name)
    return {label: max(sorted(set(found)), key=found.count) for label, found in votes.items()}


def _majority_labels(ids: NDArray[np.uint16], labels: NDArray[np.uint8]) -> dict[int, int]:
    """Return the label that most voxels of each object have."""
    inside = ids > 0
    pairs, counts = np.unique(
        ids[inside].astype(np.int64) * 256 + labels[inside], return_counts=True
    )
    ordered = pairs[np.argsort(counts, kind="stable")]  # the most frequent label comes last
    return {int(pair // 256): int(pair % 256) for pair in ordered}


def _blobs(
    labels: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], NDArray[np.uint16], dict[int, int]]:
    """Return connected voxels of one class as objects."""
    ids = np.zeros(labels.shape, np.uint16)
    of_object: dict[int, int] = {}
    for label in np.unique(labels[labels > 0]):
        parts, count = ndimage.label(labels == label, np.ones((3, 3, 3)))
        if len(of_object) + count > np.iinfo(np.uint16).max:
            raise InputError(
                "class mask: expected at most 65535 objects, found more; remove single voxels"
            )
        np.add(parts, len(of_object), out=ids, where=parts > 0, casting="unsafe")
        first = len(of_object) + 1
        of_object |= dict.fromkeys(range(first, first + count), int(label))
    boxes = ndimage.find_objects(ids)
    middles = [[(s.start + s.stop) // 2 for s in box] for box in boxes if box is not None]
    return np.array(middles, np.int64).reshape(-1, 3), ids, of_object
