"""Tilt angles (IMOD ``.tlt``, ``.rawtlt``), whole tilt geometries (CSV), tilt-series.

A ``.tlt`` file has one angle in degrees per line, in the order of the images; further columns, as
AreTomo and IMOD write them, and comments are ignored. Angles are read and written as the stage
angle θ of :class:`faket.data.TiltGeometry`, without a change of sign.
"""

import re
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import numpy as np

from faket.data import AnyArray, DoubleArray, TiltGeometry, TiltSeries
from faket.io.failures import PathLike, input_error, notice, shown
from faket.io.model_folder import ANGLES, ANGLES_SUFFIXES, GEOMETRY
from faket.io.mrc import read_stack, write_stack
from faket.io.text import csv_rows, format_number, parse_number, text_lines, write_text
from faket.tilts import LEAST_RANGE_DEG

_COLUMNS = ("angle_deg", "shift_x_A", "shift_y_A", "dose_e_per_A2", "order")
_MOST_BYTES = 1_000_000  # chosen: 10 000 tilts with columns and comments
_CONSTANTS = ("pixel_size_A", "tilt_axis_deg")
_NUMBER = re.compile(r"[-+.\d][-+.\deE]*")
_COMMENT = re.compile(r"[#;%!]|//")
_MOST_COLUMNS = 3  # AreTomo's and IMOD's lists have two or three, their transforms six and more


def read_tilt_angles(path: PathLike) -> DoubleArray:
    """Read one angle per line, from the first column; blank lines and comments are skipped.

    Returns
    -------
    ndarray, shape (tilts,), float64
        Degrees.

    Raises
    ------
    InputError
        If a line does not begin with a number between -90 and 90, there is no line, all angles are
        equal, there are more than three columns, or the first of several only counts the lines.
    """
    lines = [
        (number, _COMMENT.split(text)[0].split()) for number, text in text_lines(path, _MOST_BYTES)
    ]
    rows = [(number, words) for number, words in lines if words]
    angles = np.array([_angle(words[0], path, f"line {number}") for number, words in rows])
    if not rows:
        raise input_error(path, "expected one tilt angle a line, found none; check the file")
    columns = max(len(list(takewhile(_NUMBER.fullmatch, words))) for _, words in rows)
    if columns > 1:
        _check_first_column(path, angles, columns)
        notice(path, f"the first of {columns} columns read as tilt angles")
    return _differing(path, angles)


def _check_first_column(path: PathLike, angles: DoubleArray, columns: int) -> None:
    """Refuse other tables: alignments, transforms, or a first column that counts the lines."""
    if columns > _MOST_COLUMNS:
        raise input_error(path, f"expected one column of angles, found {columns}; keep only one")
    if len(angles) > 2 and np.ptp(np.sort(angles) - np.arange(len(angles))) == 0:
        raise input_error(path, "expected angles, found the numbers of the lines; remove them")


def write_tilt_angles(path: PathLike, angles_deg: DoubleArray) -> None:
    """Write one angle (degrees) per line, with enough digits to read back exactly the same.

    Raises
    ------
    InputError
        If an angle is not between -90 and 90, or the file cannot be written.
    """
    angles = _checked_angles(path, angles_deg)
    write_text(path, [np.format_float_positional(angle, trim="0") for angle in angles])


def tilt_angles_beside(stack_path: PathLike, *, option: str = "angles") -> Path:
    """Return the .tlt or .rawtlt of the same name beside a stack.

    Parameters
    ----------
    stack_path : str or Path
    option : str
        The caller's name of a file of angles that lies elsewhere, for the error.

    Raises
    ------
    InputError
        If the stack or the angles are missing.
    """
    stack = Path(stack_path)
    if not stack.exists():
        raise input_error(stack, "expected an MRC stack, found no file; check the path")
    name = stack.name.removesuffix(".gz")
    beside = [stack.with_name(name).with_suffix(suffix) for suffix in ANGLES_SUFFIXES]
    for path in beside:
        if path.is_file():
            return path
    raise input_error(
        stack,
        f"expected its tilt angles in {beside[0].name} or {beside[1].name} beside it, found none; "
        f"put them there, or give `{option}`",
    )


def read_tilt_series(
    stack_path: PathLike,
    angles_path: PathLike,
    *,
    mmap: bool = False,
    pixel_size_A: float | None = None,
) -> TiltSeries:
    """Read a stack and its angles.

    Parameters
    ----------
    stack_path : str or Path
        MRC stack ``[tilt, y, x]``.
    angles_path : str or Path
        ``.tlt`` or ``.rawtlt``; or the ``.csv`` of :func:`write_tilt_geometry`, which also gives
        shifts, tilt axis, dose and order.
    mmap : bool
        Leave the images on the disk (see :func:`faket.io.mrc.read_stack`).
    pixel_size_A : float, optional
        Instead of the one in the stack's header.

    Raises
    ------
    InputError
        If a file cannot be used, or they have different numbers of tilts.
    """
    if Path(angles_path).suffix.lower() == GEOMETRY:
        geometry = read_tilt_geometry(angles_path)
    else:
        geometry = TiltGeometry(read_tilt_angles(angles_path), 1.0)
    images, size_A = read_stack(stack_path, mmap=mmap, pixel_size_A=pixel_size_A)
    if len(images) != len(geometry.angles_deg):
        raise input_error(
            angles_path,
            f"expected {len(images)} tilts as in {Path(stack_path).name}, found "
            f"{len(geometry.angles_deg)}; give the angles of this stack",
        )
    return TiltSeries(images, replace(geometry, pixel_size_A=size_A))


def write_tilt_series(path: PathLike, series: TiltSeries) -> tuple[Path, Path]:
    """Write ``path`` (MRC) and, beside it, the angles under the same name with ``.tlt``.

    These two files cannot store shifts, tilt axis, dose and order; for them there is
    :func:`write_tilt_geometry`.

    Returns
    -------
    tuple of Path
        Stack and angles.

    Raises
    ------
    InputError
        If images and angles differ in number, or a file cannot be written.
    """
    stack, angles = Path(path), Path(path).with_suffix(ANGLES)
    if len(series.images) != len(series.geometry.angles_deg):
        raise input_error(
            path,
            f"expected one angle per image, found {len(series.geometry.angles_deg)} angles and "
            f"{len(series.images)} images; give the angles of this stack",
        )
    if stack == angles:
        raise input_error(path, "expected a name for the stack, found one for the angles; use .mrc")
    # The stack is written first, so that no error leaves angles without images; therefore the
    # angles are checked before it.
    _checked_angles(angles, series.geometry.angles_deg)
    write_stack(stack, series.images, series.geometry.pixel_size_A)
    write_tilt_angles(angles, series.geometry.angles_deg)
    return stack, angles


def write_tilt_geometry(path: PathLike, geometry: TiltGeometry) -> None:
    """Write a whole geometry as CSV, one row per image, with enough digits to be read back exactly.

    Columns: angle_deg, shift_x_A, shift_y_A, dose_e_per_A2, order, pixel_size_A, tilt_axis_deg;
    the last two repeat one value; dose and order are empty if unknown.

    Raises
    ------
    InputError
        If the parts differ in length, an angle is out of range, or the file cannot be written.
    """
    count = len(_checked_angles(path, geometry.angles_deg))
    dose = _cells(path, "dose_e_per_A2", geometry.dose_e_per_A2, count)
    order = _cells(path, "order", geometry.order, count)
    if geometry.shifts_A.shape != (count, 2):
        shape = geometry.shifts_A.shape
        raise input_error(path, f"expected shifts of shape ({count}, 2), found {shape}; give both")
    constants = [format_number(getattr(geometry, name)) for name in _CONSTANTS]
    lines = [",".join(_COLUMNS + _CONSTANTS)]
    for i in range(count):
        numbers = (geometry.angles_deg[i], *geometry.shifts_A[i])
        cells = [*map(format_number, numbers), dose[i], order[i], *constants]
        lines.append(",".join(cells))
    write_text(path, lines)


def read_tilt_geometry(path: PathLike) -> TiltGeometry:
    """Read the CSV of :func:`write_tilt_geometry`.

    Raises
    ------
    InputError
        With the line and column that cannot be used.
    """
    rows = csv_rows(path, _COLUMNS + _CONSTANTS)
    if not rows:
        raise input_error(path, "expected one row for each image, found none; check the file")
    angles = [_angle(row["angle_deg"], path, f"line {number}") for number, row in rows]
    numbers = {name: _column(path, rows, name) for name in ("shift_x_A", "shift_y_A", *_CONSTANTS)}
    for name in _CONSTANTS:
        if np.ptp(numbers[name]) != 0:
            raise input_error(
                path, f"{name}: expected one value in all rows, found several; correct the table"
            )
    if numbers["pixel_size_A"][0] <= 0:
        raise input_error(path, "pixel_size_A: expected a length > 0, found others; correct it")
    dose = _optional(path, rows, "dose_e_per_A2")
    order = _optional(path, rows, "order")
    if order is not None and sorted(order) != list(range(len(rows))):
        raise input_error(
            path, f"order: expected each of 0 to {len(rows) - 1} once, found others; correct it"
        )
    return TiltGeometry(
        _differing(path, np.array(angles)),
        float(numbers["pixel_size_A"][0]),
        np.stack([numbers["shift_x_A"], numbers["shift_y_A"]], axis=1),
        float(numbers["tilt_axis_deg"][0]),
        dose,
        None if order is None else order.astype(np.int64),
    )


def _differing(path: PathLike, angles: DoubleArray) -> DoubleArray:
    """Refuse equal angles for all images, which programs write if they do not know the angles."""
    if len(angles) > 1 and np.ptp(angles) < LEAST_RANGE_DEG:
        raise input_error(
            path,
            f"expected tilt angles that differ, found {len(angles)} times {angles[0]:g} degrees; "
            "write the stage's angles into it",
        )
    return angles


def _angle(text: str, path: PathLike, where: str) -> float:
    if "," in text:
        raise input_error(
            path,
            f"{where}: expected a tilt angle with a decimal point, and blanks between columns, "
            f"found {shown(text)}; replace the commas",
        )
    angle = parse_number(text, path, f"{where}: tilt angle")
    if abs(angle) > 90:
        raise input_error(
            path,
            f"{where}: expected a tilt angle of -90 to 90 degrees, found {angle:g}; correct it",
        )
    return angle


def _checked_angles(path: PathLike, angles_deg: DoubleArray) -> DoubleArray:
    angles = np.asarray(angles_deg, np.float64)
    if angles.ndim != 1 or len(angles) == 0:
        raise input_error(
            path, f"expected a list of tilt angles, found shape {angles.shape}; give one a tilt"
        )
    if not np.all(np.abs(angles) <= 90):  # NaN fails too
        raise input_error(path, "expected angles of -90 to 90 degrees, found others; correct them")
    return angles


def _cells(path: PathLike, name: str, values: AnyArray | None, count: int) -> list[str]:
    if values is None:
        return [""] * count
    if len(values) != count:
        raise input_error(
            path, f"{name}: expected {count} values, found {len(values)}; give one a tilt"
        )
    return [repr(value) for value in np.asarray(values).tolist()]


def _optional(
    path: PathLike, rows: list[tuple[int, dict[str, str]]], name: str
) -> DoubleArray | None:
    if all(not row[name] for _, row in rows):
        return None
    return _column(path, rows, name)


def _column(path: PathLike, rows: list[tuple[int, dict[str, str]]], name: str) -> DoubleArray:
    return np.array([parse_number(row[name], path, f"line {n}, {name}") for n, row in rows])
