"""Motive lists of TOM, AV3, novaSTA and ArtiaX: EM files of 20 numbers a particle.

An EM file has a header of 512 bytes (byte 0 the machine, byte 3 the type of the numbers, then the
three sizes) and float32 in the order of Fortran. Rows, counted from 1 (``cryoCAT`` and ArtiaX
read them so): 1 score, 4 particle, 5 tomogram, 8-10 x y z, 11-13 shift, 17-19 phi psi theta,
20 class. The particle is at place + shift, in voxels counted from 1, as MATLAB does. float32 holds
whole numbers up to 2²⁴ and places to 1e-4 voxels.
"""

from pathlib import Path

import numpy as np

from faket.data import AnyArray
from faket.evaluation.conventions import EulerAngles, angles_of
from faket.evaluation.matching import Picks
from faket.io.atomic import atomic_path
from faket.io.failures import PathLike, cannot_read, input_error
from faket.io.pick_rows import Wanted, numbered_species, rows_of_tomogram
from faket.io.text import MAX_ROWS, regular_file_size

WIDTH = 20
_HEADER_BYTES = 512
_PC, _FLOAT32 = 6, 5  # codes of the machine (little-endian) and the type
_SCORE, _PARTICLE, _TOMOGRAM, _PLACE, _SHIFT, _ANGLES, _CLASS = 0, 3, 4, 7, 10, 16, 19


def motive_rows(
    picks: Picks, voxel_size_A: float, numbers: dict[str, int], tomogram: int, first: int = 1
) -> AnyArray:
    """Return the rows of a tomogram's particles, shape (n, 20), float32.

    Parameters
    ----------
    picks : Picks
        Without orientations all angles are 0.
    voxel_size_A : float
    numbers : dict of str to int
        Class → number.
    tomogram : int
    first : int
        Number of the first particle.
    """
    rows = np.zeros((len(picks), WIDTH), np.float32)
    if picks.scores is not None:
        rows[:, _SCORE] = picks.scores
    rows[:, _PARTICLE] = np.arange(first, first + len(picks))
    rows[:, _TOMOGRAM] = tomogram
    rows[:, _PLACE : _PLACE + 3] = picks.positions_A / voxel_size_A + 1
    if picks.rotations is not None:
        rows[:, _ANGLES : _ANGLES + 3] = angles_of("TOM/AV3", picks.rotations)
    rows[:, _CLASS] = [numbers[name] for name in picks.species]
    return rows


def write_motive_list(path: PathLike, rows: AnyArray) -> None:
    """Write rows of :func:`motive_rows` as an EM file.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    header = np.zeros(_HEADER_BYTES, np.uint8)
    header[0], header[3] = _PC, _FLOAT32
    header[4:16] = np.array([WIDTH, len(rows), 1], "<i4").view(np.uint8)
    with atomic_path(path) as temporary:
        temporary.write_bytes(header.tobytes() + np.asarray(rows, "<f4").tobytes())


def read_motive_list(path: PathLike, voxel_size_A: float, wanted: Wanted) -> Picks:
    """Read the picks of one tomogram.

    Parameters
    ----------
    path : str or Path
    voxel_size_A : float
        Of the tomogram; the file does not contain it.
    wanted : Wanted
        ``tomogram`` is the number in row 5.

    Raises
    ------
    InputError
        If it is no motive list, or naming the particle whose numbers are wrong.
    """
    rows = _read(path)
    keep, notes = rows_of_tomogram(path, [f"{row[_TOMOGRAM]:g}" for row in rows], wanted)
    rows = rows[keep]
    size_A = wanted.pixel_size_A or voxel_size_A
    angles = EulerAngles("TOM/AV3", rows[:, _ANGLES : _ANGLES + 3])
    classes = [f"{value:g}" for value in rows[:, _CLASS]]
    species, class_notes = numbered_species(path, "class (row 20)", classes, wanted)
    scores = rows[:, _SCORE]
    turned = angles if angles.degrees.any() else None
    places = rows[:, _PLACE : _PLACE + 3] - 1 + rows[:, _SHIFT : _SHIFT + 3]
    return Picks(
        species=species,
        positions_A=places * size_A,
        rotations=None if turned is None else turned.rotations(),
        scores=scores if scores.any() else None,
        angles=turned,
        notes=(*notes, *class_notes),
    )


def _read(path: PathLike) -> AnyArray:
    """Return the rows as float64; InputError if the file is no list of finite float32."""
    size = regular_file_size(path)
    try:
        content = Path(path).read_bytes() if size <= _HEADER_BYTES + MAX_ROWS * WIDTH * 4 else b""
    except OSError as error:
        raise cannot_read(path, error) from error
    head = content[:_HEADER_BYTES]
    width, count, deep = (int(n) for n in np.frombuffer(head[4:16].ljust(12, b"\0"), "<i4"))
    if len(head) < _HEADER_BYTES or head[3] != _FLOAT32 or width != WIDTH or deep > 1:
        raise input_error(
            path, "expected a motive list of 20 float32 numbers a particle, little-endian, found "
            "another EM file; convert it"
        )  # fmt: skip
    if len(content) != _HEADER_BYTES + count * WIDTH * 4:
        raise input_error(
            path, f"expected {count} particles as in its header, found a file of {size} bytes; "
            "copy it again"
        )  # fmt: skip
    rows = np.frombuffer(content[_HEADER_BYTES:], "<f4").reshape(count, WIDTH).astype(np.float64)
    used = [_SCORE, _TOMOGRAM, *range(_PLACE, _SHIFT + 3), *range(_ANGLES, WIDTH)]
    wrong = np.flatnonzero(~np.isfinite(rows[:, used]).all(axis=1))
    if len(wrong):
        raise input_error(
            path, f"particle {wrong[0] + 1}: expected finite numbers, found others; correct it"
        )
    return rows
