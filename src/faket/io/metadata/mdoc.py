"""SerialEM's and Tomo5's ``.mdoc``: of a whole series, or of one image's frames.

A header of ``key = value`` lines and titles ``[T = …]``, then an image a section ``[ZValue = n]``
(n: its place in the stack) or ``[FrameSet = 0]`` (one image's frames). SerialEM tells the tilt axis
in a title, and RotationAngle - 90 in every image: both count counter-clockwise from y. Tomo5's may
be wrong by 90 or 180 degrees, or have the other sign. ``Defocus`` is what the lens was told, not
what the images have.
"""

import re
from collections import Counter
from dataclasses import replace
from datetime import datetime

from faket.io.metadata.document import MOST_TILTS, Document
from faket.io.metadata.facts import SeriesFacts, TiltFacts, frame_name

Entries = dict[str, tuple[int, str]]  # key → (line, value)

_SECTION = re.compile(r"\[\s*(\w+)\s*=\s*(.*?)\s*\]$")
# With a decimal comma, so that it is refused; one that ends the number stands before a blank.
_TITLE_AXIS = re.compile(r"tilt\s*axis\s*angle\s*=\s*([-+.\deE]+(?:,\d+)?)", re.IGNORECASE)
_DATE = re.compile(r"(\d{1,2})-([A-Za-z]{3})-(\d{2,4})\s+(\d{1,2}):(\d\d):(\d\d)")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_READ = ("TiltAngle", "ExposureDose", "PriorRecordDose", "RotationAngle", "DateTime",
         "SubFramePath", "PixelSpacing")  # fmt: skip


def read_mdoc(document: Document) -> SeriesFacts:
    """Read a ``.mdoc``.

    Raises
    ------
    InputError
        If it has no image, an image no tilt angle, or the last one is cut short.
    """
    header, titles, images = _parsed(document)
    if not images:
        raise document.error("expected [ZValue = 0] or [FrameSet = 0], found no image in it; "
                             "give the .mdoc of a tilt-series")  # fmt: skip
    _check_whole(document, images)
    tilts = tuple(_tilt(document, kind, place, entries) for kind, place, entries in images)
    if len(tilts) > 1 and not any(tilt.dose_before for tilt in tilts):  # it was not counted
        tilts = tuple(replace(tilt, dose_before=None) for tilt in tilts)
    whole_series = all(kind == "ZValue" for kind, _, _ in images)
    if whole_series and len({tilt.section for tilt in tilts}) < len(tilts):
        raise document.error("expected each ZValue once, found one twice; mend the file")
    axis, notices = _axis(document, titles, [entries for _, _, entries in images])
    facts = SeriesFacts(
        "mdoc" if whole_series else "mdoc of frames",
        str(document.path),
        "acquisition",
        tilts if whole_series else tuple(replace(tilt, section=None) for tilt in tilts),
        complete=whole_series,
        tilt_axis_deg=axis,
        pixel_size_A=_pixel_size(document, images[0][2] | header),
        voltage_kV=_number(document, header, "Voltage", "voltage in kV"),
        target_defocus_um=_target(document, images[0][2]),
        image_size=_size(document, header),
        stack=header["ImageFile"][1] if "ImageFile" in header and whole_series else None,
        notices=(*notices, *_frame_notices(tilts)),
    )
    return facts


def _parsed(document: Document) -> tuple[Entries, list[str], list[tuple[str, int, Entries]]]:
    """Return header, titles, and (kind, number, entries) of each image."""
    header: Entries = {}
    titles: list[str] = []
    images: list[tuple[str, int, Entries]] = []
    entries: Entries | None = header
    for number, line in document.lines:
        section = _SECTION.match(line)
        if section and section[1] in ("ZValue", "FrameSet"):
            entries = {}
            images.append((section[1], document.whole(section[2], f"line {number}"), entries))
        elif section and section[1] == "T":
            titles.append(section[2])
        elif line.startswith("["):
            entries = None  # a section of something else
        elif "=" in line and entries is not None:
            key, value = (part.strip() for part in line.split("=", 1))
            if key == "T":
                titles.append(value)
            else:
                entries[key] = (number, value)
    if len(images) > MOST_TILTS:
        raise document.error(f"expected at most {MOST_TILTS} images, found more")
    return header, titles, images


def _check_whole(document: Document, images: list[tuple[str, int, Entries]]) -> None:
    """Refuse a file that ends within its last image."""
    *others, (_, _, last) = images
    for key in _READ:
        if others and key not in last and all(key in entries for _, _, entries in others):
            raise document.error(
                f"expected {key} in the last image as in all others, found none: the file is cut "
                "short; copy it again"
            )


def _tilt(document: Document, kind: str, place: int, entries: Entries) -> TiltFacts:
    if "TiltAngle" not in entries:
        raise document.error(f"[{kind} = {place}]: expected a TiltAngle, found none; give the "
                             ".mdoc of a tilt-series")  # fmt: skip
    path = entries.get("SubFramePath", (0, ""))[1]
    dose = _number(document, entries, "ExposureDose", "exposure in e/Å²")
    return TiltFacts(
        section=place,
        frame=frame_name(path) or (frame_name(document.path.name) if kind == "FrameSet" else None),
        angle_deg=_number(document, entries, "TiltAngle", "tilt angle"),
        dose=dose or None,  # 0: the beam was not calibrated
        dose_before=_number(document, entries, "PriorRecordDose", "exposure in e/Å²"),
        time=_time(entries.get("DateTime", (0, ""))[1]),
    )


def _number(document: Document, entries: Entries, key: str, what: str) -> float | None:
    if key not in entries:
        return None
    line, text = entries[key]
    return document.number(text, f"line {line}, {key}", what)


def _pixel_size(document: Document, entries: Entries) -> float | None:
    if entries.get("PixelSpacing", (0, ""))[1].strip("0.") == "":
        return None  # missing, or 0: the camera was not calibrated
    return _number(document, entries, "PixelSpacing", "pixel size in Å")


def _target(document: Document, entries: Entries) -> float | None:
    """Return the defocus that was asked for; SerialEM counts underfocus negative."""
    value = _number(document, entries, "TargetDefocus", "defocus in µm")
    return None if value is None else abs(value)


def _size(document: Document, header: Entries) -> tuple[int, int] | None:
    if "ImageSize" not in header:
        return None
    line, text = header["ImageSize"]
    words = text.split()
    if len(words) != 2:
        raise document.error(f"line {line}, ImageSize: expected two numbers, found {len(words)}")
    x, y = (document.whole(word, f"line {line}, ImageSize", 1) for word in words)
    return x, y


def _axis(
    document: Document, titles: list[str], images: list[Entries]
) -> tuple[float | None, list[str]]:
    """Return the nominal tilt axis and what is to be said of it."""
    told = [match[1] for title in titles if (match := _TITLE_AXIS.search(title))]
    tomo5 = any("TiltAxisAngle" in title for title in titles)
    notices = ["the tilt axis of a Tomo5 mdoc may be off by 90 or 180 degrees or have the other "
               "sign"] if tomo5 else []  # fmt: skip
    turned = _number(document, images[0], "RotationAngle", "angle")
    if not told:
        return (None if turned is None else _wrapped(turned - 90)), notices
    axis = _wrapped(document.number(told[0], "title", "angle"))
    if turned is not None and abs(_wrapped(axis - turned + 90)) > 1:  # they are printed to 0.1
        notices.append(
            f"the title's tilt axis of {axis:g} degrees is not RotationAngle - 90 = "
            f"{_wrapped(turned - 90):g}; the title's is taken"
        )
    return axis, notices


def _wrapped(angle: float) -> float:
    return round((angle + 180) % 360 - 180, 6)


def _frame_notices(tilts: tuple[TiltFacts, ...]) -> list[str]:
    names = Counter(tilt.frame for tilt in tilts)
    without, twice = names.pop(None, 0), [name for name, count in names.items() if count > 1]
    notices = (
        [f"{without} of {len(tilts)} images have no SubFramePath"] if names and without else []
    )
    if twice:
        notices.append(f"the frames {twice[0]} belong to more than one image")
    return notices


def _time(text: str) -> datetime | None:
    """Return SerialEM's day-month-year; two images of one day compare rightly in any order."""
    match = _DATE.search(text)
    if not match or match[2].lower() not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(match[i]) for i in (1, 3, 4, 5, 6))
    month = _MONTHS.index(match[2].lower()) + 1
    try:
        return datetime(year + 2000 if year < 100 else year, month, day, hour, minute, second)
    except (ValueError, OverflowError):
        return None
