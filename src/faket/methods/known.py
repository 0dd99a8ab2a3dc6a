"""What is known of a reference before it is measured: given by the user, or in its geometry."""

import math
from dataclasses import replace

import numpy as np

from faket.data import DoubleArray, TiltGeometry, TiltSeries
from faket.methods.measurement import ctf_by_pairs
from faket.microscope.ctf_estimate import CtfEstimate
from faket.microscope.ctf_estimation import estimate_ctf
from faket.noise import repair
from faket.reconstruction.binning import crop_images

_SIDE_PX = 1024  # chosen, for speed: what tilts share is measured on images of at most this size


def known_dose(geometry: TiltGeometry, dose_e_per_A2: float | None) -> DoubleArray | None:
    """Return the exposure of each tilt: a total that is given, or what the geometry knows.

    A total is divided as the geometry's exposures are, and evenly where it has none.
    """
    known = geometry.dose_e_per_A2
    if dose_e_per_A2 is None:
        return known
    parts = np.ones(len(geometry.angles_deg)) if known is None else known
    return np.asarray(dose_e_per_A2 * parts / parts.sum())


def known_ctf(reference: TiltSeries, defocus_um: float | None) -> CtfEstimate:
    """Return the CTF: of a defocus that is given, of the geometry's, or estimated."""
    geometry = reference.geometry
    optics = {
        name: value
        for name in ("voltage_kV", "spherical_aberration_mm", "amplitude_contrast")
        if (value := getattr(geometry, name)) is not None
    }
    plate = geometry.phase_shift_deg
    known = geometry.defocus_um if defocus_um is None else defocus_um
    found = estimate_ctf(
        reference.images, geometry.pixel_size_A, geometry.angles_deg, defocus_um=known,
        phase_plate_deg=0.0 if plate is None else plate, **optics,
    )  # fmt: skip
    astigmatism_um, direction_deg = geometry.astigmatism_um, geometry.astigmatism_deg
    if defocus_um is not None or astigmatism_um is None or direction_deg is None:
        return found
    return replace(found, astigmatism_um=astigmatism_um, astigmatism_deg=direction_deg)


def best_ctf(series: TiltSeries, defocus_um: float | None = None) -> CtfEstimate:
    """Return the CTF: known, or estimated from spectra and from what tilts share.

    A known defocus is compared with these (:meth:`CtfEstimate.is_doubted`).

    Parameters
    ----------
    series : TiltSeries
        Aligned images of tilts that share no noise.
    defocus_um : float, optional
        Given by the user.
    """
    found = known_ctf(series, defocus_um)
    if found.source == "spectra" and found.confident:
        return found
    binning = math.ceil(max(series.images.shape[1:]) / _SIDE_PX)
    images = crop_images(series.images, binning)
    return ctf_by_pairs(repair(images).images, binning * series.geometry.pixel_size_A, found)
