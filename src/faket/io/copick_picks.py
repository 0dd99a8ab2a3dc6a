"""Picks of copick: a JSON file for each object, user and session, or a folder of them.

``points[i].location`` is in Å from the centre of the volume's first voxel (copick's programs
multiply voxels by their size), and the 4 × 4 ``transformation_`` takes the particle's frame to the
tomogram's: its first three columns turn, its last one shifts the place.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from faket.evaluation.matching import Picks
from faket.io.failures import PathLike, input_error
from faket.io.pick_rows import Wanted, named_species
from faket.io.text import LARGEST, is_number, read_text

_WRONG = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError)
_OBJECT, _MATRIX = "pickable_object_name", "transformation_"


def read_copick_picks(path: PathLike, wanted: Wanted) -> Picks:
    """Read the picks of one run.

    Parameters
    ----------
    path : str or Path
        A file, or the folder ``Picks`` of a run, whose files are joined.
    wanted : Wanted

    Raises
    ------
    InputError
        If it holds no picks of copick, or naming the point that is wrong.
    """
    files = sorted(Path(path).glob("*.json")) if Path(path).is_dir() else [Path(path)]
    if not files:
        raise input_error(path, "expected files of copick's picks (.json), found none")
    names: list[str] = []
    places: list[Any] = []
    matrices: list[Any] = []
    scores: list[float] = []
    for file in files:
        content = _content(file)
        for i, point in enumerate(content.get("points") or (), start=1):
            place, matrix = _pose(file, i, point)
            names.append(str(content[_OBJECT]))
            places.append(place)
            matrices.append(matrix)
            score = point.get("score")
            scores.append(float(score) if is_number(score) else 0.0)
    species = named_species(path, names, wanted.renames)
    if wanted.species is not None:
        species = (wanted.species,) * len(names)
    turns = np.array(matrices, np.float64).reshape(-1, 3, 3)
    # The identity is what copick writes where no orientation is known.
    has_turns = bool(np.abs(turns - np.eye(3)).max(initial=0) > 0)
    return Picks(
        species,
        np.array(places, np.float64).reshape(-1, 3),
        Rotation.from_matrix(turns) if has_turns else None,
        np.array(scores) if any(score not in (0, 1) for score in scores) else None,
    )


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise input_error(path, f"expected JSON, found a mistake ({error!r:.60})") from error
    if not isinstance(content, dict) or _OBJECT not in content:
        raise input_error(path, f"expected picks of copick with {_OBJECT}, found others")
    return content


def _pose(path: Path, number: int, point: Any) -> tuple[Any, Any]:
    """Return place (x y z, Å) and turn (3 x 3) of a point."""
    try:
        values = [point["location"][axis] for axis in "xyz"]
        if not all(map(is_number, values)):
            raise ValueError
        place = np.array(values, np.float64)
        matrix = np.array(point.get(_MATRIX) or np.eye(4), np.float64)
        turn = matrix[:3, :3]
        is_rotation = np.abs(turn @ turn.T - np.eye(3)).max() < 1e-3 and np.linalg.det(turn) > 0
        if matrix.shape != (4, 4) or not is_rotation or not np.abs(matrix).max() <= LARGEST:
            raise ValueError
    except _WRONG as error:
        raise input_error(
            path, f"point {number}: expected a location x y z and a rotation, found "
            f"{point!r:.60}; correct it"
        ) from error  # fmt: skip
    return place + matrix[:3, 3], turn
