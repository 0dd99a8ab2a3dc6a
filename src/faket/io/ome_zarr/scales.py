"""The scales of an OME-Zarr image, each with voxels twice as large as those of the one before.

Voxel i of a scale is centred on voxel 2 i of the scale before: images are means of three voxels
with the weights 1, 2, 1 along each axis, labels are every second voxel. So a position is index
times voxel size at every scale, and nothing has to be shifted by half a voxel, which readers would
forget (the format has a translation for it).
"""

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from faket.data import AnyArray

VoxelShape = tuple[int, int, int]
Reduce = Callable[[AnyArray, AnyArray, AnyArray], AnyArray]

_SMALLEST = 8  # chosen: no scale has an axis shorter than this, if it has more than one scale


def scale_shapes(shape: VoxelShape, scales: int) -> list[VoxelShape]:
    """Return the shape of each scale, the first included: half of it, rounded up."""
    shapes = [shape]
    while len(shapes) < scales and min(shapes[-1]) >= 2 * _SMALLEST:
        deep, high, wide = (math.ceil(n / 2) for n in shapes[-1])
        shapes.append((deep, high, wide))
    return shapes


def halved_image(planes: Iterable[AnyArray]) -> Iterator[AnyArray]:
    """Yield the planes of an image of voxels twice as large, as the next scale has them."""
    return halved(planes, mean_of_planes)


def halved_labels(planes: Iterable[AnyArray]) -> Iterator[AnyArray]:
    """Yield every second voxel of every second plane."""
    return halved(planes, middle_plane)


def halved(planes: Iterable[AnyArray], reduce: Reduce) -> Iterator[AnyArray]:
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


def mean_of_planes(before: AnyArray, middle: AnyArray, after: AnyArray) -> AnyArray:
    """Return the mean with the weights 1, 2, 1 along z, y, x about every second voxel."""
    plane: AnyArray = (before + 2 * middle + after) / 4
    for axis in (0, 1):
        padded = np.pad(plane, [(1, 1) if i == axis else (0, 0) for i in (0, 1)], mode="edge")
        n = plane.shape[axis]
        low, own, high = (padded.take(range(k, k + n, 2), axis) for k in (0, 1, 2))
        plane = (low + 2 * own + high) / 4
    return plane


def middle_plane(before: AnyArray, middle: AnyArray, after: AnyArray) -> AnyArray:
    """Return every second voxel of the middle plane."""
    return middle[::2, ::2]
