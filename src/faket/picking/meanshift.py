"""Mean shift with a flat kernel for the foreground of a mask: exact, and fast on a grid of voxels.

The mean of the foreground in a ball about any point is a sum over the rows of voxels in the ball;
prefix sums along x give each row with two look-ups. The published clustering (scikit-learn's
MeanShift) uses a search tree instead and takes minutes to hours for a tomogram.
"""

import math

import numpy as np
from numba import prange
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from faket.compiling import kernel
from faket.data import DoubleArray
from faket.errors import InputError

_MAX_SHIFTS = 300  # as in scikit-learn's MeanShift
_STOP = 1e-3  # of the bandwidth, as in scikit-learn's MeanShift


def mean_shift(
    mask: NDArray[np.bool_], *, bandwidth: float
) -> tuple[DoubleArray, NDArray[np.int64]]:
    """Cluster the foreground of a mask by mean shift from every voxel.

    Every voxel moves to the mean of the foreground within ``bandwidth`` until it moves by less
    than 0.001 bandwidths. Of the end points, the one with the most foreground within the bandwidth
    (of equal ones that with the larger coordinates) becomes a centre, and the other end points
    within a bandwidth of it are removed; and so on. Each voxel belongs to the nearest centre. This
    is scikit-learn's definition.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
    bandwidth : float
        Radius of the ball, voxels.

    Returns
    -------
    centres : ndarray, shape (clusters, 3), float64
        z y x; most populated first.
    members : ndarray of int, shape (foreground voxels,)
        Index of its centre for each foreground voxel, in the order of ``numpy.nonzero``.

    Raises
    ------
    InputError
        If the bandwidth is not positive.
    """
    if not 0 < bandwidth < math.inf:
        raise InputError(
            f"mean shift: expected a positive bandwidth, found {bandwidth:g} voxels; choose one"
        )
    voxels = np.argwhere(mask)
    if len(voxels) == 0:
        return np.zeros((0, 3)), np.zeros(0, np.int64)
    counts, sums = _prefix_sums(mask)
    ends, population = _climb(voxels.astype(np.float64), counts, sums, float(bandwidth))
    centres = _distinct(ends, population, bandwidth)
    members = cKDTree(centres).query(voxels)[1]
    return centres, np.asarray(members, np.int64)


def _distinct(ends: DoubleArray, population: NDArray[np.int64], bandwidth: float) -> DoubleArray:
    """Keep the most populated end points that are further than a bandwidth apart."""
    # If several voxels end at one place, the count of the last is used, as in scikit-learn.
    ends, last = np.unique(ends[::-1], axis=0, return_index=True)
    population = population[::-1][last]
    order = np.lexsort((ends[:, 2], ends[:, 1], ends[:, 0], population))[::-1]
    ends = ends[order]
    tree = cKDTree(ends)
    alive = np.ones(len(ends), bool)
    for i in range(len(ends)):
        if alive[i]:
            alive[tree.query_ball_point(ends[i], bandwidth)] = False
            alive[i] = True
    return ends[alive]


@kernel()
def _prefix_sums(mask):  # type: ignore[no-untyped-def]
    """Number of foreground voxels, and the sum of their x, before each x of each row."""
    nz, ny, nx = mask.shape
    counts = np.zeros((nz, ny, nx + 1), np.int32)
    sums = np.zeros((nz, ny, nx + 1), np.int64)
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                here = 1 if mask[z, y, x] else 0
                counts[z, y, x + 1] = counts[z, y, x] + here
                sums[z, y, x + 1] = sums[z, y, x] + here * x
    return counts, sums


@kernel(parallel=True)
def _climb(starts, counts, sums, bandwidth):  # type: ignore[no-untyped-def]
    """Move each start to the mean of the ball around it until it no longer moves."""
    ends = np.empty_like(starts)
    population = np.empty(len(starts), np.int64)
    for i in prange(len(starts)):
        z, y, x = starts[i]
        for _ in range(_MAX_SHIFTS + 1):
            n, mz, my, mx = _ball_mean(z, y, x, counts, sums, bandwidth)
            population[i] = n
            if n == 0:
                break
            moved = (mz - z) ** 2 + (my - y) ** 2 + (mx - x) ** 2
            z, y, x = mz, my, mx
            if moved <= (_STOP * bandwidth) ** 2:
                break
        ends[i, 0], ends[i, 1], ends[i, 2] = z, y, x
    return ends, population


@kernel()
def _ball_mean(z, y, x, counts, sums, radius):  # type: ignore[no-untyped-def]
    """Number and mean of the foreground voxels within ``radius`` of a point."""
    nz, ny, nx = counts.shape[0], counts.shape[1], counts.shape[2] - 1
    limit = radius * radius
    n, total_z, total_y, total_x = 0, 0, 0, 0
    for k in range(max(0, math.floor(z - radius)), min(nz - 1, math.ceil(z + radius)) + 1):
        for j in range(max(0, math.floor(y - radius)), min(ny - 1, math.ceil(y + radius)) + 1):
            off = (k - z) ** 2 + (j - y) ** 2
            if off > limit:
                continue
            reach = math.sqrt(limit - off)
            first, last = math.ceil(x - reach), math.floor(x + reach)
            # The root is rounded; the distance itself decides.
            if off + (first - 1 - x) ** 2 <= limit:
                first -= 1
            elif off + (first - x) ** 2 > limit:
                first += 1
            if off + (last + 1 - x) ** 2 <= limit:
                last += 1
            elif off + (last - x) ** 2 > limit:
                last -= 1
            first, last = max(0, first), min(nx - 1, last) + 1
            if last <= first:
                continue
            here = counts[k, j, last] - counts[k, j, first]
            n += here
            total_z += here * k
            total_y += here * j
            total_x += sums[k, j, last] - sums[k, j, first]
    if n == 0:
        return 0, z, y, x
    return n, total_z / n, total_y / n, total_x / n
