"""Distances to the nearest neighbour of the same kind, from a table of picks."""

from collections import defaultdict

import numpy as np
from scipy.spatial import cKDTree

from faket.data import DoubleArray
from faket.io.failures import PathLike, input_error
from faket.io.text import csv_rows, parse_number

_POSITIONS = (("x_A", "y_A", "z_A"), ("x", "y", "z"))
_SPECIES = ("species", "particle_type")
_TOMOGRAMS = ("tomogram", "tomo_name", "experiment", "run_name")


def neighbour_distances(path: PathLike) -> dict[str, DoubleArray]:
    """Return the distances to the nearest of its kind of all picks in a table, Å, by species.

    Parameters
    ----------
    path : str or Path
        CSV with positions in Å (x_A, y_A, z_A or x, y, z), a species or particle_type and, if it is
        of several tomograms, a tomogram, tomo_name, experiment or run_name.

    Raises
    ------
    InputError
        If it is no such table, or no species has two picks in one tomogram.
    """
    rows = csv_rows(path, ())
    header = rows[0][1] if rows else {}
    columns = next((names for names in _POSITIONS if all(name in header for name in names)), None)
    species = next((name for name in _SPECIES if name in header), None)
    if columns is None or species is None:
        raise input_error(
            path, "expected the columns x_A, y_A, z_A (or x, y, z, in Å) and species (or "
            f"particle_type), found {', '.join(header) or 'no row'}; rename them"
        )  # fmt: skip
    tomogram = next((name for name in _TOMOGRAMS if name in header), None)
    groups: dict[tuple[str, str], list[list[float]]] = defaultdict(list)
    for number, cells in rows:
        place = [parse_number(cells[name], path, f"line {number}, {name}") for name in columns]
        groups[cells[species].strip(), cells[tomogram] if tomogram else ""].append(place)
    found: dict[str, list[DoubleArray]] = defaultdict(list)
    for (name, _), places in groups.items():
        if len(places) > 1:
            found[name].append(nearest_neighbours(np.array(places)))
    if not found:
        raise input_error(
            path, "expected a species with two picks in a tomogram, found none; give more picks"
        )
    return {name: np.concatenate(distances) for name, distances in found.items()}


def nearest_neighbours(points: DoubleArray) -> DoubleArray:
    """Return each point's distance to the nearest other one; points are [n, 3], n > 1."""
    return np.asarray(cKDTree(points).query(points, k=2)[0][:, 1])
