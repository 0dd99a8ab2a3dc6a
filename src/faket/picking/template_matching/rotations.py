"""Lists of uniformly distributed orientations."""

import math

import numpy as np
from scipy.spatial.transform import Rotation

from faket.errors import InputError

# The two irrational numbers of Alexa's super-Fibonacci spirals: the square root of 2, and the
# positive root of ψ⁴ = ψ + 4.
_PHI = math.sqrt(2.0)
_PSI = 1.533751168755204288118041


def uniform_rotations(step_deg: float, symmetry: str = "C1") -> Rotation:
    """Return orientations that cover SO(3) evenly, one of each set that symmetry makes equal.

    The list is a super-Fibonacci spiral (Alexa 2022, "Super-Fibonacci Spirals: Fast, Low-
    Discrepancy Sampling of SO(3)", CVPR) of n = 8π²/δ³ quaternions: 8π² is the volume of SO(3)
    if lengths are angles of rotation, so each orientation represents a cell of δ³. The lists in
    common use have the same number (45,123 at 7°, 7,112 at 12.85°). Of the orientations R g that
    are equal by symmetry, the one with the smallest angle is kept (the group's Dirichlet domain),
    so about n / |G| remain.

    Parameters
    ----------
    step_deg : float
        δ, 2 to 60 degrees.
    symmetry : str
        Schoenflies symbol: C_n, D_n, T, O or I, axes as in scipy's ``Rotation.create_group``
        (C_n about z).

    Returns
    -------
    Rotation
        Take the particle's frame to the tomogram's.

    Raises
    ------
    InputError
        If the step is out of bounds or the symbol is unknown.
    """
    if not 2 <= step_deg <= 60:
        raise InputError(
            f"angular step: expected 2 to 60 degrees, found {step_deg:g}; choose one in that range"
        )
    count = math.ceil(8 * math.pi**2 / math.radians(step_deg) ** 3)
    place = np.arange(count) + 0.5
    inner, outer = np.sqrt(place / count), np.sqrt(1 - place / count)
    alpha, beta = 2 * np.pi * place / _PHI, 2 * np.pi * place / _PSI
    parts = inner * np.sin(alpha), inner * np.cos(alpha), outer * np.sin(beta), outer * np.cos(beta)
    rotations = Rotation.from_quat(np.stack(parts, axis=1))
    group = symmetry_group(symmetry)
    return rotations if len(group) == 1 else rotations[_smallest(rotations, group)]


def symmetry_group(symmetry: str) -> Rotation:
    """Return the rotations of a point group; InputError if the symbol is unknown."""
    try:
        return Rotation.create_group(symmetry.strip().upper())
    except ValueError:
        raise InputError(
            f"symmetry: expected C1, C2, …, D2, …, T, O or I, found {symmetry!r}; choose one of "
            "these"
        ) from None


def _smallest(rotations: Rotation, group: Rotation) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which rotations have an angle no larger than that of any R g."""
    cosines = np.stack([np.abs((rotations * g).as_quat()[:, 3]) for g in group])
    own = np.abs(rotations.as_quat()[:, 3])
    return np.asarray(own >= cosines.max(axis=0) - 1e-12)
