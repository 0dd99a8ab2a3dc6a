"""Symmetric matrices as their upper triangles, row by row: how style profiles are stored."""

import math

import numpy as np

from faket.data import AnyArray
from faket.errors import InputError


def triangles_of(matrices: AnyArray) -> AnyArray:
    """Return the upper triangles [tilt, n (n + 1) / 2] of matrices [tilt, n, n]."""
    triangles: AnyArray = matrices[:, *np.triu_indices(matrices.shape[-1])]
    return triangles


def matrices_of(name: str, triangles: AnyArray) -> AnyArray:
    """Return the matrices [tilt, n, n] of upper triangles [tilt, n (n + 1) / 2].

    Raises
    ------
    InputError
        If there is no n for which the triangles have that size; with ``name``.
    """
    n = (math.isqrt(8 * triangles.shape[-1] + 1) - 1) // 2 if triangles.ndim == 2 else 0
    if triangles.ndim != 2 or n * (n + 1) // 2 != triangles.shape[-1]:
        raise InputError(
            f"style profile: expected triangles of matrices in {name}, found shape "
            f"{triangles.shape}; measure the reference again"
        )
    rows, columns = np.triu_indices(n)
    matrices = np.empty((len(triangles), n, n), triangles.dtype)
    matrices[:, rows, columns] = triangles
    matrices[:, columns, rows] = triangles
    return matrices
