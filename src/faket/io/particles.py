"""The particle table: one CSV row per object, from which the specimen can be painted again.

``id, species, x_A, y_A, z_A, qx, qy, qz, qw, a_A, b_A, c_A``: positions in Å from the centre of
voxel [0, 0, 0]; the quaternion, scalar last, takes the particle's frame to the tomogram's; the
semi-axes are empty for molecules. Fiducials are called "fiducial", as in SHREC'21; "gold" is read
as the same. Columns of :data:`faket.vocabulary.PARTICLE_COLUMNS` may follow, empty where they mean
nothing.
"""

import csv
import io

import numpy as np
from scipy.spatial.transform import Rotation

from faket.data import DoubleArray, Particles
from faket.io.failures import PathLike, input_error, shown
from faket.io.text import csv_rows, format_number, parse_number, parse_whole, write_text
from faket.vocabulary import FIDUCIAL, GOLD, PARTICLE_COLUMNS

_POSITION = ("x_A", "y_A", "z_A")
_QUATERNION = ("qx", "qy", "qz", "qw")
_SEMI_AXES = ("a_A", "b_A", "c_A")
_COLUMNS = ("id", "species", *_POSITION, *_QUATERNION, *_SEMI_AXES)

MAX_ID = 2**31 - 1

NumberedRow = tuple[int, dict[str, str]]


def canonical_name(name: str) -> str:
    """Return the current name of a class: fiducials were once called "gold"."""
    return FIDUCIAL if name == GOLD else name


def write_particles(path: PathLike, particles: Particles) -> None:
    """Write the table with enough digits to read back exactly the same numbers.

    Raises
    ------
    InputError
        If the parts differ in length, an id is below 1 or not unique, a position is not finite,
        a species has no printable name, or the file cannot be written.
    """
    check_particles(path, particles)
    further = [name for name in PARTICLE_COLUMNS if name in particles.columns]
    lines = [",".join((*_COLUMNS, *further))]
    quaternions = particles.rotations.as_quat().reshape(-1, 4)
    for i, name in enumerate(particles.species):
        numbers = (*particles.positions_A[i], *quaternions[i])
        optional = (*particles.semi_axes_A[i], *(particles.columns[name][i] for name in further))
        cells = [
            str(int(particles.ids[i])),
            canonical_name(name),
            *map(format_number, numbers),
            *("" if np.isnan(value) else format_number(value) for value in optional),
        ]
        lines.append(_csv_line(cells))
    write_text(path, lines)


def read_particles(path: PathLike) -> Particles:
    """Read a table written by :func:`write_particles` or by a user.

    The columns may stand in any order. Numbers come back exactly; scipy normalises the
    quaternions once more, which may move their last bit (4e-16).

    Raises
    ------
    InputError
        With line and column, if a column is missing, a cell is no number, an id is used twice, a
        quaternion is not of length 1, or semi-axes are neither three positive lengths nor empty.
    """
    rows = csv_rows(path, _COLUMNS)
    ids = [parse_whole(row["id"], path, f"line {n}, id", low=1, high=MAX_ID) for n, row in rows]
    _check_unique(path, ids, rows)
    return Particles(
        ids=np.array(ids, np.int64),
        species=tuple(_species(path, row) for row in rows),
        positions_A=_numbers(path, rows, _POSITION),
        rotations=_rotations(path, rows),
        semi_axes_A=_table([_semi_axes(path, row) for row in rows], 3),
        columns=_columns(path, rows),
    )


def _columns(path: PathLike, rows: list[NumberedRow]) -> dict[str, DoubleArray]:
    """Return the further columns that the table has; an empty cell is NaN."""
    names = [name for name in PARTICLE_COLUMNS if rows and name in rows[0][1]]
    return {
        name: np.array(
            [
                parse_number(cells[name], path, f"line {number}, {name}")
                if cells[name].strip()
                else np.nan
                for number, cells in rows
            ]
        )
        for name in names
    }


def check_particles(path: PathLike, particles: Particles) -> None:
    """Raise InputError, naming ``path``, if the parts of ``particles`` do not fit each other."""
    n = len(particles.ids)
    lengths = (len(particles.species), len(particles.positions_A), len(particles.semi_axes_A))
    rotations = particles.rotations.as_quat().reshape(-1, 4)
    if any(length != n for length in (*lengths, len(rotations))):
        raise input_error(
            path, f"expected species, positions and semi-axes of {n} particles, found {lengths}; "
            "give one of each for every particle"
        )  # fmt: skip
    ids = particles.ids
    if n and (ids.min() < 1 or ids.max() > MAX_ID or len(np.unique(ids)) < n):
        raise input_error(
            path, f"expected particle ids 1 to {MAX_ID}, each once, found others; renumber them"
        )
    if not np.isfinite(particles.positions_A).all():
        raise input_error(
            path, "expected finite particle positions, found NaN or infinity; correct them"
        )
    if strange := set(particles.columns) - set(PARTICLE_COLUMNS):
        raise input_error(
            path, f"expected columns among {', '.join(PARTICLE_COLUMNS)}, found "
            f"{shown(sorted(strange)[0])}; leave it out"
        )  # fmt: skip
    if any(len(values) != n for values in particles.columns.values()):
        raise input_error(path, f"expected columns of {n} numbers, found others; complete them")
    for name in particles.species:
        if not name or name != name.strip() or not name.isprintable():
            raise input_error(
                path, f"expected a printable species name, found {shown(name)}; rename it"
            )
    axes = particles.semi_axes_A
    if not np.all(np.isnan(axes).all(1) | ((axes > 0) & np.isfinite(axes)).all(1)):
        raise input_error(
            path, "expected three positive semi-axes or three NaN, found others; correct them"
        )


def _csv_line(cells: list[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(cells)
    return buffer.getvalue()


def _check_unique(path: PathLike, ids: list[int], rows: list[NumberedRow]) -> None:
    seen: dict[int, int] = {}
    for identity, (number, _) in zip(ids, rows, strict=True):
        if identity in seen:
            raise input_error(
                path,
                f"line {number}, id: {identity} was used in line {seen[identity]}; use another",
            )
        seen[identity] = number


def _species(path: PathLike, row: NumberedRow) -> str:
    number, cells = row
    name = cells["species"].strip()
    if not name or not name.isprintable():
        raise input_error(
            path, f"line {number}, species: expected a name, found {shown(name)}; rename it"
        )
    return canonical_name(name)


def _numbers(path: PathLike, rows: list[NumberedRow], columns: tuple[str, ...]) -> DoubleArray:
    values = [
        [parse_number(cells[name], path, f"line {number}, {name}") for name in columns]
        for number, cells in rows
    ]
    return _table(values, len(columns))


def _table(values: list[list[float]], width: int) -> DoubleArray:
    return np.array(values, np.float64).reshape(-1, width)


def _rotations(path: PathLike, rows: list[NumberedRow]) -> Rotation:
    quaternions = _numbers(path, rows, _QUATERNION)
    for (number, _), quaternion in zip(rows, quaternions, strict=True):
        largest = float(np.abs(quaternion).max())
        if largest > 2 or abs(float(np.linalg.norm(quaternion)) - 1) > 1e-3:
            raise input_error(
                path, f"line {number}, qx to qw: expected a quaternion of length 1, found another; "
                "correct it"
            )  # fmt: skip
    return Rotation.from_quat(quaternions)


def _semi_axes(path: PathLike, row: NumberedRow) -> list[float]:
    number, cells = row
    texts = [cells[name].strip() for name in _SEMI_AXES]
    if not any(texts):
        return [float("nan")] * 3
    axes = [
        parse_number(text, path, f"line {number}, {name}")
        for text, name in zip(texts, _SEMI_AXES, strict=True)
    ]
    if min(axes) <= 0:
        raise input_error(
            path, f"line {number}, a_A to c_A: expected positive semi-axes, found {min(axes):g}; "
            "correct them"
        )  # fmt: skip
    return axes
