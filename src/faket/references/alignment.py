"""Whether the images of a reference are aligned, by themselves."""

from dataclasses import dataclass

from faket.data import TiltSeries


@dataclass(frozen=True)
class SeenAlignment:
    """What the images show of their alignment.

    Attributes
    ----------
    axis_deg, axis_error_deg : float or None
        Tilt axis, counter-clockwise from y, and its standard error; None if they do not show it.
    axis_is_off : bool
        Whether it certainly is not along y.
    residual_shift_A : float or None
        Typical shift between neighbouring tilts.
    is_shifted : bool
        Whether it certainly is more than alignment leaves.
    """

    axis_deg: float | None = None
    axis_error_deg: float | None = None
    axis_is_off: bool = False
    residual_shift_A: float | None = None
    is_shifted: bool = False


def measure_alignment(series: TiltSeries) -> SeenAlignment:
    """Measure the tilt axis and the shifts that are left on aligned images."""
    return SeenAlignment()
