"""Picks as STAR files: RELION 5's centred Å, RELION 4's pixels, and PyTom's labels.

Read with gemmi, since STAR is the syntax of CIF. Conventions, as in RELION's source
(``ParticleSet::getPosition``):

- ``rlnCenteredCoordinateXAngst`` counts from the tomogram's centre, sample N // 2 of each axis;
  ``rlnCoordinateX`` in pixels of the tilt-series from its voxel [0, 0, 0].
- ``rlnOriginXAngst`` is subtracted, after the rotation ``rlnTomoSubtomogramRot`` … where given.
- Rot, Tilt, Psi are Euler angles ZYZ that take the tomogram's frame to the particle's, so that
  R = (Rz(Rot) Ry(Tilt) Rz(Psi))⁻¹ takes the particle's to the tomogram's.
- The class is ``faketSpecies`` (RELION keeps columns that it does not know), or
  ``rlnClassNumber``.
"""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from faket.data import DoubleArray
from faket.evaluation.matching import Picks
from faket.io.failures import PathLike, input_error
from faket.io.text import format_number, parse_number, parse_whole, read_text, write_text

Table = dict[str, list[str]]

_SCORES = ("rlnAutopickFigureOfMerit", "rlnLCCmax")


def read_star(path: PathLike) -> dict[str, Table]:
    """Read the blocks of a STAR file.

    Returns
    -------
    dict
        Block → column, without its underscore → values as text. A block of single values
        becomes columns of one row; of several loops in a block the longest row counts.

    Raises
    ------
    InputError
        If it is no STAR file; the message names the line.
    """
    from gemmi import cif

    try:
        document = cif.read_string(read_text(path))
    except (ValueError, RuntimeError) as error:
        raise input_error(path, f"expected a STAR file, found: {error}") from error
    return {block.name.strip(): _columns(block) for block in document}


def write_star(path: PathLike, blocks: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
    """Write blocks of columns, each as a loop, as RELION 5 writes them.

    Raises
    ------
    InputError
        If columns differ in length or the file cannot be written.
    """
    from gemmi import cif

    lines = ["# version 50001"]
    for name, columns in blocks.items():
        lines += ["", f"data_{name}", "", "loop_"]
        lines += [f"_{column} #{i}" for i, column in enumerate(columns, start=1)]
        if len({len(values) for values in columns.values()}) > 1:
            raise input_error(path, f"block {name}: expected columns of one length")
        rows = zip(*columns.values(), strict=True)
        lines += [" ".join(cif.quote(value) for value in row) for row in rows]
        lines.append("")
    write_text(path, lines)


def read_star_picks(
    path: PathLike,
    shape: tuple[int, int, int],
    voxel_size_A: float,
    *,
    species: str | None = None,
    classes: Mapping[int, str] | None = None,
    tomogram: str | None = None,
    pixel_size_A: float | None = None,
) -> Picks:
    """Read picks of one tomogram.

    Parameters
    ----------
    path : str or Path
    shape : tuple of int
        z y x of the tomogram, for centred coordinates.
    voxel_size_A : float
        Of the tomogram.
    species : str, optional
        Class of all picks, whatever the file says.
    classes : mapping of int to str, optional
        What ``rlnClassNumber`` means.
    tomogram : str, optional
        ``rlnTomoName`` of the picks to read; needed where the file holds several.
    pixel_size_A : float, optional
        Of ``rlnCoordinateX``. By default what the file says (``rlnTomoTiltSeriesPixelSize``,
        PyTom's ``ptmDetectorPixelSize``), or else the tomogram's voxel.

    Raises
    ------
    InputError
        Naming the column or row that is missing or wrong.
    """
    blocks = read_star(path)
    table = _particles(path, blocks)
    optics = blocks.get("optics", {})
    rows = _rows_of(path, table, tomogram)
    n = len(rows)
    if n == 0:
        return Picks((), np.zeros((0, 3)))
    table = {name: [values[i] for i in rows] for name, values in table.items()}
    centre_A = np.array([size // 2 for size in shape[::-1]]) * voxel_size_A
    if "rlnCenteredCoordinateXAngst" in table:
        positions_A = _triples(path, table, "rlnCenteredCoordinate{}Angst", "XYZ") + centre_A
    else:
        size_A = pixel_size_A or _pixel_size(path, table, optics) or voxel_size_A
        positions_A = _triples(path, table, "rlnCoordinate{}", "XYZ") * size_A
    before = _rotations(path, table, "rlnTomoSubtomogram{}")
    if "rlnOriginXAngst" in table:
        offsets_A = _triples(path, table, "rlnOrigin{}Angst", "XYZ")
        positions_A = positions_A - (offsets_A if before is None else before.apply(offsets_A))
    turned = _rotations(path, table, "rlnAngle{}")
    if before is not None:
        turned = before if turned is None else before * turned
    score = next((name for name in _SCORES if name in table), None)
    return Picks(
        species=_species(path, table, n, species, classes),
        positions_A=positions_A,
        rotations=turned,
        scores=None if score is None else _numbers(path, table, score),
    )


def write_star_picks(
    path: PathLike,
    picks: Picks,
    shape: tuple[int, int, int],
    voxel_size_A: float,
    *,
    tomogram: str = "tomogram",
    classes: Mapping[int, str] | None = None,
) -> None:
    """Write picks as RELION 5 imports them, with every digit.

    Parameters
    ----------
    path : str or Path
    picks : Picks
    shape, voxel_size_A
        Of the tomogram, as for :func:`read_star_picks`.
    tomogram : str
        ``rlnTomoName``.
    classes : mapping of int to str, optional
        Class numbers to write; by default the classes in the order of the alphabet, from 1.
    """
    names = classes or dict(enumerate(sorted(set(picks.species)), start=1))
    numbers = {name: number for number, name in names.items()}
    strangers = sorted(set(picks.species) - set(numbers))
    if strangers:
        raise input_error(path, f"expected a class number for each species, none for {strangers}")
    centre_A = np.array([size // 2 for size in shape[::-1]]) * voxel_size_A
    columns: dict[str, list[str]] = {"rlnTomoName": [tomogram] * len(picks)}
    for axis, values in zip("XYZ", (picks.positions_A - centre_A).T, strict=True):
        columns[f"rlnCenteredCoordinate{axis}Angst"] = [format_number(v) for v in values]
    if picks.rotations is not None:
        angles = _zyz_deg(picks.rotations)
        for name, values in zip(("Rot", "Tilt", "Psi"), angles.T, strict=True):
            columns[f"rlnAngle{name}"] = [format_number(v) for v in values]
    columns["rlnClassNumber"] = [str(numbers[name]) for name in picks.species]
    if picks.scores is not None:
        columns["rlnAutopickFigureOfMerit"] = [format_number(v) for v in picks.scores]
    columns["faketSpecies"] = list(picks.species)
    write_star(path, {"particles": columns})


def _columns(block: object) -> Table:
    from gemmi import cif

    table: Table = {}
    for item in block:  # type: ignore[attr-defined]
        if item.pair is not None:
            table[item.pair[0].lstrip("_")] = [cif.as_string(item.pair[1])]
        elif item.loop is not None:
            values, width = item.loop.values, item.loop.width()
            for column, tag in enumerate(item.loop.tags):
                table[tag.lstrip("_")] = [cif.as_string(v) for v in values[column::width]]
    return table


def _particles(path: PathLike, blocks: Mapping[str, Table]) -> Table:
    """Return the block that holds coordinates, with PyTom's labels as RELION's."""
    if not blocks:
        return {}
    for table in blocks.values():
        renamed = {
            f"rln{name[3:]}" if name.startswith("ptm") else name: values
            for name, values in table.items()
        }
        if {"rlnCoordinateX", "rlnCenteredCoordinateXAngst"} & set(renamed):
            lengths = {len(values) for values in renamed.values()}
            if len(lengths) > 1:
                raise input_error(path, "expected one loop with the particles, found several")
            return renamed
    raise input_error(
        path, "expected the column rlnCenteredCoordinateXAngst or rlnCoordinateX, found neither"
    )


def _rows_of(path: PathLike, table: Table, tomogram: str | None) -> list[int]:
    n = len(next(iter(table.values()), []))
    names = table.get("rlnTomoName") or table.get("rlnMicrographName")
    if names is None:
        return list(range(n))
    present = sorted(set(names))
    if tomogram is None:
        if len(present) > 1:
            raise input_error(
                path,
                f"expected picks of one tomogram, found {len(present)} ({', '.join(present[:5])}); "
                "give `tomogram`",
            )
        return list(range(n))
    if n and tomogram not in present:
        raise input_error(
            path, f"expected picks of {tomogram}, found only {', '.join(present[:5])}"
        )
    return [i for i, name in enumerate(names) if name == tomogram]


def _numbers(path: PathLike, table: Table, name: str) -> DoubleArray:
    if name not in table:
        raise input_error(path, f"expected the column {name}, found none")
    values = enumerate(table[name], start=1)
    return np.array([parse_number(v, path, f"particle {i}, {name}") for i, v in values])


def _triples(path: PathLike, table: Table, pattern: str, parts: Sequence[str]) -> DoubleArray:
    return np.stack([_numbers(path, table, pattern.format(part)) for part in parts], axis=1)


def _rotations(path: PathLike, table: Table, pattern: str) -> Rotation | None:
    names = ("Rot", "Tilt", "Psi")
    if not any(pattern.format(name) in table for name in names):
        return None
    angles = _triples(path, table, pattern, names)
    return Rotation.from_euler("ZYZ", angles, degrees=True).inv()


def _zyz_deg(rotations: Rotation) -> NDArray[np.float64]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # gimbal lock: scipy sets one angle to 0
        angles = rotations.inv().as_euler("ZYZ", degrees=True)
    return np.asarray(angles, np.float64).reshape(-1, 3)


def _pixel_size(path: PathLike, table: Table, optics: Table) -> float | None:
    """Return the size of the pixels that rlnCoordinateX counts, if the file tells."""
    for source in (table, optics):
        for name in ("rlnTomoTiltSeriesPixelSize", "rlnDetectorPixelSize"):
            if name in source and "rlnMagnification" not in source:
                sizes = np.unique(_numbers(path, source, name))
                if len(sizes) != 1 or sizes[0] <= 0:
                    raise input_error(path, f"{name}: expected one pixel size, found {sizes[:5]}")
                return float(sizes[0])
    return None


def _species(
    path: PathLike,
    table: Table,
    n: int,
    species: str | None,
    classes: Mapping[int, str] | None,
) -> tuple[str, ...]:
    if species is not None:
        return (species,) * n
    if "faketSpecies" in table:
        return tuple(table["faketSpecies"])
    if "rlnClassNumber" not in table:
        raise input_error(
            path, "expected the column faketSpecies or rlnClassNumber, found neither; give "
            "`species`"
        )  # fmt: skip
    known = classes or {}
    names = []
    for i, value in enumerate(table["rlnClassNumber"], start=1):
        number = parse_whole(value, path, f"particle {i}, rlnClassNumber", low=0, high=10**6)
        if number not in known:
            raise input_error(
                path,
                f"particle {i}, rlnClassNumber: expected one of {sorted(known) or 'no classes'}, "
                f"found {number}; give `species`",
            )
        names.append(known[number])
    return tuple(names)
