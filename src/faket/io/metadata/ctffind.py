"""ctffind 4 and 5 text, AreTomo's ``_CTF.txt`` and gctf's STAR: defocus an image.

ctffind's columns: number from 1, defocus 1 and 2 (Å), angle of the first from x (degrees), phase
shift (radians), and how good it is; version 5 adds tilt and thickness, AreTomo 3 a hand of its
own, which is not read. AreTomo's numbers count the images when sorted by angle, dark ones too
(`CSaveCtfResults`). gctf names the image, and in a stack that was cut its number behind the name.
"""

import math
import re

from faket.io.metadata.document import MOST_TILTS, Document
from faket.io.metadata.facts import SeriesFacts, TiltFacts, frame_name
from faket.io.metadata.tables import Rows
from faket.io.star import Table
from faket.units import UM_PER_A

_PER_HEADER = {
    "pixel_size_A": (re.compile(r"Pixel size:\s*([-+.\deE]+(?:,\d+)?)"), "pixel size in Å"),
    "voltage_kV": (re.compile(r"acceleration voltage:\s*([-+.\deE]+(?:,\d+)?)"), "voltage in kV"),
    "spherical_aberration_mm": (
        re.compile(r"spherical aberration:\s*([-+.\deE]+(?:,\d+)?)"),
        "spherical aberration in mm",
    ),
    "amplitude_contrast": (
        re.compile(r"amplitude contrast:\s*([-+.\deE]+(?:,\d+)?)"),
        "amplitude contrast",
    ),
}
_INPUT = re.compile(r"Input file:\s*(\S+)\s*;\s*Number of micrographs:\s*(\d+)")
_LEAST_COLUMNS = 7
_NUMBERED = re.compile(r"(?:\.mrcs?\.|\.st\.|^)0*(\d{1,6})(?:@.*)?$")


def read_ctffind(document: Document) -> SeriesFacts:
    """Read ctffind's text or AreTomo's ``_CTF.txt``.

    Raises
    ------
    InputError
        If rows are missing, are cut or cannot be used.
    """
    header = " ".join(line for _, line in document.lines if line.startswith("#"))
    ctffind = "CTFFind" in header
    rows = [(n, line.split()) for n, line in document.lines if not line.startswith("#")]
    if not rows:
        raise document.error("expected a row an image, found none; copy the file again")
    if len(rows) > MOST_TILTS:
        raise document.error(f"expected at most {MOST_TILTS} images, found more")
    told = _INPUT.search(header)
    listed = int(told[2][:9]) if told else len(rows)
    if listed > len(rows):
        raise document.error(f"expected {listed} rows by its header, found {len(rows)}; copy the "
                             "file again")  # fmt: skip
    # The header of AreTomo and of ctffind lists the columns: "#1 micrograph number; #2 - defocus".
    columns = max([_LEAST_COLUMNS, *(int(k) for k in re.findall(r"#(\d{1,2}) ", header))])
    numbers = [document.whole(str(_number(document, n, w, columns)), f"line {n}") for n, w in rows]
    first = min(numbers)  # AreTomo reads either way of counting
    if sorted(numbers) != list(range(first, first + len(rows))) or first > 1:
        raise document.error("expected the images' numbers one after another from 1, found "
                             f"{min(numbers)} to {max(numbers)} in {len(rows)} rows")  # fmt: skip
    values = {
        name: document.number(match[1], "header", what)
        for name, (pattern, what) in _PER_HEADER.items()
        if ctffind and (match := pattern.search(header))
    }
    return SeriesFacts(
        "ctffind" if ctffind else "AreTomo _CTF.txt",
        str(document.path),
        "ctf",
        tuple(_tilt(document, n, w, k - first) for (n, w), k in zip(rows, numbers, strict=True)),
        by_angle=not ctffind,
        notices=(f"its header tells of {listed} images",) if listed < len(rows) else (),
        stack=told[1] if told else None,
        pixel_size_A=values.get("pixel_size_A"),
        voltage_kV=values.get("voltage_kV"),
        spherical_aberration_mm=values.get("spherical_aberration_mm"),
        amplitude_contrast=values.get("amplitude_contrast"),
    )


def _number(document: Document, number: int, words: list[str], columns: int) -> float:
    if len(words) < columns:
        raise document.error(f"line {number}: expected {columns} columns or more, found "
                             f"{len(words)}; copy the file again")  # fmt: skip
    return document.number(words[0], f"line {number}", "number")


def _tilt(document: Document, number: int, words: list[str], section: int) -> TiltFacts:
    where = f"line {number}"
    u, v = (document.number(w, where, "defocus in µm", factor=UM_PER_A) for w in words[1:3])
    return TiltFacts(
        section=section,
        defocus_u_um=u,
        defocus_v_um=v,
        astigmatism_deg=document.number(words[3], where, "angle"),
        phase_shift_deg=document.number(words[4], where, "angle", factor=math.degrees(1)),
    )


def read_gctf(document: Document, table: Table) -> SeriesFacts:
    """Read gctf's ``micrographs_all_gctf.star``, or RELION's of single images.

    Raises
    ------
    InputError
        If columns are missing or cannot be used.
    """
    rows = Rows(document, table).filled()
    names = rows.texts("rlnMicrographName")
    sections = _sections(names)
    u, v, angle = (rows.required(name, what, factor) for name, what, factor in (
        ("rlnDefocusU", "defocus in µm", UM_PER_A),
        ("rlnDefocusV", "defocus in µm", UM_PER_A),
        ("rlnDefocusAngle", "angle", 1.0),
    ))  # fmt: skip
    phase = rows.optional("rlnPhaseShift", "angle")
    tilts = tuple(
        TiltFacts(
            section=sections[i],
            frame=frame_name(names[i]) if sections[i] is None else None,
            defocus_u_um=u[i],
            defocus_v_um=v[i],
            astigmatism_deg=angle[i],
            phase_shift_deg=phase[i],
        )
        for i in range(len(names))
    )
    return SeriesFacts(
        "gctf STAR",
        str(document.path),
        "ctf",
        tilts,
        pixel_size_A=_pixel_size(rows),
        voltage_kV=rows.one("rlnVoltage", "voltage in kV"),
        spherical_aberration_mm=rows.one("rlnSphericalAberration", "spherical aberration in mm"),
        amplitude_contrast=rows.one("rlnAmplitudeContrast", "amplitude contrast"),
    )


def _sections(names: list[str]) -> list[int | None]:
    """Return each image's number from 0, where all names end in numbers of a stack."""
    matches = [_NUMBERED.search(name.split("/")[-1]) for name in names]
    numbers = [int(match[1]) for match in matches if match]
    if sorted(numbers) != list(range(1, len(names) + 1)):
        return [None] * len(names)
    return [number - 1 for number in numbers]


def _pixel_size(rows: Rows) -> float | None:
    """Return the detector's pixel over the magnification (µm to Å)."""
    detector = rows.one("rlnDetectorPixelSize", "number")
    magnification = rows.one("rlnMagnification", "number")
    if not detector or not magnification:
        return rows.one("rlnMicrographPixelSize", "pixel size in Å")
    return detector * 1e4 / magnification
