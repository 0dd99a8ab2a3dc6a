"""How a reference's microscope transfers a specimen: amplitude of signal, power of noise, by rings.

What was measured on the reference is joined with what physics expects of the specimen to be imaged.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.methods.contrast import expected_contrast
from faket.methods.counts import counting_noise
from faket.methods.gold_masks import GOLD_SIGMAS, power_of_kept
from faket.methods.half_fraction import smoothed
from faket.methods.reference_properties import CORNER, ReferenceProperties
from faket.methods.signal_fit import Correction, fit_correction, smooth_functions
from faket.microscope.gold import gold_mask
from faket.noise import background_image, detail_moments, ring_filter, trend, white_noise
from faket.rings import ring_frequencies
from faket.threads import in_threads

if TYPE_CHECKING:
    from faket.methods.gpu import SpectralImager

# Scale of the logarithm of how much more the reference's specimen scatters than the one to be
# imaged, which is made to be like it. Chosen; far off is more likely than of a normal law.
_SPECIMEN_SCALE = 0.2
_OWN = 2500.0  # coefficients over which the noise of one tilt is averaged: to 2 %
_PIXELS = 256**2  # of an image; chosen, for how much rings are trusted against each other
_NOISE_ERROR = 0.1  # relative, of one ring; chosen: spectra of specimens are not smooth
_ANY_LEVEL = 10.0
_SKEWED_TILTS = 5  # chosen: 5 tilts of 400² pixels tell skewness to 0.003
_LEAST_SKEWNESS, _MOST_SKEWED = 0.01, 4.0  # chosen: less is not told, more is an artefact


@dataclass(frozen=True, eq=False)
class Transfer:
    """Signal and noise of images to be made.

    Attributes
    ----------
    amplitude : ndarray, shape (tilts, rings), float64
        By which the expected contrast is multiplied, grey values.
    noise_power : ndarray, shape (tilts, rings), float64
        Grey values squared.
    skewness : float
        Of the noise, over that of counted electrons.
    correction : Correction
        How the measured strength of the signal differs from the expected one.
    """

    amplitude: DoubleArray
    noise_power: DoubleArray
    skewness: float
    correction: Correction


def reference_transfer(
    properties: ReferenceProperties, noise_free: AnyArray, imager: "SpectralImager | None" = None
) -> Transfer:
    """Return the transfer of a reference's microscope for a specimen.

    Parameters
    ----------
    properties : ReferenceProperties
        At the angles of the projections.
    noise_free : ndarray, shape (tilt, y, x)
        Minus line integrals, V·Å, of a specimen like the reference's.
    imager : SpectralImager, optional
        Of both, to compute with torch.

    Returns
    -------
    Transfer
    """
    power = properties.contrast_power
    known = power is not None
    if power is None:
        power = imager.contrast_power() if imager else contrast_power(properties, noise_free)
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
    if not known:
        # What strength and specimen have most likely done to the common level: the strength is
        # normally distributed, the specimen as exp(-|x| / scale).
        most = properties.strength_sigma**2 / _SPECIMEN_SCALE
        gain *= np.exp(np.clip(found.level, -most, most) - found.level)
    amplitude = np.sqrt(gain * properties.electrons[:, None])
    skewness = _noise_skewness(properties, noise_free, amplitude, noise, imager)
    return Transfer(amplitude, noise, skewness, found)


def _noise_skewness(
    properties: ReferenceProperties,
    noise_free: AnyArray,
    amplitude: DoubleArray,
    noise: DoubleArray,
    imager: "SpectralImager | None",
) -> float:
    """Return the skewness of the noise with which images are as skewed as the reference's."""
    if properties.skewness is None:
        return 1.0
    found = []
    chosen = np.unique(np.linspace(0, len(noise_free) - 1, _SKEWED_TILTS).round().astype(int))
    for tilt in (int(place) for place in chosen):
        if imager is not None:
            without, with_it = imager.skewness(tilt, amplitude[tilt], noise[tilt], (0.0, 1.0))
        else:
            without, with_it = _skewness_of(properties, tilt, noise_free[tilt], amplitude, noise)
        if with_it - without > _LEAST_SKEWNESS:
            found.append((properties.skewness[tilt] - without) / (with_it - without))
    return float(np.clip(np.median(found), 0, _MOST_SKEWED)) if found else 1.0


def _skewness_of(
    properties: ReferenceProperties,
    tilt: int,
    noise_free: AnyArray,
    amplitude: DoubleArray,
    noise: DoubleArray,
) -> list[float]:
    """Return the skewness of a tilt without and with that of counted electrons."""
    contrast = expected_contrast(properties, tilt, noise_free)
    signal = filtered(contrast, amplitude[tilt])
    white = white_noise(0, tilt, signal.shape)
    electrons = float(properties.electrons[tilt])
    curves = noise[tilt], properties.anisotropy[tilt]
    return [
        _skewness(signal + counting_noise(contrast, white, electrons, skewness, *curves))
        for skewness in (0.0, 1.0)
    ]


def _skewness(image: AnyArray) -> float:
    variance, third = detail_moments(image)
    return third / variance**1.5 if variance > 0 else 0.0


def filtered(image: AnyArray, amplitude: DoubleArray) -> FloatArray:
    """Multiply an image's rings by an amplitude."""
    shape = (image.shape[0], image.shape[1])
    spectrum = fft.rfft2(image)  # [y, x] → [y, x // 2 + 1]
    spectrum *= ring_filter(amplitude, shape, limit=CORNER)
    return np.asarray(fft.irfft2(spectrum, s=shape), np.float32)  # [y, x // 2 + 1] → [y, x]


def contrast_power(properties: ReferenceProperties, noise_free: AnyArray) -> DoubleArray:
    """Return the power of the expected contrast of every tilt without gold, [tilt, ring].

    Gold is found as in the reference: in images with noise.
    """
    rings = properties.power.shape[1]

    def measure(tilt: int) -> DoubleArray:
        contrast = expected_contrast(properties, tilt, noise_free[tilt])
        noise = white_noise(0, tilt, contrast.shape) * float(properties.electrons[tilt]) ** -0.5
        kept = gold_mask(contrast + noise, properties.pixel_size_A, sigmas=GOLD_SIGMAS)
        if properties.background is not None:  # the reference's curves are without it
            contrast = contrast - background_image(trend(contrast), noise_free.shape[1:])
        return power_of_kept(contrast, kept, rings)

    size = noise_free[0].size
    return np.array(in_threads(measure, range(len(noise_free)), pixels=size))


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
