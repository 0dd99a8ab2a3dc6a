"""Tomograms, whichever way they are kept: as an MRC file or as an OME-Zarr image."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from faket.data import AnyArray, FloatArray, Volume
from faket.io.failures import PathLike
from faket.io.model_folder import ZARR
from faket.io.mrc import read_shape, read_volume, read_voxel_size, volume_planes, write_volume
from faket.io.mrc.reduced import block_means, read_reduced
from faket.io.mrc.sizes import checked_size
from faket.io.mrc.stream import check_finite
from faket.io.mrc.writing import check_half_precision
from faket.io.ome_zarr import is_ome_zarr, read_image, read_planes, write_image


def read_tomogram(
    path: PathLike, *, voxel_size_A: float | None = None, option: str = "voxel_size_A"
) -> Volume:
    """Read a tomogram.

    Parameters
    ----------
    path : str or Path
        An MRC file, or the folder of an OME-Zarr image, whose finest scale is read.
    voxel_size_A : float, optional
        Taken instead of the file's.
    option : str
        The caller's name of that size, for the error.

    Raises
    ------
    InputError
        As :func:`faket.io.mrc.read_volume` and :func:`faket.io.ome_zarr.read_image`.
    """
    if not is_ome_zarr(path):
        return read_volume(path, voxel_size_A=voxel_size_A, option=option)
    volume = read_image(path)
    return volume if voxel_size_A is None else Volume(volume.data, checked_size(path, voxel_size_A))


def tomogram_planes(path: PathLike) -> Iterator[AnyArray]:
    """Yield the planes ``[y, x]`` of a tomogram as float32, in the order of z.

    Raises
    ------
    InputError
        As :func:`read_tomogram`, when the plane with the fault is reached.
    """
    if not is_ome_zarr(path):
        yield from volume_planes(path)
        return
    for index, plane in enumerate(read_planes(path)[0]):
        check_finite(path, plane, index)
        yield plane.astype(np.float32)


def tomogram_shape(path: PathLike) -> tuple[int, int, int]:
    """Return the voxels of a tomogram along z, y, x; InputError if it is none."""
    return read_planes(path)[1] if is_ome_zarr(path) else read_shape(path)


def tomogram_voxel_size(path: PathLike) -> float:
    """Return the voxel size of a tomogram (Å); InputError if it is not known or absurd."""
    return read_planes(path)[2] if is_ome_zarr(path) else read_voxel_size(path)


def reduced_tomogram(path: PathLike, factor: int) -> FloatArray:
    """Read a tomogram as the means of its blocks; see :func:`faket.io.mrc.reduced.read_reduced`."""
    if not is_ome_zarr(path):
        return read_reduced(path, factor)
    return block_means(path, tomogram_planes(path), tomogram_shape(path), factor)


def write_tomogram(path: PathLike, volume: Volume, *, dtype: DTypeLike = np.float32) -> None:
    """Write a tomogram: as an OME-Zarr image of one scale if the name ends in ``.zarr``.

    Raises
    ------
    InputError
        As :func:`faket.io.mrc.write_volume`.
    """
    if Path(path).suffix != ZARR:
        write_volume(path, volume, dtype=dtype)
        return
    if np.dtype(dtype) == np.float16:
        check_half_precision(path, volume.data)
    deep, high, wide = volume.data.shape
    size_A = volume.voxel_size_A
    write_image(path, volume.data, (deep, high, wide), size_A, dtype=dtype, scales=1)
