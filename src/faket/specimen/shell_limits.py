"""Which voxels of a row may belong to a shell around an ellipsoid.

Two ellipsoids limit the voxels of a row for which the exact distance is computed: one with
semi-axes longer by s D encloses all points within a distance D of the surface, one with semi-axes
shorter by s D lies deeper than D. The support function of semi-axes a is h(n) = |a n| for unit
vectors n; that of the larger ellipsoid is at least the component of (a + s D) n along a n, which is
h + s D Σ a n² / h, and so h + D or more if s ≥ h / Σ a n². By Kantorovich's inequality this holds
for s = (l + c) / 2√(l c) of the longest and the shortest semi-axis; for the smaller ellipsoid, of
its own.
Centres (x, y, z) and lengths are in voxels.
"""

import math

import numpy as np

from faket.compiling import kernel
from faket.data import DoubleArray
from faket.specimen.ellipsoids import chord, sampled

_LARGEST_SLACK = 2.0  # s of the smaller ellipsoid; chosen: semi-axes as 1 to 13.9 have it


@kernel()
def _slack(longest: float, shortest: float) -> float:
    """Return s; infinity if an axis has no length."""
    if shortest <= 0.0:
        return math.inf
    return (longest + shortest) / (2.0 * math.sqrt(longest * shortest))


@kernel()
def limits_of(semi_axes: DoubleArray, reach: float) -> DoubleArray:
    """Return the semi-axes of the larger and of the smaller ellipsoid; zeros if that is none.

    Between them are all points within ``reach`` of the surface.
    """
    limits: DoubleArray = np.zeros((2, 3))
    limits[0] = semi_axes + _slack(semi_axes.max(), semi_axes.min()) * reach
    most = _LARGEST_SLACK * reach
    slack = _slack(semi_axes.max() - most, semi_axes.min() - most)
    if slack <= _LARGEST_SLACK:
        limits[1] = semi_axes - slack * reach
    return limits


@kernel()
def row_of_shell(
    x: tuple[int, int, int],
    cx: float,
    dy: float,
    dz: float,
    rotation: DoubleArray,
    limits: DoubleArray,
) -> tuple[int, int, int, int]:
    """Return two ranges of a row's samples, on either side of the lumen, with all of a shell.

    ``x``: voxel of the row's first sample, voxels from one to the next, number of samples.
    """
    origin, step, n = x
    left, right = chord(dy, dz, rotation, limits[0], 1.0)
    if left > right:
        return 0, 0, 0, 0
    enter, leave = 1.0, 0.0
    if limits[1, 0] > 0.0:
        enter, leave = chord(dy, dz, rotation, limits[1], 1.0)
    if enter > leave:
        first, last = sampled(cx + left, cx + right, origin, step, n)
        return first, last, 0, 0
    first, stop = sampled(cx + left, cx + enter, origin, step, n)
    again, last = sampled(cx + leave, cx + right, origin, step, n)
    return first, stop, max(stop, again), last
