"""What `faket inspect` prints: a page of one reference, a table of several."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faket.cli.wording import in_words_of
from faket.errors import InputError

if TYPE_CHECKING:
    from faket.references.inspection import Inspection, Sourced

Row = tuple[str, "Inspection | InputError"]
_COLUMNS = ("name", "verdict", "images", "used", "lowest_deg", "highest_deg", "pixel_size_A",
            "size_px", "alignment", "axis_measured_deg", "residual_shift_A", "dose_e_per_A2",
            "order", "defocus_um", "defocus_source", "contrast", "halves", "problems")  # fmt: skip


def print_page(found: "Inspection") -> None:
    """Print everything about one reference."""
    print(f"{found.name}: {found.verdict}")
    for name, text in _lines(found):
        print(f"  {name:<16}{text}")
    if found.notices:
        print("  said of its files")
        for text in found.notices:
            print(f"    - {_words(text)}")
    for kind, title in (("refused", "not usable, because"), ("doubt", "looks wrong"),
                        ("missing", "assumed or estimated instead")):  # fmt: skip
        problems = [problem for problem in found.problems if problem.kind == kind]
        if problems:
            print(f"  {title}")
        for problem in problems:
            print(f"    - {_words(problem.line)}")


def _lines(found: "Inspection") -> list[tuple[str, str]]:
    from faket.references.words import dose_words, range_words, spread_words

    angles = np.asarray(found.angles_deg.value)
    lines = [
        ("stack", f"{found.stack}, {found.images} images of {found.size_px[0]} x "
                  f"{found.size_px[1]} pixels"),
        ("pixel size", _sourced(f"{found.pixel_size_A.value:.5g} Å", found.pixel_size_A)),
        ("tilts", _sourced(f"{len(angles)}, {range_words(angles)}", found.angles_deg)),
    ]  # fmt: skip
    if found.excluded:
        lines.append(("left out", "images " + ", ".join(map(str, found.excluded)) + " (from 0)"))
    lines += [
        ("tilt axis", _axis(found)),
        ("alignment", found.alignment + _shown(found)),
        ("order", _sourced(str(found.order.value), found.order)),
        (
            "exposure",
            _sourced(dose_words(np.asarray(found.dose_e_per_A2.value)), found.dose_e_per_A2),
        ),
        ("defocus", _defocus(found)),
    ]
    if found.detected_e_per_A2.value is not None:
        detected = dose_words(np.asarray(found.detected_e_per_A2.value))
        lines.insert(-1, ("detected", _sourced(detected, found.detected_e_per_A2)))  # fmt: skip
    if found.phase_shift_deg.value is not None:
        plate = np.asarray(found.phase_shift_deg.value)
        if plate.any():
            lines.append(("phase plate", _sourced(f"{spread_words(plate, '.0f')} degrees",
                                                  found.phase_shift_deg)))  # fmt: skip
    lines += [
        ("voltage", _sourced(f"{found.voltage_kV.value:g} kV", found.voltage_kV)),
        ("Cs", _sourced(f"{found.spherical_aberration_mm.value:g} mm",
                        found.spherical_aberration_mm)),
        ("amplitude", _sourced(f"contrast {found.amplitude_contrast.value:g}",
                               found.amplitude_contrast)),
        ("contrast", _CONTRASTS[found.contrast]),
        ("grey values", _GREY[found.grey_values]),
        ("half sets", _half_sets(found)),
    ]  # fmt: skip
    return lines


def _half_sets(found: "Inspection") -> str:
    names = [] if found.halves is None else [", ".join(Path(half).name for half in found.halves)]
    for halves in found.half_sets:
        agree = "everywhere" if halves.resolution_A is None else f"to {halves.resolution_A:.0f} Å"
        names.append(f"{halves.kind} correlate above 0.143 {agree}")
    return "; ".join(names) or "none"


_CONTRASTS = {
    "normal": "protein is dark",
    "inverted": "protein is bright",
    "cannot tell": "the images do not tell whether protein is dark",
}
_GREY = {
    "counts": "counts of electrons",
    "counts times a gain": "counts of electrons times a gain",
    "positive": "positive; they may be counts or not",
    "normalised": "normalised, no counts: each image has mean 0 and σ 1",
    "offset": "no counts: the mean of some images is not above 0",
    "scaled": "scaled to the range of a number type, no counts",
    "tomogram": "of a tomogram, no counts",
}


def _sourced(text: str, fact: "Sourced") -> str:
    return f"{text} [{fact.source}]"


def _axis(found: "Inspection") -> str:
    if found.tilt_axis_deg.value is None:
        return "not known"
    return _sourced(f"{found.tilt_axis_deg.value:.1f}° from y", found.tilt_axis_deg)


def _shown(found: "Inspection") -> str:
    """Return what the aligned images show."""
    if found.axis_measured_deg is None:
        return "; the images show no tilt axis"
    text = (f"; measured on them: tilt axis {found.axis_measured_deg:+.1f} ± "
            f"{found.axis_error_deg:.1f}° from y")  # fmt: skip
    if found.residual_shift_A is not None:
        text += f", neighbours shifted by {found.residual_shift_A:.1f} Å"
    return text


def _defocus(found: "Inspection") -> str:
    from faket.references.words import spread_words

    if found.defocus_um.value is None:
        return "not known"
    text = f"{spread_words(np.asarray(found.defocus_um.value), '.3f')} µm"
    if found.astigmatism_um.value is not None:
        half = np.abs(np.asarray(found.astigmatism_um.value))
        text += f", U and V {2 * half.mean():.3f} µm apart"
    if found.defocus_interval_um is not None:
        low, high = found.defocus_interval_um
        text += f", its images allow {low:.2f} to {high:.2f}"
    return _sourced(text, found.defocus_um)


def _words(text: str) -> str:
    from faket.cli.inspect import inspect

    return in_words_of(inspect, text)


def print_rows(rows: Sequence[Row]) -> None:
    """Print a row for each series."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=160)  # a file or pipe: rich would break lines at 80
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for title in ("series", "tilts", "range", "pixels", "axis", "exposure", "defocus", "verdict"):
        table.add_column(title, overflow="fold")
    for name, row in rows:
        table.add_row(*_short_row(name, row))
    console.print(table, markup=False, highlight=False)


def _short_row(name: str, row: "Inspection | InputError") -> tuple[str, ...]:
    if isinstance(row, InputError):
        return (name, *[""] * 6, "cannot be opened")
    angles = np.asarray(row.angles_deg.value)
    measured = row.axis_measured_deg
    axis = "" if measured is None else f"{measured:+.1f}°"
    dose = np.asarray(row.dose_e_per_A2.value)
    defocus = row.defocus_um.value
    doubt = ", uncertain" if row.defocus_um.source == "measured, uncertain" else ""
    first = next((p.what for p in row.problems if p.kind in ("refused", "doubt")), "")
    return (
        name,
        f"{len(angles)}/{row.images}",
        f"{angles.min():.0f}° to {angles.max():.0f}°",
        f"{row.size_px[0]} x {row.size_px[1]}, {row.pixel_size_A.value:.4g} Å",
        axis,
        f"{dose.sum():.0f} e/Å²" + (" assumed" if row.dose_e_per_A2.source == "assumed" else ""),
        "" if defocus is None else f"{np.mean(defocus):.2f} µm{doubt}",
        row.verdict + (f": {first}" if first else ""),
    )


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write a CSV with a row for each series."""
    from faket.io.text import write_text

    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    for name, row in rows:
        writer.writerow({"name": name, "verdict": "cannot be opened", "problems": str(row)}
                        if isinstance(row, InputError) else _cells(row))  # fmt: skip
    write_text(path, text.getvalue().splitlines())


def _cells(row: "Inspection") -> dict[str, Any]:
    angles = np.asarray(row.angles_deg.value)
    defocus = row.defocus_um.value
    return {
        "name": row.name,
        "verdict": row.verdict,
        "images": row.images,
        "used": len(angles),
        "lowest_deg": f"{angles.min():.2f}",
        "highest_deg": f"{angles.max():.2f}",
        "pixel_size_A": f"{row.pixel_size_A.value:g}",
        "size_px": f"{row.size_px[0]}x{row.size_px[1]}",
        "alignment": row.alignment,
        "axis_measured_deg": "" if row.axis_measured_deg is None else
        f"{row.axis_measured_deg:.2f}",
        "residual_shift_A": "" if row.residual_shift_A is None else f"{row.residual_shift_A:.2f}",
        "dose_e_per_A2": "" if row.dose_e_per_A2.source == "assumed" else
        f"{np.sum(row.dose_e_per_A2.value):.2f}",
        "order": "" if row.order.source == "assumed" else row.order.value,
        "defocus_um": "" if defocus is None else f"{np.mean(defocus):.3f}",
        "defocus_source": "" if defocus is None else row.defocus_um.source,
        "contrast": row.contrast,
        "halves": "yes" if row.halves else "no",
        "problems": " | ".join(_words(p.line) for p in row.problems if p.kind != "missing"),
    }  # fmt: skip
