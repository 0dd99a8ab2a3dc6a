"""MemBrain-seg's training folder: patches with a membrane in them, and their labels (NIfTI).

``imagesTr``, ``labelsTr``, ``imagesVal``, ``labelsVal`` with ``NAME_zZ_yY_xX.nii.gz``, whose images
end in ``_0000.nii.gz`` (as its loader looks for them, version 0.0.10). Up to 160 voxels along each
axis: its loader crops larger ones, but fails where one axis is shorter than that
and another longer. Labels: 1 membrane, 0 other, 2 not to be learned from (here: beside nothing).
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from faket.data import AnyArray
from faket.errors import InputError
from faket.exchange.face import Format, class_names
from faket.exchange.labels import label_planes
from faket.exchange.source import SourceTomogram
from faket.exchange.training import is_for_validation
from faket.io.failures import notice
from faket.io.nifti import write_nifti

_PATCH = 160  # voxels; MemBrain-seg's own patch size


def _check(tomograms: Sequence[SourceTomogram]) -> None:
    if not any(tomograms[0].holds_membranes(name) for name in class_names(tomograms)):
        raise InputError(
            "classes: expected vesicles or membranes, which MemBrain-seg learns, found "
            f"{', '.join(class_names(tomograms))}; make a data set with some, or choose another "
            "format"
        )


def _write(tomogram: SourceTomogram, folder: Path) -> None:
    end = "Val" if is_for_validation(tomogram) else "Tr"
    deep, high, wide = tomogram.shape
    membranes = {name: 1 for name in tomogram.classes.values() if tomogram.holds_membranes(name)}
    found = False
    for z in _starts(deep):
        for y in _starts(high):
            labels = _strip(label_planes(tomogram, membranes), z, y)
            starts = [x for x in _starts(wide) if labels[:, :, x : x + _PATCH].any()]
            image = _strip(tomogram.planes(), z, y) if starts else labels
            found = found or bool(starts)
            for x in starts:
                name, size_A = f"{tomogram.name}_z{z}_y{y}_x{x}", tomogram.voxel_size_A
                _write_patch(folder / f"images{end}" / f"{name}_0000.nii.gz", image, x, size_A)
                _write_patch(folder / f"labels{end}" / f"{name}.nii.gz", labels, x, size_A)
    if not found:
        notice(tomogram.tomogram, "no membrane in it, so MemBrain-seg gets no patch of it")


def _write_patch(path: Path, strip: AnyArray, x: int, size_A: float) -> None:
    patch = strip[:, :, x : x + _PATCH]
    deep, high, wide = patch.shape
    write_nifti(path, patch, (deep, high, wide), size_A, dtype=patch.dtype)


def _starts(size: int) -> list[int]:
    """Return where patches begin: they cover the axis, the last ends with it."""
    last = max(size - _PATCH, 0)
    return [min(start, last) for start in range(0, size, _PATCH)]


def _strip(planes: Iterator[AnyArray], z: int, y: int) -> AnyArray:
    """Return the part of a volume that the patches at z and y share."""
    # Copies, as parts of planes would keep the whole planes in memory.
    return np.array([plane[y : y + _PATCH].copy() for plane in islice(planes, z, z + _PATCH)])


FORMAT = Format(write=_write, check=_check)
