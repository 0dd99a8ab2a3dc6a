"""Writing MRC files: volumes, tilt stacks and label masks.

Written files are little-endian MRC2014, origin 0, without a time stamp: the same data give the
same bytes. Masks whose name ends in ``.gz`` are packed, which takes some hundredths of the space.

Masks: MRC has no unsigned bytes. Labels up to 127 are written as mode 0 (signed bytes, which are
the same for programs that read mode 0 as unsigned), larger ones as mode 6 (uint16).
"""

import gzip
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import DTypeLike

from faket.data import AnyArray, Volume
from faket.io.atomic import atomic_path, require_space
from faket.io.failures import PathLike, input_error
from faket.io.model_folder import PACKED
from faket.io.mrc.header import build_header
from faket.io.mrc.sizes import checked_size
from faket.io.mrc.stream import check_finite

_LARGEST_HALF = 65504.0  # the largest number of float16
# Chosen: ten thousand steps of 6e-8, float16's smallest, fit into the standard deviation.
_LEAST_SPREAD_HALF = 6e-4
_PACKING = 6  # zlib's level; chosen, because 9 takes three times as long for a tenth


def write_volume(path: PathLike, volume: Volume, *, dtype: DTypeLike = np.float32) -> None:
    """Write a volume as float32 (mode 2, space group 1), or as float16 (mode 12).

    Raises
    ------
    InputError
        If the data are not three-dimensional and finite, the voxel size is absurd, the file cannot
        be written, or float16 cannot hold the values: beyond 65504, or so small that their steps
        would be seen.
    """
    half = np.dtype(dtype) == np.float16
    if half:
        check_half_precision(path, volume.data)
    _write(path, volume.data, "<f2" if half else "<f4", volume.voxel_size_A, image_stack=False)


def check_half_precision(path: PathLike, data: AnyArray) -> None:
    """Refuse values that float16 cannot hold; its steps are 6e-8 below 6e-5."""
    largest = max(abs(float(data.min())), abs(float(data.max()))) if data.size else 0.0
    spread = float(data.std(dtype=np.float64)) if data.size else 1.0
    if largest > _LARGEST_HALF or 0 < spread < _LEAST_SPREAD_HALF:
        raise input_error(
            path, f"expected values up to {_LARGEST_HALF:g} that scatter by more than "
            f"{_LEAST_SPREAD_HALF:g}, as float16 can hold them, found {largest:g} and {spread:g}; "
            "write float32"
        )  # fmt: skip


def write_stack(path: PathLike, images: AnyArray, pixel_size_A: float) -> None:
    """Write a stack of images ``[tilt, y, x]`` as float32 (mode 2, space group 0).

    Raises
    ------
    InputError
        As :func:`write_volume`.
    """
    _write(path, images, "<f4", pixel_size_A, image_stack=True)


def write_mask(path: PathLike, mask: AnyArray, voxel_size_A: float) -> None:
    """Write labels ``[z, y, x]``: in mode 0 if all are below 128, in mode 6 otherwise.

    They are packed if the name ends in ``.gz``.

    Parameters
    ----------
    path : str or Path
    mask : ndarray, shape (z, y, x), bool or integer
        Labels from 0 to 65535.
    voxel_size_A : float

    Raises
    ------
    InputError
        As :func:`write_volume`; also if the labels are not whole numbers in that range.
    """
    if mask.dtype.kind not in "bui":
        raise input_error(
            path, f"expected whole numbers as labels, found {mask.dtype}; convert them"
        )
    low, high = (int(mask.min()), int(mask.max())) if mask.size else (0, 0)
    if low < 0 or high > 65535:
        raise input_error(path, f"expected labels 0 to 65535, found {low} to {high}; renumber them")
    _write(path, mask, "<i1" if high < 128 else "<u2", voxel_size_A, image_stack=False)


def _write(
    path: PathLike, data: AnyArray, dtype: str, voxel_size_A: float, *, image_stack: bool
) -> None:
    size_A = checked_size(path, voxel_size_A)
    if data.ndim != 3 or data.size == 0 or data.dtype.kind not in "buif":
        raise input_error(
            path, f"expected real data with three axes, found {data.dtype} of shape {data.shape}; "
            "convert them"
        )  # fmt: skip
    packed = str(path).endswith(PACKED)
    if packed and dtype in ("<f4", "<f2"):
        raise input_error(
            path, "expected a name without .gz, found one with it; only masks are "
            "packed, so leave it out"
        )  # fmt: skip
    nz, ny, nx = data.shape
    statistics = _statistics(path, data, dtype)
    mode = {"<f4": 2, "<f2": 12, "<i1": 0, "<u2": 6}[dtype]
    header = build_header((nz, ny, nx), mode, size_A, statistics, image_stack=image_stack)
    if not packed:
        require_space(Path(path).parent, len(header) + data.size * np.dtype(dtype).itemsize)
    with atomic_path(path) as temporary, _sink(temporary, packed) as stream:
        stream.write(header)
        for section in data:
            stream.write(np.ascontiguousarray(section, dtype).data)


@contextmanager
def _sink(path: Path, packed: bool) -> Iterator[IO[bytes]]:
    """Open a file to write; packed without name and date, so that the same data give its bytes."""
    with open(path, "wb") as plain:
        if not packed:
            yield plain
            return
        with gzip.GzipFile("", "wb", _PACKING, plain, mtime=0) as stream:
            yield cast(IO[bytes], stream)


def _statistics(path: PathLike, data: AnyArray, dtype: str) -> tuple[float, float, float, float]:
    """Minimum, maximum, mean, standard deviation; a section at a time, in double precision."""
    low, high, total, squares, count = math.inf, -math.inf, 0.0, 0.0, 0
    for index, section in enumerate(data):
        with np.errstate(over="ignore", invalid="ignore"):
            written = np.asarray(section, dtype)
        least, most = float(written.min()), float(written.max())
        if not (math.isfinite(least) and math.isfinite(most)):  # NaN is passed on by both
            check_finite(path, written, index)
        values = written.astype(np.float64)
        mean = float(values.mean())
        values -= mean
        spread = float(np.multiply(values, values, out=values).sum())
        # Chan's update: sums of squares would cancel where the mean is large.
        shift = mean - total / count if count else 0.0
        squares += spread + shift**2 * count * values.size / (count + values.size)
        total, count = total + mean * values.size, count + values.size
        low, high = min(low, least), max(high, most)
    return low, high, total / count, min(math.sqrt(squares / count), 3e38)
