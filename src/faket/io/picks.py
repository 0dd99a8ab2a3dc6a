"""Picks and the truth they are scored against, from whatever file holds them.

- ``.txt``, SHREC'21's submission: a line a pick, ``name x y z``, in voxels of the tomogram. Three
  more numbers are Euler angles as in ``particle_locations.txt``; other words are ignored.
- ``.csv``, a table with the columns ``species, x_A, y_A, z_A`` and, where known,
  ``qx, qy, qz, qw`` (scalar last) and ``score``; faket's particle tables are read alike.
- ``.star``: see :mod:`faket.io.star`.

An empty file is no picks.
"""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from faket.data import Particles
from faket.evaluation.matching import Picks, Truth
from faket.io.failures import PathLike, input_error, shown
from faket.io.mrc import read_mask, read_voxel_size
from faket.io.particles import read_particles
from faket.io.shrec import SHREC_NAMES, Euler, euler_angles_deg
from faket.io.shrec_checks import check_frame, renumber
from faket.io.shrec_model import read_shrec_model
from faket.io.star import read_star_picks, write_star_picks
from faket.io.text import (
    csv_rows,
    format_number,
    parse_number,
    parse_whole,
    read_text,
    text_lines,
    write_text,
)

_POSITION = ("x_A", "y_A", "z_A")
_QUATERNION = ("qx", "qy", "qz", "qw")
_SHREC_CLASSES = (
    "4V94", "4CR2", "1QVR", "1BXN", "3CF3", "1U6G", "3D2F", "2CG9", "3H84", "3GL1", "3QM1", "1S3X",
    "5MRC", "vesicle", "gold",
)  # fmt: skip
_SHREC_NUMBERS = dict(enumerate(_SHREC_CLASSES, start=1))


def read_picks(
    path: PathLike,
    shape: tuple[int, int, int],
    voxel_size_A: float,
    *,
    euler: Euler = "zxz",
    species: str | None = None,
    classes: Mapping[int, str] | None = None,
    tomogram: str | None = None,
    pixel_size_A: float | None = None,
) -> Picks:
    """Read picks; the suffix tells the format, anything but .csv and .star is SHREC'21's text.

    Parameters
    ----------
    path : str or Path
    shape, voxel_size_A
        z y x and Å of the tomogram in which the picks were made.
    euler : {"zxz", "ZXZ"}
        Of SHREC's angles; see :mod:`faket.io.shrec`.
    species, classes, tomogram, pixel_size_A
        Of STAR files; see :func:`faket.io.star.read_star_picks`. ``species`` renames all picks
        of the other formats too.

    Raises
    ------
    InputError
        Naming file, line and column.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".star":
        return read_star_picks(
            path, shape, voxel_size_A, species=species, classes=classes, tomogram=tomogram,
            pixel_size_A=pixel_size_A,
        )  # fmt: skip
    picks = _read_csv(path) if suffix == ".csv" else _read_text(path, voxel_size_A, euler)
    if species is not None:
        return Picks((species,) * len(picks), picks.positions_A, picks.rotations, picks.scores)
    return picks


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

    The text is rounded to 1e-6 voxels and holds no scores; the others hold every digit. Of STAR
    files: ``tomogram`` and ``classes``, see :func:`faket.io.star.write_star_picks`.

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


def read_truth(
    folder: PathLike, *, voxel_size_A: float | None = None, euler: Euler = "zxz"
) -> Truth:
    """Read what there is to find from a model's or a specimen's folder.

    Parameters
    ----------
    folder : str or Path
        SHREC'21's ``model_N``, one of faket's, or a specimen's folder (with
        ``instance_mask.mrc``). Of faket's, the particle table is read rather than SHREC's text,
        which rounds to voxels.
    voxel_size_A : float, optional
        Taken instead of the mask's header (10 in SHREC'21).
    euler : {"zxz", "ZXZ"}
        See :mod:`faket.io.shrec`.

    Raises
    ------
    InputError
        If a file is missing, or particles and mask do not belong together.
    """
    root = Path(folder)
    if not root.is_dir():
        raise input_error(folder, "expected a model's folder, found none; check the path")
    masks = [root / f"{name}.mrc" for name in ("occupancy_mask", "instance_mask")]
    mask = next((item for item in masks if item.exists()), None)
    if mask is None:
        raise input_error(
            folder, "expected occupancy_mask.mrc or instance_mask.mrc in it, found neither"
        )
    table = root / "particles.csv"
    if not table.exists():
        model = read_shrec_model(
            root, parts=("occupancy_mask",), voxel_size_A=voxel_size_A, euler=euler
        )
        assert model.occupancy_mask is not None  # one of the files, as was seen above
        names = _class_names(root, model.particles.species)
        return Truth(model.particles, model.occupancy_mask, model.voxel_size_A, names)
    size_A = voxel_size_A if voxel_size_A is not None else read_voxel_size(mask)
    particles, labels = read_particles(table), read_mask(mask)
    if mask.name == "occupancy_mask.mrc":
        particles = _in_order(particles)  # as the mask of a model was renumbered
    else:
        particles, labels = renumber(particles, labels, path=mask)
    check_frame(root, particles, size_A, {"grandmodel": labels, "occupancy_mask": labels})
    return Truth(particles, labels, size_A, _class_names(root, particles.species))


def read_class_numbers(folder: PathLike) -> dict[int, str]:
    """Return what class numbers mean: ``classes.txt``, or SHREC'21's numbers without one."""
    path = Path(folder) / "classes.txt"
    if not path.exists():
        return dict(_SHREC_NUMBERS)
    numbers: dict[int, str] = {}
    for line, text in text_lines(path):
        number, _, name = text.partition(" ")
        label = parse_whole(number, path, f"line {line}", low=0, high=10**6)
        if label in numbers or name.strip() in numbers.values():
            raise input_error(
                path, f"line {line}: expected a number and a name of its own, found {shown(text)}"
            )
        numbers[label] = name.strip()
    return numbers


def _in_order(particles: Particles) -> Particles:
    """Give the particles the ids 1 to n in the order of their ids."""
    nothing = np.zeros((0, 0, 0), np.uint16)
    ordered, _ = renumber(particles, nothing)
    return ordered


def _class_names(root: Path, species: tuple[str, ...]) -> tuple[str, ...]:
    """Return the classes of the folder's list; SHREC'21's; or those that occur."""
    if (root / "classes.txt").exists():
        return tuple(name for number, name in read_class_numbers(root).items() if number > 0)
    if set(species) & set(_SHREC_CLASSES[:-2]) and set(species) <= set(_SHREC_CLASSES):
        return _SHREC_CLASSES
    return tuple(sorted(set(species)))


def _read_text(path: PathLike, voxel_size_A: float, euler: Euler) -> Picks:
    back = {theirs: ours for ours, theirs in SHREC_NAMES.items()}
    species, voxels, angles = [], [], []
    for number, text in text_lines(path):
        cells = text.split()
        if len(cells) < 4 or not cells[0].isprintable():
            raise input_error(path, f"line {number}: expected name x y z, found {shown(text)}")
        species.append(back.get(cells[0].lower(), cells[0]))
        where = [f"line {number}, {column}" for column in "xyz"]
        voxels.append([parse_number(c, path, w) for c, w in zip(cells[1:4], where, strict=True)])
        angles.append(_angles(path, number, cells[4:]) if len(cells) == 7 else None)
    rotations = None
    if angles and all(item is not None for item in angles):
        rotations = Rotation.from_euler(euler, np.array(angles, np.float64), degrees=True)
    positions_A = np.array(voxels, np.float64).reshape(-1, 3) * voxel_size_A
    return Picks(tuple(species), positions_A, rotations)


def _angles(path: PathLike, number: int, cells: list[str]) -> list[float]:
    where = [f"line {number}, {column}" for column in ("Z1", "X", "Z2")]
    values = [parse_number(c, path, w, finite=False) for c, w in zip(cells, where, strict=True)]
    if all(np.isnan(values)):  # vesicles and fiducials
        return [0.0, 0.0, 0.0]
    if not np.isfinite(values).all():
        raise input_error(path, f"line {number}: expected finite angles or three NaN")
    return values


def _read_csv(path: PathLike) -> Picks:
    if not read_text(path).strip():
        return Picks((), np.zeros((0, 3)))
    rows = csv_rows(path, ("species", *_POSITION))
    header = set(rows[0][1]) if rows else set()
    for number, row in rows:
        if not row["species"].strip().isprintable() or not row["species"].strip():
            raise input_error(path, f"line {number}, species: expected a name")

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
                path, f"line {rows[wrong[0]][0]}, qx to qw: expected a quaternion of length 1"
            )
        rotations = Rotation.from_quat(quaternions)
    if "score" in header:
        scores = numbers(("score",))[:, 0]
    species = tuple(row["species"].strip() for _, row in rows)
    return Picks(species, numbers(_POSITION), rotations, scores)


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
            raise input_error(path, f"expected a class name without blanks, found {shown(name)}")
        numbers = [*voxels[i], *(angles[i] if angles is not None else ())]
        words = [SHREC_NAMES.get(name, name), *map(format_number, numbers)]
        lines.append(" ".join(words))
    write_text(path, lines)
