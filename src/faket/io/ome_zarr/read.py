"""Reading OME-Zarr images and labels, plane by plane."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faket.data import AnyArray, Volume
from faket.io.failures import PathLike, input_error
from faket.io.mrc.sizes import checked_size
from faket.io.mrc.stream import check_finite
from faket.io.ome_zarr.scales import VoxelShape
from faket.units import A_PER_NM, A_PER_UM

if TYPE_CHECKING:  # imported where it is used: it takes half a second
    import zarr

# The format has names of units in full; without one, Å, as MRC files have it.
_UNITS_A = {"angstrom": 1.0, "nanometer": A_PER_NM, "micrometer": A_PER_UM, None: 1.0}
_MARKS = (".zgroup", "zarr.json")  # one of them is in every Zarr group (of Zarr 2, of Zarr 3)


def is_ome_zarr(path: PathLike) -> bool:
    """Return whether a path is a folder in Zarr's format."""
    return any((Path(path) / mark).is_file() for mark in _MARKS)


def read_planes(path: PathLike, scale: int = 0) -> tuple[Iterator[AnyArray], VoxelShape, float]:
    """Return the planes of a scale one after another, its shape, and its voxel size in Å.

    Parameters
    ----------
    path : str or Path
        An image of OME-Zarr 0.4 (Zarr 2) or 0.5 (Zarr 3).
    scale : int
        0 is the finest.

    Raises
    ------
    InputError
        If the folder is no OME-Zarr image with the axes z, y, x, or has no such scale; when a
        damaged block is reached.
    """
    array, size_A = _opened(path, scale)
    deep, high, wide = array.shape
    step = array.chunks[0]

    def planes() -> Iterator[AnyArray]:
        for start in range(0, deep, step):
            yield from _block(path, array, start, start + step)

    return planes(), (deep, high, wide), size_A


def read_image(path: PathLike, scale: int = 0) -> Volume:
    """Read a scale of an image as float32.

    Raises
    ------
    InputError
        As :func:`read_planes`, or if a number is NaN or infinite.
    """
    planes, shape, size_A = read_planes(path, scale)
    data = np.empty(shape, np.float32)
    for index, (plane, values) in enumerate(zip(data, planes, strict=True)):
        check_finite(path, values, index)
        plane[:] = values
    return Volume(data, size_A)


def _block(path: PathLike, array: "zarr.Array[Any]", start: int, stop: int) -> AnyArray:
    try:
        return np.asarray(array[start:stop])
    except (OSError, RuntimeError, ValueError) as error:  # blosc raises RuntimeError
        raise input_error(
            path, f"planes {start} to {stop - 1}: expected whole blocks, found damage ({error}); "
            "copy it again"
        ) from error  # fmt: skip


def _opened(path: PathLike, scale: int) -> "tuple[zarr.Array[Any], float]":
    import zarr

    try:
        group = zarr.open_group(Path(path), mode="r")
        attributes: Any = group.attrs.asdict()
        image = attributes.get("ome", attributes)["multiscales"][0]  # 0.5 has it inside "ome"
        axes = "".join(axis["name"] for axis in image["axes"])
        unit_A = _UNITS_A[image["axes"][-1].get("unit")]
        dataset = image["datasets"][scale]
        sizes = [unit_A * size for size in dataset["coordinateTransformations"][0]["scale"]]
        array = group[dataset["path"]]
    except (OSError, KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise input_error(
            path, f"expected an OME-Zarr image with a scale {scale}, found none; check the path"
        ) from error
    if axes != "zyx" or not isinstance(array, zarr.Array) or array.ndim != 3 or len(sizes) != 3:
        raise input_error(path, f"expected the axes zyx, found {axes}; give a volume")
    if array.dtype.kind not in "buif":
        raise input_error(path, f"expected numbers, found {array.dtype}; convert them")
    if max(sizes) > 1.01 * min(sizes):
        raise input_error(path, f"expected cubic voxels, found {sizes}; resample the image")
    return array, checked_size(path, float(sizes[0]))
