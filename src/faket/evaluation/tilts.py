"""Which tilts of two stacks are compared, and whether a stack can be compared at all."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faket.data import AnyArray, DoubleArray
from faket.errors import InputError
from faket.statistics import tilt_statistics
from faket.tilts import checked_angles, nearest_tilts

SMALLEST_IMAGE_PX = 32


def checked_stack(stack: AnyArray, name: str) -> tuple[DoubleArray, DoubleArray]:
    """Return mean and σ of every tilt.

    Raises
    ------
    InputError
        If it is no stack, images are smaller than 32 pixels a side, or a tilt is constant or not
        finite.
    """
    mean, sigma = tilt_statistics(stack, name)
    if min(stack.shape[1:]) < SMALLEST_IMAGE_PX:
        raise InputError(
            f"{name}: expected images of at least {SMALLEST_IMAGE_PX} pixels a side, found "
            f"{stack.shape[1]} x {stack.shape[2]}; give larger images"
        )
    if not sigma.all():
        raise InputError(
            f"{name}: expected images with contrast, found tilt {np.argmin(sigma)} (from 0) "
            "constant; remove that tilt"
        )
    return mean, sigma


def matched_tilts(
    n: int,
    m: int,
    angles_deg: ArrayLike | None,
    other_angles_deg: ArrayLike | None,
    *,
    tolerance_deg: float,
    names: tuple[str, str] = ("stack", "other"),
    one_to_one: bool = False,
) -> NDArray[np.int64]:
    """Pair the tilts of two stacks.

    Parameters
    ----------
    n, m : int
        Numbers of tilts.
    angles_deg, other_angles_deg : array_like, shape (n,) and (m,), optional
        If both are given, a tilt is paired with the nearest in angle; otherwise with the one of
        the same index.
    tolerance_deg : float
        Tilts with no partner within this angle are left out.
    names : (str, str)
        Names of the stacks in errors.
    one_to_one : bool
        Use no tilt twice; the nearest pairs are formed first.

    Returns
    -------
    ndarray of int, shape (pairs, 2)
        Indices of the tilts, in the order of the first stack.

    Raises
    ------
    InputError
        If numbers of tilts differ and angles are not given, or no two tilts are near enough.
    """
    given = [
        None if angles is None else checked_angles(angles, count, name=f"{name}, tilt angles")
        for angles, count, name in zip((angles_deg, other_angles_deg), (n, m), names, strict=True)
    ]
    first, second = given
    if first is None or second is None:
        if n != m:
            raise InputError(
                f"{names[1]}: expected {n} tilts as in {names[0]}, found {m}; give the tilt "
                "angles of both to match them by angle"
            )
        return np.stack([np.arange(n), np.arange(n)], axis=1)
    apart = np.abs(first[:, None] - second)
    pairs = _nearest_first(apart) if one_to_one else list(enumerate(nearest_tilts(first, second)))
    kept = [(i, j) for i, j in sorted(pairs) if apart[i, j] <= tolerance_deg]
    if not kept:
        raise InputError(
            f"{names[1]}: expected tilts within {tolerance_deg:g}° of those of {names[0]} "
            f"({first.min():g}° to {first.max():g}°), found {second.min():g}° to "
            f"{second.max():g}°; check the tilt angles of both"
        )
    return np.array(kept, np.int64)


def _nearest_first(apart: DoubleArray) -> list[tuple[int, int]]:
    rows, columns = np.unravel_index(np.argsort(apart, axis=None, kind="stable"), apart.shape)
    partner: dict[int, int] = {}
    taken: set[int] = set()
    for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
        if i not in partner and j not in taken:
            partner[i] = j
            taken.add(j)
    return list(partner.items())
