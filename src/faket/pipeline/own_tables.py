"""Tables of particles, and names of classes, that other programs made beside a specimen."""

import json
from dataclasses import replace
from pathlib import Path, PurePath

import numpy as np
from scipy.spatial.transform import Rotation

from faket.data import DoubleArray, Particles
from faket.io.failures import input_error
from faket.io.particles import read_particles
from faket.io.specimen_files import read_classes
from faket.io.text import csv_rows, parse_number, text_lines

# Names of species, positions in Å, and where there are some quaternions w x y z.
_TABLES = (
    ("species", "x_A", "y_A", "z_A"),
    ("particle_type", "x", "y", "z"),
    ("Code", "X", "Y", "Z"),  # polnet's motif list
)
_POLNET_TURN = ("Q1", "Q2", "Q3", "Q4")  # w x y z, takes the model to the tomogram
_POLNET_TYPE, _POLNET_SURFACE = "Type", "membrane"  # a row for every point of a surface


def particles_of(path: Path) -> Particles:
    """Read our own particle table, polnet's, or names and positions of any other.

    Rows of polnet's that are points of membranes are left out.

    Raises
    ------
    InputError
        If it is no such table.
    """
    rows = csv_rows(path, ())
    header = rows[0][1] if rows else {}
    if "qw" in header and "id" in header:
        return read_particles(path)
    columns = next((names for names in _TABLES if all(name in header for name in names)), None)
    if columns is None:
        known = ", or ".join(", ".join(names) for names in _TABLES)
        raise input_error(
            path, f"expected the columns {known} (Å), found {', '.join(header) or 'no row'}; "
            "rename them"
        )  # fmt: skip
    rows = [row for row in rows if row[1].get(_POLNET_TYPE) != _POLNET_SURFACE]

    def numbers(names: tuple[str, ...]) -> DoubleArray:
        found = [
            [parse_number(cells[name], path, f"line {line}, {name}") for name in names]
            for line, cells in rows
        ]
        return np.array(found, np.float64).reshape(-1, len(names))

    particles = unturned([cells[columns[0]].strip() for _, cells in rows], numbers(columns[1:]))
    if not len(rows) or not all(name in header for name in _POLNET_TURN):
        return particles
    turns = numbers(_POLNET_TURN)
    if (np.linalg.norm(turns, axis=1) < 0.5).any():
        raise input_error(path, "expected unit quaternions Q1 to Q4, found zeros; correct them")
    return replace(particles, rotations=Rotation.from_quat(turns[:, [1, 2, 3, 0]]))


def unturned(species: list[str], positions_A: DoubleArray) -> Particles:
    """Return particles of which no table tells how they are turned."""
    n = len(species)
    return Particles(
        np.arange(1, n + 1, dtype=np.int64),
        tuple(species),
        positions_A,
        Rotation.identity(n),
        np.full((n, 3), np.nan),
    )


def class_names(path: Path) -> dict[int, str]:
    """Read lines "number name", our classes.json, or polnet's table of models and labels.

    Raises
    ------
    InputError
        If it is none of them.
    """
    if path.suffix == ".json":
        try:
            return {number: info.name for number, info in read_classes(path).items()}
        except json.JSONDecodeError as error:
            raise input_error(path, f"expected JSON ({error}); correct it") from None
    lines = list(text_lines(path))
    if lines and lines[0][1].split() == ["MODEL", "LABEL"]:
        return {
            int(parse_number(cells["LABEL"], path, f"line {line}, LABEL")): "_".join(
                PurePath(cells["MODEL"].strip()).stem.split()
            )
            for line, cells in csv_rows(path, ("MODEL", "LABEL"))
        }
    names = {}
    for number, line in lines:
        words = line.split()
        if len(words) != 2 or not words[0].isdecimal():
            raise input_error(
                path, f"line {number}: expected a number and a name, found {line!r:.60}; correct it"
            )
        names[int(words[0])] = words[1]
    return names
