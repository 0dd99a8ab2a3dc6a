"""IMOD's ``tilt.com``, ``newst.com`` and etomo's ``.edf``: what was done with a stack.

The ``.com`` files hold one ``Key value`` a line; views count from 1. The ``.edf`` is a list of
``key=value`` with the pixel size in nm.
"""

import re
from collections.abc import Mapping

from faket.io.failures import shown
from faket.io.metadata.document import MOST_TILTS, Document
from faket.io.metadata.facts import SeriesFacts, TiltFacts

A_PER_NM = 10.0
Entries = dict[str, tuple[int, str]]  # key in lower case → (line, value)

_EXCLUDING = ("excludelist", "excludelist2", "exclude")
_RANGE = re.compile(r"(\d+)(?:-(\d+))?$")
# What turns or moves the tomogram, not the images.
_OF_TOMOGRAM = ("xaxistilt", "offset")


def read_tilt_command(document: Document) -> SeriesFacts:
    """Read ``tilt.com``: excluded views, size of the raw stack.

    Raises
    ------
    InputError
        If it names no angles or size, or a value cannot be used.
    """
    entries = _entries(document)
    if not entries.keys() & {"tiltfile", "fullimage", "inputprojections"}:
        raise document.error("expected IMOD's tilt.com with InputProjections, TILTFILE or "
                             "FULLIMAGE, found none of them; copy it again")  # fmt: skip
    excluded: set[int] = set()
    for key in _EXCLUDING:
        if key in entries:
            line, text = entries[key]
            excluded |= _views(document, f"line {line}", text)
    notices = []
    for key in _OF_TOMOGRAM:
        if key in entries:
            line, text = entries[key]
            value = document.number((text.split() or [""])[0], f"line {line}, {key}", "angle")
            if value:
                notices.append(f"{key.upper()} {value:g} turns the tomogram, not the images: "
                               "left out")  # fmt: skip
    if "localfile" in entries:
        notices.append("local alignments are left out")
    return SeriesFacts(
        "IMOD tilt.com",
        str(document.path),
        "acquisition",
        tuple(TiltFacts(section=view - 1, excluded=True) for view in sorted(excluded)),
        complete=False,
        image_size=_two(document, entries, "fullimage"),
        aligned_binning=_binning(document, entries, "imagebinned"),
        notices=tuple(notices),
    )


def read_newstack_command(document: Document) -> SeriesFacts:
    """Read ``newst.com``: which stack is aligned, to what binning and size.

    Raises
    ------
    InputError
        If it names no input file, or a value cannot be used.
    """
    entries = _entries(document)
    if "inputfile" not in entries:
        raise document.error("expected IMOD's newst.com with an InputFile, found none; copy it "
                             "again")  # fmt: skip
    notices = []
    if "offsetsinxandy" in entries:
        line, text = entries["offsetsinxandy"]
        words = text.replace(",", " ").split()
        if any(document.numbers(words, f"line {line}")):
            notices.append(f"OffsetsInXandY {shown(text)} is left out")
    return SeriesFacts(
        "IMOD newst.com",
        str(document.path),
        "acquisition",
        complete=False,
        stack=entries["inputfile"][1],
        aligned_binning=_binning(document, entries, "binbyfactor"),
        aligned_size=_two(document, entries, "sizetooutputinxandy"),
        notices=tuple(notices),
    )


def read_edf(document: Document) -> SeriesFacts:
    """Read etomo's ``.edf``: name, pixel size, tilt axis, excluded views.

    Raises
    ------
    InputError
        If it names no data set, or a value cannot be used.
    """
    entries: Entries = {}
    for number, row in document.lines:
        if "=" in row and not row.startswith("#"):
            key, value = row.split("=", 1)
            entries[key.strip()] = (number, value.strip())
    if not entries.get("Setup.DatasetName", (0, ""))[1]:
        raise document.error("expected etomo's .edf with Setup.DatasetName, found none; copy it "
                             "again")  # fmt: skip
    line, text = entries.get("Setup.AxisA.ExcludeProjections", (0, ""))
    excluded = _views(document, f"line {line}", text) if text else set()
    axis = _first(document, entries, "Setup.ImageRotationA", "angle")
    dual = entries.get("Setup.AxisType", (0, ""))[1].lower().startswith("dual")
    return SeriesFacts(
        "etomo .edf",
        str(document.path),
        "acquisition",
        tuple(TiltFacts(section=view - 1, excluded=True) for view in sorted(excluded)),
        complete=False,
        series=entries["Setup.DatasetName"][1],
        pixel_size_A=_first(document, entries, "Setup.PixelSize", "pixel size in Å", A_PER_NM),
        tilt_axis_deg=axis,
        voltage_kV=_first(document, entries, "Setup.Voltage", "voltage in kV"),
        spherical_aberration_mm=_first(
            document, entries, "Setup.SphericalAberration", "spherical aberration in mm"
        ),
        notices=("of two axes the first is taken",) if dual else (),
    )


def _first(
    document: Document, entries: Mapping[str, tuple[int, str]], key: str, what: str,
    factor: float = 1.0,
) -> float | None:  # fmt: skip
    line, text = entries.get(key, (0, ""))
    return document.number(text, f"line {line}, {key}", what, factor=factor) if text else None


def _entries(document: Document) -> Entries:
    """Return the lines of a command file by their key; comments and shell lines are left out."""
    entries: Entries = {}
    for number, line in document.lines:
        if not line.startswith(("$", "#")):
            key, _, value = line.replace("\t", " ").partition(" ")
            entries[key.lower()] = (number, value.strip())
    return entries


def _two(document: Document, entries: Entries, key: str) -> tuple[int, int] | None:
    if key not in entries:
        return None
    line, text = entries[key]
    words = text.replace(",", " ").split()
    if len(words) != 2:
        raise document.error(f"line {line}, {key}: expected two numbers, found {shown(text)}")
    x, y = (document.whole(word, f"line {line}, {key}", 1) for word in words)
    return x, y


def _binning(document: Document, entries: Entries, key: str) -> int | None:
    if key not in entries:
        return None
    line, text = entries[key]
    return document.whole(text, f"line {line}, {key}", 1, 64)


def _views(document: Document, where: str, text: str) -> set[int]:
    """Return the views of a list such as ``1,3-5 40``."""
    views: set[int] = set()
    for part in text.replace(",", " ").split():
        match = _RANGE.match(part)
        first, last = (int(match[1][:9]), int((match[2] or match[1])[:9])) if match else (0, 0)
        if not 1 <= first <= last <= MOST_TILTS:
            raise document.error(f"{where}: expected a list of views such as 1,3-5, found "
                                 f"{shown(text)}; mend it")  # fmt: skip
        views |= set(range(first, last + 1))
    return views
