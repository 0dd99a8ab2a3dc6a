"""Molecules on the voxel grid: the collision test and the labels use the same voxels.

A voxel belongs to a molecule where its envelope, interpolated trilinearly at the exact pose, is
at least 0.5. Centres (x, y, z) are in voxels;
``rotation`` takes the particle's frame to the grid's.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import prange

from faket.compiling import kernel
from faket.data import AnyArray, DoubleArray, FloatArray
from faket.specimen.ellipsoids import sampled

_SUBSAMPLES = 4  # per voxel and axis, for the volume of an envelope; chosen, as errors average out
_UNTURNED = np.eye(3)


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
def span(dy: float, dz: float, rotation: DoubleArray, grid: Grid) -> tuple[float, float]:
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
def coordinate(
    j: int, dx: float, dy: float, dz: float, rotation: DoubleArray, origin: DoubleArray
) -> float:
    """Coordinate j of a point in the particle's array: its frame is turned back and shifted."""
    offset: float = rotation[1, j] * dy + rotation[2, j] * dz + origin[j]
    return rotation[0, j] * dx + offset  # type: ignore[no-any-return]


@kernel()
def inside(dx: float, dy: float, dz: float, rotation: DoubleArray, grid: Grid) -> bool:
    """Tell whether the envelope is at least 0.5 at (dx, dy, dz) from the particle's position."""
    envelope = grid.values
    nz, ny, nx = envelope.shape
    x = coordinate(0, dx, dy, dz, rotation, grid.origin)
    y = coordinate(1, dx, dy, dz, rotation, grid.origin)
    z = coordinate(2, dx, dy, dz, rotation, grid.origin)
    i, j, k = math.floor(x), math.floor(y), math.floor(z)
    if i < 0 or j < 0 or k < 0 or i > nx - 2 or j > ny - 2 or k > nz - 2:
        return False
    if grid.cells[k, j, i] != 1:
        return grid.cells[k, j, i] == 2  # type: ignore[no-any-return]
    return _between(envelope, i, j, k, x - i, y - j, z - k) >= 0.5  # type: ignore[no-any-return]


@kernel()
def _between(values: FloatArray, i: int, j: int, k: int, f: float, g: float, h: float) -> float:
    """Interpolate linearly at (i + f, j + g, k + h)."""
    total = 0.0
    for c in range(2):
        for b in range(2):
            row = (1.0 - f) * values[k + c, j + b, i] + f * values[k + c, j + b, i + 1]
            total += (h if c else 1.0 - h) * (g if b else 1.0 - g) * row
    return total


@kernel(parallel=True)
def clear_molecules(
    potential: FloatArray,
    first: int,
    centres: DoubleArray,
    rotations: DoubleArray,
    grid: Grid,
) -> None:
    """Take away what lies in the envelopes of molecules from planes from z = ``first`` on.

    The part that goes is the envelope. Each thread works on its own planes of z.
    """
    nz, ny, nx = potential.shape
    mz, my, mx = grid.values.shape
    for m in prange(nz):
        for n in range(len(centres)):
            centre, rotation = centres[n], rotations[n]
            dz = first + m - centre[2]
            if abs(dz) > grid.radius:
                continue
            j0, j1 = sampled(centre[1] - grid.radius, centre[1] + grid.radius, 0, 1, ny)
            for y in range(j0, j1):
                dy = y - centre[1]
                low, high = span(dy, dz, rotation, grid)
                i0, i1 = sampled(centre[0] + low, centre[0] + high, 0, 1, nx)
                for x in range(i0, i1):
                    dx = x - centre[0]
                    u = coordinate(0, dx, dy, dz, rotation, grid.origin)
                    v = coordinate(1, dx, dy, dz, rotation, grid.origin)
                    w = coordinate(2, dx, dy, dz, rotation, grid.origin)
                    i, j, k = math.floor(u), math.floor(v), math.floor(w)
                    if 0 <= i < mx - 1 and 0 <= j < my - 1 and 0 <= k < mz - 1:
                        part = _between(grid.values, i, j, k, u - i, v - j, w - k)
                        potential[m, y, x] *= 1.0 - min(max(part, 0.0), 1.0)


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
                    count += inside(dx, dy, dz, _UNTURNED, grid)
    return count / n**3


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
            first, last = span(dy, dz, rotation, grid)
            row_exists = 0 <= z < nz and 0 <= y < ny
            for x in range(math.ceil(centre[0] + first), math.floor(centre[0] + last) + 1):
                exists = row_exists and 0 <= x < nx
                if not write and exists and not occupancy[z, y, x]:
                    continue  # a free voxel is no obstacle, whether it is the molecule's or not
                if inside(x - centre[0], dy, dz, rotation, grid):
                    if not write:
                        return -1
                    occupancy[z, y, x] = True
                    count += 1
    return count


@kernel(parallel=True)
def label_molecules(
    class_mask: AnyArray,
    instance_mask: AnyArray,
    origin: tuple[int, int, int],
    step: int,
    centres: DoubleArray,
    rotations: DoubleArray,
    grid: Grid,
    ids: AnyArray,
    label: int,
) -> None:
    """Label the unlabelled samples of molecules of one species.

    Sample [k, j, i] lies at the voxel ``origin`` + step (i, j, k). Each thread works on its own
    planes of z, so the result does not depend on their number.
    """
    nz, ny, nx = class_mask.shape
    reach = grid.radius
    for k in prange(nz):
        for n in range(len(ids)):
            centre, rotation = centres[n], rotations[n]
            dz = origin[2] + step * k - centre[2]
            if abs(dz) > reach:
                continue
            j0, j1 = sampled(centre[1] - reach, centre[1] + reach, origin[1], step, ny)
            for j in range(j0, j1):
                dy = origin[1] + step * j - centre[1]
                low, high = span(dy, dz, rotation, grid)
                i0, i1 = sampled(centre[0] + low, centre[0] + high, origin[0], step, nx)
                for i in range(i0, i1):
                    dx = origin[0] + step * i - centre[0]
                    if class_mask[k, j, i] == 0 and inside(dx, dy, dz, rotation, grid):
                        class_mask[k, j, i] = label
                        instance_mask[k, j, i] = ids[n]
