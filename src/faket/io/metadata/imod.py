"""IMOD's lists: ``.tlt``, ``.rawtlt``, ``.xf``, ``.xtilt`` and ``.defocus``.

One line an image of the raw stack, in its order.

- ``.rawtlt`` is what the microscope told, ``.tlt`` what the alignment made of it (degrees).
- ``.xf``: A11 A12 A21 A22 DX DY, with aligned = A raw + D, from the middles (N - 1) / 2 of both
  images (man xf2rotmagstr; cubinterp). So R = A⁻¹ and shift = -A⁻¹ D; the tilt axis is at
  atan2(A12, A11).
- ``.xtilt``: the specimen's rotation about x (degrees).
- ``.defocus`` (man ctfphaseflip): first and last view from 1, their angles, defocus in nm; version
  2 has "2" behind its first line, version 3 a first line "flags 0 0. 0. 0. 3": 1 with a second
  defocus and the astigmatism's angle, 2 that one in radians, 4 with a phase shift, 8 in radians, 16
  angles of the other sign, 32 with a cut-on frequency.
"""

import math
from dataclasses import replace

import numpy as np

from faket.io.failures import shown
from faket.io.metadata.document import MOST_TILTS, Document
from faket.io.metadata.facts import Matrix, SeriesFacts, TiltFacts
from faket.io.tilts import read_tilt_angles

UM_PER_NM = 1e-3
_ASTIGMATISM, _IN_RADIANS, _PHASE, _PHASE_IN_RADIANS, _INVERTED, _CUT_ON = 1, 2, 4, 8, 16, 32
_LARGEST_FLAGS = 63
# Chosen: tiltalign's magnifications stay within 5 %, stretches within 2 %.
_LEAST_DETERMINANT, _LARGEST_DETERMINANT = 0.5, 2.0


def read_angles(document: Document, *, refined: bool) -> SeriesFacts:
    """Read a ``.rawtlt`` or (refined) ``.tlt``; InputError as :func:`read_tilt_angles`."""
    angles = read_tilt_angles(document.path).tolist()
    if refined:
        tilts = [TiltFacts(section=i, refined_angle_deg=a) for i, a in enumerate(angles)]
        return SeriesFacts("IMOD angles (.tlt)", str(document.path), "alignment", tuple(tilts))
    tilts = [TiltFacts(section=i, angle_deg=angle) for i, angle in enumerate(angles)]
    return SeriesFacts("angles (.rawtlt)", str(document.path), "acquisition", tuple(tilts))


def read_x_tilts(document: Document) -> SeriesFacts:
    """Read a ``.xtilt``; InputError if a line is not one angle."""
    tilts = [
        TiltFacts(section=i, x_tilt_deg=document.number(words[0], f"line {number}", "tilt angle"))
        for i, (number, words) in enumerate(_rows(document, (1,)))
    ]
    return SeriesFacts("IMOD x tilts (.xtilt)", str(document.path), "alignment", tuple(tilts))


def read_transforms(document: Document) -> SeriesFacts:
    """Read a ``.xf``; InputError if a line is not a transform between images of like size."""
    tilts = []
    for i, (number, words) in enumerate(_rows(document, (6,))):
        where = f"line {number}"
        a11, a12, a21, a22, dx, dy = document.numbers(words, where)
        matrix, shift = inverse_transform(document, where, (a11, a12, a21, a22), (dx, dy))
        tilts.append(TiltFacts(section=i, matrix=matrix, shift_px=shift))
    return SeriesFacts(
        "IMOD transforms (.xf)", str(document.path), "alignment", tuple(tilts), centre="middle"
    )


def inverse_transform(
    document: Document,
    where: str,
    forward: tuple[float, float, float, float],
    moved: tuple[float, float],
) -> tuple[Matrix, tuple[float, float]]:
    """Return R and shift of the transform aligned = A raw + D.

    Raises
    ------
    InputError
        If A is no rotation with a magnification near 1, or D is enormous.
    """
    a = np.array(forward).reshape(2, 2)
    if not _LEAST_DETERMINANT < np.linalg.det(a) < _LARGEST_DETERMINANT:
        raise document.error(
            f"{where}: expected a rotation A11 A12 A21 A22, found {shown(forward)}; check that it "
            "is the right file"
        )
    if max(map(abs, moved)) > 1e6:
        raise document.error(f"{where}: expected a shift in pixels, found {shown(moved)}")
    inverse = np.linalg.inv(a)
    x, y = (-inverse @ np.array(moved)).tolist()
    (r11, r12), (r21, r22) = inverse.tolist()
    return ((r11, r12), (r21, r22)), (x + 0.0, y + 0.0)


def read_defocus(document: Document) -> SeriesFacts:
    """Read a ``.defocus`` of version 2 or 3 (or without version, as old ones are).

    Raises
    ------
    InputError
        If columns do not fit the flags, or views count from 0 (IMOD before 4.1).
    """
    rows = _rows(document, range(5, 11))
    flags, rows, notices = _flags(document, rows)
    astigmatism, phase = bool(flags & _ASTIGMATISM), bool(flags & _PHASE)
    width = 5 + 2 * astigmatism + phase + bool(flags & _CUT_ON)
    images: dict[int, list[TiltFacts]] = {}
    for number, words in rows:
        where = f"line {number}"
        if len(words) != width:
            raise document.error(
                f"{where}: expected {width} columns by the flags {flags}, found {len(words)}; copy "
                "the file again"
            )
        first, last = (document.whole(word, where, 0, MOST_TILTS) for word in words[:2])
        if not 1 <= first <= last:
            raise document.error(f"{where}: expected views from 1 on, found {first} to {last}; "
                                 "write the file by IMOD 4.1 or later")  # fmt: skip
        facts = _of_views(document, where, words, flags)
        for view in range(first, last + 1):
            images.setdefault(view - 1, []).append(facts)
    tilts = tuple(_mean(section, found) for section, found in sorted(images.items()))
    if astigmatism and any((t.defocus_u_um or 0) < (t.defocus_v_um or 0) for t in tilts):
        notices.append("the smaller defocus comes first: the angle is taken for the larger one's")
        tilts = tuple(replace(t, defocus_u_um=t.defocus_v_um, defocus_v_um=t.defocus_u_um)
                      if (t.defocus_u_um or 0) < (t.defocus_v_um or 0) else t
                      for t in tilts)  # fmt: skip
    return SeriesFacts(
        "IMOD .defocus", str(document.path), "ctf", tilts, complete=False, notices=tuple(notices)
    )


def _flags(
    document: Document, rows: list[tuple[int, list[str]]]
) -> tuple[int, list[tuple[int, list[str]]], list[str]]:
    """Return the flags, the rows of images and notices."""
    (number, first), *others = rows
    values = document.numbers(first, f"line {number}")
    if len(values) == 6 and values[1:5] == [0, 0, 0, 0]:
        if values[5] != 3 or not others:
            raise document.error(f"expected version 3 and a line an image, found version "
                                 f"{values[5]:g} and {len(others)} lines")  # fmt: skip
        return document.whole(first[0], f"line {number}", 0, _LARGEST_FLAGS), others, []
    if len(values) == 6 and values[5] == 2:
        return 0, [(number, first[:5]), *others], []
    if len(values) == 5:
        return 0, rows, ["no version in it: version 2 assumed"]
    raise document.error(
        f"line {number}: expected IMOD's .defocus of version 2 or 3, found {len(values)} columns; "
        "check that it is the right file"
    )


def _of_views(document: Document, where: str, words: list[str], flags: int) -> TiltFacts:
    """Return what a row says; its angle only where it is of one view or the same at both ends."""
    start, end = (document.number(word, where, "tilt angle") for word in words[2:4])
    values = iter(words[4:])
    u = v = document.number(next(values), where, "defocus in µm", factor=UM_PER_NM)
    axis = phase = None
    if flags & _ASTIGMATISM:
        v = document.number(next(values), where, "defocus in µm", factor=UM_PER_NM)
        unit = math.degrees(1) if flags & _IN_RADIANS else 1.0
        axis = document.number(next(values), where, "angle", factor=unit)
    if flags & _PHASE:
        unit = math.degrees(1) if flags & _PHASE_IN_RADIANS else 1.0
        phase = document.number(next(values), where, "angle", factor=unit)
    angle = (start if start == end else None) if not flags & _INVERTED else None
    return TiltFacts(refined_angle_deg=angle, defocus_u_um=u, defocus_v_um=v,
                     astigmatism_deg=axis, phase_shift_deg=phase)  # fmt: skip


def _mean(section: int, found: list[TiltFacts]) -> TiltFacts:
    """Return one view of ranges that overlap: their mean defocus."""
    first = found[0]
    if len(found) == 1:
        return replace(first, section=section)
    u, v = (float(np.mean([getattr(facts, name) for facts in found]))
            for name in ("defocus_u_um", "defocus_v_um"))  # fmt: skip
    return replace(first, section=section, refined_angle_deg=None, defocus_u_um=u, defocus_v_um=v)


def _rows(document: Document, widths: range | tuple[int, ...]) -> list[tuple[int, list[str]]]:
    """Return (line number, columns) of rows of numbers with one of these widths."""
    rows = []
    for number, line in document.lines:
        words = line.split("#")[0].split()
        if "," in line:
            raise document.error(f"line {number}: expected decimal points and blanks between "
                                 f"columns, found {shown(line)}; write it so")  # fmt: skip
        if words and len(words) not in widths:
            raise document.error(
                f"line {number}: expected {' or '.join(map(str, widths))} columns, found "
                f"{len(words)}; copy the file again"
            )
        rows += [(number, words)] if words else []
    if not 0 < len(rows) <= MOST_TILTS:
        raise document.error(f"expected 1 to {MOST_TILTS} lines of numbers, found {len(rows)}")
    return rows
