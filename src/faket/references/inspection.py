"""What is known of a reference, from where, and what is missing: the page of ``faket inspect``."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from faket.data import TiltGeometry
from faket.methods.measurement import USUAL_DOSE_E_PER_A2
from faket.microscope.ctf_estimate import AMPLITUDE_CONTRAST, CtfEstimate
from faket.references.checks import Problem, problems_of
from faket.references.halves import SeenHalves
from faket.references.measured import MeasuredReference, measure
from faket.references.orders import order_words
from faket.references.prepare import raw_geometry
from faket.references.reference import Reference
from faket.references.words import alignment_words

Verdict = Literal["usable", "usable, with doubts", "not usable"]
# What the estimate of the CTF takes for granted.
_USUAL = {"voltage_kV": 300.0, "spherical_aberration_mm": 2.7,
          "amplitude_contrast": AMPLITUDE_CONTRAST}  # fmt: skip
_ASSUMED, _UNKNOWN, _MEASURED = "assumed", "unknown", "measured"


@dataclass(frozen=True)
class Sourced:
    """A value and where it comes from: a file, "given", "measured", "assumed" or "unknown"."""

    value: Any
    source: str


@dataclass(frozen=True)
class Inspection:
    """What is known of one reference, ready for JSON.

    Attributes
    ----------
    name, stack : str
    files : tuple of str
        All files that were read.
    images : int
    size_px : tuple of int
        x, y.
    excluded : tuple of int
        Images that are left out, from 0.
    pixel_size_A, voltage_kV, spherical_aberration_mm, amplitude_contrast : Sourced
    angles_deg : Sourced
        Of the images that are used.
    tilt_axis_deg : Sourced
        In the images as they lie in the file, from y, counter-clockwise; the mean.
    alignment : str
        In words.
    axis_measured_deg, axis_error_deg, residual_shift_A : float or None
        After alignment; None where the images do not show it.
    order, dose_e_per_A2, defocus_um, astigmatism_um, phase_shift_deg : Sourced
    detected_e_per_A2 : Sourced
        Of each tilt, where grey values are counts: the exposure less what ice, the aperture and the
        detector lose.
    defocus_interval_um : tuple of float, or None
        Where the defocus is estimated: what the images allow.
    contrast : str
        ``normal``, ``inverted`` or ``cannot tell``.
    grey_values : str
        ``counts``, ``counts times a gain``, ``positive``, ``normalised``, ``offset``, ``scaled``
        to a number type, or of a ``tomogram``.
    left_out : dict
        Pixels, lines, borders and tilts that are repaired or left out.
    halves : tuple of str, or None
    half_sets : tuple of SeenHalves
        Signal and noise as halves of the stack, or of the tomogram, show them.
    tomogram : str or None
    notices : tuple of str
        What contradicts, was guessed or left out.
    problems : tuple of Problem
    verdict : str
    """

    name: str
    stack: str
    files: tuple[str, ...]
    images: int
    size_px: tuple[int, int]
    excluded: tuple[int, ...]
    pixel_size_A: Sourced
    angles_deg: Sourced
    tilt_axis_deg: Sourced
    alignment: str
    axis_measured_deg: float | None
    axis_error_deg: float | None
    residual_shift_A: float | None
    order: Sourced
    dose_e_per_A2: Sourced
    detected_e_per_A2: Sourced
    defocus_um: Sourced
    defocus_interval_um: tuple[float, float] | None
    astigmatism_um: Sourced
    phase_shift_deg: Sourced
    voltage_kV: Sourced
    spherical_aberration_mm: Sourced
    amplitude_contrast: Sourced
    contrast: str
    grey_values: str
    left_out: dict[str, Any]
    halves: tuple[str, str] | None
    half_sets: tuple[SeenHalves, ...]
    tomogram: str | None
    notices: tuple[str, ...]
    problems: tuple[Problem, ...]
    verdict: Verdict


def inspect(reference: Reference) -> Inspection:
    """Measure a reference and say what is known of it.

    Raises
    ------
    InputError
        If the pixel size or an angle is not known, or the images cannot be read.
    """
    raw = raw_geometry(reference)
    measured = measure(reference)
    problems = problems_of(reference, measured)
    geometry = reference.geometry
    scalars: dict[str, Any] = {name: _scalar(reference, name) for name in _USUAL}
    return Inspection(
        name=reference.name,
        stack=str(reference.path),
        files=tuple(map(str, reference.files)),
        images=reference.images.count,
        size_px=reference.images.size,
        excluded=tuple(np.flatnonzero(geometry.excluded).tolist()),
        pixel_size_A=Sourced(raw.pixel_size_A, _source(reference, "pixel_size_A")),
        angles_deg=Sourced(raw.angles_deg, _source(reference, "angles_deg")),
        tilt_axis_deg=_axis(reference),
        alignment=alignment_words(reference),
        **_shown(measured),
        order=_order(reference, raw),
        dose_e_per_A2=_dose(reference, raw),
        detected_e_per_A2=_detected(measured, raw.pixel_size_A),
        **_defocus(reference, raw, measured.ctf),
        **scalars,
        contrast=measured.contrast.sign,
        grey_values=measured.grey_values,
        left_out=measured.prepared.left_out,
        halves=_halves(reference),
        half_sets=measured.halves,
        tomogram=None if reference.tomogram is None else str(reference.tomogram),
        notices=(*reference.notices, *measured.prepared.notices, *measured.notices),
        problems=problems,
        verdict=verdict_of(problems),
    )


def _shown(measured: MeasuredReference) -> dict[str, Any]:
    """Return axis and shifts as far as the images show them."""
    found, pixel_size_A = measured.alignment, measured.prepared.series.geometry.pixel_size_A
    axis = None if found is None or not found.axis.stands_out else found.axis
    shifts = None if found is None or not found.shifts.certain else found.shifts
    return {
        "axis_measured_deg": None if axis is None else axis.angle_deg,
        "axis_error_deg": None if axis is None else axis.sigma_deg,
        "residual_shift_A": None if shifts is None else shifts.typical_px * pixel_size_A,
    }


def verdict_of(problems: Iterable[Problem]) -> Verdict:
    """Return the verdict on a reference with these problems."""
    kinds = {problem.kind for problem in problems}
    if "refused" in kinds:
        return "not usable"
    return "usable, with doubts" if "doubt" in kinds else "usable"


def _source(reference: Reference, name: str) -> str:
    source = reference.geometry.sources.get(name, _UNKNOWN)
    return "given" if source.startswith("the user (") else source


def _scalar(reference: Reference, name: str) -> Sourced:
    value = getattr(reference.geometry, name)
    if value is None:
        return Sourced(_USUAL[name], _ASSUMED)
    return Sourced(value, _source(reference, name))


def _axis(reference: Reference) -> Sourced:
    axes = reference.geometry.axes_deg[reference.geometry.used]
    known = axes[np.isfinite(axes)]
    if reference.aligned:
        return Sourced(0.0, "the images are aligned")
    if not len(known):
        return Sourced(None, _UNKNOWN)
    return Sourced(float(np.mean(known)), _source(reference, "axes_deg"))


def _order(reference: Reference, raw: TiltGeometry) -> Sourced:
    if raw.order is None:
        return Sourced("dose-symmetric", _ASSUMED)
    return Sourced(order_words(raw.angles_deg, raw.order), _source(reference, "order"))


def _dose(reference: Reference, raw: TiltGeometry) -> Sourced:
    if raw.dose_e_per_A2 is None:
        tilts = len(raw.angles_deg)
        return Sourced(np.full(tilts, USUAL_DOSE_E_PER_A2 / tilts), _ASSUMED)
    return Sourced(raw.dose_e_per_A2, _source(reference, "dose_e_per_A2"))


def _detected(measured: MeasuredReference, pixel_size_A: float) -> Sourced:
    """Return the electrons that were counted, by mean and gain; binning keeps the mean."""
    gain = measured.prepared.gain
    if measured.grey_values not in ("counts", "counts times a gain") or not gain > 0:
        return Sourced(None, _UNKNOWN)
    means = [float(image.mean(dtype=np.float64)) for image in measured.prepared.series.images]
    return Sourced(np.array(means) / (gain * pixel_size_A**2), _MEASURED)


def _defocus(reference: Reference, raw: TiltGeometry, ctf: CtfEstimate | None) -> dict[str, Any]:
    plate = raw.phase_shift_deg
    phase = Sourced(None, _UNKNOWN)
    if plate is not None:
        phase = Sourced(plate, _source(reference, "phase_shift_deg"))
    nothing = Sourced(None, _UNKNOWN)
    if raw.defocus_um is not None:
        source = _source(reference, "defocus_u_um")
        return {
            "defocus_um": Sourced(raw.defocus_um, source), "defocus_interval_um": None,
            "astigmatism_um": Sourced(raw.astigmatism_um, source), "phase_shift_deg": phase,
        }  # fmt: skip
    if ctf is None:
        return {"defocus_um": nothing, "defocus_interval_um": None, "astigmatism_um": nothing,
                "phase_shift_deg": phase}  # fmt: skip
    source = _MEASURED if ctf.confident else "measured, uncertain"
    return {
        "defocus_um": Sourced(ctf.defocus_um, source), "defocus_interval_um": ctf.interval_um,
        "astigmatism_um": nothing, "phase_shift_deg": phase,
    }  # fmt: skip


def _halves(reference: Reference) -> tuple[str, str] | None:
    if reference.halves is None:
        return None
    even, odd = reference.halves
    return str(even.path), str(odd.path)
