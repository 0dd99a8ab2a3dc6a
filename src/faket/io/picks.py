"""Reading and writing of picks; the format of a file is found from its content.

- SHREC'21's submission: a line a pick, ``name x y z``, in voxels of the tomogram. Three more
  numbers are Euler angles as in ``particle_locations.txt``; other words are ignored, and lines
  that begin with #.
- CSV, a table with the columns ``species, x_A, y_A, z_A`` and, where known, ``qx, qy, qz, qw``
  (scalar last), ``score`` and ``tomogram``; faket's particle tables are read too.
- STAR: see :mod:`faket.io.star_picks` and :mod:`faket.io.stopgap`; Dynamo's tables:
  :mod:`faket.io.dynamo`; motive lists: :mod:`faket.io.motive_lists`; IMOD's models:
  :mod:`faket.io.imod_models`; EMAN2's boxes: :mod:`faket.io.eman_boxes`; points of the CryoET Data
  Portal: :mod:`faket.io.portal_points`; copick's: :mod:`faket.io.copick_picks`; DeepFinder's
  object lists: :mod:`faket.io.object_lists`.

An empty file has no picks. Other formats are refused: see :mod:`faket.io.pick_formats`.
"""

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from faket.evaluation.conventions import EulerAngles
from faket.evaluation.matching import Picks
from faket.io.copick_picks import read_copick_picks
from faket.io.dynamo import read_dynamo_picks
from faket.io.eman_boxes import read_eman_picks
from faket.io.failures import PathLike, input_error, shown
from faket.io.imod_models import read_imod_picks
from faket.io.motive_lists import read_motive_list
from faket.io.object_lists import read_object_list
from faket.io.particles import canonical_name
from faket.io.pick_formats import PickFormat, recognise
from faket.io.pick_rows import Wanted, named_species, numbered_species, rows_of_tomogram
from faket.io.portal_points import read_portal_picks
from faket.io.shrec.locations import Euler, euler_angles_deg
from faket.io.star_picks import read_star_picks, write_star_picks
from faket.io.text import csv_rows, format_number, parse_number, read_text, text_lines, write_text

_POSITION = ("x_A", "y_A", "z_A")
_QUATERNION = ("qx", "qy", "qz", "qw")
_TOMOGRAMS = ("tomogram", "tomo_name", "experiment", "run_name")  # ours, and others' words for it


def read_picks(
    path: PathLike,
    shape: tuple[int, int, int],
    voxel_size_A: float,
    *,
    euler: Euler = "zxz",
    species: str | None = None,
    classes: Mapping[int, str] | None = None,
    renames: Mapping[str, str] | None = None,
    tomogram: str | None = None,
    likely_tomogram: str | None = None,
    tomogram_number: int | None = None,
    pixel_size_A: float | None = None,
) -> Picks:
    """Read the picks of one tomogram.

    Parameters
    ----------
    path : str or Path
    shape, voxel_size_A
        z y x and Å of the tomogram in which the picks were made.
    euler : {"zxz", "ZXZ"}
        Of SHREC's angles; see :mod:`faket.io.shrec.locations`.
    species, classes, renames, tomogram, likely_tomogram, tomogram_number, pixel_size_A
        See :class:`faket.io.pick_rows.Wanted`.

    Returns
    -------
    Picks
        ``notes`` lists what was assumed.

    Raises
    ------
    InputError
        With file, line and column; or with the format, if it cannot be read.
    """
    wanted = Wanted(
        species, classes, renames, tomogram, likely_tomogram, tomogram_number, pixel_size_A
    )
    readers: dict[PickFormat, Callable[[], Picks]] = {
        "text": lambda: _read_text(path, voxel_size_A, euler, wanted),
        "csv": lambda: _read_csv(path, wanted),
        "star": lambda: read_star_picks(path, shape, voxel_size_A, wanted),
        "dynamo": lambda: read_dynamo_picks(path, voxel_size_A, wanted),
        "em": lambda: read_motive_list(path, voxel_size_A, wanted),
        "imod": lambda: read_imod_picks(path, voxel_size_A, wanted),
        "eman": lambda: read_eman_picks(path, shape, voxel_size_A, wanted),
        "portal": lambda: read_portal_picks(path, voxel_size_A, wanted),
        "copick": lambda: read_copick_picks(path, wanted),
        "object list": lambda: read_object_list(path, voxel_size_A, wanted),
    }
    return readers[recognise(path)]()


def write_picks(
    path: PathLike,
    picks: Picks,
    shape: tuple[int, int, int],
    voxel_size_A: float,
    *,
    euler: Euler = "zxz",
    tomogram: str = "tomogram",
    classes: Mapping[int, str] | None = None,
) -> None:
    """Write picks in the format of the suffix, as :func:`read_picks` reads them.

    SHREC'21's text is rounded to 1e-6 voxels and has no scores; the other formats keep every digit.
    ``tomogram`` and ``classes`` are for STAR files, see :func:`faket.io.star_picks`.

    Raises
    ------
    InputError
        If a name does not fit the format, or the file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".star":
        write_star_picks(path, picks, shape, voxel_size_A, tomogram=tomogram, classes=classes)
    elif suffix == ".csv":
        _write_csv(path, picks)
    else:
        _write_text(path, picks, voxel_size_A, euler)


def _read_text(path: PathLike, voxel_size_A: float, euler: Euler, wanted: Wanted) -> Picks:
    names, voxels, angles = [], [], []
    for number, text in text_lines(path):
        if text.startswith("#"):
            continue
        cells = text.split()
        if len(cells) < 4 or not cells[0].isprintable():
            raise input_error(
                path, f"line {number}: expected name x y z, found {shown(text)}; correct the line"
            )
        names.append(cells[0])
        where = [f"line {number}, {column}" for column in "xyz"]
        voxels.append([parse_number(c, path, w) for c, w in zip(cells[1:4], where, strict=True)])
        angles.append(_angles(path, number, cells[4:]) if len(cells) == 7 else None)
    species, notes = _text_species(path, names, wanted)
    turned = None
    if angles and all(item is not None for item in angles):
        turned = EulerAngles(f"SHREC {euler}", np.array(angles, np.float64))
    return Picks(
        species=species,
        positions_A=np.array(voxels, np.float64).reshape(-1, 3) * voxel_size_A,
        rotations=None if turned is None else turned.rotations(),
        angles=turned,
        notes=notes,
    )


def _text_species(
    path: PathLike, names: list[str], wanted: Wanted
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if wanted.species is not None:
        return (wanted.species,) * len(names), ()
    strangers = [name for name in names if name not in (wanted.renames or {})]
    if wanted.classes and strangers and all(name.isdecimal() for name in strangers):
        known = {str(number) for number in wanted.classes}
        if known >= set(strangers) and not set(wanted.classes.values()) & set(strangers):
            return numbered_species(path, "class", names, wanted)
    return named_species(path, names, wanted.renames), ()


def _angles(path: PathLike, number: int, cells: list[str]) -> list[float]:
    where = [f"line {number}, {column}" for column in ("Z1", "X", "Z2")]
    values = [parse_number(c, path, w, finite=False) for c, w in zip(cells, where, strict=True)]
    if all(np.isnan(values)):  # vesicles and fiducials
        return [0.0, 0.0, 0.0]
    if not np.isfinite(values).all():
        raise input_error(
            path, f"line {number}: expected finite angles or three NaN, found others; correct them"
        )
    return values


def _read_csv(path: PathLike, wanted: Wanted) -> Picks:
    text = read_text(path).strip()
    if not text:
        return Picks((), np.zeros((0, 3)))
    _check_header(path, text.splitlines()[0])
    rows = csv_rows(path, ("species", *_POSITION))
    header = set(rows[0][1]) if rows else set()
    column = next((name for name in _TOMOGRAMS if name in header), None)
    tomograms = [row[column].strip() if column else "" for _, row in rows]
    keep, notes = rows_of_tomogram(path, tomograms, wanted)
    rows = [rows[i] for i in keep]
    for number, row in rows:
        if not row["species"].strip().isprintable() or not row["species"].strip():
            raise input_error(
                path, f"line {number}, species: expected a name, found none; give `species`"
            )

    def numbers(columns: tuple[str, ...]) -> np.ndarray:
        values = [[parse_number(r[c], path, f"line {n}, {c}") for c in columns] for n, r in rows]
        return np.array(values, np.float64).reshape(-1, len(columns))

    rotations = scores = None
    if set(_QUATERNION) <= header:
        quaternions = numbers(_QUATERNION)
        lengths = np.linalg.norm(quaternions, axis=1)
        wrong = np.flatnonzero(~(np.abs(lengths - 1) <= 1e-3))
        if len(wrong):
            raise input_error(
                path, f"line {rows[wrong[0]][0]}, qx to qw: expected a quaternion of length 1, "
                f"found length {lengths[wrong[0]]:.3g}; correct it"
            )  # fmt: skip
        rotations = Rotation.from_quat(quaternions)
    if "score" in header:
        scores = numbers(("score",))[:, 0]
    species = (
        (wanted.species,) * len(rows)
        if wanted.species is not None
        else named_species(path, [row["species"].strip() for _, row in rows], wanted.renames)
    )
    return Picks(species, numbers(_POSITION), rotations, scores, notes=notes)


def _check_header(path: PathLike, line: str) -> None:
    """Refuse the columns of another program, with the names that they should have."""
    names = [name.strip() for name in next(csv.reader([line]), [])]
    if {"species", *_POSITION} <= set(names):
        return
    for separator, word in ((";", "semicolons"), ("\t", "tabs")):
        if separator in line and "," not in line:
            raise input_error(path, f"expected commas between columns, found {word}; replace them")
    unit = ""
    if {"x", "y", "z"} <= {name.lower() for name in names}:
        unit = " (x y z may be Å or voxels: multiply voxels by the voxel size)"
    raise input_error(
        path,
        f"expected the columns {', '.join(('species', *_POSITION))} in the first line, found "
        f"{shown(', '.join(names), 60)}; rename them{unit}",
    )


def _write_csv(path: PathLike, picks: Picks) -> None:
    columns = {"species": list(picks.species)}
    for name, values in zip(_POSITION, picks.positions_A.T, strict=True):
        columns[name] = [format_number(v) for v in values]
    if picks.rotations is not None:
        quaternions = picks.rotations.as_quat().reshape(-1, 4)
        for name, values in zip(_QUATERNION, quaternions.T, strict=True):
            columns[name] = [format_number(v) for v in values]
    if picks.scores is not None:
        columns["score"] = [format_number(v) for v in picks.scores]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    write_text(path, buffer.getvalue().splitlines())


def _write_text(path: PathLike, picks: Picks, voxel_size_A: float, euler: Euler) -> None:
    voxels = np.round(picks.positions_A / voxel_size_A, 6) + 0.0
    angles = None
    if picks.rotations is not None:
        angles = euler_angles_deg(picks.rotations, euler)
    lines = []
    for i, name in enumerate(picks.species):
        if name.split() != [name]:
            raise input_error(
                path, f"expected a class name without blanks, found {shown(name)}; rename it"
            )
        numbers = [*voxels[i], *(angles[i] if angles is not None else ())]
        words = [canonical_name(name), *map(format_number, numbers)]
        lines.append(" ".join(words))
    write_text(path, lines)
