"""Whether the images of a reference are aligned, by themselves."""

from faket.data import TiltSeries
from faket.errors import InputError
from faket.reconstruction import MeasuredAlignment, measured_alignment


def seen_alignment(series: TiltSeries) -> MeasuredAlignment | None:
    """Measure the tilt axis and the shifts that are left on aligned images.

    Returns
    -------
    MeasuredAlignment or None
        None where images are too small, or too few, to be looked at.
    """
    try:
        return measured_alignment(series.images, series.geometry.angles_deg)
    except InputError:
        return None
