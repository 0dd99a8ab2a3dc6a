"""Numba kernels of the tilt projector, which handle 64 rows of y together.

A voxel at (z, x) lands on the detector at u = (x - cx) cos θ + (z - cz) sin θ + cu and is split
over the four nearest pixels by the cubic convolution kernel of Keys (1981) with a = -1/2. Its
weights sum to 1 and keep the first and second moments: mass and centre are conserved and,
unlike with linear splitting, the image is not blurred. Back-projection gathers with the same
weights, which makes it the exact adjoint.

Tiles of (z, x) voxels are copied with y innermost and used for all tilts while they are in the
cache; besides them a thread holds only one accumulator of all tilts for its 64 rows. Threads work
on disjoint rows, so the result does not depend on their number.
"""

import math

import numpy as np
from numba import njit, prange

from faket.compiling import kernel
from faket.data import AnyArray, FloatArray
from faket.interpolation import keys_weights

LANES = 64  # rows handled together; chosen, to amortise the scalar work per voxel
_Z_TILE, _X_TILE = 4, 128  # chosen: a tile of 128 kB stays in the second-level cache
_PAD = 3  # detector columns on each side that catch the kernel's tails


_keys_weights = njit(inline="always")(keys_weights)


@njit(inline="always")
def _aim(x0, x1, cos, offset, width, filled, columns, pixels, weights):  # type: ignore[no-untyped-def]
    """List the filled voxels x0 <= x < x1 that hit the detector, at u = x cos + offset."""
    n = 0
    for x in range(x0, x1):
        u = x * cos + offset
        if u > -2.0 and u < width + 1.0 and filled[x - x0]:
            left = math.floor(u)
            a, b, c, d = _keys_weights(u - left)
            weights[n, 0], weights[n, 1], weights[n, 2], weights[n, 3] = a, b, c, d
            pixels[n] = np.uint32(left - 1 + _PAD)
            columns[n] = np.uint32(x - x0)
            n += 1
    return np.uint32(n)


@njit(inline="always")
def _load(volume, z, y0, y1, x0, x1, tile, filled):  # type: ignore[no-untyped-def]
    """Copy one z of a tile with y innermost, and mark the columns that are not empty."""
    filled[:] = False
    for y in range(y0, y1):
        for x in range(x0, x1):
            value = volume[z, y, x]
            tile[x - x0, y - y0] = value
            filled[x - x0] |= value != 0.0


@njit(inline="always")
def _splat(tile, n, columns, pixels, weights, total):  # type: ignore[no-untyped-def]
    one, two, three = np.uint32(1), np.uint32(2), np.uint32(3)
    for i in range(n):
        x, j = columns[i], pixels[i]
        w0, w1, w2, w3 = weights[i, 0], weights[i, 1], weights[i, 2], weights[i, 3]
        for lane in range(LANES):
            value = tile[x, lane]
            total[j, lane] += w0 * value
            total[j + one, lane] += w1 * value
            total[j + two, lane] += w2 * value
            total[j + three, lane] += w3 * value


@njit(inline="always")
def _gather(tile, n, columns, pixels, weights, rows):  # type: ignore[no-untyped-def]
    one, two, three = np.uint32(1), np.uint32(2), np.uint32(3)
    for i in range(n):
        x, j = columns[i], pixels[i]
        w0, w1, w2, w3 = weights[i, 0], weights[i, 1], weights[i, 2], weights[i, 3]
        for lane in range(LANES):
            tile[x, lane] += (
                w0 * rows[j, lane]
                + w1 * rows[j + one, lane]
                + w2 * rows[j + two, lane]
                + w3 * rows[j + three, lane]
            )


@njit(inline="always")
def _add_rows(volume, first, depth, y0, y1, cosines, sines, total):  # type: ignore[no-untyped-def]
    """Add the projections of the rows y0 <= y < y1 to ``total`` [tilt, column, lane]."""
    nz, _, nx = volume.shape
    nt, width = total.shape[0], total.shape[1] - 2 * _PAD
    tile = np.zeros((_Z_TILE, _X_TILE, LANES), np.float32)
    filled = np.zeros((_Z_TILE, _X_TILE), np.bool_)
    columns, pixels = np.empty(_X_TILE, np.uint32), np.empty(_X_TILE, np.uint32)
    weights = np.empty((_X_TILE, 4), np.float32)
    for z0 in range(0, nz, _Z_TILE):
        z1 = min(nz, z0 + _Z_TILE)
        for x0 in range(0, nx, _X_TILE):
            x1 = min(nx, x0 + _X_TILE)
            for z in range(z0, z1):
                _load(volume, z, y0, y1, x0, x1, tile[z - z0], filled[z - z0])
            for t in range(nt):
                cos, sin = cosines[t], sines[t]
                for z in range(z0, z1):
                    offset = width // 2 - (nx // 2) * cos + (first + z - depth // 2) * sin
                    n = _aim(x0, x1, cos, offset, width, filled[z - z0], columns, pixels, weights)
                    _splat(tile[z - z0], n, columns, pixels, weights, total[t])


@kernel(parallel=True, fastmath={"contract"})
def project_kernel(
    volume: FloatArray, cosines: AnyArray, sines: AnyArray, stack: FloatArray
) -> None:
    """Write the projections of ``volume`` [z, y, x] into ``stack`` [tilt, y, u]."""
    nz, ny, _ = volume.shape
    nt, _, width = stack.shape
    for block in prange((ny + LANES - 1) // LANES):
        y0 = block * LANES
        y1 = min(ny, y0 + LANES)
        total = np.zeros((nt, width + 2 * _PAD, LANES), np.float32)
        _add_rows(volume, 0, nz, y0, y1, cosines, sines, total)
        for t in range(nt):
            for y in range(y0, y1):
                for u in range(width):
                    stack[t, y, u] = total[t, u + _PAD, y - y0]


def empty_totals(tilts: int, rows: int, width: int) -> FloatArray:
    """Return zeros for :func:`add_kernel` to add to: [block of rows, tilt, column, lane]."""
    return np.zeros((-(-rows // LANES), tilts, width + 2 * _PAD, LANES), np.float32)


@kernel(parallel=True, fastmath={"contract"})
def add_kernel(
    planes: FloatArray,
    first: int,
    depth: int,
    cosines: AnyArray,
    sines: AnyArray,
    totals: FloatArray,
) -> None:
    """Add to ``totals`` the projections of planes from z = ``first`` on, of ``depth`` in all.

    Sums of planes in order are those of :func:`project_kernel` if ``first`` divides by 4.
    """
    ny = planes.shape[1]
    for block in prange((ny + LANES - 1) // LANES):
        y0 = block * LANES
        y1 = min(ny, y0 + LANES)
        _add_rows(planes, first, depth, y0, y1, cosines, sines, totals[block])


@kernel(parallel=True)
def collect_kernel(totals: FloatArray, stack: FloatArray) -> None:
    """Write what :func:`add_kernel` has added up into ``stack`` [tilt, y, u]."""
    nt, ny, width = stack.shape
    for t in prange(nt):
        for y in range(ny):
            for u in range(width):
                stack[t, y, u] = totals[y // LANES, t, u + _PAD, y % LANES]


@kernel(parallel=True)
def find_filled(volume: FloatArray, filled: AnyArray) -> None:
    """Mark in ``filled`` [z, block of rows, x] where ``volume`` [z, y, x] is not 0."""
    nz, ny, nx = volume.shape
    for z in prange(nz):
        for y in range(ny):
            for x in range(nx):
                filled[z, y // LANES, x] |= volume[z, y, x] != 0.0


@njit(inline="always")
def _load_listed(volume, z, y0, y1, x0, n, columns, tile):  # type: ignore[no-untyped-def]
    """Copy the listed columns of one z of a tile with y innermost."""
    for y in range(y0, y1):
        for i in range(n):
            tile[columns[i], y - y0] = volume[z, y, x0 + columns[i]]


@njit(inline="always")
def _to_slices(z, x0, n, columns, pixels, weights, geometry, firsts, starts):  # type: ignore[no-untyped-def]
    """Turn detector columns into positions in the row of all bands, each with its own margins."""
    cos, sin, thickness, cz, cx = geometry
    ns = len(firsts)
    for i in range(n):
        depth = (z - cz) * cos - (int(columns[i]) + x0 - cx) * sin
        s = min(max(math.floor(depth / thickness + 0.5 * ns), 0), ns - 1)
        inside = int(pixels[i]) - firsts[s]
        if inside < 0 or inside + 3 >= starts[s + 1] - starts[s] + 2 * _PAD:
            weights[i, :] = 0.0
            inside = 0
        pixels[i] = np.uint32(starts[s] + 2 * _PAD * s + inside)


@kernel(parallel=True, fastmath={"contract"})
def slice_kernel(
    volume: FloatArray,
    filled: AnyArray,
    cos: float,
    sin: float,
    thickness: float,
    width: int,
    firsts: AnyArray,
    starts: AnyArray,
    out: FloatArray,
) -> None:
    """Write one projection, cut along the beam, band by band [y, columns] into the flat ``out``.

    The beam coordinate z' = -x sin θ + z cos θ of a voxel selects its slice; voxels beyond all
    slices are added to the first or the last. Of slice s, starts[s + 1] - starts[s] detector
    columns from firsts[s] on are kept.
    """
    nz, ny, nx = volume.shape
    ns = len(firsts)
    geometry = (cos, sin, thickness, nz // 2, nx // 2)
    for block in prange((ny + LANES - 1) // LANES):
        y0 = block * LANES
        y1 = min(ny, y0 + LANES)
        total = np.zeros((starts[ns] + 2 * _PAD * ns, LANES), np.float32)
        tile = np.zeros((_X_TILE, LANES), np.float32)
        columns, pixels = np.empty(_X_TILE, np.uint32), np.empty(_X_TILE, np.uint32)
        weights = np.empty((_X_TILE, 4), np.float32)
        for z in range(nz):
            offset = width // 2 - (nx // 2) * cos + (z - nz // 2) * sin
            for x0 in range(0, nx, _X_TILE):
                here = filled[z, block, x0 : x0 + _X_TILE]
                if not here.any():
                    continue
                x1 = min(nx, x0 + _X_TILE)
                n = _aim(x0, x1, cos, offset, width, here, columns, pixels, weights)
                _load_listed(volume, z, y0, y1, x0, n, columns, tile)
                _to_slices(z, x0, n, columns, pixels, weights, geometry, firsts, starts)
                _splat(tile, n, columns, pixels, weights, total)
        for s in range(ns):
            wide = starts[s + 1] - starts[s]
            for y in range(y0, y1):
                at, row = ny * starts[s] + y * wide, starts[s] + 2 * _PAD * s + _PAD
                for u in range(wide):
                    out[at + u] = total[row + u, y - y0]


@kernel(parallel=True, fastmath={"contract"})
def back_project_kernel(
    stack: FloatArray, cosines: AnyArray, sines: AnyArray, volume: FloatArray
) -> None:
    """Write the back-projection of ``stack`` [tilt, y, u] into ``volume`` [z, y, x]."""
    nz, ny, nx = volume.shape
    nt, _, width = stack.shape
    everywhere = np.ones(_X_TILE, np.bool_)
    for block in prange((ny + LANES - 1) // LANES):
        y0 = block * LANES
        y1 = min(ny, y0 + LANES)
        rows = np.zeros((nt, width + 2 * _PAD, LANES), np.float32)
        for t in range(nt):
            for y in range(y0, y1):
                for u in range(width):
                    rows[t, u + _PAD, y - y0] = stack[t, y, u]
        tile = np.empty((_Z_TILE, _X_TILE, LANES), np.float32)
        columns, pixels = np.empty(_X_TILE, np.uint32), np.empty(_X_TILE, np.uint32)
        weights = np.empty((_X_TILE, 4), np.float32)
        for z0 in range(0, nz, _Z_TILE):
            z1 = min(nz, z0 + _Z_TILE)
            for x0 in range(0, nx, _X_TILE):
                x1 = min(nx, x0 + _X_TILE)
                tile[:] = 0.0
                for t in range(nt):
                    cos, sin = cosines[t], sines[t]
                    for z in range(z0, z1):
                        offset = width // 2 - (nx // 2) * cos + (z - nz // 2) * sin
                        n = _aim(x0, x1, cos, offset, width, everywhere, columns, pixels, weights)
                        _gather(tile[z - z0], n, columns, pixels, weights, rows[t])
                for z in range(z0, z1):
                    for y in range(y0, y1):
                        for x in range(x0, x1):
                            volume[z, y, x] = tile[z - z0, x - x0, y - y0]
