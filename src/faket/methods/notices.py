"""Notices of what was assumed or estimated of a reference, one line each.

Settings are in backticks, as in errors (:class:`faket.errors.InputError`).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faket.data import DoubleArray
from faket.methods.measurement import USUAL_DOSE_E_PER_A2
from faket.methods.reference_properties import ReferenceProperties
from faket.microscope.ctf_estimate import CtfEstimate

_BEYOND_DEG = 3.0  # tolerance of angles, as in `faket compare`


def reference_notices(
    properties: ReferenceProperties,
    *,
    dose: DoubleArray | None,
    order: NDArray[np.int64] | None = None,
    counted: bool = True,
) -> list[str]:
    """Return notices of scaled grey values, defocus, assumed exposure or order, gold."""
    notices, ctf = [], properties.ctf
    if not counted:
        notices.append(
            "grey values of the reference are no electron counts (scaled to the range of a number "
            "type, or of a tomogram); the strength of the signal is derived from the exposure"
        )
    if ctf.source == "spectra":
        low, high = ctf.interval_um
        doubt = "" if ctf.confident else ", which is uncertain"
        notices.append(
            f"defocus of the reference estimated as {ctf.defocus_um.mean():.2f} µm{doubt} "
            f"(its images allow {low:.2f} to {high:.2f} µm); give `defocus_um` if you know it"
        )
    if doubt := defocus_doubt(ctf):
        notices.append(
            f"reference: {doubt}; check `defocus_um`, the file that gives it, and the voltage"
        )
    tilts = len(properties.noise)
    if dose is None:
        sequence = "dose-symmetric, " if order is None else ""
        notices.append(
            f"exposure of the reference assumed as {sequence}{USUAL_DOSE_E_PER_A2:g} e/Å² in all, "
            f"{USUAL_DOSE_E_PER_A2 / tilts:.1f} a tilt; give `dose_e_per_A2` if you know it"
        )
    elif order is None:
        notices.append("order of the reference's tilts assumed as dose-symmetric")
    if found := properties.gold_found:
        beads = "1 bead" if found == 1 else f"{found} beads"
        notices.append(f"{beads} of gold found in the reference and left out of its signal")
    return notices


def defocus_doubt(ctf: CtfEstimate) -> str:
    """Return that the images do not show the defocus that was given; empty if they may."""
    if not ctf.is_doubted:
        return ""
    low, high = ctf.interval_um
    return (
        f"its defocus is given as {ctf.defocus_um.mean():.2f} µm, but its images allow {low:.2f} "
        f"to {high:.2f} µm"
    )


def coverage_notice(reference_deg: ArrayLike, wanted_deg: ArrayLike) -> list[str]:
    """Return a notice of tilts that lie beyond those of the reference."""
    known, wanted = np.asarray(reference_deg), np.asarray(wanted_deg)
    low, high = known.min(), known.max()
    beyond = int(np.sum((wanted < low - _BEYOND_DEG) | (wanted > high + _BEYOND_DEG)))
    if not beyond:
        return []
    return [
        f"{beyond} of {len(wanted)} tilts ({wanted.min():g}° to {wanted.max():g}°) lie beyond the "
        f"reference's ({low:g}° to {high:g}°); they are made to look like its outermost tilts"
    ]
