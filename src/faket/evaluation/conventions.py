"""What three Euler angles mean; every program has its own convention.

Each takes the particle's frame to the tomogram's, as a product of rotations about the fixed axes
(the rightmost acts first):

- RELION, Warp, M: (Rz(Rot) Ry(Tilt) Rz(Psi))⁻¹ (``Euler_angles2matrix`` of RELION's source).
- Dynamo: (Rz(narot) Rx(tilt) Rz(tdrot))⁻¹, written tdrot tilt narot (Dynamo's "Table convention":
  a point r of the template moves to m⁻¹ r; ``dynamo2m`` and ``cryoCAT`` convert in the same way).
- TOM, AV3, STOPGAP, PEET's motive lists: Rz(psi) Rx(theta) Rz(phi), written phi psi theta
  (``cryoCAT``).
- SHREC zxz, SHREC ZXZ: the two readings of SHREC'21's angles, see :mod:`faket.io.shrec.locations`.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from faket.data import AnyArray, DoubleArray


class _Convention(NamedTuple):
    axes: str  # scipy's letters: lower case about fixed axes, upper case about the particle's own
    order: tuple[int, int, int]  # of the written angles
    inverse: bool


CONVENTIONS = {
    "RELION": _Convention("ZYZ", (0, 1, 2), True),
    "Dynamo": _Convention("zxz", (0, 1, 2), True),
    "TOM/AV3": _Convention("zxz", (0, 2, 1), False),
    "SHREC zxz": _Convention("zxz", (0, 1, 2), False),
    "SHREC ZXZ": _Convention("ZXZ", (0, 1, 2), False),
}


@dataclass(frozen=True)
class EulerAngles:
    """Angles as a file writes them.

    Attributes
    ----------
    convention : str
        A key of ``CONVENTIONS``.
    degrees : ndarray, shape (n, 3), float64
    """

    convention: str
    degrees: DoubleArray

    def rotations(self) -> Rotation:
        """Return the rotations that take the particle's frame to the tomogram's."""
        return rotations_of(self.convention, self.degrees)


def rotations_of(convention: str, degrees: AnyArray) -> Rotation:
    """Return the rotations (particle's frame to tomogram's) of angles in a convention.

    Parameters
    ----------
    convention : str
        A key of ``CONVENTIONS``.
    degrees : ndarray, shape (n, 3)
        In the order in which the convention writes them.
    """
    axes, order, inverse = CONVENTIONS[convention]
    angles = np.asarray(degrees, np.float64).reshape(-1, 3)[:, list(order)]
    turned = Rotation.from_euler(axes, angles, degrees=True)
    return turned.inv() if inverse else turned


def angles_of(convention: str, rotations: Rotation) -> DoubleArray:
    """Return the angles of rotations (particle's frame to tomogram's) in a convention.

    Where the middle angle is 0 or 180 degrees, only the sum or difference of the other two matters;
    one of them is then 0.

    Parameters
    ----------
    convention : str
        A key of ``CONVENTIONS``.
    rotations : scipy Rotation of length n

    Returns
    -------
    ndarray, shape (n, 3), float64
        Degrees, in the order in which the convention writes them.
    """
    axes, order, inverse = CONVENTIONS[convention]
    turned = rotations.inv() if inverse else rotations
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # scipy's, where the middle angle is 0
        angles = turned.as_euler(axes, degrees=True)
    return np.asarray(angles, np.float64).reshape(-1, 3)[:, list(np.argsort(order))]


def other_readings(
    rotations: Rotation, angles: EulerAngles | None
) -> Iterator[tuple[str, Rotation]]:
    """Yield the orientations that the file would have in every other convention.

    Parameters
    ----------
    rotations : scipy Rotation of length n
        As they were read.
    angles : EulerAngles or None
        As written in the file; None for quaternions.

    Yields
    ------
    name : str
        Completes "if they were ...".
    rotations : scipy Rotation of length n
    """
    yield "the inverse rotations", rotations.inv()
    if angles is None:
        scalar_first = rotations.as_quat().reshape(-1, 4)[:, [1, 2, 3, 0]]
        turned = Rotation.from_quat(scalar_first)
        yield "quaternions with the scalar first", turned
        yield "inverse quaternions with the scalar first", turned.inv()
        return
    for name in CONVENTIONS:
        if name != angles.convention:
            turned = rotations_of(name, angles.degrees)
            yield f"{name} angles", turned
            yield f"inverse {name} angles", turned.inv()
    yield (
        f"{angles.convention} angles in radians",
        rotations_of(angles.convention, np.rad2deg(angles.degrees)),
    )
