"""Labels as pickers want them, beside the molecule's own voxels: balls, heatmaps, solid, normals.

Centres are x y z in voxels of the volume, shapes are z y x.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from faket.data import DoubleArray, FloatArray
from faket.errors import InputError

Shape3 = tuple[int, int, int]
_REACH = 3.0  # of a Gaussian, σ; chosen: beyond 1 % nothing is to be seen
_SMOOTH = 1.0  # voxel, σ of the blur that rounds a solid label; chosen, below any molecule's detail
_MARGIN = 4  # voxels around an instance; chosen: the blur reaches no farther


def ball_planes(
    shape: Shape3, centres: ArrayLike, labels: ArrayLike, radii: ArrayLike
) -> Iterator[NDArray[np.uint8]]:
    """Give the planes of a mask in which every particle is a ball.

    Parameters
    ----------
    shape : tuple of int
    centres : array_like, shape (n, 3)
    labels : array_like of int, shape (n,)
        1 to 255.
    radii : array_like, shape (n,)
        Voxels. A voxel whose centre is no farther from the ball's belongs to it; one in several
        balls belongs to the one in which it lies deepest, in units of the radius.

    Yields
    ------
    ndarray, shape (y, x), uint8
        In the order of z; one plane is in memory.

    Raises
    ------
    InputError
        If a radius is not above 0, or the numbers of entries differ.
    """
    balls = _checked(centres, radii)
    numbers = np.asarray(labels, np.uint8)
    for z in range(shape[0]):
        plane, depth = np.zeros(shape[1:], np.uint8), np.full(shape[1:], np.inf)
        for i, box, far in _cuts(balls, 1.0, z, shape):
            mine = (far <= 1) & (far < depth[box])
            plane[box][mine] = numbers[i]
            depth[box][mine] = far[mine]
        yield plane


def heatmap_planes(shape: Shape3, centres: ArrayLike, sigmas: ArrayLike) -> Iterator[FloatArray]:
    """Give the planes of a heatmap: exp(-d² / 2σ²) of the particle where that is largest.

    Parameters as for :func:`ball_planes`, with σ in voxels; cut off at 3 σ.
    """
    blobs = _checked(centres, sigmas)
    for z in range(shape[0]):
        plane = np.zeros(shape[1:], np.float32)
        for _, box, far in _cuts(blobs, _REACH, z, shape):
            value = np.where(far <= _REACH**2, np.exp(-far / 2), 0).astype(np.float32)
            np.maximum(plane[box], value, out=plane[box])
        yield plane


def _checked(centres: ArrayLike, radii: ArrayLike) -> tuple[DoubleArray, DoubleArray]:
    places, sizes = np.asarray(centres, np.float64).reshape(-1, 3), np.asarray(radii, np.float64)
    if sizes.shape != (len(places),) or not np.all(sizes > 0):
        raise InputError(
            f"radii: expected a number > 0 for each of {len(places)} particles, found others; "
            "correct them"
        )
    return places, sizes


def _cuts(
    balls: tuple[DoubleArray, DoubleArray], reach: float, z: int, shape: Shape3
) -> Iterator[tuple[int, tuple[slice, slice], DoubleArray]]:
    """Give index, box [y, x] and squared distance over squared size of those that cut a plane."""
    centres, sizes = balls
    for i in np.flatnonzero(np.abs(centres[:, 2] - z) <= reach * sizes):
        x, y = centres[i, :2]
        extent = reach * sizes[i]
        rows, columns = (
            slice(max(0, int(np.ceil(c - extent))), max(0, min(n, int(np.floor(c + extent)) + 1)))
            for c, n in ((y, shape[1]), (x, shape[2]))
        )
        dy = np.arange(rows.start, max(rows.start, rows.stop)) - y
        dx = np.arange(columns.start, max(columns.start, columns.stop)) - x
        square = dy[:, None] ** 2 + dx**2 + (z - centres[i, 2]) ** 2
        yield int(i), (rows, columns), square / sizes[i] ** 2


def solid_mask(
    class_mask: NDArray[np.uint8], instance_mask: NDArray[np.integer], hollow: frozenset[int]
) -> NDArray[np.uint8]:
    """Return a class mask whose particles have no holes and a smooth surface.

    Each instance is closed by a voxel, its holes are filled, and it is blurred by a voxel and cut
    where as many voxels are left. It takes voxels of the background only, never another instance's.

    Parameters
    ----------
    class_mask, instance_mask : ndarray, shape (z, y, x)
    hollow : frozenset of int
        Instances that stay as they are: membranes, around which others lie inside.

    Returns
    -------
    ndarray, shape (z, y, x), uint8
    """
    solid = class_mask.copy()
    for number, found in enumerate(ndimage.find_objects(instance_mask), start=1):
        if found is None or number in hollow:
            continue
        box = tuple(slice(max(0, s.start - _MARGIN), s.stop + _MARGIN) for s in found)
        own = instance_mask[box] == number
        filled = ndimage.binary_fill_holes(own | ndimage.binary_closing(own))
        blurred = ndimage.gaussian_filter(filled.astype(np.float32), _SMOOTH)
        count = np.count_nonzero(filled)  # the volume stays: at 0.5 small ones would disappear
        smooth = blurred >= np.partition(blurred, -count, axis=None)[-count]
        part, label = solid[box], np.bincount(class_mask[box][own]).argmax()
        part[own & ~smooth] = 0
        part[smooth & (own | (instance_mask[box] == 0))] = label
    return solid


def surface_points(
    centre: ArrayLike, rotation: DoubleArray, semi_axes: ArrayLike, spacing: float
) -> tuple[DoubleArray, DoubleArray]:
    """Return points on an ellipsoid, about ``spacing`` apart, and its outward normals there.

    Parameters
    ----------
    centre, semi_axes : array_like, shape (3,)
        x y z and lengths along the ellipsoid's axes, in one unit.
    rotation : ndarray, shape (3, 3)
        From the ellipsoid's frame to the volume's.
    spacing : float

    Returns
    -------
    points, normals : ndarray, shape (n, 3), float64
        Normals have the length 1.
    """
    axes = np.asarray(semi_axes, np.float64)
    a, b, c = axes**1.6075  # Thomsen's formula: the area within 1.1 %
    area = 4 * np.pi * ((a * b + a * c + b * c) / 3) ** (1 / 1.6075)
    count = max(12, int(area / spacing**2))
    # Points of a Fibonacci spiral share a sphere evenly.
    height = 1 - (2 * np.arange(count) + 1) / count
    turn = np.pi * (3 - np.sqrt(5)) * np.arange(count)
    ring = np.sqrt(1 - height**2)
    unit = np.stack([ring * np.cos(turn), ring * np.sin(turn), height], axis=1)
    normals = unit / axes
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return (unit * axes) @ rotation.T + np.asarray(centre), normals @ rotation.T
