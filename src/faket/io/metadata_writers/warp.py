"""Warp's ``.xml`` of a tilt-series and ``.tomostar``.

Conventions: :mod:`faket.io.metadata.warp`. Angles have the sign that Warp's importer gives them:
the opposite of the stage's. Positions and defocus are then those of `warpylib`, which ports Warp's
`GetPositionInAllTilts`, with ``AreAnglesInverted`` False and no axis flipped.
"""

from collections.abc import Iterable
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np

from faket.data import DoubleArray
from faket.io.metadata.facts import shift_from
from faket.io.metadata.geometry import JoinedGeometry

_DEG_PER_HALF_TURN = 180.0


def warp_xml(geometry: JoinedGeometry, thickness_px: int) -> list[str]:
    """Return the ``.xml``; ``thickness_px`` is the tomogram's, in pixels of the raw stack."""
    assert geometry.image_size is not None
    assert geometry.pixel_size_A is not None
    pixel_A, sides = geometry.pixel_size_A, (*geometry.image_size, thickness_px)
    image, volume = (
        ", ".join(_number(side * pixel_A) for side in sides[:count]) for count in (2, 3)
    )
    offsets_A = _offsets_A(geometry)
    lists: list[tuple[str, Iterable[Any]]] = [
        ("Angles", map(_number, 0.0 - geometry.angles_deg)),
        ("Dose", map(_number, np.nan_to_num(geometry.dose_before_e_per_A2))),
        ("UseTilt", ~geometry.excluded),
        ("AxisAngle", map(_number, geometry.axes_deg)),
        ("AxisOffsetX", map(_number, offsets_A[:, 0])),
        ("AxisOffsetY", map(_number, offsets_A[:, 1])),
        ("MoviePath", [f"../frames/{frame}.mrc" for frame in geometry.frames]),
    ]
    return [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<TiltSeries AreAnglesInverted="False" PlaneNormal="0, 0, 1" LevelAngleX="0" '
        f'LevelAngleY="0" ImageDimensionsAngstrom="{image}" VolumeDimensionsAngstrom="{volume}" '
        'UnselectManual="">',
        *(f"\t<{name}>" + "\n".join(map(str, values)) + f"</{name}>" for name, values in lists),
        *_ctf(geometry),
        "</TiltSeries>",
    ]


def tomostar(geometry: JoinedGeometry) -> dict[str, list[str]]:
    """Return the table of a ``.tomostar``: of the images that are used."""
    before = np.nan_to_num(geometry.dose_before_e_per_A2)
    used = geometry.used
    return {
        "wrpMovieName": [f"../frames/{geometry.frames[i]}.mrc" for i in used],
        "wrpAngleTilt": [_number(0.0 - geometry.nominal_angles_deg[i]) for i in used],
        "wrpAxisAngle": [_number(geometry.axes_deg[i]) for i in used],
        "wrpDose": [_number(before[i]) for i in used],
    }


def _offsets_A(geometry: JoinedGeometry) -> DoubleArray:
    """Return the shifts from half of either size, Å, shape (tilts, 2)."""
    size, pixel_A = geometry.image_size, geometry.pixel_size_A
    assert size is not None
    assert pixel_A is not None
    pairs = zip(geometry.shifts_px, geometry.matrices, strict=True)
    return pixel_A * np.array([shift_from(shift, r, "half", size, size) for shift, r in pairs])


def _ctf(geometry: JoinedGeometry) -> list[str]:
    """Return the optics, and the defocus where it is known."""
    optics = {
        "PixelSize": geometry.pixel_size_A,
        "Voltage": geometry.voltage_kV,
        "Cs": geometry.spherical_aberration_mm,
        "Amplitude": geometry.amplitude_contrast,
    }
    lines = ["\t<CTF>"]
    lines += [
        f'\t\t<Param Name="{name}" Value={quoteattr(_number(value))} />'
        for name, value in optics.items()
        if value is not None
    ]
    lines.append("\t</CTF>")
    u, v = geometry.defocus_u_um, geometry.defocus_v_um
    if not np.isfinite(u).all():
        return lines
    phase = np.nan_to_num(geometry.phase_shift_deg) / _DEG_PER_HALF_TURN
    for name, values in (
        ("GridCTF", (u + v) / 2),
        ("GridCTFDefocusDelta", u - v),
        ("GridCTFDefocusAngle", geometry.astigmatism_deg),
        ("GridCTFPhase", phase),
    ):
        lines += _grid(name, values)
    return lines


def _grid(name: str, values: DoubleArray) -> list[str]:
    head = f'\t<{name} Width="1" Height="1" Depth="{len(values)}" MarginX="0" MarginY="0" '
    nodes = (
        f'\t\t<Node X="0" Y="0" Z="{i}" Value="{_number(value)}" />'
        for i, value in enumerate(values)
    )
    return [head + 'MarginZ="0">', *nodes, f"\t</{name}>"]


def _number(value: float) -> str:
    """Return a number with as many digits as Warp's single precision holds."""
    return f"{value + 0.0:.7g}"
