"""Warp's ``.xml`` of a tilt-series (versions 1 and 2) and ``.tomostar``.

By Warp's source (`TiltSeries.GetPositionInAllTilts`): raw = R(AxisAngle) p + (AxisOffsetX,
AxisOffsetY) in Å, from half of either size. Its z runs against IMOD's, so that its importer writes
the stage's angles with the other sign, unless the user asked it not to: which of the two a file
has, only a comparison with the frames' names or another file tells. Dose is that before the image.
Defocus is in µm, DefocusDelta the difference of the two, the phase shift in units of π.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np

from faket.data import DoubleArray
from faket.io.metadata.document import MOST_TILTS, Document
from faket.io.metadata.facts import SeriesFacts, TiltFacts, frame_name, negated, rotation
from faket.io.metadata.match import LARGEST_OFFSET_DEG, SAME_ANGLE_DEG
from faket.io.metadata.tables import Rows
from faket.io.star import Table

Values = list[float] | list[None]
Ctf = tuple[float | None, float | None, float | None, float | None]  # U, V, angle, phase

_DEG_PER_HALF_TURN = 180.0
_IN_NAME = re.compile(r"(?<![\d.])[-+]?\d{1,6}(?:\.\d{1,6})?")
_MOST_NAMES = 0.9  # chosen: a stage may have missed an angle now and then
_LEAST_RANGE_DEG = 10.0  # chosen: within less an angle and its opposite are too near


def read_warp_xml(document: Document) -> SeriesFacts:
    """Read the ``.xml`` of a tilt-series.

    Raises
    ------
    InputError
        If it is no XML of Warp's TiltSeries, lists differ in length, or a value cannot be used.
    """
    root = _root(document)
    angles = _numbers(document, root, "Angles", "tilt angle")
    if not 0 < len(angles) <= MOST_TILTS:
        raise document.error(f"<Angles>: expected 1 to {MOST_TILTS} angles, found {len(angles)}")
    tilts = _tilts(document, root, angles)
    aligned = any(tilt.matrix for tilt in tilts)
    pixel = _parameter(document, root, "PixelSize", "pixel size in Å")
    axis = _numbers(document, root, "AxisAngle", "angle")
    facts = SeriesFacts(
        "Warp .xml",
        str(document.path),
        "alignment" if aligned else "acquisition",
        tilts,
        sign_unknown=True,
        centre="half",
        pixel_size_A=pixel,
        tilt_axis_deg=axis[0] if axis else None,
        voltage_kV=_parameter(document, root, "Voltage", "voltage in kV"),
        spherical_aberration_mm=_parameter(document, root, "Cs", "spherical aberration in mm"),
        amplitude_contrast=_parameter(document, root, "Amplitude", "amplitude contrast"),
        image_size=_size(document, root, pixel),
        notices=tuple(_notices(document, root)),
    )
    return by_names(facts)


def _tilts(
    document: Document, root: ElementTree.Element, angles: list[float]
) -> tuple[TiltFacts, ...]:
    """Return each image; aligned where any offset is not 0."""
    n = len(angles)
    axis, x, y, before = (
        _optional(document, root, name, what, n)
        for name, what in (("AxisAngle", "angle"), ("AxisOffsetX", "shift"),
                           ("AxisOffsetY", "shift"), ("Dose", "exposure in e/Å²"))
    )  # fmt: skip
    used = _words(root, "UseTilt") or ["True"] * n
    paths = _words(root, "MoviePath", whole_lines=True) or [""] * n
    if not len(used) == len(paths) == n:
        raise document.error(f"expected {n} entries in <UseTilt> and <MoviePath>, found "
                             f"{len(used)} and {len(paths)}; copy the file again")  # fmt: skip
    aligned, ctf = any(x) or any(y), _ctf(document, root, n)
    return tuple(
        replace(
            _tilt(paths[i], angles[i], axis[i], (x[i], y[i]) if aligned else None, before[i]),
            excluded=used[i].strip().lower() != "true",
            defocus_u_um=ctf[i][0],
            defocus_v_um=ctf[i][1],
            astigmatism_deg=ctf[i][2],
            phase_shift_deg=ctf[i][3],
        )
        for i in range(n)
    )


def _tilt(
    path: str,
    angle: float | None,
    axis: float | None,
    shift_A: tuple[float | None, float | None] | None,
    before: float | None,
) -> TiltFacts:
    """Return one image; its angle is the refined one where there is a shift."""
    aligned = shift_A is not None
    return TiltFacts(
        frame=frame_name(path) if path else None,
        angle_deg=None if aligned else angle,
        refined_angle_deg=angle if aligned else None,
        matrix=_matrix(axis) if aligned else None,
        shift_A=None if shift_A is None else (shift_A[0] or 0.0, shift_A[1] or 0.0),
        dose_before=before,
    )


def read_tomostar(document: Document, table: Table) -> SeriesFacts:
    """Read a ``.tomostar``.

    Raises
    ------
    InputError
        If it has no angles or doses, or a value cannot be used.
    """
    rows = Rows(document, table).filled()
    angles = rows.required("wrpAngleTilt", "tilt angle")
    before = rows.required("wrpDose", "exposure in e/Å²")
    axis = rows.optional("wrpAxisAngle", "angle")
    x, y = (rows.optional(f"wrpAxisOffset{c}", "shift") for c in "XY")
    names = [file or "" for file in table.get("wrpMovieName", [""] * len(rows))]
    aligned = any(x) or any(y)
    tilts = tuple(
        _tilt(names[i], angles[i], axis[i], (x[i], y[i]) if aligned else None, before[i])
        for i in range(len(rows))
    )
    return by_names(
        SeriesFacts(
            "Warp .tomostar",
            str(document.path),
            "alignment" if aligned else "acquisition",
            tilts,
            complete=False,  # tilts that Warp's importer left out are not listed
            sign_unknown=True,
            centre="half",
            tilt_axis_deg=axis[0],
        )
    )


def by_names(facts: SeriesFacts) -> SeriesFacts:
    """Return facts with the sign of the angles that the frames' names have, where they tell."""
    angles = np.array([tilt.any_angle_deg for tilt in facts.tilts])
    numbers = [[float(word) for word in _IN_NAME.findall(t.frame or "")] for t in facts.tilts]
    width = min(map(len, numbers), default=0)
    if np.ptp(angles) < _LEAST_RANGE_DEG or any(len(row) != width for row in numbers):
        return facts
    for column in np.array(numbers).reshape(len(numbers), width).T:
        for sign in (1, -1):
            if _same_angles(column, sign * angles):
                return replace(facts, sign_unknown=False) if sign > 0 else negated(facts)
    return facts


def _same_angles(numbers: DoubleArray, angles: DoubleArray) -> bool:
    """Tell whether numbers are the angles, but for what the specimen was tilted beforehand."""
    difference = numbers - angles
    offset = float(np.median(difference))
    return bool(
        abs(offset) <= LARGEST_OFFSET_DEG
        and (np.abs(difference - offset) <= SAME_ANGLE_DEG).mean() >= _MOST_NAMES
    )


def _root(document: Document) -> ElementTree.Element:
    # What a program writes has no entities of its own; those that grow without end need them.
    if "<!DOCTYPE" in document.text or "<!ENTITY" in document.text:
        raise document.error("expected Warp's XML without a document type; check the file")
    start = document.text.find("<TiltSeries")
    try:
        root = ElementTree.fromstring(document.text[max(start, 0) :].strip())
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise document.error(f"expected Warp's XML, found: {error}; copy it again") from error
    if root.tag != "TiltSeries":
        raise document.error(f"expected Warp's XML of a <TiltSeries>, found <{root.tag[:40]}>; "
                             "give the .xml of a tilt-series")  # fmt: skip
    return root


def _words(root: ElementTree.Element, name: str, *, whole_lines: bool = False) -> list[str]:
    text = (root.findtext(name) or "").strip()
    return text.splitlines() if whole_lines else text.split()


def _numbers(document: Document, root: ElementTree.Element, name: str, what: str) -> list[float]:
    return [document.number(word, f"<{name}>", what) for word in _words(root, name)]


def _optional(
    document: Document, root: ElementTree.Element, name: str, what: str, n: int
) -> Values:
    values = _numbers(document, root, name, what)
    if values and len(values) != n:
        raise document.error(f"<{name}>: expected {n} values, found {len(values)}; copy the file "
                             "again")  # fmt: skip
    return values or [None] * n


def _matrix(axis: float | None) -> tuple[tuple[float, float], tuple[float, float]]:
    return rotation(axis or 0.0)


def _parameter(document: Document, root: ElementTree.Element, name: str, what: str) -> float | None:
    for block in ("CTF", "OptionsCTF"):
        for item in root.findall(f"{block}/Param"):
            if item.get("Name") == name and item.get("Value"):
                return document.number(item.get("Value", ""), f"<{block}> {name}", what)
    return None


def _ctf(document: Document, root: ElementTree.Element, n: int) -> list[Ctf]:
    """Return defocus and phase of each tilt: none where Warp fitted no CTF."""
    mean, delta, angle, phase = (
        _grid(document, root, name, what, n)
        for name, what in (
            ("GridCTF", "defocus in µm"), ("GridCTFDefocusDelta", "defocus in µm"),
            ("GridCTFDefocusAngle", "angle"), ("GridCTFPhase", "number"),
        )
    )  # fmt: skip
    fitted = root.find("CTF") is not None and any(mean)
    found: list[Ctf] = []
    for centre, difference, axis, turns in zip(mean, delta, angle, phase, strict=True):
        if not fitted or centre is None:
            found.append((None, None, None, None))
            continue
        half = (difference or 0.0) / 2
        shift = None if turns is None else turns * _DEG_PER_HALF_TURN
        found.append((centre + half, centre - half, axis, shift))
    return found


def _grid(
    document: Document, root: ElementTree.Element, name: str, what: str, n: int
) -> list[float | None]:
    """Return a grid's value at each tilt: the mean over the image, if it changes there."""
    grid = root.find(name)
    if grid is None or grid.get("Depth") != str(n):
        return [None] * n
    found: dict[str, list[float]] = {}
    for node in grid.findall("Node"):
        place = node.get("Z", "")
        value = document.number(node.get("Value", ""), f"<{name}>, tilt {place}", what)
        found.setdefault(place, []).append(value)
    missing = [i for i in range(n) if str(i) not in found]
    if missing:
        raise document.error(f"<{name}>: expected a value for tilt {missing[0]}, found none; copy "
                             "the file again")  # fmt: skip
    return [float(np.mean(found[str(i)])) for i in range(n)]


def _size(
    document: Document, root: ElementTree.Element, pixel_A: float | None
) -> tuple[int, int] | None:
    text = root.get("ImageDimensionsAngstrom")
    if not text or not pixel_A:
        return None
    words = text.replace(",", " ").split()
    sides = document.numbers(words, "ImageDimensionsAngstrom")
    if len(sides) != 2 or not all(1 <= side / pixel_A <= 1e6 for side in sides):
        return None
    return round(sides[0] / pixel_A), round(sides[1] / pixel_A)


def _notices(document: Document, root: ElementTree.Element) -> Sequence[str]:
    notices = []
    for name in ("LevelAngleX", "LevelAngleY"):
        value = document.number(root.get(name) or "0", name, "angle")
        if value:
            notices.append(f"{name} {value:g} turns the tomogram, not the images: left out")
    grids = ("GridMovementX", "GridMovementY", "GridVolumeWarpX")
    if any((g := root.find(name)) is not None and len(g) > 1 for name in grids):
        notices.append("local alignments are left out")
    return notices
