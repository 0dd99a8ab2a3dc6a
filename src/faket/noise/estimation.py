"""How much of a reference is noise: from its noise-free projections, or from itself alone."""

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize

from faket.data import AnyArray, DoubleArray
from faket.errors import InputError
from faket.noise.defects import check_scale, repair
from faket.noise.halves import half_spectra
from faket.noise.profile import NoiseProfile
from faket.noise.spectrum import RINGS, mean_power, ring_means, ring_power, windowed_spectrum
from faket.rings import Rings, frequencies, mirror_weight
from faket.statistics import tilt_statistics
from faket.threads import in_threads

# Cycles per pixel. The fit runs from here to Nyquist (0.5); chosen, because below a quarter of
# Nyquist a specimen's spectrum is no single power of the frequency.
_LOWEST_FREQUENCY = 0.125
# Of the signal's power in the fitted band; chosen around 4, that of a sharp-edged body (Porod).
_EXPONENTS = (2.0, 8.0)
_SMALLEST_IMAGE = 32  # pixels; chosen, because the fit then has 12 rings


def estimate_noise(
    reference: AnyArray,
    noise_free_reference: AnyArray | None = None,
    *,
    angles_deg: ArrayLike | None = None,
    halves: tuple[AnyArray, AnyArray] | None = None,
) -> NoiseProfile:
    """Measure signal, noise, mean and contrast of every tilt of a reference.

    With the reference's noise-free projections: r, the signal's amplitude, minimises
    std(z(reference) - r z(noise_free_reference)) over 0 <= r <= 1. Its closed form is r =
    Pearson's correlation (0 where that is negative), and noise_std = √(1 - r²). FakET (Harar et
    al., arXiv 2304.02011) finds the same minimum by bisection.

    With two halves of the reference's exposure: noise_std² is the part of the variance in which
    they differ (:func:`faket.noise.half_spectra`), whatever the colour of signal and noise.

    Without either: the radial power spectrum of each tilt between a quarter of Nyquist and Nyquist
    is fitted, by maximum likelihood, with a flat floor plus a falling power of the frequency,
    N + A k^(-α), 2 <= α <= 8. The floor is the noise: noise_std² = N / variance and
    r = √(1 - noise_std²). **This assumes that the noise is white and that the signal is not.**
    On signals with spectra k^-2 to k^-4 under white noise, at signal-to-noise ratios of 0.01
    to 1, noise_std of one image is within 0.04 of the truth at 256² and 0.02 at 512² pixels
    (see the tests); the scatter falls as one over the image's side. Noise that is stronger at
    low frequencies counts as signal; signal that is flat up to Nyquist counts as noise. Images
    that were interpolated or low-passed have no floor left, so their noise is underestimated:
    measure unfiltered images.

    The radial power spectrum of every tilt is measured as well, for noise of the same colour.

    Hot pixels, dead lines and empty borders are filled first (:func:`faket.noise.repair`), in
    both stacks.

    Parameters
    ----------
    reference : ndarray, shape (tilt, y, x)
    noise_free_reference : ndarray, shape (tilt, y, x), optional
        The reference's own noise-free projections, of the same contrast sign.
    angles_deg : array_like, shape (tilts,), optional
        Stage angles of the tilts, by which profiles are matched later.
    halves : tuple of two ndarrays, shape (tilt, y, x), optional
        From even and odd frames, at the same pixels; not used if there are noise-free
        projections.

    Returns
    -------
    NoiseProfile

    Raises
    ------
    InputError
        If shapes do not fit, a tilt of the reference is constant, a value is not finite, the
        contrast signs differ, or an image is smaller than 32 pixels and
        there are no noise-free projections.
    """
    mean, sigma = tilt_statistics(reference, "reference")  # finite, and of three axes
    check_scale(reference)
    repaired = repair(reference)
    noise_free = noise_free_reference
    if noise_free is not None:
        noise_free = repaired.applied_to(noise_free)
    if repaired.images is not reference:
        reference = repaired.images
        mean, sigma = tilt_statistics(reference, "reference")
    sigma[list(repaired.blank)] = 0.0
    if not sigma.all():
        raise InputError(
            f"reference: expected images with contrast, found tilt {np.argmin(sigma)} constant; "
            "remove that tilt"
        )
    blind = noise_free is None and halves is None
    if blind:
        _check_size(reference)
    size = reference[0].size
    measured = in_threads(lambda image: _power_and_floor(image, blind), reference, pixels=size)
    powers = np.array([power for power, _ in measured])
    estimate: Literal["paired", "halves", "blind"]
    if noise_free is not None:
        noise_std, estimate = _paired(reference, mean, sigma, noise_free), "paired"
    elif halves is not None:
        own = [repaired.applied_to(half) for half in halves]
        part = half_spectra(own[0], own[1]).noise_fraction * powers
        share = mean_power(part) / mean_power(powers)
        noise_std, estimate = np.sqrt(np.clip(share, 0, 1)), "halves"
    else:
        floors = np.array([floor for _, floor in measured])
        noise_std, estimate = np.sqrt(np.clip(floors / sigma**2, 0, 1)), "blind"
    return NoiseProfile(
        signal_std=np.sqrt(1 - noise_std**2),
        noise_std=noise_std,
        mean=mean,
        sigma=sigma,
        estimate=estimate,
        angles_deg=None if angles_deg is None else np.asarray(angles_deg, np.float64),
        spectrum=powers / mean_power(powers)[:, None],
    )


def _paired(
    reference: AnyArray, mean: DoubleArray, sigma: DoubleArray, noise_free: AnyArray
) -> DoubleArray:
    """Return noise_std of every tilt from its correlation with the noise-free projection."""
    if noise_free.shape != reference.shape:
        raise InputError(
            "noise-free projections of the reference: expected the reference's shape "
            f"{reference.shape}, found {noise_free.shape}; give those of the same tilts and pixels"
        )
    own_mean, own_sigma = tilt_statistics(noise_free, "noise-free projections of the reference")
    correlation = np.zeros(len(reference))
    for tilt in np.flatnonzero(own_sigma):
        product = (reference[tilt] - mean[tilt]) * (noise_free[tilt] - own_mean[tilt])
        covariance = product.mean(dtype=np.float64)
        correlation[tilt] = covariance / (sigma[tilt] * own_sigma[tilt])
    if correlation.max() < 0 and correlation.mean() < -0.1:
        raise InputError(
            "noise-free projections of the reference: expected the reference's contrast sign, "
            f"found the opposite (correlation {correlation.mean():.2f}); multiply one of the two "
            "by -1"
        )
    return np.asarray(np.sqrt(1 - np.clip(correlation, 0, 1) ** 2))


def _check_size(reference: AnyArray) -> None:
    if min(reference.shape[1:]) < _SMALLEST_IMAGE:
        raise InputError(
            f"reference: expected images of at least {_SMALLEST_IMAGE} x {_SMALLEST_IMAGE} pixels "
            f"to see the noise floor, found {reference.shape[1]} x {reference.shape[2]}; crop it "
            "less, or give its noise-free projections"
        )


def _power_and_floor(image: AnyArray, blind: bool) -> tuple[DoubleArray, float]:
    """Return the radial power spectrum of an image and, if ``blind``, its noise floor."""
    spectrum = windowed_spectrum(image)  # [y, x] → [y, x // 2 + 1]
    power = spectrum.real**2 + spectrum.imag**2
    means = ring_means(power, image.shape, RINGS, 0.5)
    if means is None:
        means = ring_power(image)
    if not blind:
        return means, 0.0
    rings, frequency, held = _fitted_rings(image.shape)
    return means, _noise_floor(frequency[held], rings.mean(power)[held], rings.number[held])


@lru_cache(maxsize=2)  # for the next tilt, for reading
def _fitted_rings(shape: tuple[int, int]) -> tuple[Rings, DoubleArray, AnyArray]:
    """Return the rings of the fit, their mean frequencies (cycles/pixel) and which hold any."""
    frequency, side = frequencies(shape), min(shape)
    # Column 0 is left out: it holds every mode and its conjugate.
    columns = np.arange(shape[1] // 2 + 1) > 0
    chosen = (frequency >= _LOWEST_FREQUENCY) & (frequency < 0.5) & columns
    index = np.where(chosen, (frequency * side).astype(np.intp), side)
    rings = Rings(index, mirror_weight(shape[1]), side)
    return rings, rings.mean(frequency), rings.number > 0


def _noise_floor(frequency: DoubleArray, power: DoubleArray, modes: DoubleArray) -> float:
    """Return N of the likeliest N + A k^(-α); the power of a mode is exponentially distributed."""
    scale = power[len(power) // 2 :].mean()
    if not scale > 0:
        return 0.0
    data, weight = power / scale, modes / modes.sum()
    log_k = np.log(frequency / _LOWEST_FREQUENCY)

    def misfit(parameters: DoubleArray) -> tuple[float, DoubleArray]:
        floor, signal = np.exp(parameters[0]), np.exp(parameters[1] - parameters[2] * log_k)
        model = floor + signal
        slope = weight * (1 / model - data / model**2)
        gradient = [(slope * floor).sum(), (slope * signal).sum(), -(slope * signal * log_k).sum()]
        return float((weight * (np.log(model) + data / model)).sum()), np.array(gradient)

    excess = np.log(max(data[:3].mean() - 0.8, 0.01))
    fits = [
        optimize.minimize(
            misfit,
            [np.log(0.8), excess, exponent],
            jac=True,
            method="L-BFGS-B",
            bounds=[(-20, 5), (-20, 20), _EXPONENTS],
        )
        for exponent in (2.5, 5.0)
    ]
    best = min(fits, key=lambda fit: float(fit.fun))
    return float(np.exp(best.x[0]) * scale)
