"""OME-Zarr 0.4 images and labels: compressed blocks at several scales, written plane by plane.

Format: Moore et al. 2023, Histochem. Cell Biol. 160, 223 (OME-NGFF 0.4, Zarr 2, "/" between the
numbers of a block): the one that copick, the CryoET Data Portal, napari and neuroglancer read.

Each scale has voxels twice as large. Its voxel i is centred on voxel 2 i of the scale before:
images are means of three voxels with the weights 1, 2, 1 along each axis, labels are every second
voxel. So a position is index times voxel size at every scale, and nothing has to be shifted by
half a voxel, which readers would forget (the format has a translation for it).
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from faket.data import AnyArray, Volume
from faket.io.atomic import atomic_folder, require_space
from faket.io.failures import PathLike, input_error
from faket.io.mrc.sizes import checked_size
from faket.io.planes import labels_within, of_shape

if TYPE_CHECKING:  # imported where it is used: it takes half a second
    import zarr

VoxelShape = tuple[int, int, int]
Reduce = Callable[[AnyArray, AnyArray, AnyArray], AnyArray]
Color = tuple[int, int, int, int]

# Chosen: blocks of up to 8 MB, so that a large tomogram is some hundred files; 32 planes in memory.
_BLOCK = (32, 256, 256)
_VERSION = "0.4"
_SMALLEST = 8  # chosen: no scale has an axis shorter than this, if it has more than one scale


def write_image(
    path: PathLike,
    planes: Iterable[AnyArray],
    shape: VoxelShape,
    voxel_size_A: float,
    *,
    dtype: DTypeLike = np.float32,
    scales: int = 3,
    overwrite: bool = False,
) -> None:
    """Write an image; up to 32 planes of it are in memory.

    Parameters
    ----------
    path : str or Path
        The folder; by custom its name ends with ``.zarr``.
    planes : iterable of ndarray, shape (y, x)
        In the order of z; an array ``[z, y, x]`` is one.
    shape : tuple of int
        z, y, x.
    voxel_size_A : float
    dtype : numpy dtype
        float32 or float16, which has 11 significant bits and ends at 65504.
    scales : int
        At most so many; fewer if an axis would become shorter than 8 voxels.
    overwrite : bool
        Replace an existing folder when the new one is whole.

    Raises
    ------
    InputError
        If a value is not finite in ``dtype``, the planes are not those of ``shape``, the voxel
        size is absurd, or the folder cannot be written.
    """
    kind = np.dtype(dtype)

    def checked(plane: AnyArray, index: int) -> AnyArray:
        with np.errstate(over="ignore", invalid="ignore"):
            cast = np.asarray(plane, kind)
        if not np.isfinite(cast).all():
            raise input_error(
                path, f"plane {index} (from 0): expected finite numbers that {kind} can hold, found"
                f" others; replace them{' or take float32' if kind.itemsize == 2 else ''}"
            )  # fmt: skip
        return np.asarray(plane, np.float32)

    numbered = (checked(plane, index) for index, plane in enumerate(planes))
    _write(path, numbered, shape, voxel_size_A, kind, scales, _mean, {}, overwrite)


def write_labels(
    path: PathLike,
    planes: Iterable[AnyArray],
    shape: VoxelShape,
    voxel_size_A: float,
    *,
    dtype: DTypeLike,
    scales: int = 1,
    colors: Mapping[int, Color] | None = None,
    overwrite: bool = False,
) -> None:
    """Write labels, which are never averaged; up to 32 planes of them are in memory.

    Parameters
    ----------
    path, planes, shape, voxel_size_A, scales, overwrite
        As of :func:`write_image`.
    dtype : numpy dtype
        An unsigned type that holds all labels.
    colors : mapping of int to four int, optional
        Red, green, blue and opacity, 0 to 255, of a label, for viewers.

    Raises
    ------
    InputError
        If a label does not fit ``dtype``; otherwise as :func:`write_image`.
    """
    kind = np.dtype(dtype)
    listed = [{"label-value": n, "rgba": list(rgba)} for n, rgba in (colors or {}).items()]
    extra = {"image-label": {"version": _VERSION, "colors": listed}} if listed else {}
    checked = labels_within(path, planes, kind)
    _write(path, checked, shape, voxel_size_A, kind, scales, _middle, extra, overwrite)


def read_planes(path: PathLike, scale: int = 0) -> tuple[Iterator[AnyArray], VoxelShape, float]:
    """Return the planes of a scale one after another, its shape, and its voxel size in Å.

    Raises
    ------
    InputError
        If the folder is no OME-Zarr image with the axes z, y, x, or has no such scale.
    """
    array, size_A = _opened(path, scale)
    deep, high, wide = array.shape
    step = array.chunks[0]

    def planes() -> Iterator[AnyArray]:
        for start in range(0, deep, step):
            yield from np.asarray(array[start : start + step])

    return planes(), (deep, high, wide), size_A


def read_image(path: PathLike, scale: int = 0) -> Volume:
    """Read a scale of an image as float32; see :func:`read_planes` for the errors."""
    planes, shape, size_A = read_planes(path, scale)
    data = np.empty(shape, np.float32)
    for plane, values in zip(data, planes, strict=True):
        plane[:] = values
    return Volume(data, size_A)


def scale_shapes(shape: VoxelShape, scales: int) -> list[VoxelShape]:
    """Return the shape of each scale, the first included: half of it, rounded up."""
    shapes = [shape]
    while len(shapes) < scales and min(shapes[-1]) >= 2 * _SMALLEST:
        deep, high, wide = (math.ceil(n / 2) for n in shapes[-1])
        shapes.append((deep, high, wide))
    return shapes


def halved_image(planes: Iterable[AnyArray]) -> Iterator[AnyArray]:
    """Yield the planes of an image of voxels twice as large, as the next scale has them."""
    return _halved(planes, _mean)


def halved_labels(planes: Iterable[AnyArray]) -> Iterator[AnyArray]:
    """Yield every second voxel of every second plane."""
    return _halved(planes, _middle)


def _halved(planes: Iterable[AnyArray], reduce: Reduce) -> Iterator[AnyArray]:
    """Join each even plane with its two neighbours; beyond the ends the nearest plane counts."""
    before = middle = None
    for index, plane in enumerate(planes):
        if index % 2:
            assert middle is not None  # the plane before
            yield reduce(middle if before is None else before, middle, plane)
            before, middle = plane, None
        else:
            middle = plane
    if middle is not None:
        yield reduce(middle if before is None else before, middle, middle)


def _mean(before: AnyArray, middle: AnyArray, after: AnyArray) -> AnyArray:
    """Weights 1, 2, 1 about every second voxel of the middle plane, along z, y and x."""
    plane: AnyArray = (before + 2 * middle + after) / 4
    for axis in (0, 1):
        padded = np.pad(plane, [(1, 1) if i == axis else (0, 0) for i in (0, 1)], mode="edge")
        n = plane.shape[axis]
        low, own, high = (padded.take(range(k, k + n, 2), axis) for k in (0, 1, 2))
        plane = (low + 2 * own + high) / 4
    return plane


def _middle(before: AnyArray, middle: AnyArray, after: AnyArray) -> AnyArray:
    return middle[::2, ::2]


class _Level:
    """One scale that is written: collects planes to whole blocks, passes pairs to the next."""

    def __init__(self, array: "zarr.Array[Any]", kind: "np.dtype[Any]") -> None:
        self.array, self.count = array, 0
        depth = min(array.chunks[0], array.shape[0])
        self.block = np.empty((depth, *array.shape[1:]), kind)

    def passed(self, planes: Iterable[AnyArray]) -> Iterator[AnyArray]:
        """Write the planes and yield each."""
        for plane in planes:
            self.block[self.count % len(self.block)] = plane
            self.count += 1
            if self.count % len(self.block) == 0 or self.count == self.array.shape[0]:
                start = (self.count - 1) // len(self.block) * len(self.block)
                self.array[start : self.count] = self.block[: self.count - start]
            yield plane


def _write(
    path: PathLike,
    planes: Iterable[AnyArray],
    shape: VoxelShape,
    voxel_size_A: float,
    kind: "np.dtype[Any]",
    scales: int,
    reduce: Reduce,
    extra: dict[str, Any],
    overwrite: bool,
) -> None:
    size_A = checked_size(path, voxel_size_A)
    shapes = scale_shapes(shape, scales)
    require_space(Path(path).parent, sum(math.prod(s) for s in shapes) * kind.itemsize)
    with atomic_folder(path, overwrite=overwrite) as folder:
        levels = _create(folder, Path(path).name, shapes, size_A, kind, extra)
        stream: Iterator[AnyArray] = levels[0].passed(of_shape(path, planes, shape))
        for level in levels[1:]:
            stream = level.passed(_halved(stream, reduce))
        for _ in stream:  # each plane runs through all scales
            pass


def _create(
    folder: Path,
    name: str,
    shapes: list[VoxelShape],
    size_A: float,
    kind: "np.dtype[Any]",
    extra: dict[str, Any],
) -> list[_Level]:
    import zarr
    from numcodecs import Blosc

    # Chosen: 0.2 GB/s on one core, where zlib does 0.01 GB/s for the same size.
    packing = Blosc("zstd", clevel=1, shuffle=Blosc.SHUFFLE)
    group = zarr.open_group(folder, mode="w", zarr_format=2)
    levels = []
    for number, shape in enumerate(shapes):
        array = group.create_array(
            str(number),
            shape=shape,
            chunks=tuple(min(n, block) for n, block in zip(shape, _BLOCK, strict=True)),
            dtype=kind.newbyteorder("<"),
            compressors=packing,
            fill_value=0,
            chunk_key_encoding={"name": "v2", "separator": "/"},
        )
        levels.append(_Level(array, kind))
    group.attrs.update({"multiscales": [_multiscale(name, len(shapes), size_A)], **extra})
    return levels


def _multiscale(name: str, scales: int, size_A: float) -> dict[str, Any]:
    sizes = [size_A * 2**number for number in range(scales)]
    return {
        "version": _VERSION,
        "name": name,
        "axes": [{"name": axis, "type": "space", "unit": "angstrom"} for axis in "zyx"],
        "datasets": [
            {
                "path": str(number),
                "coordinateTransformations": [{"type": "scale", "scale": [size] * 3}],
            }
            for number, size in enumerate(sizes)
        ],
    }


def _opened(path: PathLike, scale: int) -> "tuple[zarr.Array[Any], float]":
    import zarr

    try:
        group = zarr.open_group(Path(path), mode="r")
        image: Any = group.attrs["multiscales"]
        axes = "".join(axis["name"] for axis in image[0]["axes"])
        dataset = image[0]["datasets"][scale]
        sizes = dataset["coordinateTransformations"][0]["scale"]
        array = group[dataset["path"]]
    except (OSError, KeyError, IndexError, TypeError, ValueError) as error:
        raise input_error(
            path, f"expected an OME-Zarr image with a scale {scale}, found none; check the path"
        ) from error
    if axes != "zyx" or not isinstance(array, zarr.Array) or len(sizes) != 3:
        raise input_error(path, f"expected the axes zyx, found {axes}; give a volume")
    if max(sizes) > 1.01 * min(sizes):
        raise input_error(path, f"expected cubic voxels, found {sizes}; resample the image")
    return array, checked_size(path, float(sizes[0]))
