"""Particle locations as SHREC'21 writes them.

``particle_locations.txt``: one line per object, ``name x y z Z1 X Z2``. The number of the line,
from 1, is the object's value in the instance mask, which SHREC'21 calls occupancy mask
(``occupancy_mask.mrc``).

- x y z are voxels of the tomogram's frame: voxel = (position_A - origin_A) / voxel_size_A, where
  ``origin_A`` is the place, in the specimen's frame, of the centre of the tomogram's voxel
  [0, 0, 0]. It is 0 for volumes at the specimen's own sampling; :func:`binned_origin_A` gives it
  for means over blocks of voxels; Fourier-cropped volumes have
  ``binned_offset(size, binning) * voxel size`` along each axis.
- Z1 X Z2 are Euler angles in degrees. SHREC'21 calls them "static z-x-z": about the tomogram's
  fixed axes, first z by Z1, then x by X, then z by Z2, so that R = Rz(Z2) Rx(X) Rz(Z1) takes the
  particle's frame to the tomogram's; that is ``euler="zxz"``, in scipy's letters. The public code
  that made the data resamples with the *inverse* angles in the static order, which rotates the
  molecules by Rz(Z1) Rx(X) Rz(Z2) instead; that is ``euler="ZXZ"`` (about the rotated axes).
  If orientations matter, check on the data which of the two a file follows.
- Vesicles and fiducials have NaN angles.
"""

import warnings
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation

from faket.data import DoubleArray, Particles
from faket.io.failures import PathLike, input_error, shown
from faket.io.particles import canonical_name, check_particles
from faket.io.text import parse_number, text_lines, write_text
from faket.vocabulary import is_molecule

Euler = Literal["zxz", "ZXZ"]


def binned_origin_A(voxel_size_A: float, binning: int) -> DoubleArray:
    """Return the position of the centre of voxel [0, 0, 0] of a block-averaged volume.

    Parameters
    ----------
    voxel_size_A : float
        Of the specimen, before binning.
    binning : int

    Returns
    -------
    ndarray, shape (3,), float64
        x y z in Å: (binning - 1) / 2 voxels along each axis.
    """
    return np.full(3, (binning - 1) / 2 * voxel_size_A)


def write_particle_locations(
    path: PathLike,
    particles: Particles,
    voxel_size_A: float,
    class_names: Mapping[str, str] | None = None,
    *,
    origin_A: ArrayLike = (0.0, 0.0, 0.0),
    decimals: int = 0,
    euler: Euler = "zxz",
) -> None:
    """Write ``particle_locations.txt``.

    Parameters
    ----------
    path : str or Path
    particles : Particles
        With the ids 1 to n in order, since a line's number is its id; see
        :func:`faket.io.shrec.model.renumber`.
    voxel_size_A : float
        Of the tomogram to which the coordinates refer.
    class_names : mapping of str to str, optional
        faket's species → SHREC's class name; others keep theirs.
    origin_A : array_like, shape (3,)
        x y z of the centre of that tomogram's voxel [0, 0, 0] in the specimen's frame.
    decimals : int
        0 rounds to whole voxels, as in SHREC'21 and as its evaluation needs; more keeps fractions.
    euler : {"zxz", "ZXZ"}
        See above.

    Raises
    ------
    InputError
        If the ids are not 1 to n, a name has blanks or is used for two species, or the file cannot
        be written.
    """
    check_particles(path, particles)
    n = len(particles)
    if not np.array_equal(particles.ids, np.arange(1, n + 1)):
        raise input_error(
            path, f"expected particle ids 1 to {n} in order, because a line's number is its id, "
            "found others; renumber them"
        )  # fmt: skip
    names = _shrec_names(path, particles.species, class_names)
    voxels = (particles.positions_A - _origin(path, origin_A)) / voxel_size_A
    angles = euler_angles_deg(particles.rotations, euler)
    lines = []
    for i, species in enumerate(particles.species):
        place = " ".join(f"{value + 0.0:.{decimals}f}" for value in np.round(voxels[i], decimals))
        turn = "NaN NaN NaN"
        if is_molecule(species):  # whose orientation means nothing
            turn = " ".join(f"{angle:.9f}" for angle in angles[i])
        lines.append(f"{names[species]} {place} {turn}")
    write_text(path, lines)


def read_particle_locations(
    path: PathLike,
    voxel_size_A: float,
    class_names: Mapping[str, str] | None = None,
    *,
    origin_A: ArrayLike = (0.0, 0.0, 0.0),
    euler: Euler = "zxz",
) -> Particles:
    """Read ``particle_locations.txt``.

    Parameters
    ----------
    path : str or Path
    voxel_size_A, class_names, origin_A, euler
        As for :func:`write_particle_locations`.

    Returns
    -------
    Particles
        Ids are the numbers of the lines. Objects with NaN angles get no rotation; semi-axes are
        NaN, because the file does not contain them.

    Raises
    ------
    InputError
        With line and column.
    """
    species, places, angles = [], [], []
    back = {theirs: ours for ours, theirs in (class_names or {}).items()}
    for row, (number, text) in enumerate(text_lines(path), 1):
        cells = text.split()
        if len(cells) != 7 or number != row:
            found = f"{len(cells)} words" if number == row else "a blank line before it"
            raise input_error(
                path, f"line {number}: expected name x y z Z1 X Z2, found {found}; correct it"
            )
        if not cells[0].isprintable():
            raise input_error(
                path, f"line {number}: expected a name, found {shown(cells[0])}; rename it"
            )
        species.append(canonical_name(back.get(cells[0], cells[0])))
        places.append(_parsed(path, number, cells[1:4], "xyz"))
        angles.append(_parsed_angles(path, number, cells[4:], species[-1]))
    n = len(species)
    voxels = np.array(places, np.float64).reshape(n, 3)
    return Particles(
        ids=np.arange(1, n + 1, dtype=np.int64),
        species=tuple(species),
        positions_A=voxels * voxel_size_A + _origin(path, origin_A),
        rotations=Rotation.from_euler(euler, np.array(angles).reshape(n, 3), degrees=True),
        semi_axes_A=np.full((n, 3), np.nan),
    )


def euler_angles_deg(rotations: Rotation, euler: Euler) -> DoubleArray:
    """Return Z1 X Z2 in degrees, also where X is 0 or 180 and only one of the others matters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # gimbal lock: scipy sets one angle to 0
        angles = rotations.as_euler(euler, degrees=True)
    return np.asarray(angles, np.float64).reshape(-1, 3)


def _shrec_names(
    path: PathLike, species: tuple[str, ...], class_names: Mapping[str, str] | None
) -> dict[str, str]:
    mapping = class_names or {}
    names = {name: mapping.get(name, canonical_name(name)) for name in sorted(set(species))}
    for name in names.values():
        if name.split() != [name]:
            raise input_error(
                path, f"expected a class name without blanks, found {shown(name)}; rename it"
            )
    if len(set(names.values())) < len(names):
        raise input_error(
            path, f"expected a class name of its own for each of {', '.join(names)}, found one "
            "twice; rename it"
        )  # fmt: skip
    return names


def _origin(path: PathLike, origin_A: ArrayLike) -> DoubleArray:
    origin = np.asarray(origin_A, np.float64)
    if origin.shape != (3,) or not np.isfinite(origin).all():
        raise input_error(
            path, f"expected an origin x y z in A, found shape {origin.shape}; give three numbers"
        )
    return origin


def _parsed(path: PathLike, number: int, cells: list[str], columns: str) -> list[float]:
    return [
        parse_number(cell, path, f"line {number}, {column}")
        for cell, column in zip(cells, columns, strict=True)
    ]


def _parsed_angles(path: PathLike, number: int, cells: list[str], species: str) -> list[float]:
    columns = ("Z1", "X", "Z2")
    angles = [
        parse_number(cell, path, f"line {number}, {column}", finite=False)
        for cell, column in zip(cells, columns, strict=True)
    ]
    if all(np.isnan(angles)):
        return [0.0, 0.0, 0.0]
    if not np.isfinite(angles).all():
        raise input_error(
            path, f"line {number}: expected finite angles or three NaN for {species}, found "
            "others; correct them"
        )  # fmt: skip
    return angles
