"""What is wrong or missing in a reference, what it costs, and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from faket.faults import named_tilts
from faket.methods.measurement import USUAL_DOSE_E_PER_A2
from faket.methods.notices import defocus_doubt
from faket.reconstruction import MeasuredAlignment
from faket.references.measured import MeasuredReference
from faket.references.prepare import raw_geometry
from faket.references.reference import Reference

_ALIGN = (
    "align the stack and put its alignment (.xf, .aln, .xml) beside it, or say with `aligned` that "
    "it is aligned"
)
_SIGNS = (
    "give the alignment of this stack, with the right signs, or say with `aligned` that the images "
    "are aligned already"
)
Kind = Literal["refused", "doubt", "missing"]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong or missing.

    Attributes
    ----------
    kind : {"refused", "doubt", "missing"}
        Refused: no command takes the reference as it is. Doubt: it is used, and looks wrong.
        Missing: something is assumed or estimated instead.
    what : str
        What was found, and what it costs.
    remedy : str
    """

    kind: Kind
    what: str
    remedy: str

    @property
    def line(self) -> str:
        """The problem and its remedy in one line."""
        return f"{self.what}; {self.remedy}"


def problems_of(reference: Reference, measured: MeasuredReference) -> tuple[Problem, ...]:
    """Return what is wrong with a reference or missing, the worst first."""
    found = [
        *alignment_problems(reference, measured.alignment, measured.prepared.kept),
        *_contrast(reference, measured),
        *_defocus(measured),
        *_left_out(reference, measured),
        *_missing(reference, measured),
    ]
    ranks = ("refused", "doubt", "missing")
    return tuple(sorted(found, key=lambda problem: ranks.index(problem.kind)))


def alignment_problems(
    reference: Reference, alignment: MeasuredAlignment | None, kept: Sequence[int]
) -> list[Problem]:
    """Return what the images say against their alignment; ``kept``: their places in the stack."""
    if alignment is None:
        return _not_shown(reference)
    kind: Kind = "doubt" if reference.given.aligned is True else "refused"
    after, remedy = "", _ALIGN
    if reference.aligned is False:
        told = reference.geometry.sources.get("matrices", "its metadata")
        after, remedy = f" after alignment by {told}", _SIGNS
    if alignment.verdict == "rotated":
        axis = alignment.axis
        return [Problem(
            kind,
            f"expected the tilt axis along y, found it at {axis.angle_deg:.0f} ± "
            f"{max(axis.sigma_deg, 0.1):.1g} degrees in the images{after}",
            remedy,
        )]  # fmt: skip
    shifts = alignment.shifts
    if alignment.verdict == "shifted":
        return [Problem(
            kind,
            f"expected aligned images, found them shifted{after} by {shifts.typical_px:.1f} pixels "
            f"(σ) where {shifts.tolerance_px:.1f} are usual",
            remedy,
        )]  # fmt: skip
    if alignment.verdict == "cannot tell":
        return _not_shown(reference)
    if shifts.displaced:
        return [Problem(
            "doubt",
            f"{named_tilts([kept[tilt] for tilt in shifts.displaced])} shifted against the others"
            f"{after}",
            "leave them out or align them anew",
        )]  # fmt: skip
    return []


def _not_shown(reference: Reference) -> list[Problem]:
    if reference.aligned is not None:
        return []
    return [Problem(
        "missing", "no file tells whether the images are aligned, and they do not show it", _ALIGN,
    )]  # fmt: skip


def _contrast(reference: Reference, measured: MeasuredReference) -> list[Problem]:
    if measured.contrast.sign != "inverted":
        return []
    return [Problem(
        "doubt",
        f"expected dark protein, found bright (skewness {measured.contrast.skewness:+.2f})",
        "multiply the images by -1 with `invert`" if not reference.given.invert else
        "leave out `invert`",
    )]  # fmt: skip


def _defocus(measured: MeasuredReference) -> list[Problem]:
    doubt = "" if measured.ctf is None else defocus_doubt(measured.ctf)
    remedy = "check its unit, the voltage, and that it belongs to this series"
    return [Problem("doubt", doubt, remedy)] if doubt else []


def _left_out(reference: Reference, measured: MeasuredReference) -> list[Problem]:
    found = []
    blank = measured.prepared.left_out.get("blank_tilts", [])
    if len(blank) > 0.1 * reference.images.count:
        found.append(Problem("doubt", f"{len(blank)} of {reference.images.count} images are blank",
                             "give another series if you have one"))  # fmt: skip
    steps = np.diff(np.sort(raw_geometry(reference).angles_deg))
    if len(steps) > 2 and steps.max() > 2.5 * max(float(np.median(steps)), 0.1):
        found.append(Problem(
            "doubt", f"the tilt angles have a gap of {steps.max():.1f} degrees",
            "check that no image is missing",
        ))  # fmt: skip
    return found


def _missing(reference: Reference, measured: MeasuredReference) -> list[Problem]:
    raw, found = raw_geometry(reference), []
    if raw.dose_e_per_A2 is None:
        found.append(Problem(
            "missing", f"exposure unknown, {USUAL_DOSE_E_PER_A2:g} e/Å² in all assumed: it gives "
            "the strength of the signal, if grey values are no counts, and radiation damage",
            "give `dose_e_per_A2`, or put the .mdoc beside the stack",
        ))  # fmt: skip
    if raw.order is None:
        found.append(Problem(
            "missing", "order of the tilts unknown, dose-symmetric assumed: it gives radiation "
            "damage", "put the .mdoc beside the stack",
        ))  # fmt: skip
    if measured.ctf is not None and not measured.ctf.confident:
        low, high = measured.ctf.interval_um
        found.append(Problem(
            "missing", f"defocus unknown, its images allow {low:.2f} to {high:.2f} µm",
            "give `defocus_um`, or put a CTF estimate (.defocus, _CTF.txt, ctffind) beside the "
            "stack",
        ))  # fmt: skip
    if reference.geometry.voltage_kV is None:
        found.append(Problem(
            "missing", "voltage unknown, 300 kV assumed", "put the .mdoc or a CTF estimate beside "
            "the stack",
        ))  # fmt: skip
    if reference.halves is None and not measured.halves:
        found.append(Problem(
            "missing", "no half sets (EVN, ODD): at low frequencies noise is inferred from high "
            "ones", "put them beside the stack if your program writes them",
        ))  # fmt: skip
    return found
