"""Molecules on the voxel grid: the collision test and the labels use the same voxels.

A voxel belongs to a molecule where its envelope, interpolated trilinearly at the exact pose, is
at least 0.5. The potential is interpolated by cubic B-splines. Centres (x, y, z) are in voxels;
``rotation`` takes the particle's frame to the grid's.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import prange

from faket.compiling import kernel
from faket.data import AnyArray, DoubleArray, FloatArray
from faket.specimen.ellipsoids import covered

_SUBSAMPLES = 4  # per voxel and axis, for the volume of an envelope; chosen, as errors average out
_UNTURNED = np.eye(3)
# Unsigned, so that numba does not check indices for being negative.
_ONE, _TWO, _THREE = np.uint64(1), np.uint64(2), np.uint64(3)

Weights = tuple[float, float, float, float]


class Grid(NamedTuple):
    """A species' array, cropped to its non-zero part; a named tuple, because numba knows those.

    Attributes
    ----------
    values : ndarray, shape (z, y, x), float32
    cells : ndarray of uint8, shape (z, y, x)
        Of a cell, from a voxel to the next, 1 if one of the values between which is interpolated
        counts, 2 if all do: those of an envelope from 0.5 on, coefficients that are not negligible.
    origin : ndarray, shape (3,), float64
        Position of the particle's origin in ``values``, as x, y, z.
    low, high : ndarray, shape (3,), float64
        Coordinates (x, y, z) in ``values`` between which interpolation may be non-zero and all
        its taps exist.
    radius : float
        All values farther from the origin are zero.
    """

    values: FloatArray
    cells: AnyArray
    origin: DoubleArray
    low: DoubleArray
    high: DoubleArray
    radius: float


@kernel()
def _span(dy: float, dz: float, rotation: DoubleArray, grid: Grid) -> tuple[float, float]:
    """Return the first and last dx of a row in the grid's box and sphere; first > last: none."""
    square = grid.radius * grid.radius - dy * dy - dz * dz
    if square < 0.0:
        return 1.0, 0.0
    last = math.sqrt(square)
    first = -last
    for j in range(3):
        offset = rotation[1, j] * dy + rotation[2, j] * dz + grid.origin[j]
        slope = rotation[0, j]
        if abs(slope) < 1e-12:
            if offset < grid.low[j] or offset > grid.high[j]:
                return 1.0, 0.0
            continue
        one, other = (grid.low[j] - offset) / slope, (grid.high[j] - offset) / slope
        first, last = max(first, min(one, other)), min(last, max(one, other))
    return first, last


@kernel()
def _coordinate(
    j: int, dx: float, dy: float, dz: float, rotation: DoubleArray, origin: DoubleArray
) -> float:
    """Coordinate j of a point in the particle's array: its frame is turned back and shifted."""
    offset: float = rotation[1, j] * dy + rotation[2, j] * dz + origin[j]
    return rotation[0, j] * dx + offset  # type: ignore[no-any-return]


@kernel()
def _inside(dx: float, dy: float, dz: float, rotation: DoubleArray, grid: Grid) -> bool:
    """Tell whether the envelope is at least 0.5 at (dx, dy, dz) from the particle's position."""
    envelope = grid.values
    nz, ny, nx = envelope.shape
    x = _coordinate(0, dx, dy, dz, rotation, grid.origin)
    y = _coordinate(1, dx, dy, dz, rotation, grid.origin)
    z = _coordinate(2, dx, dy, dz, rotation, grid.origin)
    i, j, k = math.floor(x), math.floor(y), math.floor(z)
    if i < 0 or j < 0 or k < 0 or i > nx - 2 or j > ny - 2 or k > nz - 2:
        return False
    if grid.cells[k, j, i] != 1:
        return grid.cells[k, j, i] == 2  # type: ignore[no-any-return]
    f, g, h = x - i, y - j, z - k
    total = 0.0
    for c in range(2):
        for b in range(2):
            row = (1.0 - f) * envelope[k + c, j + b, i] + f * envelope[k + c, j + b, i + 1]
            total += (h if c else 1.0 - h) * (g if b else 1.0 - g) * row
    return total >= 0.5


@kernel(parallel=True)
def envelope_volume(grid: Grid) -> float:
    """Volume in which the envelope is at least 0.5, voxels."""
    nz, ny, nx = grid.cells.shape
    n = _SUBSAMPLES
    count = 0
    for k in prange(nz):
        for j in range(ny):
            for i in range(nx):
                if grid.cells[k, j, i] != 1:
                    count += n**3 * (grid.cells[k, j, i] == 2)
                    continue
                for sample in range(n**3):
                    dz = k + (sample // n**2 + 0.5) / n - grid.origin[2]
                    dy = j + (sample // n % n + 0.5) / n - grid.origin[1]
                    dx = i + (sample % n + 0.5) / n - grid.origin[0]
                    count += _inside(dx, dy, dz, _UNTURNED, grid)
    return count / n**3  # type: ignore[no-any-return]


@kernel()
def scan_molecule(
    occupancy: AnyArray,
    centre: DoubleArray,
    rotation: DoubleArray,
    grid: Grid,
    write: bool,
) -> int:
    """Return -1 if a voxel of the molecule is occupied or outside the grid, else 0.

    With ``write``, mark the voxels as occupied and return their number.
    """
    nz, ny, nx = occupancy.shape
    radius = grid.radius
    count = 0
    for z in range(math.ceil(centre[2] - radius), math.floor(centre[2] + radius) + 1):
        for y in range(math.ceil(centre[1] - radius), math.floor(centre[1] + radius) + 1):
            dy, dz = y - centre[1], z - centre[2]
            first, last = _span(dy, dz, rotation, grid)
            row_exists = 0 <= z < nz and 0 <= y < ny
            for x in range(math.ceil(centre[0] + first), math.floor(centre[0] + last) + 1):
                exists = row_exists and 0 <= x < nx
                if not write and exists and not occupancy[z, y, x]:
                    continue  # a free voxel is no obstacle, whether it is the molecule's or not
                if _inside(x - centre[0], dy, dz, rotation, grid):
                    if not write:
                        return -1
                    occupancy[z, y, x] = True
                    count += 1
    return count


@kernel()
def first_fit(
    occupancy: AnyArray,
    centres: DoubleArray,
    rotation: DoubleArray,
    points: DoubleArray,
    grid: Grid,
) -> int:
    """Occupy the molecule's voxels at the first free centre; return its index, or -1.

    The voxels nearest to ``points`` (rotated, from the centre) are tested first: one that belongs
    to the molecule and is not free rules the centre out before all voxels are scanned.
    """
    nz, ny, nx = occupancy.shape
    for n in range(len(centres)):
        centre = centres[n]
        fits = True
        for i in range(len(points)):
            x = round(centre[0] + points[i, 0])
            y = round(centre[1] + points[i, 1])
            z = round(centre[2] + points[i, 2])
            exists = 0 <= x < nx and 0 <= y < ny and 0 <= z < nz
            if exists and not occupancy[z, y, x]:
                continue
            dx, dy, dz = x - centre[0], y - centre[1], z - centre[2]
            if _inside(dx, dy, dz, rotation, grid):
                fits = False
                break
        if not fits or scan_molecule(occupancy, centre, rotation, grid, False) < 0:
            continue
        # A molecule may hold no voxel's centre.
        if scan_molecule(occupancy, centre, rotation, grid, True) > 0:
            return n
    return -1


@kernel(parallel=True)
def label_molecules(
    class_mask: AnyArray,
    instance_mask: AnyArray,
    centres: DoubleArray,
    rotations: DoubleArray,
    grid: Grid,
    ids: AnyArray,
    label: int,
) -> None:
    """Label the unlabelled voxels of molecules of one species.

    Each thread works on its own planes of z, so the result does not depend on their number.
    """
    nz, ny, nx = class_mask.shape
    for z in prange(nz):
        for i in range(len(ids)):
            centre, rotation = centres[i], rotations[i]
            dz = z - centre[2]
            if abs(dz) > grid.radius:
                continue
            y0, y1 = covered(centre[1], grid.radius, ny)
            for y in range(y0, y1):
                dy = y - centre[1]
                first, last = _span(dy, dz, rotation, grid)
                start = max(0, math.ceil(centre[0] + first))
                stop = min(nx, math.floor(centre[0] + last) + 1)
                for x in range(start, stop):
                    taken = class_mask[z, y, x] != 0
                    if not taken and _inside(x - centre[0], dy, dz, rotation, grid):
                        class_mask[z, y, x] = label
                        instance_mask[z, y, x] = ids[i]


@kernel()
def _weights(f: float) -> Weights:
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
    wx, wy, wz = _weights(x - i), _weights(y - j), _weights(z - k)
    p, q, r = np.uint64(i - 1), np.uint64(j - 1), np.uint64(k - 1)
    values = grid.values
    a, b = _along_xy(values[r], q, p, wx, wy), _along_xy(values[r + _ONE], q, p, wx, wy)
    c, d = _along_xy(values[r + _TWO], q, p, wx, wy), _along_xy(values[r + _THREE], q, p, wx, wy)
    total: float = _weighed(wz, a, b, c, d)
    return total


@kernel(parallel=True)
def add_molecules(
    potential: FloatArray,
    centres: DoubleArray,
    rotations: DoubleArray,
    grid: Grid,
) -> None:
    """Add the potential of molecules of one species.

    Each thread works on its own planes of z, so the result does not depend on their number.
    """
    nz, ny, nx = potential.shape
    for z in prange(nz):
        for i in range(len(centres)):
            centre, rotation = centres[i], rotations[i]
            dz = z - centre[2]
            if abs(dz) > grid.radius:
                continue
            y0, y1 = covered(centre[1], grid.radius, ny)
            for y in range(y0, y1):
                dy = y - centre[1]
                first, last = _span(dy, dz, rotation, grid)
                start = max(0, math.ceil(centre[0] + first))
                stop = min(nx, math.floor(centre[0] + last) + 1)
                for x in range(start, stop):
                    dx = x - centre[0]
                    u = _coordinate(0, dx, dy, dz, rotation, grid.origin)
                    v = _coordinate(1, dx, dy, dz, rotation, grid.origin)
                    w = _coordinate(2, dx, dy, dz, rotation, grid.origin)
                    # By rounding, a row may end just outside the box.
                    u = min(max(u, grid.low[0]), grid.high[0])
                    v = min(max(v, grid.low[1]), grid.high[1])
                    w = min(max(w, grid.low[2]), grid.high[2])
                    potential[z, y, x] += _spline(u, v, w, grid)
