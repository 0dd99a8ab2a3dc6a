"""The first free pose of a molecule that may be anywhere: many orientations in one compiled loop.

In a crowded box thousands of orientations are tried in vain for each molecule that fits. What
Python and numpy do between them then takes longer than the search itself.
"""

import math

import numpy as np
from numba import prange

from faket.compiling import kernel
from faket.data import AnyArray, DoubleArray
from faket.specimen.free_places import first_free, occupy_first
from faket.specimen.molecules import Grid


@kernel()
def rotation_of(quaternion: DoubleArray) -> DoubleArray:
    """Return the matrix [3, 3] of a rotation given as a quaternion x, y, z, w of any length."""
    unit = quaternion / math.sqrt((quaternion * quaternion).sum())
    x, y, z, w = unit[0], unit[1], unit[2], unit[3]
    return np.array([
        [x * x - y * y - z * z + w * w, 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), y * y - x * x - z * z + w * w, 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), z * z - x * x - y * y + w * w],
    ])  # fmt: skip


@kernel()
def _turn(points: DoubleArray, rotation: DoubleArray, turned: DoubleArray) -> None:
    """Put the rotated points [n, 3] into ``turned``."""
    for m in range(len(points)):
        for j in range(3):
            x, y, z = points[m, 0], points[m, 1], points[m, 2]
            turned[m, j] = rotation[j, 0] * x + rotation[j, 1] * y + rotation[j, 2] * z


@kernel()
def _draw(
    rng: np.random.Generator,
    tries: int,
    size: DoubleArray,
    turned: DoubleArray,
    voxel_size_A: float,
) -> DoubleArray:
    """Return random centres [n, 3] in voxels, uniform where all points of a molecule fit."""
    low, high = np.empty(3), np.empty(3)
    for j in range(3):
        # Positions beyond these would put a voxel next to one of the points outside the box.
        low[j], high[j] = -1.0 - turned[:, j].min(), size[j] - turned[:, j].max()
    if (low > high).any():
        return np.empty((0, 3))
    return (low + rng.random((tries, 3)) * (high - low)) * voxel_size_A / voxel_size_A


@kernel(parallel=True)
def first_free_pose(
    rng: np.random.Generator,
    orientations: int,
    tries: int,
    voxel_size_A: float,
    occupancy: AnyArray,
    points: DoubleArray,
    grid: Grid,
    bits: AnyArray,
    balls: DoubleArray,
) -> tuple[DoubleArray, DoubleArray]:
    """Occupy the voxels of a molecule at the first free one of random poses.

    All are drawn before one is tried, so the result does not depend on the number of threads.

    Parameters
    ----------
    rng : numpy.random.Generator
        Gives orientations, uniform on SO(3), and then uniform positions for each.
    orientations, tries : int
        Their number, and that of the positions of each.
    voxel_size_A : float
    occupancy : ndarray of bool, shape (z, y, x)
    points : ndarray, shape (m, 3)
        Of the molecule, voxels from its origin.
    grid : Grid
        Its envelope.
    bits, balls : ndarray
        Of a :class:`~faket.specimen.free_places.Glance` and of
        :func:`~faket.specimen.free_places.balls_inside`, or both of
        :data:`~faket.specimen.free_places.UNKNOWN`. The result is the same.

    Returns
    -------
    position_A : ndarray, shape (3,)
        x, y, z; empty if none was free.
    quaternion : ndarray, shape (4,)
        x, y, z, w, of any length.
    """
    nz, ny, nx = occupancy.shape
    size = np.array([nx, ny, nz], np.float64)
    quaternions = rng.standard_normal((orientations, 4))
    rotations = np.empty((orientations, 3, 3))
    turned = np.empty((orientations, *points.shape))
    turned_balls = np.empty((orientations, *balls.shape))
    centres = np.empty((orientations, tries, 3))
    counts, found = np.zeros(orientations, np.int64), np.zeros(orientations, np.int64)
    for k in range(orientations):
        rotations[k] = rotation_of(quaternions[k])
        _turn(points, rotations[k], turned[k])
        turned_balls[k] = balls
        _turn(balls, rotations[k], turned_balls[k])
        drawn = _draw(rng, tries, size, turned[k], voxel_size_A)
        counts[k] = len(drawn)
        centres[k, : len(drawn)] = drawn
    for k in prange(orientations):
        found[k] = first_free(
            occupancy, centres[k, : counts[k]], rotations[k], turned[k], grid, bits, turned_balls[k]
        )
    for k in range(orientations):
        chosen = occupy_first(
            occupancy, found[k], centres[k, : counts[k]],
            rotations[k], turned[k], grid, bits, turned_balls[k],
        )  # fmt: skip
        if chosen >= 0:
            return centres[k, chosen] * voxel_size_A, quaternions[k]
    return np.empty(0), np.empty(4)
