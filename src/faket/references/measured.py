"""What the images of a reference show: their alignment, contrast, grey values and defocus."""

import math
from dataclasses import dataclass

from faket.errors import InputError
from faket.evaluation import ContrastSign, contrast_sign
from faket.methods.known import best_ctf, known_ctf
from faket.microscope.ctf_estimate import CtfEstimate
from faket.reconstruction import MeasuredAlignment
from faket.references.alignment import seen_alignment
from faket.references.halves import SeenHalves, seen_halves
from faket.references.prepare import Prepared, prepare, raw_geometry
from faket.references.reference import Reference

# Chosen: enough to see molecules, and 41 tilts are looked at in some seconds.
_SIDE_PX = 1024


@dataclass(frozen=True)
class MeasuredReference:
    """What was measured on the images of a reference, binned to at most 1024 pixels.

    Attributes
    ----------
    prepared : Prepared
    alignment : MeasuredAlignment or None
        None of a tomogram, or where images are too small.
    contrast : ContrastSign
    grey_values : str
        ``scaled`` to a number type, of a ``tomogram``, or as :class:`faket.noise.GreyLevels` says.
    ctf : CtfEstimate or None
        Of metadata where they give the defocus, with what images allow of it; None where the
        images are too small.
    halves : tuple of SeenHalves
    notices : tuple of str
        What is wrong with half tomograms.
    """

    prepared: Prepared
    alignment: MeasuredAlignment | None
    contrast: ContrastSign
    grey_values: str
    ctf: CtfEstimate | None
    halves: tuple[SeenHalves, ...]
    notices: tuple[str, ...]


def measure(reference: Reference) -> MeasuredReference:
    """Read the images of a reference and measure them.

    Raises
    ------
    InputError
        If they cannot be used.
    """
    raw = raw_geometry(reference)
    binning = math.ceil(max(reference.images.size) / _SIDE_PX)
    prepared = prepare(reference, binning * raw.pixel_size_A)
    series = prepared.series
    return MeasuredReference(
        prepared,
        None if reference.is_tomogram else seen_alignment(series),
        contrast_sign(series.images),
        _grey_values(prepared),
        _ctf(prepared, independent=not reference.is_tomogram),
        *seen_halves(reference, prepared),
    )


def _grey_values(prepared: Prepared) -> str:
    if prepared.units is None:
        return "tomogram"
    return prepared.units if prepared.counted else "scaled"


def _ctf(prepared: Prepared, *, independent: bool) -> CtfEstimate | None:
    series = prepared.series
    try:
        return best_ctf(series) if independent else known_ctf(series, None)
    except InputError:  # images under 32 pixels
        return None
