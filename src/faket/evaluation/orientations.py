"""Angular errors of orientations, up to the symmetry of the particle."""

import re
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from faket.data import DoubleArray
from faket.errors import InputError

_SYMBOL = re.compile(r"([CD][1-9][0-9]?|T|O|I)\Z")


@dataclass(frozen=True)
class OrientationErrors:
    """Angular errors of the particles that were found and correctly classified.

    Attributes
    ----------
    name : str
        Class, or "all".
    n : int
        Particles compared.
    mean_deg, median_deg, percentile_84_deg : float or None
        None if n is 0. Without symmetry, random orientations have a mean of 126.5 degrees.
    """

    name: str
    n: int
    mean_deg: float | None
    median_deg: float | None
    percentile_84_deg: float | None


def angular_errors_deg(picked: Rotation, true: Rotation, symmetry: str = "C1") -> DoubleArray:
    """Return the smallest angle between each predicted orientation and the equivalent true ones.

    The minimum over S of the rotation angle of R_picked⁻¹ R_true S, where S runs over the symmetry
    group, which acts in the particle's frame.

    Parameters
    ----------
    picked, true : scipy Rotation of length n
        Particle's frame to the tomogram's.
    symmetry : str
        Schoenflies symbol: C1 to C99, D1 to D99, T, O or I; the main axis is the particle's z.

    Returns
    -------
    ndarray, shape (n,), float64
        Degrees, 0 to 180.

    Raises
    ------
    InputError
        If the symbol is another.
    """
    between = picked.inv() * true
    angles = [(between * element).magnitude() for element in symmetry_group(symmetry)]
    smallest: DoubleArray = np.rad2deg(np.min(angles, axis=0)).reshape(-1)
    return smallest


def symmetry_group(symmetry: str) -> Rotation:
    """Return the rotations of a Schoenflies symbol; InputError if there is no such group."""
    if not _SYMBOL.match(symmetry):
        raise InputError(
            f"symmetry: expected C1 to C99, D1 to D99, T, O or I, found {symmetry!r}; choose one "
            "of these"
        )
    return Rotation.create_group(symmetry, axis="Z")


def summarise_errors(name: str, errors_deg: DoubleArray) -> OrientationErrors:
    """Return mean, median and 84th percentile of the errors; None if there are none."""
    if len(errors_deg) == 0:
        return OrientationErrors(name, 0, None, None, None)
    return OrientationErrors(
        name=name,
        n=len(errors_deg),
        mean_deg=float(np.mean(errors_deg)),
        median_deg=float(np.median(errors_deg)),
        percentile_84_deg=float(np.percentile(errors_deg, 84)),
    )
