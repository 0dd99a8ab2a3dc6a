"""A reference in one line, before work with it begins."""

import numpy as np

from faket.data import DoubleArray, TiltGeometry
from faket.methods.measurement import USUAL_DOSE_E_PER_A2
from faket.references.orders import order_words
from faket.references.prepare import raw_geometry
from faket.references.reference import Reference


def short_form(reference: Reference) -> str:
    """Return size, pixels, tilts, alignment, exposure and defocus of a reference in one line.

    Raises
    ------
    InputError
        If the pixel size or an angle is not known.
    """
    raw = raw_geometry(reference)
    parts = [
        f"{len(raw.angles_deg)} tilts, {range_words(raw.angles_deg)}",
        f"{reference.images.size[0]} x {reference.images.size[1]} pixels of "
        f"{raw.pixel_size_A:.4g} Å",
        alignment_words(reference),
        _exposure(raw),
        _defocus(raw),
    ]
    excluded = len(reference.geometry) - len(raw.angles_deg)
    if excluded:
        parts[0] += f" ({excluded} excluded)"
    if reference.halves is not None:
        parts.append("half sets")
    return "; ".join(parts)


def alignment_words(reference: Reference) -> str:
    """Return in words whether the images are aligned, and who tells it."""
    if reference.is_tomogram:
        return "made of a tomogram"
    if reference.given.aligned is not None:
        return "aligned, as given" if reference.aligned else "not aligned, as given"
    if reference.aligned:
        return "aligned, by the stack's name"
    if reference.aligned is False:
        return f"aligned here by {reference.geometry.sources.get('matrices', 'its metadata')}"
    return "no file tells an alignment: taken as it is"


def range_words(angles_deg: DoubleArray) -> str:
    """Return the range of tilts and their step in words."""
    low, high = float(angles_deg.min()), float(angles_deg.max())
    steps = np.diff(np.sort(angles_deg))
    step = f" by {np.median(steps):.2g}°" if len(steps) else ""
    return f"{low:.1f}° to {high:.1f}°{step}"


def dose_words(dose: DoubleArray) -> str:
    """Return the exposure of a series in words."""
    return f"{spread_words(dose, '.3g')} e/Å² a tilt, {float(np.sum(dose)):.4g} in all"


def spread_words(values: DoubleArray, digits: str) -> str:
    """Return one number, or the lowest and highest where they differ by more than 1 %."""
    low, high = float(np.min(values)), float(np.max(values))
    same = high - low < 0.01 * max(abs(high), abs(low))
    return f"{high:{digits}}" if same else f"{low:{digits}} to {high:{digits}}"


def _exposure(raw: TiltGeometry) -> str:
    order = "order not known"
    if raw.order is not None:
        order = order_words(raw.angles_deg, raw.order)
    if raw.dose_e_per_A2 is None:
        return f"exposure not known ({USUAL_DOSE_E_PER_A2:g} e/Å² assumed), {order}"
    return f"{dose_words(raw.dose_e_per_A2)}, {order}"


def _defocus(raw: TiltGeometry) -> str:
    if raw.defocus_um is None:
        return "defocus not known"
    return f"defocus {spread_words(raw.defocus_um, '.3f')} µm"
