"""Whether the images of a tilt-series are aligned, measured from them alone."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from faket.data import AnyArray
from faket.errors import InputError
from faket.reconstruction.coarse_images import coarse_images
from faket.reconstruction.residual_shifts import ResidualShifts, residual_shifts_of
from faket.reconstruction.tilt_axis import TiltAxis, tilt_axis_of
from faket.tilts import checked_angles

Verdict = Literal["aligned", "rotated", "shifted", "cannot tell"]
# Chosen: alignments know the axis within 0.5°, this measurement within 1°.
_TURNED_DEG = 2.0


@dataclass(frozen=True)
class MeasuredAlignment:
    """Tilt axis and displacements that the images show, beside the axis that was expected.

    Attributes
    ----------
    axis : TiltAxis
    shifts : ResidualShifts
        About the measured axis if the images are rotated, otherwise about the expected one.
    expected_axis_deg : float
    """

    axis: TiltAxis
    shifts: ResidualShifts
    expected_axis_deg: float

    @property
    def is_rotated(self) -> bool:
        """Whether the tilt axis certainly is not where it was expected."""
        return _is_rotated(self.axis, self.expected_axis_deg)

    @property
    def is_aligned(self) -> bool:
        """Whether the axis is as expected and the displacements are within what is tolerated."""
        known = self.axis.stands_out and self.axis.sigma_deg <= 0.5 * _TURNED_DEG
        return known and not self.is_rotated and self.shifts.is_aligned

    @property
    def verdict(self) -> Verdict:
        """What the images are; what is certainly wrong comes before what is not known."""
        if self.is_rotated:
            return "rotated"
        if self.shifts.certain and not self.shifts.is_aligned:
            return "shifted"
        return "aligned" if self.is_aligned else "cannot tell"


def measured_alignment(
    images: AnyArray, angles_deg: ArrayLike, tilt_axis_deg: float = 0.0
) -> MeasuredAlignment:
    """Measure from the images of a tilt-series whether they are aligned.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
        In any order and any grey scale; a memory map is read one image at a time.
    angles_deg : array_like, shape (tilts,)
    tilt_axis_deg : float
        Where the tilt axis should be, counter-clockwise from y: 0 in aligned images.

    Returns
    -------
    MeasuredAlignment

    Raises
    ------
    InputError
        If images, angles or axis are not what they should be, or do not fit.
    """
    if not np.isfinite(tilt_axis_deg):
        raise InputError(f"`tilt_axis_deg`: expected a finite number, found {tilt_axis_deg}")
    coarse = coarse_images(images)
    angles = checked_angles(angles_deg, len(coarse.images))
    axis = tilt_axis_of(coarse, angles)
    about_deg = axis.angle_deg if _is_rotated(axis, tilt_axis_deg) else tilt_axis_deg
    shifts = residual_shifts_of(coarse, angles, about_deg)
    return MeasuredAlignment(axis, shifts, tilt_axis_deg)


def _is_rotated(axis: TiltAxis, expected_deg: float) -> bool:
    """Return whether an axis is clearly elsewhere: three standard errors beyond the tolerance."""
    return axis.stands_out and axis.away_from(expected_deg) - 3 * axis.sigma_deg > _TURNED_DEG
