"""AreTomo's ``.aln`` (versions 1 to 3).

A header of ``# Key = values``, then SEC ROT GMAG TX TY SMEAN SFIT SCALE BASE TILT an image, then
local alignments. By AreTomo3's source (`CSaveAlignFile`, `CLoadAlignFile`, `GCorrPatchShift`):

- raw = R(ROT) p + (TX, TY), pixels of the raw stack, both from the images' middles.
- SEC counts the images of the raw stack, from 0 in old versions and from 1 in new ones.
- DarkFrame: place when sorted by angle (from 0), SEC, angle: images that were left out.
- TILT and a dark image's angle hold AlphaOffset, what was added to all stage angles; BetaOffset
  turns about x.
- ROT is known but for 180 degrees.

``_TLT.txt`` of version 3 (`CTsPackage::mSaveTiltFile`) has an image of the stack a line: stage
angle, place in the acquisition from 1, exposure of this image in e/Å² (0 if it is not known).
"""

from dataclasses import dataclass
from itertools import pairwise

from faket.io.metadata.document import MOST_TILTS, Document
from faket.io.metadata.facts import SeriesFacts, TiltFacts, rotation

_WIDTH = 10


@dataclass(frozen=True)
class _Dark:
    """An image that AreTomo left out."""

    sorted_place: int
    section: int
    angle_deg: float


def read_aln(document: Document) -> SeriesFacts:
    """Read an ``.aln``.

    Raises
    ------
    InputError
        If RawSize is missing, there is no image, or a value cannot be used.
    """
    header = _header(document)
    if "RawSize" not in header:
        raise document.error("expected # RawSize = x y images, found none; copy the .aln again")
    where, text = header["RawSize"][0]
    size = [document.whole(word, where, 1, 1_000_000) for word in text.split()]
    if len(size) != 3:
        raise document.error(f"{where}: expected three sizes, found {len(size)}")
    darks = [_dark(document, where, text) for where, text in header.get("DarkFrame", [])]
    alpha, beta = (_offset(document, header, key) for key in ("AlphaOffset", "BetaOffset"))
    rows = _rows(document)
    sections, dark_sections = _sections([row[0] for row in rows], darks, size[2])
    tilts = [
        TiltFacts(
            section=section,
            angle_deg=angle - alpha,
            refined_angle_deg=angle,
            x_tilt_deg=beta or None,
            matrix=rotation(axis),
            shift_px=(x, y),
            excluded=False,
        )
        for section, (_, axis, x, y, angle) in zip(sections, rows, strict=True)
    ]
    tilts += [
        TiltFacts(section=section, angle_deg=dark.angle_deg - alpha, excluded=True)
        for section, dark in zip(dark_sections, darks, strict=True)
    ]
    if None in sections or None in dark_sections:
        tilts.sort(key=lambda tilt: tilt.refined_angle_deg or tilt.angle_deg or 0.0)
    return SeriesFacts(
        "AreTomo .aln",
        str(document.path),
        "alignment",
        tuple(tilts),
        complete=len(tilts) == size[2],
        centre="middle",
        image_size=(size[0], size[1]),
        count=size[2],
        notices=tuple(_notices(header, len(rows), len(darks), size[2])),
    )


def read_angles_with_order(document: Document) -> SeriesFacts | None:
    """Read a ``_TLT.txt`` of three columns; None if it is another list of angles.

    Raises
    ------
    InputError
        If a value is out of its range.
    """
    rows = [(number, line.split()) for number, line in document.lines if line[0] != "#"]
    if not rows or any(len(words) != 3 for _, words in rows):
        return None
    angles, orders, doses = [], [], []
    for number, words in rows:
        where = f"line {number}"
        angles.append(document.number(words[0], where, "tilt angle"))
        orders.append(document.whole(words[1], f"{where}, order", 0, MOST_TILTS))
        doses.append(document.number(words[2], f"{where}, exposure", "exposure in e/Å²"))
    if len(set(orders)) < len(orders) or len(set(angles)) < 2:
        return None
    in_order = [dose for _, dose in sorted(zip(orders, doses, strict=True))]
    sums = len(rows) > 2 and all(a < b for a, b in pairwise(in_order))
    known = min(doses) > 0 and not sums
    notices = ("its exposures grow from image to image: they are sums, and left out",)
    return SeriesFacts(
        "AreTomo 3 angles (_TLT.txt)",
        str(document.path),
        "acquisition",
        tuple(
            TiltFacts(section=i, angle_deg=angles[i], order=orders[i],
                      dose=doses[i] if known else None)
            for i in range(len(rows))
        ),
        notices=notices if sums else (),
    )  # fmt: skip


def _header(document: Document) -> dict[str, list[tuple[str, str]]]:
    """Return (where, value) of each line ``# key = value``."""
    header: dict[str, list[tuple[str, str]]] = {}
    for number, line in document.lines:
        if line.startswith("#") and "=" in line:
            key, value = line.lstrip("# ").split("=", 1)
            header.setdefault(key.strip(), []).append((f"line {number}", value))
    return header


def _dark(document: Document, where: str, text: str) -> _Dark:
    words = text.split()
    if len(words) != 3:
        raise document.error(f"{where}: expected DarkFrame = place section angle, found "
                             f"{len(words)} values")  # fmt: skip
    place, section = (document.whole(word, where, 0, MOST_TILTS) for word in words[:2])
    return _Dark(place, section, document.number(words[2], where, "tilt angle"))


def _offset(document: Document, header: dict[str, list[tuple[str, str]]], key: str) -> float:
    if key not in header:
        return 0.0
    where, text = header[key][0]
    return document.number(text, f"{where}, {key}", "tilt angle")


def _rows(document: Document) -> list[tuple[int, float, float, float, float]]:
    """Return SEC, ROT, TX, TY, TILT of each image."""
    rows = []
    for number, line in document.lines:
        if line.startswith("#"):
            if "Local Alignment" in line:
                break
            continue
        words, where = line.split(), f"line {number}"
        if len(words) != _WIDTH:
            raise document.error(f"{where}: expected {_WIDTH} columns, found {len(words)}; copy "
                                 "the .aln again")  # fmt: skip
        section = document.whole(words[0], where, 0, MOST_TILTS)
        axis = document.number(words[1], f"{where}, ROT", "angle")
        x, y = (document.number(word, f"{where}, shift", "shift") for word in words[3:5])
        rows.append((section, axis, x, y, document.number(words[9], where, "tilt angle")))
    if not rows:
        raise document.error("expected a row of ten columns for each image, found none; copy the "
                             ".aln again")  # fmt: skip
    return rows


def _sections(
    kept: list[int], darks: list[_Dark], count: int
) -> tuple[list[int | None], list[int | None]]:
    """Return the place from 0 in the raw stack of the images kept and of the dark ones.

    None where neither way of counting fits: then the angles have to tell.
    """
    dark = [d.section for d in darks]
    for first in (1, 0) if 0 not in kept else (0,):
        numbers = [s - first for s in kept]
        # AreTomo 1 and 2 wrote 0 for the section of dark images: their place is left.
        for missing in ([s - first for s in dark], [d.sorted_place for d in darks]):
            if sorted(numbers + missing) == list(range(count)):
                return [*numbers], [*missing]
    inside = [s - 1 if 0 not in kept else s for s in kept]
    if not darks and len(set(kept)) == len(kept) and max(inside) < count:
        return [*inside], []
    return [None] * len(kept), [None] * len(dark)


def _notices(
    header: dict[str, list[tuple[str, str]]], rows: int, darks: int, count: int
) -> list[str]:
    notices = []
    if rows + darks != count:
        notices.append(f"expected {count - darks} rows ({count} images less {darks} dark ones), "
                       f"found {rows}: the file may be cut short")  # fmt: skip
    patches = header.get("NumPatches", [("", "0")])[0][1].strip()
    if patches not in ("", "0"):
        notices.append("local alignments are left out")
    return notices
