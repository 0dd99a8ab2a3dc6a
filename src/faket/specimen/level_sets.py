"""Surfaces as level sets: a field on a coarse grid, interpolated by cubic B-splines.

The surface is where the field is 0; it is negative inside. After :func:`faket.specimen.distances`
has been at it, the field is the signed distance from the surface, Å, near to it. Positions are
x y z in Å from the centre of the specimen's voxel [0, 0, 0]; beyond the grid the field is that of
its border.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import prange
from scipy.ndimage import convolve1d, spline_filter

from faket.compiling import kernel
from faket.data import AnyArray, DoubleArray, FloatArray
from faket.specimen.splines import Weights, spline_weights

SPACING_A = 20.0  # of a grid's nodes; chosen: a sphere of radius 150 Å errs by 0.02 Å
MARGIN = 3  # nodes around what is evaluated, for the taps of the interpolation


class LevelSet(NamedTuple):
    """A field on a grid; a named tuple, because numba knows those.

    Attributes
    ----------
    coefficients : ndarray, shape (z, y, x), float32
        Of the cubic B-spline.
    origin_A : ndarray, shape (3,), float64
        x y z of node [0, 0, 0].
    spacing_A : float
    """

    coefficients: FloatArray
    origin_A: DoubleArray
    spacing_A: float


def level_set_of(values: AnyArray, origin_A: AnyArray, spacing_A: float) -> LevelSet:
    """Return the level set that interpolates values [z, y, x] at the nodes of a grid."""
    coefficients = spline_filter(values, order=3, mode="mirror", output=np.float32)
    return LevelSet(coefficients, np.asarray(origin_A, np.float64), float(spacing_A))


def node_values(surface: LevelSet) -> FloatArray:
    """Return the field at the nodes, shape (z, y, x)."""
    values = surface.coefficients
    for axis in range(3):
        values = convolve1d(values, [1 / 6, 2 / 3, 1 / 6], axis=axis, mode="mirror")
    return values


@kernel()
def slope_weights(f: float) -> Weights:
    """First derivatives of :func:`spline_weights`."""
    g = 1.0 - f
    return -0.5 * g * g, f * (1.5 * f - 2.0), g * (2.0 - 1.5 * g), 0.5 * f * f


@kernel()
def bend_weights(f: float) -> Weights:
    """Second derivatives of :func:`spline_weights`."""
    return 1.0 - f, 3.0 * f - 2.0, 1.0 - 3.0 * f, f


@kernel()
def node_of(x_A: float, origin_A: float, spacing_A: float, n: int) -> tuple[int, float]:
    """Return the node before a coordinate and the fraction beyond it, inside the grid's taps."""
    u = min(max((x_A - origin_A) / spacing_A, 1.0), n - 2.000001)
    i = int(u)
    return i, u - i


@kernel()
def value_at(surface: LevelSet, x: float, y: float, z: float) -> float:
    """Return the field at x, y, z."""
    c, o, h = surface.coefficients, surface.origin_A, surface.spacing_A
    i, f = node_of(x, o[0], h, c.shape[2])
    j, g = node_of(y, o[1], h, c.shape[1])
    k, e = node_of(z, o[2], h, c.shape[0])
    wx, wy, wz = spline_weights(f), spline_weights(g), spline_weights(e)
    total = 0.0
    for a in range(4):
        for b in range(4):
            row = c[k - 1 + a, j - 1 + b]
            total += (
                wz[a]
                * wy[b]
                * (wx[0] * row[i - 1] + wx[1] * row[i] + wx[2] * row[i + 1] + wx[3] * row[i + 2])
            )
    return total


@kernel()
def gradient_at(surface: LevelSet, x: float, y: float, z: float) -> Weights:
    """Return the field and its derivatives along x, y, z."""
    c, o, h = surface.coefficients, surface.origin_A, surface.spacing_A
    i, f = node_of(x, o[0], h, c.shape[2])
    j, g = node_of(y, o[1], h, c.shape[1])
    k, e = node_of(z, o[2], h, c.shape[0])
    wx, wy, wz = spline_weights(f), spline_weights(g), spline_weights(e)
    sx, sy, sz = slope_weights(f), slope_weights(g), slope_weights(e)
    value = dx = dy = dz = 0.0
    for a in range(4):
        for b in range(4):
            row = c[k - 1 + a, j - 1 + b]
            p, q, r, s = row[i - 1], row[i], row[i + 1], row[i + 2]
            along = wx[0] * p + wx[1] * q + wx[2] * r + wx[3] * s
            value += wz[a] * wy[b] * along
            dx += wz[a] * wy[b] * (sx[0] * p + sx[1] * q + sx[2] * r + sx[3] * s)
            dy += wz[a] * sy[b] * along
            dz += sz[a] * wy[b] * along
    return value, dx / h, dy / h, dz / h


@kernel()
def to_surface(
    surface: LevelSet, x: float, y: float, z: float, steps: int
) -> tuple[float, float, float]:
    """Follow the gradient to the surface by Newton's method, at most a spacing a step."""
    for _ in range(steps):
        f, gx, gy, gz = gradient_at(surface, x, y, z)
        square = gx * gx + gy * gy + gz * gz
        if square < 1e-12:
            break
        step = -f / square
        longest = surface.spacing_A / math.sqrt(square)
        step = min(max(step, -longest), longest)
        x, y, z = x + step * gx, y + step * gy, z + step * gz
        if abs(step) * math.sqrt(square) < 1e-4 * surface.spacing_A:
            break
    return x, y, z


@kernel(parallel=True)
def values_at(surface: LevelSet, points_A: DoubleArray) -> DoubleArray:
    """Return the field at points, shape (n, 3)."""
    values = np.empty(len(points_A))
    for i in prange(len(points_A)):
        values[i] = value_at(surface, points_A[i, 0], points_A[i, 1], points_A[i, 2])
    return values


@kernel(parallel=True)
def projected(surface: LevelSet, points_A: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """Move points near to the surface onto it; return them and the outward unit normals there."""
    moved, normals = np.empty_like(points_A), np.empty_like(points_A)
    for i in prange(len(points_A)):
        x, y, z = to_surface(surface, points_A[i, 0], points_A[i, 1], points_A[i, 2], 8)
        _, gx, gy, gz = gradient_at(surface, x, y, z)
        length = max(math.sqrt(gx * gx + gy * gy + gz * gz), 1e-12)
        moved[i, 0], moved[i, 1], moved[i, 2] = x, y, z
        normals[i, 0], normals[i, 1], normals[i, 2] = gx / length, gy / length, gz / length
    return moved, normals


@kernel(parallel=True)
def curvatures_at(surface: LevelSet, points_A: DoubleArray) -> DoubleArray:
    """Return mean and Gaussian curvature, 1/Å and 1/Å², at points of the surface, shape (n, 2).

    The mean curvature is half the divergence of the outward normal: 1 / R of a sphere.
    """
    found = np.empty((len(points_A), 2))
    c, o, h = surface.coefficients, surface.origin_A, surface.spacing_A
    for n in prange(len(points_A)):
        i, f = node_of(points_A[n, 0], o[0], h, c.shape[2])
        j, g = node_of(points_A[n, 1], o[1], h, c.shape[1])
        k, e = node_of(points_A[n, 2], o[2], h, c.shape[0])
        wx, wy, wz = spline_weights(f), spline_weights(g), spline_weights(e)
        sx, sy, sz = slope_weights(f), slope_weights(g), slope_weights(e)
        bx, by, bz = bend_weights(f), bend_weights(g), bend_weights(e)
        x = y = z = xx = yy = zz = xy = xz = yz = 0.0
        for a in range(4):
            for b in range(4):
                value = slope = bend = 0.0
                for m in range(4):
                    one = c[k - 1 + a, j - 1 + b, i - 1 + m]
                    value += wx[m] * one
                    slope += sx[m] * one
                    bend += bx[m] * one
                x += wz[a] * wy[b] * slope
                y += wz[a] * sy[b] * value
                z += sz[a] * wy[b] * value
                xx += wz[a] * wy[b] * bend
                yy += wz[a] * by[b] * value
                zz += bz[a] * wy[b] * value
                xy += wz[a] * sy[b] * slope
                xz += sz[a] * wy[b] * slope
                yz += sz[a] * sy[b] * value
        square = max(x * x + y * y + z * z, 1e-30)
        bent = x * x * xx + y * y * yy + z * z * zz + 2 * (x * y * xy + x * z * xz + y * z * yz)
        found[n, 0] = 0.5 * (square * (xx + yy + zz) - bent) / square**1.5 / h
        cofactors = (
            x * x * (yy * zz - yz * yz)
            + y * y * (xx * zz - xz * xz)
            + z * z * (xx * yy - xy * xy)
            + 2 * x * y * (xz * yz - xy * zz)
            + 2 * x * z * (xy * yz - xz * yy)
            + 2 * y * z * (xy * xz - yz * xx)
        )
        found[n, 1] = cofactors / square**2 / h**2
    return found
