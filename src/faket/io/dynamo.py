"""Dynamo's tables of particles (``.tbl``): one line per particle, 26 or more numbers, no header.

They are written with 36 columns, the last of which is the voxel size.

Columns as in Dynamo's "Table convention", counted from 1: 4-6 shift dx dy dz, 7-9 angles tdrot
tilt narot, 10 cross correlation, 20 tomogram, 22 class, 24-26 position x y z, 36 Å per pixel
where it is not 0. The particle is at position + shift, in pixels of the volume it was cropped
from. Pixels are counted from 1, as MATLAB does (RELION's reader of these tables subtracts 1 too).
The angles' convention is in :mod:`faket.evaluation.conventions`.
"""

from collections.abc import Mapping

import numpy as np

from faket.data import DoubleArray
from faket.evaluation.conventions import EulerAngles, angles_of
from faket.evaluation.matching import Picks
from faket.io.failures import PathLike, input_error
from faket.io.pick_rows import Wanted, numbered_species, rows_of_tomogram
from faket.io.text import format_number, parse_number, text_lines

WIDTH = 26
_SHIFT, _ANGLES, _CORRELATION, _TOMOGRAM, _CLASS, _PLACE, _APIX = 3, 6, 9, 19, 21, 23, 35

_WRITTEN = 36

TableRows = list[tuple[int, list[str]]]


def read_dynamo_picks(path: PathLike, voxel_size_A: float, wanted: Wanted) -> Picks:
    """Read the picks of one tomogram.

    Parameters
    ----------
    path : str or Path
    voxel_size_A : float
        Of the tomogram; assumed for the table's pixels if neither ``wanted`` nor the table gives
        their size.
    wanted : Wanted
        ``tomogram`` is the number of column 20.

    Raises
    ------
    InputError
        Naming line and column.
    """
    rows = [(number, text.replace(",", " ").split()) for number, text in text_lines(path)]
    for number, cells in rows:
        if len(cells) < WIDTH:
            raise input_error(
                path,
                f"line {number}: expected {WIDTH} or more numbers, as in a Dynamo table, "
                f"found {len(cells)}; check that it is the right file",
            )
    keep, notes = rows_of_tomogram(path, [_whole(cells[_TOMOGRAM]) for _, cells in rows], wanted)
    rows = [rows[i] for i in keep]
    if not rows:
        return Picks((), np.zeros((0, 3)))
    size_A, scale_notes = _pixel_size(path, rows, voxel_size_A, wanted.pixel_size_A)
    pixels = _numbers(path, rows, _PLACE, 3) - 1 + _numbers(path, rows, _SHIFT, 3)
    angles = EulerAngles("Dynamo", _numbers(path, rows, _ANGLES, 3))
    scores = _numbers(path, rows, _CORRELATION, 1)[:, 0]
    classes = [_whole(cells[_CLASS]) for _, cells in rows]
    species, class_notes = numbered_species(path, "class (column 22)", classes, wanted)
    return Picks(
        species=species,
        positions_A=pixels * size_A,
        rotations=angles.rotations() if angles.degrees.any() else None,
        scores=scores if scores.any() else None,
        angles=angles if angles.degrees.any() else None,
        notes=(*notes, *scale_notes, *class_notes),
    )


def dynamo_lines(
    picks: Picks, voxel_size_A: float, numbers: Mapping[str, int], tomogram: int, first: int = 1
) -> list[str]:
    """Return the lines of a tomogram's particles; without orientations all angles are 0.

    Parameters
    ----------
    picks : Picks
    voxel_size_A : float
    numbers : mapping of str to int
        Class → number.
    tomogram : int
    first : int
        Number (tag) of the first particle.
    """
    rows = np.zeros((len(picks), _WRITTEN))
    rows[:, 0] = np.arange(first, first + len(picks))
    rows[:, 1:3] = 1  # to be aligned and averaged
    if picks.rotations is not None:
        rows[:, _ANGLES : _ANGLES + 3] = angles_of("Dynamo", picks.rotations)
    if picks.scores is not None:
        rows[:, _CORRELATION] = picks.scores
    rows[:, _TOMOGRAM] = tomogram
    rows[:, _CLASS] = [numbers[name] for name in picks.species]
    rows[:, _PLACE : _PLACE + 3] = picks.positions_A / voxel_size_A + 1
    rows[:, _APIX] = voxel_size_A
    whole = {0, 1, 2, _TOMOGRAM, _CLASS}
    return [
        " ".join(
            str(int(v)) if i in whole or v == 0 else format_number(v) for i, v in enumerate(row)
        )
        for row in rows
    ]


def _numbers(path: PathLike, rows: TableRows, first: int, count: int) -> DoubleArray:
    columns = range(first, first + count)
    values = [
        [parse_number(cells[i], path, f"line {number}, column {i + 1}") for i in columns]
        for number, cells in rows
    ]
    return np.array(values, np.float64).reshape(-1, count)


def _pixel_size(
    path: PathLike, rows: TableRows, voxel_size_A: float, given_A: float | None
) -> tuple[float, tuple[str, ...]]:
    """Return the size of the table's pixels, and how it is known."""
    if given_A is not None:
        return given_A, ()
    written = {cells[_APIX] for _, cells in rows if len(cells) > _APIX}
    sizes = {parse_number(text, path, f"column {_APIX + 1}") for text in written} - {0.0}
    if len(sizes) > 1 or any(size < 0 for size in sizes):
        raise input_error(
            path, f"column {_APIX + 1}: expected one pixel size, found {sorted(sizes)[:5]}; give "
            "`pixel_size_A`"
        )  # fmt: skip
    if sizes:
        return (size_A := sizes.pop()), (f"pixels of {size_A:g} Å read from column {_APIX + 1}",)
    note = f"a Dynamo table without pixel size; the tomogram's {voxel_size_A:g} Å assumed"
    return voxel_size_A, (f"{note}; otherwise give `pixel_size_A`",)


def _whole(text: str) -> str:
    """Return "3" for "3.0", so that it compares with what a user gives."""
    head, point, tail = text.partition(".")
    return head if point and not tail.strip("0") else text
