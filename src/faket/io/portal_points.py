"""Points of the CryoET Data Portal: a line of JSON each, in a file for each class.

``location`` is in voxels of the tomogram, counted from 0 at the centre of the first: the portal's
own converter divides RELION's pixel coordinates by the binning and nothing else.
``xyz_rotation_matrix`` (``rotation_matrix`` in older files) is applied to the particle: it takes
the particle's frame to the tomogram's. The class is not in the file, but in the metadata beside it
(``NAME.json`` of ``NAME_orientedpoint.ndjson``) and in the name.
"""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from faket.evaluation.matching import Picks
from faket.io.failures import PathLike, input_error
from faket.io.pick_rows import Wanted, named_species
from faket.io.text import is_number, read_text, text_lines, write_text

_MATRIX = ("xyz_rotation_matrix", "rotation_matrix")
_ENDING = re.compile(r"(-\d+\.\d+)?_(oriented|instance)?point$", re.I)


def write_portal_points(path: PathLike, picks: Picks, voxel_size_A: float) -> None:
    """Write the picks of one class: oriented points, or points if they have no orientations.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    voxels = picks.positions_A / voxel_size_A
    turns = None if picks.rotations is None else picks.rotations.as_matrix().reshape(-1, 3, 3)
    lines = []
    for i, place in enumerate(voxels):
        point: dict[str, Any] = {"type": "point" if turns is None else "orientedPoint"}
        point["location"] = dict(zip("xyz", map(float, place), strict=True))
        if turns is not None:
            point[_MATRIX[0]] = turns[i].tolist()
        lines.append(json.dumps(point))
    write_text(path, lines)


def read_portal_picks(path: PathLike, voxel_size_A: float, wanted: Wanted) -> Picks:
    """Read points as picks; those of a file have one class.

    Parameters
    ----------
    path : str or Path
    voxel_size_A : float
        Of the tomogram whose voxels are counted.
    wanted : Wanted

    Raises
    ------
    InputError
        Naming the line that is wrong; or if only some points have an orientation.
    """
    places, turns = [], []
    for number, text in text_lines(path):
        point = _point(path, number, text)
        places.append([point["location"][axis] for axis in "xyz"])
        matrix = next((point[name] for name in _MATRIX if point.get(name) is not None), None)
        if matrix is not None:
            turns.append(_matrix(path, number, matrix))
    if turns and len(turns) < len(places):
        raise input_error(
            path, f"expected an orientation for each point or for none, found {len(turns)} of "
            f"{len(places)}; split the file"
        )  # fmt: skip
    name = wanted.species
    if name is None:
        (name,) = named_species(path, [_class_of(Path(path))], wanted.renames)
    positions = np.array(places, np.float64).reshape(-1, 3)
    rotations = Rotation.from_matrix(np.array(turns)) if turns else None
    size_A = wanted.pixel_size_A or voxel_size_A
    return Picks((name,) * len(positions), positions * size_A, rotations)


def _point(path: PathLike, number: int, text: str) -> dict[str, Any]:
    try:
        point = json.loads(text)
        values = [point["location"][axis] for axis in "xyz"]
        if not all(map(is_number, values)):
            raise ValueError
    except (ValueError, RecursionError, TypeError, KeyError) as error:
        raise input_error(
            path, f"line {number}: expected a point with a location x y z, found {text!r:.60}; "
            "correct it"
        ) from error  # fmt: skip
    return dict(point)


def _matrix(path: PathLike, number: int, matrix: Any) -> Any:
    try:
        values = np.array(matrix, np.float64)
    except (ValueError, TypeError, OverflowError):
        values = np.zeros(0)
    # A rotation: orthogonal, of determinant 1; the portal's files have six digits.
    if values.shape != (3, 3) or not (
        np.abs(values @ values.T - np.eye(3)).max() < 1e-3 and np.linalg.det(values) > 0
    ):
        raise input_error(
            path, f"line {number}: expected a rotation matrix, found {matrix!r:.60}; correct it"
        )
    return values


def _class_of(path: Path) -> str:
    """Return the class that the metadata beside a file names; otherwise that in its name."""
    stem = re.sub(r"_(oriented|instance)?point$", "", path.stem, flags=re.I)
    beside = path.with_name(f"{stem}.json")
    if beside.is_file():
        try:
            name = json.loads(read_text(beside))["annotation_object"]["name"]
        except (ValueError, RecursionError, TypeError, KeyError):
            name = None
        if isinstance(name, str) and name.strip():
            return name
    return _ENDING.sub("", path.stem)
