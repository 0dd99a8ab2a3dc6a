"""Membranes in files: a table of what was measured, and triangles as PLY.

``membranes.csv``: one row a membrane, ``id, name, parent, closed, thickness_A, area_A2, volume_A3,
mean_curvature_per_A, curvature_sd_per_A, euler_characteristic``; see
:class:`faket.data.MembraneFacts`. An empty cell is no number.
"""

import math
from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from faket.data import AnyArray, MembraneFacts
from faket.io.atomic import atomic_path
from faket.io.failures import PathLike, input_error, shown
from faket.io.particles import MAX_ID
from faket.io.text import csv_rows, format_number, parse_number, parse_whole, write_text

_COLUMNS = tuple(item.name for item in fields(MembraneFacts))
_MOST_HOLES = 10**6  # chosen: more than any surface on a grid of nodes


def write_membranes(path: PathLike, membranes: Sequence[MembraneFacts]) -> None:
    """Write the table with enough digits to read back exactly the same numbers."""
    lines = [",".join(_COLUMNS)]
    for one in membranes:
        values = [getattr(one, name) for name in _COLUMNS]
        lines.append(",".join(_cell(value) for value in values))
    write_text(path, lines)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "" if math.isnan(value) else format_number(value)
    return str(value)


def read_membranes(path: PathLike) -> tuple[MembraneFacts, ...]:
    """Read a table that :func:`write_membranes` wrote.

    Raises
    ------
    InputError
        With file, line and column, if a cell cannot be used.
    """
    rows = csv_rows(path, _COLUMNS)
    return tuple(_facts(path, number, cells) for number, cells in rows)


def _facts(path: PathLike, number: int, cells: dict[str, str]) -> MembraneFacts:
    where = f"line {number}"
    if cells["closed"] not in ("yes", "no"):
        raise input_error(
            path, f"{where}, closed: expected yes or no, found {shown(cells['closed'])}; correct it"
        )
    measured = {
        name: parse_number(cells[name], path, f"{where}, {name}") if cells[name] else math.nan
        for name in _COLUMNS
        if name.endswith(("_A", "_A2", "_A3"))
    }
    return MembraneFacts(
        id=parse_whole(cells["id"], path, f"{where}, id", low=1, high=MAX_ID),
        name=cells["name"],
        parent=parse_whole(cells["parent"], path, f"{where}, parent", low=0, high=MAX_ID),
        closed=cells["closed"] == "yes",
        euler_characteristic=parse_whole(
            cells["euler_characteristic"],
            path,
            f"{where}, euler_characteristic",
            low=-_MOST_HOLES,
            high=_MOST_HOLES,
        ),
        **measured,
    )


def write_mesh(
    path: PathLike,
    vertices_A: AnyArray,
    normals: AnyArray,
    curvature_per_A: AnyArray,
    triangles: AnyArray,
) -> None:
    """Write triangles as binary PLY.

    Parameters
    ----------
    path : path
    vertices_A, normals : ndarray, shape (n, 3)
        x y z; outward unit normals.
    curvature_per_A : ndarray, shape (n,)
        Mean curvature, written as ``quality``, which programs show in colours.
    triangles : ndarray of int, shape (m, 3)
        Counter-clockwise seen from outside.
    """
    names = ("x", "y", "z", "nx", "ny", "nz", "quality")
    points = np.column_stack([vertices_A, normals, curvature_per_A]).astype("<f4")
    faces = np.empty(len(triangles), [("n", "u1"), ("corners", "<i4", 3)])
    faces["n"], faces["corners"] = 3, triangles
    header = [
        "ply",
        "format binary_little_endian 1.0",
        f"element vertex {len(points)}",
        *(f"property float {name}" for name in names),
        f"element face {len(faces)}",
        "property list uchar int vertex_indices",
        "end_header",
    ]
    with atomic_path(path) as temporary, open(temporary, "wb") as stream:
        stream.write(("\n".join(header) + "\n").encode())
        stream.write(points.tobytes())
        stream.write(faces.tobytes())
