"""Tilt angles: checked, paired with those of another series, and weighted."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faket.data import DoubleArray
from faket.errors import InputError

LEAST_RANGE_DEG = 0.1  # chosen, because a smaller range of a series is noise about one angle
LARGEST_TILT_DEG = 90.0  # at larger angles the beam would enter the slab from behind


def checked_angles(
    angles_deg: ArrayLike,
    n: int | None = None,
    *,
    name: str = "tilt angles",
    largest_deg: float | None = None,
) -> DoubleArray:
    """Return tilt angles as float64 [tilts].

    Parameters
    ----------
    angles_deg : array_like, shape (tilts,)
    n : int, optional
        Their required number.
    name : str
        Name of the angles in errors.
    largest_deg : float, optional
        Largest allowed angle, of either sign.

    Raises
    ------
    InputError
        If they are not a list of finite numbers, of this length and within these bounds.
    """
    angles = np.atleast_1d(np.asarray(angles_deg, np.float64))
    finite = angles.ndim == 1 and angles.size > 0 and bool(np.isfinite(angles).all())
    if largest_deg is not None and not (finite and (np.abs(angles) <= largest_deg).all()):
        raise InputError(
            f"{name}: expected a list of numbers from {-largest_deg:g} to {largest_deg:g} degrees, "
            f"found {np.array2string(angles, threshold=5)}; correct the list"
        )
    if not finite or n not in (None, len(angles)):
        wanted = "a list of finite numbers" if n is None else f"one finite number for each of {n}"
        raise InputError(
            f"{name}: expected {wanted}{'' if n is None else ' tilts'}, found an array of shape "
            f"{angles.shape}{' with NaN or infinity' if not finite and angles.size else ''}; "
            "correct the list"
        )
    return angles


def nearest_tilts(angles_deg: ArrayLike, others_deg: ArrayLike) -> NDArray[np.intp]:
    """Return for each angle the index of the nearest of the others; the first of equal ones.

    Parameters
    ----------
    angles_deg : array_like, shape (n,)
    others_deg : array_like, shape (m,)

    Returns
    -------
    ndarray of int, shape (n,)
    """
    wanted, others = np.atleast_1d(np.asarray(angles_deg)), np.asarray(others_deg)
    return np.asarray(np.abs(wanted[:, None] - others).argmin(axis=1))  # [n, m] → [n]


def angular_weights(angles_deg: DoubleArray) -> DoubleArray:
    """Return the range of angles (radians) that each tilt represents: half way to its neighbours.

    Tilts of equal angle share their range; a single angle represents π.
    """
    distinct, place, times = np.unique(angles_deg, return_inverse=True, return_counts=True)
    if len(distinct) == 1:
        return np.full(len(place), np.pi / len(place))
    gaps = np.diff(np.radians(distinct))
    widths = (np.append(gaps, gaps[-1]) + np.insert(gaps, 0, gaps[0])) / 2
    return np.asarray((widths / times)[place])
