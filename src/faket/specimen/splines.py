"""The potential of molecules on the voxel grid, interpolated by cubic B-splines."""

import math
from typing import Any

import numpy as np
from numba import prange

from faket.compiling import kernel
from faket.data import DoubleArray, FloatArray
from faket.specimen.ellipsoids import covered
from faket.specimen.molecules import Grid, coordinate, span

# Unsigned, so that numba does not check indices for being negative.
_ONE, _TWO, _THREE = np.uint64(1), np.uint64(2), np.uint64(3)

Weights = tuple[float, float, float, float]


@kernel()
def spline_weights(f: float) -> Weights:
    """Cubic B-spline at f + 1, f, 1 - f, 2 - f."""
    g = 1.0 - f
    return (
        g * g * g / 6.0,
        2.0 / 3.0 - 0.5 * f * f * (2.0 - f),
        2.0 / 3.0 - 0.5 * g * g * (2.0 - g),
        f * f * f / 6.0,
    )


@kernel()
def _weighed(w: Weights, a: float, b: float, c: float, d: float) -> float:
    return w[0] * a + w[1] * b + w[2] * c + w[3] * d


@kernel()
def _along_x(row: FloatArray, i: Any, wx: Weights) -> float:
    total: float = _weighed(wx, row[i], row[i + _ONE], row[i + _TWO], row[i + _THREE])
    return total


@kernel()
def _along_xy(plane: FloatArray, j: Any, i: Any, wx: Weights, wy: Weights) -> float:
    a, b = _along_x(plane[j], i, wx), _along_x(plane[j + _ONE], i, wx)
    c, d = _along_x(plane[j + _TWO], i, wx), _along_x(plane[j + _THREE], i, wx)
    total: float = _weighed(wy, a, b, c, d)
    return total


@kernel()
def _spline(x: float, y: float, z: float, grid: Grid) -> float:
    """Evaluate a cubic B-spline from its coefficients; 0 where all of them are negligible."""
    i, j, k = math.floor(x), math.floor(y), math.floor(z)
    if grid.cells[k, j, i] == 0:
        return 0.0
    wx, wy, wz = spline_weights(x - i), spline_weights(y - j), spline_weights(z - k)
    p, q, r = np.uint64(i - 1), np.uint64(j - 1), np.uint64(k - 1)
    values = grid.values
    a, b = _along_xy(values[r], q, p, wx, wy), _along_xy(values[r + _ONE], q, p, wx, wy)
    c, d = _along_xy(values[r + _TWO], q, p, wx, wy), _along_xy(values[r + _THREE], q, p, wx, wy)
    total: float = _weighed(wz, a, b, c, d)
    return total


@kernel(parallel=True)
def add_molecules(
    potential: FloatArray,
    first: int,
    centres: DoubleArray,
    rotations: DoubleArray,
    grid: Grid,
) -> None:
    """Add the potential of molecules of one species to planes from z = ``first`` on.

    Each thread works on its own planes of z, so the result does not depend on their number.
    """
    nz, ny, nx = potential.shape
    for k in prange(nz):
        for i in range(len(centres)):
            centre, rotation = centres[i], rotations[i]
            dz = first + k - centre[2]
            if abs(dz) > grid.radius:
                continue
            y0, y1 = covered(centre[1], grid.radius, ny)
            for y in range(y0, y1):
                dy = y - centre[1]
                low, high = span(dy, dz, rotation, grid)
                start = max(0, math.ceil(centre[0] + low))
                stop = min(nx, math.floor(centre[0] + high) + 1)
                for x in range(start, stop):
                    dx = x - centre[0]
                    u = coordinate(0, dx, dy, dz, rotation, grid.origin)
                    v = coordinate(1, dx, dy, dz, rotation, grid.origin)
                    w = coordinate(2, dx, dy, dz, rotation, grid.origin)
                    # By rounding, a row may end just outside the box.
                    u = min(max(u, grid.low[0]), grid.high[0])
                    v = min(max(v, grid.low[1]), grid.high[1])
                    w = min(max(w, grid.low[2]), grid.high[2])
                    potential[k, y, x] += _spline(u, v, w, grid)
