"""IMOD's lists: ``.rawtlt``, ``.tlt``, ``.xf``, ``.xtilt`` and ``.defocus``, one line an image.

Conventions: :mod:`faket.io.metadata.imod`.
"""

import numpy as np

from faket.data import DoubleArray
from faket.io.metadata.facts import shift_from
from faket.io.metadata.geometry import JoinedGeometry

_NM_PER_UM = 1e3
_ASTIGMATISM, _PHASE = 1, 4  # flags of a .defocus of version 3
_SAME_UM = 5e-6  # two defoci that the file's two decimals of nm do not tell apart


def raw_angles(geometry: JoinedGeometry) -> list[str]:
    """Return a ``.rawtlt``: the stage's angles."""
    return [f"{angle:8.2f}" for angle in geometry.nominal_angles_deg]


def refined_angles(geometry: JoinedGeometry) -> list[str]:
    """Return a ``.tlt``: the angles after alignment."""
    return [f"{angle:8.2f}" for angle in geometry.angles_deg]


def x_tilts(geometry: JoinedGeometry) -> list[str]:
    """Return a ``.xtilt``; 0 where no rotation about x is known."""
    return [f"{angle:8.2f}" for angle in np.nan_to_num(geometry.x_tilts_deg)]


def transforms(geometry: JoinedGeometry) -> list[str]:
    """Return a ``.xf``: aligned = A raw + D, from the middles of both images."""
    assert geometry.image_size is not None
    size = geometry.image_size
    lines = []
    for matrix, shift in zip(geometry.matrices, geometry.shifts_px, strict=True):
        forward = np.linalg.inv(matrix)
        moved = -forward @ shift_from(shift, matrix, "middle", size, size)
        lines.append(_row(forward, moved))
    return lines


def _row(forward: DoubleArray, moved: DoubleArray) -> str:
    """Return A11 A12 A21 A22 DX DY in IMOD's columns, without a negative zero."""
    turns = "".join(f"{value + 0.0:12.7f}" for value in forward.ravel().round(7))
    return turns + "".join(f"{value + 0.0:12.3f}" for value in moved.round(3))


def defocus(geometry: JoinedGeometry) -> list[str]:
    """Return a ``.defocus``: version 2, or 3 where there is astigmatism or a phase plate."""
    u, v = geometry.defocus_u_um, geometry.defocus_v_um
    phase = np.nan_to_num(geometry.phase_shift_deg)
    astigmatic = bool(np.any(np.abs(u - v) > _SAME_UM))
    flags = _ASTIGMATISM * astigmatic + _PHASE * bool(phase.any())
    rows = []
    for i, angle in enumerate(geometry.angles_deg):
        row = f"{i + 1:4d} {i + 1:4d} {angle:8.2f} {angle:8.2f}"
        if astigmatic:
            row += f" {_NM_PER_UM * u[i]:9.2f} {_NM_PER_UM * v[i]:9.2f}"
            row += f" {geometry.astigmatism_deg[i]:7.2f}"
        else:
            row += f" {_NM_PER_UM * (u[i] + v[i]) / 2:9.2f}"
        rows.append(row + (f" {phase[i]:7.2f}" if flags & _PHASE else ""))
    if flags:
        return [f"{flags}  0  0.0  0.0  0.0  3", *rows]
    return [f"{rows[0]}  2", *rows[1:]]
