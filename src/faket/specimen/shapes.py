"""Preparation of a species, once, before it is placed and painted."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_erosion, spline_filter

from faket.data import AnyArray, DoubleArray, Species
from faket.errors import InputError
from faket.seeds import generator
from faket.specimen.free_places import balls_inside
from faket.specimen.molecules import Grid, envelope_volume

_SPLINE_TOLERANCE = (
    1e-3  # of the largest coefficient; chosen: smaller ones at the border are cropped
)
_SPLINE_PAD = 12  # voxels, in which the prefilter's response falls by (2 − √3)^12 = 1.4e-7
_SAMPLE_POINTS = 256  # chosen, for speed alone


@dataclass(frozen=True)
class Shape:
    """A species, ready to be placed and painted.

    Attributes
    ----------
    envelope, spline : Grid
    balls : ndarray, shape (n, 4), float64
        Inside the envelope: centres (x, y, z from the origin) and radii, voxels.
    points : ndarray, shape (n, 3), float64
        Voxels (x, y, z from the origin) inside the envelope, near its surface, well spread.
    volume_voxels : float
        Volume inside the envelope, which is the mean number of voxels over random poses.
    """

    envelope: Grid
    spline: Grid
    balls: DoubleArray
    points: DoubleArray
    volume_voxels: float


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
            f"found {potential.shape} and {envelope.shape}; build both on one grid"
        )
    if not np.isfinite(potential).all() or not (envelope >= 0.5).any():
        raise InputError(
            f"species {species.name!r}: expected a finite potential and an envelope that reaches "
            "0.5, found none; its voxels may be too large for the molecule, use smaller ones"
        )
    inside = envelope >= 0.5
    padded = np.pad(potential.astype(np.float64), _SPLINE_PAD)
    coefficients = spline_filter(padded, order=3, mode="mirror")
    kept = np.abs(coefficients) > _SPLINE_TOLERANCE * np.abs(coefficients).max()
    if not kept.any():
        kept[padded.shape[0] // 2, padded.shape[1] // 2, padded.shape[2] // 2] = True
    middle = np.array(potential.shape) // 2
    grid = _cropped(envelope, inside, middle, reach=1)
    return Shape(
        envelope=grid,
        spline=_cropped(coefficients, kept, middle + _SPLINE_PAD, reach=2),
        balls=balls_inside(grid),
        points=_surface_points(inside, middle),
        volume_voxels=max(envelope_volume(grid), 1e-3),
    )


def _cropped(values: AnyArray, kept: AnyArray, middle: AnyArray, reach: int) -> Grid:
    """Crop to ``kept`` and to the voxels that interpolation near it uses.

    Interpolation uses ``reach`` voxels on either side: 1 if linear, 2 if cubic.
    """
    where = np.argwhere(kept)
    margin = 2 * reach  # `reach` voxels to interpolate in, and as many for their taps
    first = where.min(axis=0) - margin
    shape = where.max(axis=0) + 1 + margin - first
    block = tuple(slice(f + margin, f + margin + n) for f, n in zip(first, shape, strict=True))
    taps = np.pad(np.pad(kept, margin)[block], (reach - 1, reach))
    distances = np.linalg.norm(where - middle, axis=1)
    return Grid(
        values=np.ascontiguousarray(np.pad(values, margin)[block], np.float32),
        cells=_cells(taps, 2 * reach),
        origin=(middle - first)[::-1].astype(np.float64),  # z y x → x y z, as low and high
        low=np.full(3, float(reach)),
        high=(shape - 1 - reach)[::-1].astype(np.float64),
        radius=float(distances.max()) + reach * math.sqrt(3),
    )


def _cells(kept: AnyArray, taps: int) -> AnyArray:
    """Return for each cell whether some (1) or all (2) of its ``taps`` values an axis are kept."""
    some = every = kept
    for axis, size in enumerate(kept.shape):
        windows = [range(i, size - taps + 1 + i) for i in range(taps)]
        some = np.logical_or.reduce([some.take(window, axis) for window in windows])
        every = np.logical_and.reduce([every.take(window, axis) for window in windows])
    return some.astype(np.uint8) + every


def _surface_points(inside: AnyArray, middle: AnyArray) -> DoubleArray:
    """Return voxels inside: the farthest in evenly spread directions, then some others."""
    points = (np.argwhere(inside) - middle)[:, ::-1].astype(np.float64)  # z y x → x y z
    # In any direction a voxel whose neighbours all lie inside has one farther out than itself.
    surface = np.flatnonzero(~binary_erosion(inside)[inside])
    # [n, 3] @ [3, directions] → [n, directions] → [directions]
    farthest = np.argmax(points[surface] @ fibonacci_sphere(_SAMPLE_POINTS).T, axis=0)
    farthest = np.unique(surface[farthest])
    # Multiples of the golden ratio: every prefix of the list covers the range evenly.
    spread = np.floor(np.arange(_SAMPLE_POINTS) * 0.618033988749895 % 1 * len(points))
    # Neighbours are mostly free or occupied together: tested after each other, they tell less.
    mixed = generator(0, "order of points").permutation(len(farthest))
    chosen = np.concatenate([farthest[mixed], spread.astype(np.int64)])
    _, order = np.unique(chosen, return_index=True)
    return np.ascontiguousarray(points[chosen[np.sort(order)]])


def fibonacci_sphere(n: int) -> DoubleArray:
    """Return n well-spread unit vectors, shape (n, 3)."""
    i = np.arange(n) + 0.5
    z = 1 - 2 * i / n
    longitude = math.pi * (1 + math.sqrt(5)) * i
    r = np.sqrt(1 - z * z)
    return np.column_stack([r * np.cos(longitude), r * np.sin(longitude), z])
