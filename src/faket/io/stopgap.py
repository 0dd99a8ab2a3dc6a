"""STOPGAP's motive lists: a STAR block ``stopgap_motivelist`` with the columns of MATLAB's lists.

The particle is at ``orig_x + x_shift``, in voxels of the tomogram counted from 1; the angles phi,
psi and the are TOM's (``cryoCAT``; see :mod:`faket.evaluation.conventions`).
"""

from collections.abc import Mapping

import numpy as np

from faket.data import DoubleArray
from faket.evaluation.conventions import EulerAngles, angles_of
from faket.evaluation.matching import Picks
from faket.io.failures import PathLike
from faket.io.pick_rows import Wanted, numbered_species, rows_of_tomogram
from faket.io.star import Table
from faket.io.star_units import numbers_of
from faket.io.text import format_number

BLOCK = "stopgap_motivelist"
MARK = "motl_idx"  # a column that no other program writes
_PLACE = ("orig_x", "orig_y", "orig_z")
_SHIFT = ("x_shift", "y_shift", "z_shift")
_ANGLES = ("phi", "psi", "the")  # in the order of conventions: TOM/AV3


def stopgap_columns(
    picks: Picks, voxel_size_A: float, numbers: Mapping[str, int], tomogram: int, first: int = 1
) -> Table:
    """Return the columns of a tomogram's particles; without orientations all angles are 0.

    Parameters
    ----------
    picks : Picks
    voxel_size_A : float
    numbers : mapping of str to int
        Class → number.
    tomogram : int
    first : int
        Number of the first particle.
    """
    n = len(picks)
    index = [str(i) for i in range(first, first + n)]
    places = picks.positions_A / voxel_size_A + 1
    degrees = np.zeros((n, 3))
    if picks.rotations is not None:
        degrees = angles_of("TOM/AV3", picks.rotations)
    scores = np.zeros(n) if picks.scores is None else picks.scores
    table: Table = {MARK: index, "tomo_num": [str(tomogram)] * n, "object": ["1"] * n}
    table["subtomo_num"] = index
    table["halfset"] = ["AB"[i % 2] for i in range(first - 1, first - 1 + n)]
    table |= {name: _texts(column) for name, column in zip(_PLACE, places.T, strict=True)}
    table["score"] = _texts(scores)
    table |= {name: ["0"] * n for name in _SHIFT}
    table |= {name: _texts(column) for name, column in zip(_ANGLES, degrees.T, strict=True)}
    table["class"] = [str(numbers[name]) for name in picks.species]
    return table


def stopgap_picks(path: PathLike, table: Table, voxel_size_A: float, wanted: Wanted) -> Picks:
    """Return the picks of one tomogram from a block that has been read.

    Parameters
    ----------
    path : str or Path
        Named in errors.
    table : mapping of str to list of str
    voxel_size_A : float
        Of the tomogram; the file does not contain it.
    wanted : Wanted
        ``tomogram`` is ``tomo_num``.

    Raises
    ------
    InputError
        Naming the column or row that is missing or wrong.
    """
    names = [f"{number:g}" for number in numbers_of(path, table, "tomo_num")]
    rows, notes = rows_of_tomogram(path, names, wanted)
    table = {name: [values[i] for i in rows] for name, values in table.items()}
    places = _triples(path, table, _PLACE) - 1 + _triples(path, table, _SHIFT)
    angles = EulerAngles("TOM/AV3", _triples(path, table, _ANGLES))
    turned = angles if angles.degrees.any() else None
    scores = numbers_of(path, table, "score") if "score" in table else np.zeros(len(rows))
    species, class_notes = numbered_species(path, "class", table.get("class", []), wanted)
    return Picks(
        species=species,
        positions_A=places * (wanted.pixel_size_A or voxel_size_A),
        rotations=None if turned is None else turned.rotations(),
        scores=scores if scores.any() else None,
        angles=turned,
        notes=(*notes, *class_notes),
    )


def _triples(path: PathLike, table: Table, names: tuple[str, ...]) -> DoubleArray:
    return np.stack([numbers_of(path, table, name) for name in names], axis=1)


def _texts(values: DoubleArray) -> list[str]:
    return [format_number(value) for value in values]
