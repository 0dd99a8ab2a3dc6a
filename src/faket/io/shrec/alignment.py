"""``alignment_simulated.txt`` of SHREC'21.

Six header lines, then TransX TransY (pixels), TiltAngle, InPlaneRotation (degrees), Magnification,
FileName, one line per image. Each value *undoes* what was simulated: TiltAngle is minus the stage
angle, TransX minus the shift, InPlaneRotation minus the angle of the tilt axis. The header of the
file says so. It has six lines that begin with #, like SHREC'21's, because some readers count them.
"""

from dataclasses import dataclass

import numpy as np

from faket.data import DoubleArray, TiltGeometry
from faket.io.failures import PathLike, input_error
from faket.io.model_folder import PROJECTIONS_UNBINNED
from faket.io.text import parse_number, text_lines, write_text

_UNDOES = {
    "AlignmentTransX (px)": "minus the simulated shift",
    "AlignmentTransY (px)": "minus the simulated shift",
    "TiltAngle (degrees)": "minus the stage angle, which is in the .tlt",
    "InPlaneRotation (degrees)": "minus the angle of the tilt axis",
}
_FIELDS = (
    "AlignmentTransX (px)",
    "AlignmentTransY (px)",
    "TiltAngle (degrees)",
    "InPlaneRotation (degrees)",
    "Magnification",
    "FileName",
)


@dataclass(frozen=True)
class Alignment:
    """The rows of ``alignment_simulated.txt`` as written: each undoes what was simulated.

    Attributes
    ----------
    trans_px : ndarray, shape (tilts, 2)
        TransX, TransY, pixels.
    tilt_angles_deg, in_plane_rotations_deg, magnifications : ndarray, shape (tilts,)
    file_names : tuple of str
    """

    trans_px: DoubleArray
    tilt_angles_deg: DoubleArray
    in_plane_rotations_deg: DoubleArray
    magnifications: DoubleArray
    file_names: tuple[str, ...]


def write_alignment(path: PathLike, geometry: TiltGeometry) -> None:
    """Write ``alignment_simulated.txt`` for a tilt-series with this geometry.

    Raises
    ------
    InputError
        If a value is not finite, or the file cannot be written.
    """
    n = len(geometry.angles_deg)
    table = np.column_stack(
        [
            -geometry.shifts_A / geometry.pixel_size_A,
            -np.asarray(geometry.angles_deg, np.float64),
            np.full(n, -geometry.tilt_axis_deg),
            np.ones(n),
        ]
    )
    if not np.isfinite(table).all():
        raise input_error(
            path, "expected finite angles and shifts, found NaN or infinity; correct them"
        )
    rows = [" ".join(f"{value + 0.0:15.10f}" for value in row) for row in table]
    files = [f"{i}@{PROJECTIONS_UNBINNED}" for i in range(1, n + 1)]
    lines = [f"# {field}: {_UNDOES[field]}" if field in _UNDOES else f"# {field}"
             for field in _FIELDS]  # fmt: skip
    write_text(path, lines + [f"{row} {file}" for row, file in zip(rows, files, strict=True)])


def read_alignment(path: PathLike) -> Alignment:
    """Read ``alignment_simulated.txt`` without undoing anything.

    Raises
    ------
    InputError
        With line and column; also if there is no row, an angle is beyond 90 degrees or a
        magnification is not positive.
    """
    rows, files = [], []
    for number, text in text_lines(path):
        if text.startswith("#"):
            continue
        cells = text.split(maxsplit=5)
        if len(cells) < 6:
            raise input_error(
                path, f"line {number}: expected 6 columns, found {len(cells)}; correct the line"
            )
        values = [
            parse_number(cell, path, f"line {number}, {field}")
            for cell, field in zip(cells, _FIELDS[:5], strict=False)
        ]
        if abs(values[2]) > 90 or values[4] <= 0:
            raise input_error(
                path,
                f"line {number}: expected an angle within 90 degrees and a magnification above 0, "
                f"found {values[2]:g} and {values[4]:g}; correct the line",
            )
        rows.append(values)
        files.append(cells[5])
    if not rows:
        raise input_error(path, "expected one row for each image, found none; check the file")
    table = np.array(rows)
    return Alignment(table[:, :2], table[:, 2], table[:, 3], table[:, 4], tuple(files))


def alignment_geometry(path: PathLike, alignment: Alignment, pixel_size_A: float) -> TiltGeometry:
    """Return the geometry that ``alignment`` undoes.

    Parameters
    ----------
    path : str or Path
        Named in errors.
    alignment : Alignment
    pixel_size_A : float
        Of the unbinned images, in whose pixels the shifts are given.

    Raises
    ------
    InputError
        If in-plane rotation or magnification differs between tilts, because a geometry has one
        tilt axis and no magnification.
    """
    turn, scale = alignment.in_plane_rotations_deg, alignment.magnifications
    if np.ptp(turn) > 1e-3 or np.abs(scale - 1).max() > 1e-4:
        raise input_error(
            path,
            "expected one in-plane rotation and magnification 1 for all tilts, found others; "
            "align the images first",
        )
    return TiltGeometry(
        angles_deg=-alignment.tilt_angles_deg + 0.0,
        pixel_size_A=pixel_size_A,
        shifts_A=-alignment.trans_px * pixel_size_A + 0.0,
        tilt_axis_deg=float(-turn.mean()) + 0.0,
    )
