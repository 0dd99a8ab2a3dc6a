"""Bilayers around level sets on the voxel grid: potential and labels.

Only cells whose coefficients allow a distance within reach are looked at: a B-spline lies between
the smallest and the largest coefficient that it uses.
"""

import math

import numpy as np
from numba import prange

from faket.compiling import kernel
from faket.data import AnyArray, DoubleArray, FloatArray
from faket.specimen.level_sets import LevelSet, node_of
from faket.specimen.splines import spline_weights


@kernel()
def _plane(surface: LevelSet, z_A: float, plane: DoubleArray) -> bool:
    """Write the coefficients [y, x] of the plane at z; return False if the grid ends before it."""
    c = surface.coefficients
    nz, ny, nx = c.shape
    u = (z_A - surface.origin_A[2]) / surface.spacing_A
    if u < 1.0 or u > nz - 2.0:
        return False
    k, f = node_of(z_A, surface.origin_A[2], surface.spacing_A, nz)
    w = spline_weights(f)
    for j in range(ny):
        for i in range(nx):
            plane[j, i] = (
                w[0] * c[k - 1, j, i]
                + w[1] * c[k, j, i]
                + w[2] * c[k + 1, j, i]
                + w[3] * c[k + 2, j, i]
            )
    return True


@kernel()
def _row(
    surface: LevelSet, plane: DoubleArray, y_A: float, reach_A: float, row: DoubleArray
) -> bool:
    """Write the coefficients [x] of the row at y; return False if nothing of it is in reach."""
    ny, nx = plane.shape
    u = (y_A - surface.origin_A[1]) / surface.spacing_A
    if u < 1.0 or u > ny - 2.0:
        return False
    j, f = node_of(y_A, surface.origin_A[1], surface.spacing_A, ny)
    w = spline_weights(f)
    low, high = math.inf, -math.inf
    for i in range(nx):
        row[i] = (
            w[0] * plane[j - 1, i]
            + w[1] * plane[j, i]
            + w[2] * plane[j + 1, i]
            + w[3] * plane[j + 2, i]
        )
        low, high = min(low, row[i]), max(high, row[i])
    return low <= reach_A and high >= -reach_A


@kernel()
def _row_distances(
    surface: LevelSet,
    row: DoubleArray,
    reach_A: float,
    first_A: float,
    step_A: float,
    distances: DoubleArray,
) -> None:
    """Write the distances of the samples of a row, infinity where they are out of reach."""
    nx = surface.coefficients.shape[2]
    before = -1
    near = False
    p = q = r = s = 0.0
    for i in range(len(distances)):
        u = (first_A + step_A * i - surface.origin_A[0]) / surface.spacing_A
        distances[i] = math.inf
        if u < 1.0 or u >= nx - 2.0:
            continue
        m = int(u)
        if m != before:
            before = m
            p, q, r, s = row[m - 1], row[m], row[m + 1], row[m + 2]
            near = min(p, q, r, s) <= reach_A and max(p, q, r, s) >= -reach_A
        if near:
            w = spline_weights(u - m)
            distances[i] = w[0] * p + w[1] * q + w[2] * r + w[3] * s


@kernel(parallel=True)
def add_bilayer(
    potential: FloatArray,
    first: int,
    voxel_A: float,
    surface: LevelSet,
    profile: DoubleArray,
    profile_step_A: float,
) -> None:
    """Add a potential that depends on the distance to planes [z, y, x] from z = ``first`` on.

    ``profile`` holds it at multiples of ``profile_step_A`` from the surface, and 0 at its end. Each
    thread works on its own planes of z, so the result does not depend on their number.
    """
    nz, ny, nx = potential.shape
    reach_A = profile_step_A * (len(profile) - 1)
    for k in prange(nz):
        plane = np.empty(surface.coefficients.shape[1:])
        row, distances = np.empty(surface.coefficients.shape[2]), np.empty(nx)
        if not _plane(surface, (first + k) * voxel_A, plane):
            continue
        for y in range(ny):
            if not _row(surface, plane, y * voxel_A, reach_A, row):
                continue
            _row_distances(surface, row, reach_A, 0.0, voxel_A, distances)
            for x in range(nx):
                place = abs(distances[x]) / profile_step_A
                if place < len(profile) - 1:
                    m = int(place)
                    f = place - m
                    potential[k, y, x] += (1.0 - f) * profile[m] + f * profile[m + 1]


@kernel(parallel=True)
def label_bilayer(
    class_mask: AnyArray,
    instance_mask: AnyArray,
    origin: tuple[int, int, int],
    step: int,
    voxel_A: float,
    surface: LevelSet,
    half_A: float,
    label: int,
    number: int,
) -> None:
    """Label the unlabelled samples no farther than ``half_A`` from the surface.

    Sample [k, j, i] lies at the voxel ``origin`` + step (i, j, k).
    """
    nz, ny, nx = class_mask.shape
    for k in prange(nz):
        plane = np.empty(surface.coefficients.shape[1:])
        row, distances = np.empty(surface.coefficients.shape[2]), np.empty(nx)
        if not _plane(surface, (origin[2] + step * k) * voxel_A, plane):
            continue
        for j in range(ny):
            if not _row(surface, plane, (origin[1] + step * j) * voxel_A, half_A, row):
                continue
            _row_distances(surface, row, half_A, origin[0] * voxel_A, step * voxel_A, distances)
            for i in range(nx):
                if abs(distances[i]) <= half_A and class_mask[k, j, i] == 0:
                    class_mask[k, j, i] = label
                    instance_mask[k, j, i] = number
