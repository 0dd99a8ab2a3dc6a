"""Matching the tilts of two stacks: angles, pixel sizes, and which tilts belong together."""

import math
from collections.abc import Sequence

import numpy as np

from faket.data import DoubleArray
from faket.errors import InputError
from faket.tilts import nearest_tilts

# Chosen, because smaller differences come from rounding in a header.
_PIXEL_TOLERANCE = 0.02


def checked_pixel_size(pixel_size_A: float | None, name: str) -> float | None:
    """Return the pixel size, or None; InputError if it is not a positive number."""
    if pixel_size_A is None or (math.isfinite(pixel_size_A) and pixel_size_A > 0):
        return pixel_size_A
    raise InputError(f"{name}: expected a pixel size > 0 Å, found {pixel_size_A}; correct it")


def differ(one_A: float | None, other_A: float | None) -> bool:
    """Return whether two pixel sizes are known and differ."""
    if one_A is None or other_A is None:
        return False
    return abs(one_A - other_A) > _PIXEL_TOLERANCE * max(one_A, other_A)


def tilts_by_angle(
    base: DoubleArray | None, others: Sequence[DoubleArray | None], tilts: int
) -> list[list[tuple[int, int]]]:
    """Return which tilts of several stacks belong to each tilt of the base.

    Parameters
    ----------
    base : ndarray, shape (tilts,), or None
        Stage angles, degrees.
    others : sequence of ndarray or None
        Those of all stacks. A stack with no tilt within the base's widest increment is left out.
        If angles are missing, tilts of the same index belong together.
    tilts : int
        Of the base.

    Returns
    -------
    list of list of (int, int)
        For each tilt of the base the index of a stack and of its tilt.
    """
    if base is None or any(angles is None for angles in others):
        return [[(stack, tilt) for stack in range(len(others))] for tilt in range(tilts)]
    widest = float(np.diff(np.sort(base)).max(initial=0.0)) if tilts > 1 else 180.0
    chosen: list[list[tuple[int, int]]] = [[] for _ in base]
    for stack, angles in enumerate(others):
        assert angles is not None
        nearest = nearest_tilts(base, angles)
        for tilt in np.flatnonzero(np.abs(angles[nearest] - base) <= widest):
            chosen[tilt].append((stack, int(nearest[tilt])))
    return chosen
