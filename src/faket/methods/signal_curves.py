"""Amplitude of the signal and power of the noise, ring by ring, that a reference and physics tell.

What was measured on the reference is joined with what physics expects of the specimen to be imaged.
"""

from dataclasses import dataclass

import numpy as np

from faket.data import DoubleArray
from faket.methods.half_fraction import smoothed
from faket.methods.reference_properties import CORNER, ReferenceProperties
from faket.methods.signal_fit import Correction, fit_correction, smooth_functions
from faket.methods.uneven_ice import uneven_share
from faket.rings import ring_frequencies

# Scale of the logarithm of how much more the reference's specimen scatters than the one to be
# imaged, which is made to be like it. Chosen; far off is more likely than of a normal law.
_SPECIMEN_SCALE = 0.2
_OWN = 2500.0  # coefficients over which the noise of one tilt is averaged: to 2 %
_PIXELS = 256**2  # of an image; chosen, for how much rings are trusted against each other
_NOISE_ERROR = 0.1  # relative, of one ring; chosen: spectra of specimens are not smooth
_ANY_LEVEL = 10.0
_SHARED = ("halves", "tilts")  # sources of the signal to which belongs whatever is no noise


@dataclass(frozen=True, eq=False)
class Curves:
    """Signal and noise of images to be made.

    Attributes
    ----------
    amplitude : ndarray, shape (tilts, rings), float64
        By which the expected contrast is multiplied, grey values.
    noise_power : ndarray, shape (tilts, rings), float64
        Grey values squared.
    correction : Correction
        How the measured strength of the signal differs from the expected one.
    ice_power : ndarray, shape (tilts, rings), float64
        Of uneven ice (:mod:`faket.methods.uneven_ice`), which is in neither, grey values squared.
    """

    amplitude: DoubleArray
    noise_power: DoubleArray
    correction: Correction
    ice_power: DoubleArray


def fitted_curves(properties: ReferenceProperties, power: DoubleArray) -> Curves:
    """Fit the signal that is expected of a specimen to what was measured on a reference.

    Parameters
    ----------
    properties : ReferenceProperties
    power : ndarray, shape (tilts, rings)
        Of the expected contrast of the specimen to be imaged, without gold.

    Returns
    -------
    Curves
    """
    expected = properties.electrons[:, None] * power
    found = fit_correction(
        properties.signal_fraction,
        properties.signal_fraction_sigma,
        expected,
        properties.angles_deg,
        limit=CORNER,
        level_sigma=float(np.hypot(properties.strength_sigma, 2 * _SPECIMEN_SCALE)),
    )
    ratio = expected * np.exp(found.log_ratio)
    rest = properties.power / (1 + ratio)
    noise = _smooth(rest, properties.angles_deg)
    # Of the product, because where signal prevails neither factor is known, but their product is.
    gain = _smooth(rest * np.exp(found.log_ratio), properties.angles_deg)
    uneven = np.zeros(gain.shape[1])
    if properties.fraction_source in _SHARED:
        uneven = uneven_share(gain, found.sigma, properties.pixel_size_A)
    ice = gain * expected * uneven
    gain *= 1 - uneven
    if properties.contrast_power is None:
        # What strength and specimen have most likely done to the common level: the strength is
        # normally distributed, the specimen as exp(-|x| / scale).
        most = properties.strength_sigma**2 / _SPECIMEN_SCALE
        gain *= np.exp(np.clip(found.level, -most, most) - found.level)
    return Curves(np.sqrt(gain * properties.electrons[:, None]), noise, found, ice)


def _smooth(values: DoubleArray, angles_deg: DoubleArray) -> DoubleArray:
    """Average values [tilt, ring] over neighbouring rings and tilts, and keep each tilt's own."""
    least = 1e-9 * float(values.max())
    logs = np.log(np.maximum(values, least))
    logs -= (level := np.median(logs, axis=1, keepdims=True))
    tilts, rings = values.shape
    modes = 2 * np.pi * ring_frequencies(rings, CORNER) * (CORNER / rings) * _PIXELS
    design, penalty = smooth_functions((tilts, rings), angles_deg, CORNER, _ANY_LEVEL)
    weight = np.sqrt(1 / (1 / modes + _NOISE_ERROR**2))
    rows = (design * weight[:, None]).reshape(-1, design.shape[-1])
    normal = rows.T @ rows + penalty.T @ penalty
    smooth = design @ np.linalg.solve(normal, rows.T @ (weight * logs).ravel())
    return np.exp(level + smooth + smoothed(logs - smooth, modes, _OWN))
