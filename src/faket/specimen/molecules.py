"""Molecules on the voxel grid: one rasterisation serves the collision test and the labels.

A voxel belongs to a molecule where its envelope, interpolated trilinearly at the exact pose, is
at least 0.5. The potential is interpolated by cubic B-splines. Centres (x, y, z) are in voxels;
``rotation`` takes the particle's frame to the grid's.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit, prange
from scipy.ndimage import spline_filter

from faket.data import AnyArray, DoubleArray, FloatArray, Species
from faket.errors import InputError
from faket.specimen.ellipsoids import covered

_SPLINE_TOLERANCE = 1e-3  # of the largest coefficient: smaller ones at the border are cropped
_SPLINE_PAD = 12  # voxels in which the prefilter's response falls by 0.27 each
_SAMPLE_POINTS = 256


class Grid(NamedTuple):
    """A species' array, cropped to what matters; a named tuple, for numba.

    Attributes
    ----------
    values : ndarray, shape (z, y, x), float32
    origin : ndarray, shape (3,), float64
        Where the particle's origin lies in ``values``, as x, y, z.
    low, high : ndarray, shape (3,), float64
        Coordinates (x, y, z) in ``values`` between which interpolation may be non-zero and all
        its taps exist.
    radius : float
        Farther from the origin there is nothing.
    """

    values: FloatArray
    origin: DoubleArray
    low: DoubleArray
    high: DoubleArray
    radius: float


@dataclass(frozen=True)
class Shape:
    """A species, ready to be placed and painted.

    Attributes
    ----------
    envelope, spline : Grid
    points : ndarray, shape (n, 3), float64
        Voxels (x, y, z from the origin) inside the envelope, near its surface, well spread.
    volume_voxels : int
        Voxels inside the envelope, unrotated.
    """

    envelope: Grid
    spline: Grid
    points: DoubleArray
    volume_voxels: int


def prepare_shape(species: Species) -> Shape:
    """Crop the envelope, filter the potential to B-spline coefficients, choose test points.

    Raises
    ------
    InputError
        If the arrays do not fit each other, are not finite, or the envelope never reaches 0.5.
    """
    envelope, potential = np.asarray(species.envelope), np.asarray(species.potential)
    if envelope.ndim != 3 or envelope.shape != potential.shape:
        raise InputError(
            f"species {species.name!r}: expected potential and envelope [z, y, x] of one shape, "
            f"found {potential.shape} and {envelope.shape}"
        )
    if not np.isfinite(potential).all() or not (envelope >= 0.5).any():
        raise InputError(
            f"species {species.name!r}: expected a finite potential and an envelope that reaches "
            "0.5, found none; its voxels may be too large for it"
        )
    inside = envelope >= 0.5
    padded = np.pad(potential.astype(np.float64), _SPLINE_PAD)
    coefficients = spline_filter(padded, order=3, mode="mirror")
    kept = np.abs(coefficients) > _SPLINE_TOLERANCE * np.abs(coefficients).max()
    if not kept.any():
        kept[padded.shape[0] // 2, padded.shape[1] // 2, padded.shape[2] // 2] = True
    middle = np.array(potential.shape) // 2
    return Shape(
        envelope=_cropped(envelope, inside, middle, reach=1),
        spline=_cropped(coefficients, kept, middle + _SPLINE_PAD, reach=2),
        points=_surface_points(inside, middle),
        volume_voxels=int(inside.sum()),
    )


def _cropped(values: AnyArray, kept: AnyArray, middle: AnyArray, reach: int) -> Grid:
    """Crop to ``kept`` and the voxels on which interpolation near it depends."""
    where = np.argwhere(kept)
    margin = 2 * reach  # `reach` voxels to interpolate in, and as many for their taps
    first = where.min(axis=0) - margin
    padded = np.pad(values, margin)
    shape = where.max(axis=0) + 1 + margin - first
    block = padded[
        tuple(slice(f + margin, f + margin + s) for f, s in zip(first, shape, strict=True))
    ]
    distances = np.linalg.norm(where - middle, axis=1)
    return Grid(
        values=np.ascontiguousarray(block, np.float32),
        origin=(middle - first)[::-1].astype(np.float64),
        low=np.full(3, float(reach)),
        high=(shape - 1 - reach)[::-1].astype(np.float64),
        radius=float(distances.max()) + reach * math.sqrt(3),
    )


def _surface_points(inside: AnyArray, middle: AnyArray) -> DoubleArray:
    """Return voxels inside: the farthest in evenly spread directions, then others, spread."""
    points = (np.argwhere(inside) - middle)[:, ::-1].astype(np.float64)
    farthest = np.unique(np.argmax(points @ fibonacci_sphere(_SAMPLE_POINTS).T, axis=0))
    # Multiples of the golden ratio spread over any range: every prefix of the list covers it.
    spread = np.floor(np.arange(_SAMPLE_POINTS) * 0.618033988749895 % 1 * len(points))
    chosen = np.concatenate([farthest, spread.astype(np.int64)])
    _, order = np.unique(chosen, return_index=True)
    return np.ascontiguousarray(points[chosen[np.sort(order)]])


def fibonacci_sphere(n: int) -> DoubleArray:
    """Return n well-spread unit vectors, shape (n, 3)."""
    i = np.arange(n) + 0.5
    z = 1 - 2 * i / n
    longitude = math.pi * (1 + math.sqrt(5)) * i
    r = np.sqrt(1 - z * z)
    return np.column_stack([r * np.cos(longitude), r * np.sin(longitude), z])


@njit(cache=True)
def _span(dy: float, dz: float, rotation: DoubleArray, grid: Grid) -> tuple[float, float]:
    """Return between which dx a row lies inside the grid's box and sphere (empty: first > last)."""
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


@njit(cache=True)
def _coordinate(
    j: int, dx: float, dy: float, dz: float, rotation: DoubleArray, origin: DoubleArray
) -> float:
    """Coordinate j of a point in the particle's array: its frame is turned back and shifted."""
    offset: float = rotation[1, j] * dy + rotation[2, j] * dz + origin[j]
    return rotation[0, j] * dx + offset  # type: ignore[no-any-return]


@njit(cache=True)
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
    f, g, h = x - i, y - j, z - k
    total = 0.0
    for c in range(2):
        for b in range(2):
            row = (1.0 - f) * envelope[k + c, j + b, i] + f * envelope[k + c, j + b, i + 1]
            total += (h if c else 1.0 - h) * (g if b else 1.0 - g) * row
    return total >= 0.5


@njit(cache=True)
def scan_molecule(
    occupancy: AnyArray,
    centre: DoubleArray,
    rotation: DoubleArray,
    grid: Grid,
    write: bool,
) -> int:
    """Return -1 if a voxel of the molecule is taken or outside the grid, else 0.

    With ``write``, take the voxels and return their number.
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
                    continue  # free: the molecule's or not, it is no obstacle
                if _inside(x - centre[0], dy, dz, rotation, grid):
                    if not write:
                        return -1
                    occupancy[z, y, x] = True
                    count += 1
    return count


@njit(cache=True)
def first_fit(
    occupancy: AnyArray,
    centres: DoubleArray,
    rotation: DoubleArray,
    points: DoubleArray,
    grid: Grid,
) -> int:
    """Take the molecule's voxels at the first centre where they are free; its index, or -1.

    The voxels nearest to ``points`` (rotated, from the centre) are looked at first: those that
    are the molecule's and not free rule a centre out before it is scanned wholly.
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
        if fits and scan_molecule(occupancy, centre, rotation, grid, False) == 0:
            scan_molecule(occupancy, centre, rotation, grid, True)
            return n
    return -1


@njit(parallel=True, cache=True)
def label_molecules(
    class_mask: AnyArray,
    instance_mask: AnyArray,
    centres: DoubleArray,
    rotations: DoubleArray,
    grid: Grid,
    ids: AnyArray,
    label: int,
) -> None:
    """Label the voxels of molecules of one species that have no label yet.

    Threads own planes of z, so the result does not depend on their number.
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


@njit(cache=True)
def _weights(f: float) -> tuple[float, float, float, float]:
    """Cubic B-spline at f + 1, f, 1 - f, 2 - f."""
    g = 1.0 - f
    return (
        g * g * g / 6.0,
        2.0 / 3.0 - 0.5 * f * f * (2.0 - f),
        2.0 / 3.0 - 0.5 * g * g * (2.0 - g),
        f * f * f / 6.0,
    )


@njit(cache=True)
def _spline(values: FloatArray, x: float, y: float, z: float) -> float:
    """Evaluate a cubic B-spline from its coefficients."""
    i, j, k = math.floor(x), math.floor(y), math.floor(z)
    a0, a1, a2, a3 = _weights(x - i)
    ys = _weights(y - j)
    zs = _weights(z - k)
    total = 0.0
    for c in range(4):
        plane = 0.0
        for b in range(4):
            row = values[k - 1 + c, j - 1 + b]
            taps = a0 * row[i - 1] + a1 * row[i] + a2 * row[i + 1] + a3 * row[i + 2]
            plane += ys[b] * taps
        total += zs[c] * plane
    return total


@njit(parallel=True, cache=True)
def add_molecules(
    potential: FloatArray,
    centres: DoubleArray,
    rotations: DoubleArray,
    grid: Grid,
) -> None:
    """Add the potential of molecules of one species.

    Threads own planes of z, so the result does not depend on their number.
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
                    # Rounding may put a row's end a hair outside the box.
                    u = min(max(u, grid.low[0]), grid.high[0])
                    v = min(max(v, grid.low[1]), grid.high[1])
                    w = min(max(w, grid.low[2]), grid.high[2])
                    potential[z, y, x] += _spline(grid.values, u, v, w)
