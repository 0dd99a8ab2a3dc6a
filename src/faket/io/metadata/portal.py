"""The CryoET Data Portal's JSON of an alignment and of a tilt-series, and copick's project.

An alignment lists ``per_section_alignment_parameters``: z_index in the raw stack, tilt_angle,
volume_x_rotation, in_plane_rotation R (2 × 2), x_offset, y_offset. Two conventions are in use:

- ``is_portal_standard``: raw = R p + (x_offset, y_offset), from the middles of the images
  (cryoet-alignment, which takes AreTomo's ROT, TX and TY unchanged).
- otherwise, with format IMOD: the lines of the .xf unchanged, aligned = A raw + D (the portal's own
  `alignment_converter`).

The portal's documentation calls the offsets Å; both of these write pixels, and so they are read.
Defocus in Å, phase shift in radians, voltage in V.
"""

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from faket.io.failures import shown
from faket.io.metadata.document import MOST_TILTS, Document
from faket.io.metadata.facts import Matrix, SeriesFacts, TiltFacts, rotation
from faket.io.metadata.imod import inverse_transform
from faket.units import UM_PER_A, V_PER_KV

Object = Mapping[str, Any]

_ALIGNMENT = "per_section_alignment_parameters"
_SECTIONS = ("per_section_parameters", "per_section_parameter")
_FLAT = ("pixel_spacing", "acceleration_voltage", "tilt_axis", "total_flux", "tilt_range")


def read_portal(document: Document) -> SeriesFacts:
    """Read a JSON file of the portal or of copick.

    Raises
    ------
    InputError
        If it is none of them, or a value cannot be used.
    """
    content = _object(document)
    if _ALIGNMENT in content:
        return _alignment(document, content)
    if "pickable_objects" in content:
        return SeriesFacts(
            "copick project", str(document.path), "acquisition", complete=False,
            notices=("a copick project tells where tomograms and picks lie, and nothing of the "
                     "tilt-series",),
        )  # fmt: skip
    if any(key in content for key in _FLAT):
        return _series(document, content)
    raise document.unknown(
        "expected JSON of the CryoET Data Portal (an alignment or a tilt-series) or of copick, "
        f"found entries {shown(list(content)[:3], 80)}; check the file"
    )


def _object(document: Document) -> Object:
    try:
        content = json.loads(document.text)
    except (ValueError, RecursionError) as error:
        raise document.error(f"expected JSON, found: {str(error)[:80]}; copy it again") from error
    if not isinstance(content, dict):
        raise document.error(f"expected a JSON object {{…}}, found {shown(content)}")
    return content


def _alignment(document: Document, content: Object) -> SeriesFacts:
    forward = content.get("format") == "IMOD" and content.get("is_portal_standard") is not True
    sections = _list(document, content, _ALIGNMENT)
    if not sections:
        raise document.error(f"{_ALIGNMENT}: expected an entry an image, found none")
    tilts = tuple(_aligned(document, i, entry, forward) for i, entry in enumerate(sections))
    notices = ["the offsets are taken as pixels, as the programs write them"]
    for key in ("tilt_offset", "x_rotation_offset"):
        value = _number(document, content, key, "angle")
        if value:
            notices.append(f"{key} {value:g} turns the tomogram, not the images: left out")
    return SeriesFacts(
        "portal alignment (.xf's own numbers)" if forward else "portal alignment",
        str(document.path),
        "alignment",
        tilts,
        complete=False,  # images that were left out are not listed
        centre="middle",
        notices=tuple(notices),
    )


def _aligned(document: Document, i: int, entry: Object, forward: bool) -> TiltFacts:
    where = f"{_ALIGNMENT}.{i}"
    x, y = (_number(document, entry, f"{axis}_offset", "shift", where) or 0.0 for axis in "xy")
    matrix = _plane(document, where, entry.get("in_plane_rotation"))
    if forward:
        (a11, a12), (a21, a22) = matrix
        matrix, (x, y) = inverse_transform(document, where, (a11, a12, a21, a22), (x, y))
    return TiltFacts(
        section=_section(document, entry, where),
        refined_angle_deg=_number(document, entry, "tilt_angle", "tilt angle", where),
        x_tilt_deg=_number(document, entry, "volume_x_rotation", "tilt angle", where),
        matrix=matrix,
        shift_px=(x, y),
    )


def _plane(document: Document, where: str, value: Any) -> Matrix:
    """Return a rotation that is given as 2 × 2, as four numbers, or in degrees."""
    numbers = np.array([])
    with suppress(TypeError, ValueError, OverflowError):
        numbers = np.array(value, np.float64).ravel()
    if len(numbers) == 1 and np.isfinite(numbers).all():
        return rotation(float(numbers[0]))
    if len(numbers) != 4 or not 0.5 < np.linalg.det(numbers.reshape(2, 2)) < 2:  # NaN fails too
        raise document.error(f"{where}.in_plane_rotation: expected a 2 × 2 rotation, found "
                             f"{shown(value)}")  # fmt: skip
    (r11, r12), (r21, r22) = numbers.reshape(2, 2).tolist()
    return (r11, r12), (r21, r22)


def _series(document: Document, content: Object) -> SeriesFacts:
    key = next((key for key in _SECTIONS if key in content), _SECTIONS[0])
    sections = _list(document, content, key) if key in content else []
    tilts = tuple(_acquired(document, f"{key}.{i}", entry) for i, entry in enumerate(sections))
    microscope = content.get("microscope")
    optics = {**microscope, **content} if isinstance(microscope, dict) else content
    voltage = _number(document, optics, "acceleration_voltage", "number")
    if voltage is not None and voltage > 2 * V_PER_KV:  # volts, as documented
        voltage /= V_PER_KV
    return SeriesFacts(
        "portal tilt-series",
        str(document.path),
        "acquisition",
        tilts,
        complete=False,
        pixel_size_A=_number(document, content, "pixel_spacing", "pixel size in Å"),
        tilt_axis_deg=_number(document, content, "tilt_axis", "angle"),
        voltage_kV=None if voltage is None
        else document.number(repr(voltage), "acceleration_voltage", "voltage in kV"),
        spherical_aberration_mm=_number(
            document, optics, "spherical_aberration_constant", "spherical aberration in mm"
        ),
        image_size=_size(document, content.get("size")),
    )  # fmt: skip


def _acquired(document: Document, where: str, entry: Object) -> TiltFacts:
    def number(key: str, what: str, factor: float = 1.0) -> float | None:
        return _number(document, entry, key, what, where, factor)

    order = number("frame_acquisition_order", "number")
    return TiltFacts(
        section=_section(document, entry, where),
        angle_deg=number("raw_angle", "tilt angle"),
        order=None if order is None else int(order),
        defocus_u_um=number("major_defocus", "defocus in µm", UM_PER_A),
        defocus_v_um=number("minor_defocus", "defocus in µm", UM_PER_A),
        astigmatism_deg=number("astigmatic_angle", "angle"),
        phase_shift_deg=number("phase_shift", "angle", math.degrees(1)),
    )


def _section(document: Document, entry: Object, where: str) -> int | None:
    section = _number(document, entry, "z_index", "number", where)
    return None if section is None else document.whole(repr(section), f"{where}.z_index")


def _list(document: Document, content: Object, key: str) -> list[Object]:
    entries = content[key]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise document.error(f"{key}: expected a list of objects, found {shown(entries)}")
    if len(entries) > MOST_TILTS:
        raise document.error(f"{key}: expected at most {MOST_TILTS} entries, found more")
    return entries


def _number(
    document: Document, entry: Object, key: str, what: str, where: str = "", factor: float = 1.0
) -> float | None:
    """Return a number that an entry holds; None where it is missing or null."""
    value, place = entry.get(key), f"{where}.{key}" if where else key
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise document.error(f"{place}: expected a number, found {shown(value)}")
    return document.number(shown(value, 400), place, what, factor=factor)


def _size(document: Document, value: Any) -> tuple[int, int] | None:
    if not isinstance(value, dict):
        return None
    x, y = (_number(document, value, axis, "number", "size") for axis in "xy")
    if x is None or y is None:
        return None
    return (document.whole(repr(x), "size.x", 1), document.whole(repr(y), "size.y", 1))
