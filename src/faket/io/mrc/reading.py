"""Reading MRC files: volumes, tilt stacks and label masks.

Volumes are ``[z, y, x]``, stacks ``[tilt, y, x]``, float32. Files ending in ``.gz`` can be read.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from faket.data import AnyArray, FloatArray, Volume
from faket.io.failures import PathLike, input_error
from faket.io.mrc.header import MrcLayout
from faket.io.mrc.sizes import voxel_size
from faket.io.mrc.stream import is_mappable, map_finite, opened, read_finite, sections
from faket.stacks import empty_stack


def read_volume(
    path: PathLike, *, voxel_size_A: float | None = None, option: str = "voxel_size_A"
) -> Volume:
    """Read a volume.

    Parameters
    ----------
    path : str or Path
        ``.mrc``, ``.map``, ``.rec`` or any of them followed by ``.gz``.
    voxel_size_A : float, optional
        Taken instead of the header's.
    option : str
        The caller's name of that size, for the error.

    Returns
    -------
    Volume
        In the axis order z, y, x, whatever the order in the file.

    Raises
    ------
    InputError
        If the file is no MRC volume, is truncated, contains NaN or infinity, or its voxel size is
        missing, absurd or different along the axes and none was given.
    """
    with opened(path) as (stream, layout):
        check_volume(path, layout)
        size_A = voxel_size(path, layout.spacing_A, voxel_size_A, option)
        data = read_finite(path, stream, layout)
    return Volume(_to_zyx(data, layout), size_A)


def read_stack(
    path: PathLike,
    *,
    mmap: bool = False,
    pixel_size_A: float | None = None,
    kept: NDArray[np.intp] | None = None,
) -> tuple[FloatArray, float]:
    """Read a stack of images.

    Parameters
    ----------
    path : str or Path
        ``.mrc``, ``.st``, ``.ali`` or any of them followed by ``.gz``.
    mmap : bool
        Leave the images on the disk and map them, copy-on-write: changing the array does not
        change the file. Only plain files of float32 can be mapped; others are read.
        The file is still read once, image by image, to check it.
    pixel_size_A : float, optional
        Taken instead of the header's.
    kept : ndarray of int, optional
        The images to read, ascending, from 0; by default all of them.

    Returns
    -------
    images : ndarray, shape (tilt, y, x), float32
    pixel_size_A : float

    Raises
    ------
    InputError
        As :func:`read_volume`.
    """
    with opened(path) as (stream, layout):
        if layout.axes != (3, 2, 1):
            raise input_error(
                path, f"expected a stack of images, found the axes {layout.axes} (1, 2, 3: x, y, z)"
                "; write it with columns along x and rows along y"
            )  # fmt: skip
        size_A = voxel_size(path, layout.spacing_A[:2], pixel_size_A, "pixel_size_A")
        if mmap and kept is None and is_mappable(stream, layout):
            return map_finite(path, layout), size_A
        return read_finite(path, stream, layout, kept), size_A


def read_mask(path: PathLike, *, dtype: DTypeLike = np.uint16) -> NDArray[Any]:
    """Read a volume of labels.

    Parameters
    ----------
    path : str or Path
        Any mode is accepted whose values are whole numbers.
    dtype : numpy dtype
        Unsigned type of the result: uint8 for classes, uint16 for instances.

    Returns
    -------
    ndarray, shape (z, y, x)
        The voxel size is not read; see :func:`faket.io.mrc.read_voxel_size`.

    Raises
    ------
    InputError
        If the file is no MRC volume or truncated, or a label is negative, fractional or too
        large for ``dtype``.
    """
    with opened(path) as (stream, layout):
        check_volume(path, layout)
        mask = empty_stack(layout.shape, dtype)
        highest = np.iinfo(mask.dtype).max
        for index, section in enumerate(sections(path, stream, layout)):
            check_labels(path, section, index, highest)
            mask[index] = section
    return _to_zyx(mask, layout)


def check_labels(path: PathLike, section: AnyArray, index: int, highest: int) -> None:
    """Raise InputError, naming the section, unless all its values are labels up to ``highest``."""
    with np.errstate(all="ignore"):
        values = section.astype(np.float64)
        # NaN fails the comparisons, infinity the second one.
        are_labels = (values >= 0) & (values <= highest) & (values == np.rint(values))
    if not are_labels.all():
        raise input_error(
            path,
            f"section {index} (from 0): expected whole numbers 0 to {highest} as labels, "
            "found others; give a mask",
        )


def check_volume(path: PathLike, layout: MrcLayout) -> None:
    """Raise InputError unless a file holds one volume with right angles."""
    if layout.volumes > 1:
        raise input_error(path, f"expected one volume, found {layout.volumes}; split the file")
    if layout.shape[0] == 1 and layout.space_group == 0:
        raise input_error(path, "expected a volume, found a single image; give a volume")
    if not layout.orthogonal:
        raise input_error(path, "expected a cell with right angles, found others; resample the map")


def _to_zyx(data: NDArray[Any], layout: MrcLayout) -> NDArray[Any]:
    order = [layout.axes.index(axis) for axis in (3, 2, 1)]
    return np.ascontiguousarray(data.transpose(order))
