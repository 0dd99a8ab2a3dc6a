"""What is true of a tomogram's tilt-series, from the files that the data set keeps of it.

Three sources, in this order: the record of the simulated microscope (method benchmark); what was
measured on the reference, whose CTF and exposure the images were given (methods spectral, style);
the table beside the stack, which tells angles and shifts, and order and exposure if they are known.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from faket.data import DoubleArray, TiltGeometry
from faket.errors import InputError
from faket.io.acquisition import read_acquisition
from faket.io.manifest import read_manifest
from faket.io.metadata import JoinedGeometry
from faket.io.metadata.facts import rotation
from faket.io.model_folder import (
    ACQUISITION,
    ALL_MODELS,
    ALL_REFERENCES,
    ANGLES,
    GEOMETRY,
    MANIFEST,
    PROJECTIONS_UNBINNED,
    REFERENCE_MODEL,
    number_of,
    reference_name,
)
from faket.io.mrc import read_pixel_size, read_shape
from faket.io.tilts import read_tilt_angles, read_tilt_geometry
from faket.methods.residuals import residual_shifts_px, residual_turns_deg
from faket.methods.table import method_row
from faket.microscope import AcquisitionRecord
from faket.microscope.ctf_estimate import AMPLITUDE_CONTRAST
from faket.microscope.dose import acquisition_order, dose_before
from faket.pipeline.methods import read_properties
from faket.seeds import derive
from faket.units import UM_PER_A


def true_series(folder: Path) -> JoinedGeometry:
    """Return the geometry, exposure and defocus with which a tomogram's images were made.

    Parameters
    ----------
    folder : Path
        A tomogram's folder, beside which its references lie.

    Returns
    -------
    JoinedGeometry
        Of ``projections_unbinned.mrc``; NaN or None for what nothing tells.

    Raises
    ------
    InputError
        If the folder holds no tilt-series, or a file of it cannot be read.
    """
    stack = folder / PROJECTIONS_UNBINNED
    if not stack.exists():
        raise InputError(
            f"{stack}: expected the tomogram's tilt-series, found no such file; choose tomograms "
            "whose recipe keeps it"
        )
    tilts, rows, columns = read_shape(stack)
    geometry = replace(_beside(stack), pixel_size_A=read_pixel_size(stack))
    if len(geometry.angles_deg) != tilts:
        raise InputError(
            f"{stack}: expected {len(geometry.angles_deg)} images, as its angles tell, found "
            f"{tilts}; give the angles of this stack"
        )
    if (folder / ACQUISITION).exists():
        known = _recorded(read_acquisition(folder / ACQUISITION))
    else:
        known = _plain(geometry) | _measured(folder, geometry)
    return _joined(folder.name, geometry, known, (columns, rows))


def _beside(stack: Path) -> TiltGeometry:
    """Return the geometry in the .csv beside a stack, or the angles in its .tlt."""
    if stack.with_suffix(GEOMETRY).exists():
        return read_tilt_geometry(stack.with_suffix(GEOMETRY))
    return TiltGeometry(read_tilt_angles(stack.with_suffix(ANGLES)), 1.0)


def _plain(geometry: TiltGeometry) -> dict[str, Any]:
    """Return fields of the series as the table beside the stack tells them."""
    known: dict[str, Any] = {
        "angles_deg": geometry.angles_deg,
        "axes_deg": geometry.axes_deg(),
        "shifts_px": geometry.shifts_A / geometry.pixel_size_A,
    }
    if geometry.order is not None:
        known["order"] = geometry.order
    if geometry.dose_e_per_A2 is not None:
        known["dose_e_per_A2"] = geometry.dose_e_per_A2
    return known


def _recorded(record: AcquisitionRecord) -> dict[str, Any]:
    """Return fields of the series as the microscope drew them."""
    microscope = record.microscope
    astigmatism = np.array(record.astigmatism_A)
    return {
        "angles_deg": np.array(record.true_angles_deg),
        "axes_deg": record.tilt_axis_deg + np.array(record.rotation_errors_deg),
        "shifts_px": np.array(record.shifts_A) / record.pixel_size_A,
        "order": np.array(record.order, np.int64),
        "dose_e_per_A2": np.array(record.dose_e_per_A2),
        **_defocus(UM_PER_A * np.array(record.defocus_A), UM_PER_A * astigmatism),
        "astigmatism_deg": np.array(record.astigmatism_deg),
        "phase_shift_deg": np.full(len(record), microscope.phase_plate_deg),
        "voltage_kV": microscope.voltage_kV,
        "spherical_aberration_mm": microscope.spherical_aberration_mm,
        "amplitude_contrast": AMPLITUDE_CONTRAST,
    }


def _measured(folder: Path, geometry: TiltGeometry) -> dict[str, Any]:
    """Return what images of method spectral or style were given of their reference.

    The exposure is that of the electrons whose counting noise the images have; the order is the
    reference's, or the dose-symmetric one that was assumed when it was measured.
    """
    manifest = read_manifest(folder / MANIFEST) if (folder / MANIFEST).exists() else {}
    settings = manifest.get("settings", {})
    count = len(list(folder.parent.glob(ALL_REFERENCES)))
    if not count or not folder.match(ALL_MODELS) or "method" not in settings:
        return {}
    row = method_row(settings["method"], start=settings.get("style", {}).get("initial"))
    reference = folder.parent / reference_name(number_of(folder.name) % count)
    if not row.needs_spectra or not (reference / REFERENCE_MODEL).exists():
        return {}
    angles_deg = geometry.angles_deg
    properties = read_properties(reference).at(angles_deg)
    seed = derive(manifest["seed"], folder.name, "noise")
    ctf = properties.ctf
    return {
        "shifts_px": residual_shifts_px(properties, seed),
        "axes_deg": geometry.axes_deg() + residual_turns_deg(properties, seed),
        "order": _order(reference, angles_deg),
        "dose_e_per_A2": properties.electrons / properties.pixel_size_A**2,
        **_defocus(ctf.defocus_um, ctf.astigmatism_um),
        "astigmatism_deg": ctf.astigmatism_deg,
        "phase_shift_deg": np.asarray(ctf.phase_plate_deg),
        "voltage_kV": ctf.voltage_kV,
        "spherical_aberration_mm": ctf.spherical_aberration_mm,
        "amplitude_contrast": ctf.amplitude_contrast,
    }


def _order(reference: Path, angles_deg: DoubleArray) -> Any:
    if (reference / ACQUISITION).exists():
        record = read_acquisition(reference / ACQUISITION)
        if np.array_equal(record.nominal_angles_deg, angles_deg):
            return np.array(record.order, np.int64)
    return acquisition_order(angles_deg, "dose-symmetric")


def _defocus(mean_um: DoubleArray, apart_um: DoubleArray) -> dict[str, Any]:
    """Return the two extreme defoci, and the round number that was asked of the microscope."""
    return {
        "defocus_u_um": mean_um + apart_um,
        "defocus_v_um": mean_um - apart_um,
        "target_defocus_um": round(float(np.median(mean_um)), 1),
    }


def _joined(
    name: str, geometry: TiltGeometry, known: dict[str, Any], image_size: tuple[int, int]
) -> JoinedGeometry:
    """Return the record of all that is known; NaN, -1 or None for the rest."""
    n = len(geometry.angles_deg)
    missing = np.full(n, np.nan)
    order, dose = known.get("order", np.full(n, -1)), known.get("dose_e_per_A2", missing)
    places = order if (order >= 0).all() else np.arange(n)
    names = ("angles_deg", "axes_deg", "shifts_px", "defocus_u_um", "defocus_v_um",
             "astigmatism_deg", "phase_shift_deg")  # fmt: skip
    arrays = {field: known.get(field, missing) for field in names}
    single = {field: value for field, value in known.items() if np.ndim(value) == 0}
    return JoinedGeometry(
        nominal_angles_deg=geometry.angles_deg,
        x_tilts_deg=np.zeros(n),
        matrices=np.array([rotation(axis) for axis in arrays["axes_deg"]]),
        order=order,
        dose_e_per_A2=dose,
        dose_before_e_per_A2=dose_before(dose, order) if (order >= 0).all() else missing,
        excluded=np.zeros(n, bool),
        frames=tuple(
            f"{name}_{place:03d}_{angle:.1f}"
            for place, angle in zip(places, geometry.angles_deg, strict=True)
        ),
        images=(None,) * n,
        halves=(None,) * n,
        pixel_size_A=geometry.pixel_size_A,
        hand=1,
        image_size=image_size,
        series=name,
        **arrays,
        **single,
    )
