"""RELION 4's projection matrices: rlnTomoProjX … take voxels to pixels, both from sample 0.

Rz Ry Rx has -sin y in its lower left corner; the same decomposition as RELION 5's own, which
converts them (`Tomogram::getProjectionAnglesFromMatrix`). WarpTools writes matrices without
translation: then they tell no shift.
"""

import json
from dataclasses import replace

import numpy as np

from faket.data import DoubleArray
from faket.io.failures import shown
from faket.io.metadata.facts import Matrix, Pair, SeriesFacts, TiltFacts
from faket.io.metadata.facts import rotation as plane_rotation
from faket.io.metadata.tables import Rows

MATRIX = tuple(f"rlnTomoProj{row}" for row in "XYZW")
_SIZE = tuple(f"rlnTomoSize{axis}" for axis in "XYZ")


def by_matrices(rows: Rows, tilts: list[TiltFacts]) -> list[TiltFacts]:
    """Return tilts with the angles of the matrices; :func:`centred` turns the shifts into ours."""
    found = []
    for i, tilt in enumerate(tilts):
        turn = _matrix(rows, i)[:3, :3]
        y_tilt = float(np.degrees(np.arcsin(np.clip(-turn[2, 0], -1, 1))))
        x_tilt = float(np.degrees(np.arctan2(turn[2, 1], turn[2, 2])))
        axis = float(np.degrees(np.arctan2(turn[1, 0], turn[0, 0])))
        if abs(y_tilt) > 90 or abs(x_tilt) > 90:
            raise rows.document.error(f"row {i + 1}: expected a tilt within 90 degrees, found "
                                      f"{y_tilt:g} about y and {x_tilt:g} about x")  # fmt: skip
        section = i if tilt.section is None else tilt.section
        found.append(replace(tilt, section=section, refined_angle_deg=y_tilt, x_tilt_deg=x_tilt,
                             matrix=plane_rotation(axis),
                             shift_px=_translation(rows, i)))  # fmt: skip
    return found


def _matrix(rows: Rows, i: int) -> DoubleArray:
    """Return the 4 × 4 matrix of image ``i``; InputError if it does not turn."""
    where = f"row {i + 1}, {MATRIX[0]}"
    values = []
    for column in MATRIX:
        try:
            row = json.loads(rows.table[column][i], parse_constant=float)
            values.append([float(value) for value in row])
        except (ValueError, TypeError, RecursionError, OverflowError):
            raise rows.document.error(
                f"row {i + 1}, {column}: expected [a,b,c,d], found {shown(rows.table[column][i])}"
            ) from None
    if any(len(row) != 4 for row in values) or not np.all(np.abs(values) < 1e6):
        raise rows.document.error(f"{where}: expected four numbers a row, found others")
    matrix = np.array(values)
    turn = matrix[:3, :3]
    if np.abs(turn @ turn.T - np.eye(3)).max() > 0.1 or np.linalg.det(turn) < 0:
        raise rows.document.error(f"{where}: expected a rotation, found another matrix")
    return matrix


def _translation(rows: Rows, i: int) -> Pair:
    x, y = _matrix(rows, i)[:2, 3].tolist()
    return x, y


def centred(row: Rows, facts: SeriesFacts) -> SeriesFacts:
    """Let the shifts of matrices begin at the tomogram's centre, voxel N // 2 of each axis."""
    size = [row.one(column, "number") for column in _SIZE]
    told = any(tilt.shift_px not in (None, (0.0, 0.0)) for tilt in facts.tilts)
    if not told or any(side is None for side in size):
        why = "no translation in its matrices" if not told else f"no {_SIZE[0]}"
        return replace(
            facts,
            tilts=tuple(replace(tilt, shift_px=None) for tilt in facts.tilts),
            notices=(*facts.notices, f"{why}: the shifts are not known"),
        )
    centre = np.array([int(side or 0) // 2 for side in size])
    tilts = []
    for tilt in facts.tilts:
        turn = rotation_3d(
            tilt.matrix or plane_rotation(0), tilt.refined_angle_deg or 0.0, tilt.x_tilt_deg or 0.0
        )
        x, y = (np.array(tilt.shift_px) + turn[:2] @ centre).tolist()
        tilts.append(replace(tilt, shift_px=(x, y)))
    return replace(facts, tilts=tuple(tilts))


def rotation_3d(plane: Matrix, tilt_deg: float, x_tilt_deg: float) -> DoubleArray:
    """Return Rz Ry Rx, shape (3, 3): specimen to image; ``plane`` is the 2 × 2 part of Rz."""
    x, y = np.radians([x_tilt_deg, tilt_deg])
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.eye(3)
    about_z[:2, :2] = plane
    return np.asarray(about_z @ about_y @ about_x)
