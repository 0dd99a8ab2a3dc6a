"""RELION's STAR table of a tilt-series, and its row in ``tomograms.star``: of versions 5 and 4.

Conventions: :mod:`faket.io.metadata.relion`. The defocus of a point is that of the image plus its
coordinate along the beam, -x sin θ + z cos θ, which is what RELION calls a hand of +1
(`Tomogram::getCtf` of its source).
"""

import numpy as np

from faket.io.metadata.geometry import JoinedGeometry, mean_axis_deg
from faket.io.metadata.relion_matrices import rotation_3d
from faket.io.star import Table
from faket.units import A_PER_UM

HAND = 1


def tilt_series(geometry: JoinedGeometry, stack: str) -> Table:
    """Return the table of the images that are used; ``stack`` is its path from the project."""
    assert geometry.pixel_size_A is not None
    used = geometry.used
    shifts_A = geometry.shifts_px * geometry.pixel_size_A
    axis = mean_axis_deg(geometry.axes_deg)
    columns = {
        "rlnTomoNominalStageTiltAngle": (geometry.nominal_angles_deg, 4),
        "rlnTomoNominalTiltAxisAngle": (np.full(len(geometry), axis), 4),
        "rlnMicrographPreExposure": (geometry.dose_before_e_per_A2, 5),
        "rlnDefocusU": (A_PER_UM * geometry.defocus_u_um, 2),
        "rlnDefocusV": (A_PER_UM * geometry.defocus_v_um, 2),
        "rlnDefocusAngle": (geometry.astigmatism_deg, 4),
        "rlnPhaseShift": (geometry.phase_shift_deg, 4),
        "rlnTomoXTilt": (np.nan_to_num(geometry.x_tilts_deg), 4),
        "rlnTomoYTilt": (geometry.angles_deg, 4),
        "rlnTomoZRot": (geometry.axes_deg, 4),
        "rlnTomoXShiftAngst": (shifts_A[:, 0], 4),
        "rlnTomoYShiftAngst": (shifts_A[:, 1], 4),
    }
    table: Table = {"rlnMicrographName": [f"{i + 1:06d}@{stack}" for i in used]}
    if all(geometry.frames[i] for i in used):
        table["rlnMicrographMovieName"] = [f"frames/{geometry.frames[i]}.mrc" for i in used]
    for half, place in (("Even", 0), ("Odd", 1)):
        pairs = [geometry.halves[i] for i in used]
        if all(pair is not None for pair in pairs):
            table[f"rlnMicrographName{half}"] = [pair[place] for pair in pairs if pair]
    for name, (values, decimals) in columns.items():
        if np.isfinite(values[used]).all():
            table[name] = [f"{value + 0.0:.{decimals}f}" for value in values[used].round(decimals)]
    return table


def matrix_table(geometry: JoinedGeometry, size_px: tuple[int, int, int]) -> Table:
    """Return RELION 4's table of all images: matrices from voxels to pixels, both from 0.

    Parameters
    ----------
    geometry : JoinedGeometry
        Of all images of the stack: version 4 takes the stack as it is.
    size_px : tuple of int
        x y z of the tomogram in pixels of the stack; its half is what lies on the tilt axis.
    """
    assert geometry.image_size is not None
    columns: Table = {f"rlnTomoProj{row}": [] for row in "XYZW"}
    middle, centre = np.array(geometry.image_size) // 2, np.array(size_px) // 2
    x_tilts_deg = np.nan_to_num(geometry.x_tilts_deg)
    for i, plane in enumerate(geometry.matrices):
        matrix = np.eye(4)
        (a, b), (c, d) = plane.tolist()
        matrix[:3, :3] = rotation_3d(
            ((a, b), (c, d)), float(geometry.angles_deg[i]), float(x_tilts_deg[i])
        )
        lands = np.append(geometry.shifts_px[i] + middle, 0)
        matrix[:3, 3] = lands - matrix[:3, :3] @ centre
        for column, row in zip(columns.values(), matrix, strict=True):
            column.append("[" + ",".join(f"{value:.9g}" for value in row) + "]")
    numbers = {
        "rlnDefocusU": A_PER_UM * geometry.defocus_u_um,
        "rlnDefocusV": A_PER_UM * geometry.defocus_v_um,
        "rlnDefocusAngle": geometry.astigmatism_deg,
        "rlnPhaseShift": geometry.phase_shift_deg,
        "rlnMicrographPreExposure": geometry.dose_before_e_per_A2,
    }
    for name, values in numbers.items():
        if np.isfinite(values).all():
            columns[name] = [f"{value + 0.0:.4f}" for value in values.round(4)]
    return columns


def tomogram_row(
    geometry: JoinedGeometry, name: str, size_px: tuple[int, int, int], series_file: str
) -> dict[str, str]:
    """Return a tomogram's row in ``tomograms.star``; ``size_px`` (x, y, z) is not binned."""
    row = {
        "rlnTomoName": name,
        "rlnVoltage": geometry.voltage_kV,
        "rlnSphericalAberration": geometry.spherical_aberration_mm,
        "rlnAmplitudeContrast": geometry.amplitude_contrast,
        "rlnMicrographOriginalPixelSize": geometry.pixel_size_A,
        "rlnTomoHand": geometry.hand or HAND,
        "rlnOpticsGroupName": "optics1",
        "rlnTomoTiltSeriesPixelSize": geometry.pixel_size_A,
        "rlnTomoTiltSeriesStarFile": series_file,
        "rlnTomoSizeX": size_px[0],
        "rlnTomoSizeY": size_px[1],
        "rlnTomoSizeZ": size_px[2],
    }
    return {column: str(value) for column, value in row.items() if value is not None}
