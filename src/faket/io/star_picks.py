"""Picks as STAR files: those of RELION 3.0 to 5, Warp, M and PyTom.

Places, as the programs' sources have them:

- RELION 5: ``rlnCenteredCoordinateXAngst`` counts from the tomogram's centre, sample N // 2 of
  each axis, in Å (``ParticleSet::getPosition``).
- RELION 4 and before, Warp: ``rlnCoordinateX`` counts pixels from voxel [0, 0, 0]; their size is
  in other columns, see :mod:`faket.io.star_units`. Warp's template matching writes fractions of
  the tomogram's size, 0 to 1, into the same column.
- M: ``wrpCoordinateX1`` in Å from voxel [0, 0, 0]; later samples of a moving particle are ignored.
- ``rlnOriginXAngst`` (Å), or ``rlnOriginX`` (pixels) before RELION 3.1, is subtracted, after the
  rotation by ``rlnTomoSubtomogramRot``, … if these are given.

Rot, Tilt, Psi: see :mod:`faket.evaluation.conventions`. The class is ``faketSpecies`` (RELION
keeps columns that it does not know), or ``rlnClassNumber``. In a file of a refinement the latter
is not a species, so its meaning must be given.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from faket.data import DoubleArray
from faket.evaluation.conventions import EulerAngles, angles_of
from faket.evaluation.matching import Picks
from faket.io import stopgap
from faket.io.failures import PathLike, input_error
from faket.io.pick_rows import Wanted, named_species, numbered_species, rows_of_tomogram
from faket.io.star import Table, read_star, write_star
from faket.io.star_units import PixelSizes, numbers_of
from faket.io.text import format_number

_SCORES = ("rlnAutopickFigureOfMerit", "rlnLCCmax")
_PLACES = ("rlnCenteredCoordinateXAngst", "rlnCoordinateX", "wrpCoordinateX1")
_TOMOGRAMS = ("rlnTomoName", "rlnMicrographName", "wrpSourceName")
# Columns that only RELION's 3D refinement and classification write.
_REFINED = (
    "rlnLogLikeliContribution",
    "rlnMaxValueProbDistribution",
    "rlnNormCorrection",
    "rlnNrOfSignificantSamples",
    "rlnRandomSubset",
)


def read_star_picks(
    path: PathLike,
    shape: tuple[int, int, int],
    voxel_size_A: float,
    wanted: Wanted | None = None,
) -> Picks:
    """Read picks of one tomogram.

    Parameters
    ----------
    path : str or Path
    shape : tuple of int
        z y x of the tomogram, for centred and normalised coordinates.
    voxel_size_A : float
        Of the tomogram.
    wanted : Wanted, optional
        ``tomogram`` is compared with ``rlnTomoName`` or ``rlnMicrographName``;
        ``pixel_size_A`` is that of ``rlnCoordinateX``.

    Raises
    ------
    InputError
        With the column or row that is missing or wrong.
    """
    wanted = wanted or Wanted()
    blocks = read_star(path)
    motive_list = next((table for table in blocks.values() if stopgap.MARK in table), None)
    if motive_list is not None:
        return stopgap.stopgap_picks(path, motive_list, voxel_size_A, wanted)
    table = _particles(path, blocks)
    column = next((name for name in _TOMOGRAMS if name in table), None)
    n = len(next(iter(table.values()), []))
    names = [""] * n if column is None else table[column]
    rows, row_notes = rows_of_tomogram(path, names, wanted)
    if not rows:
        return Picks((), np.zeros((0, 3)))
    table = {name: [values[i] for i in rows] for name, values in table.items()}
    sizes = PixelSizes(path, table, blocks.get("optics", {}))
    positions_A, place_notes = _positions(sizes, shape, voxel_size_A, wanted.pixel_size_A)
    before = _angles(path, table, "rlnTomoSubtomogram{}")
    positions_A = positions_A - _offsets(sizes, before, wanted.pixel_size_A or voxel_size_A)
    angles = _angles(path, table, "rlnAngle{}")
    if angles is None:
        angles, before = before, None
    turned = None if angles is None else angles.rotations()
    score = next((name for name in _SCORES if name in table), None)
    species, class_notes = _species(path, table, len(rows), wanted)
    return Picks(
        species=species,
        positions_A=positions_A,
        rotations=turned if before is None or turned is None else before.rotations() * turned,
        scores=None if score is None else numbers_of(path, table, score),
        angles=angles if before is None else None,  # a product's angles are not in the file
        notes=(*row_notes, *place_notes, *class_notes),
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
    """Write picks as RELION 5 imports them, with all digits.

    Parameters
    ----------
    path : str or Path
    picks : Picks
    shape, voxel_size_A
        Of the tomogram, as for :func:`read_star_picks`.
    tomogram : str
        ``rlnTomoName``.
    classes : mapping of int to str, optional
        Class numbers to write; by default the classes in alphabetical order, from 1.
    """
    names = classes or dict(enumerate(sorted(set(picks.species)), start=1))
    numbers = {name: number for number, name in names.items()}
    strangers = sorted(set(picks.species) - set(numbers))
    if strangers:
        raise input_error(
            path, f"expected a class number for each species, found none for {strangers}; add it"
        )
    columns = relion_columns(picks, shape, voxel_size_A, tomogram=tomogram, numbers=numbers)
    write_star(path, {"particles": columns})


def relion_columns(
    picks: Picks,
    shape: tuple[int, int, int],
    voxel_size_A: float,
    *,
    tomogram: str,
    numbers: Mapping[str, int],
    pixel_size_A: float | None = None,
) -> Table:
    """Return the columns of a tomogram's particles.

    Parameters
    ----------
    picks : Picks
        Without orientations the columns of angles are left out: RELION then assumes none.
    shape, voxel_size_A
        Of the tomogram.
    tomogram : str
        ``rlnTomoName``.
    numbers : mapping of str to int
        Class → number.
    pixel_size_A : float, optional
        Write RELION 4's coordinates, in pixels of this size from the centre of voxel [0, 0, 0],
        instead of RELION 5's.
    """
    columns: Table = {"rlnTomoName": [tomogram] * len(picks)}
    if pixel_size_A is None:
        centre_A = np.array([size // 2 for size in shape[::-1]]) * voxel_size_A
        pattern, places = "rlnCenteredCoordinate{}Angst", picks.positions_A - centre_A
    else:
        pattern, places = "rlnCoordinate{}", picks.positions_A / pixel_size_A
    columns |= _texts(pattern, "XYZ", places)
    if picks.rotations is not None:
        angles = angles_of("RELION", picks.rotations)
        columns |= _texts("rlnAngle{}", ("Rot", "Tilt", "Psi"), angles)
    columns["rlnClassNumber"] = [str(numbers[name]) for name in picks.species]
    if picks.scores is not None:
        columns["rlnAutopickFigureOfMerit"] = [format_number(v) for v in picks.scores]
    columns["faketSpecies"] = list(picks.species)
    return columns


def _texts(pattern: str, parts: Sequence[str], values: DoubleArray) -> Table:
    columns = zip(parts, values.T, strict=True)
    return {pattern.format(part): [format_number(v) for v in column] for part, column in columns}


def _particles(path: PathLike, blocks: Mapping[str, Table]) -> Table:
    """Return the block with positions, with PyTom's and M's labels renamed to RELION's."""
    found = {}
    for name, table in blocks.items():
        renamed = {_label(column): values for column, values in table.items()}
        if set(_PLACES) & set(renamed):
            found[name] = renamed
    if not blocks:
        return {}
    if len(found) > 1:
        raise input_error(
            path,
            f"expected one block with particles, found {len(found)} ({', '.join(found)}); write "
            "each into a file of its own",
        )
    if not found:
        raise input_error(
            path, "expected the column rlnCenteredCoordinateXAngst or rlnCoordinateX, found "
            "neither; check that it is a file of particles"
        )  # fmt: skip
    table = next(iter(found.values()))
    if len({len(values) for values in table.values()}) > 1:
        raise input_error(
            path, "expected one loop with the particles, found several; write each into a file of "
            "its own"
        )  # fmt: skip
    return table


def _label(column: str) -> str:
    if column.startswith("ptm"):
        return f"rln{column[3:]}"
    if column.startswith("wrpAngle") and column.endswith("1"):
        return f"rln{column[3:-1]}"
    return column


def _positions(
    sizes: PixelSizes, shape: tuple[int, int, int], voxel_size_A: float, given_A: float | None
) -> tuple[DoubleArray, tuple[str, ...]]:
    """Return x y z in Å from voxel [0, 0, 0], and what was assumed."""
    path, table, size = sizes.path, sizes.particles, np.array(shape[::-1])
    if "rlnCenteredCoordinateXAngst" in table:
        centre_A = size // 2 * voxel_size_A
        return _triples(path, table, "rlnCenteredCoordinate{}Angst", "XYZ") + centre_A, ()
    if "rlnCoordinateX" not in table:
        return _triples(path, table, "wrpCoordinate{}1", "XYZ"), ()
    places = _triples(path, table, "rlnCoordinate{}", "XYZ")
    if given_A is not None:
        return places * given_A, ()
    if (places >= 0).all() and (places <= 1).all() and (places % 1 != 0).any():
        note = "rlnCoordinateX to Z are 0 to 1 and read as fractions of the tomogram's size, as"
        return places * size * voxel_size_A, (f"{note} in Warp; otherwise give `pixel_size_A`",)
    pixels_A = sizes.of_coordinates_A()
    if pixels_A is not None:
        return places * pixels_A[:, None], ()
    note = f"no pixel size in it; rlnCoordinateX read as voxels of {voxel_size_A:g} Å"
    return places * voxel_size_A, (f"{note}; otherwise give `pixel_size_A`",)


def _offsets(sizes: PixelSizes, before: EulerAngles | None, otherwise_A: float) -> DoubleArray:
    """Return the offsets to subtract from the positions, Å."""
    path, table = sizes.path, sizes.particles
    if "rlnOriginXAngst" in table:
        offsets_A = _triples(path, table, "rlnOrigin{}Angst", "XYZ")
    elif "rlnOriginX" in table:
        pixels_A = sizes.of_origins_A()
        offsets_px = _triples(path, table, "rlnOrigin{}", "XYZ")
        offsets_A = offsets_px * (otherwise_A if pixels_A is None else pixels_A[:, None])
    else:
        return np.zeros(3)
    return offsets_A if before is None else before.rotations().apply(offsets_A)


def _triples(path: PathLike, table: Table, pattern: str, parts: Sequence[str]) -> DoubleArray:
    return np.stack([numbers_of(path, table, pattern.format(part)) for part in parts], axis=1)


def _angles(path: PathLike, table: Table, pattern: str) -> EulerAngles | None:
    names = ("Rot", "Tilt", "Psi")
    if not any(pattern.format(name) in table for name in names):
        return None
    return EulerAngles("RELION", _triples(path, table, pattern, names))


def _species(
    path: PathLike, table: Table, n: int, wanted: Wanted
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if wanted.species is not None:
        return (wanted.species,) * n, ()
    if "faketSpecies" in table:
        return named_species(path, table["faketSpecies"], wanted.renames), ()
    if "rlnClassNumber" not in table:
        raise input_error(
            path, "expected the column faketSpecies or rlnClassNumber, found neither; give "
            "`species`"
        )  # fmt: skip
    mark = next((name for name in _REFINED if name in table), None)
    refined = "" if mark is None else f"with {mark} it is the class of a refinement"
    return numbered_species(
        path, "rlnClassNumber", table["rlnClassNumber"], wanted, refined=refined
    )
