"""How much of a reference is noise: with its clean twin, or from the reference alone."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import fft, optimize

from faket.data import AnyArray, DoubleArray
from faket.errors import InputError
from faket.noise.defects import check_scale, mend
from faket.noise.profile import NoiseProfile
from faket.noise.spectrum import mean_power, ring_power
from faket.statistics import tilt_statistics

_LOWEST_FREQUENCY = 0.125  # cycles per pixel; the fit runs from here to Nyquist (0.5)
_EXPONENTS = (2.0, 8.0)  # of the signal's power in the fitted band; 4 is a sharp-edged body
_SMALLEST_IMAGE = 32


def estimate_noise(
    reference: AnyArray, clean: AnyArray | None = None, *, angles_deg: ArrayLike | None = None
) -> NoiseProfile:
    """Measure signal, noise, mean and contrast of every tilt of a reference.

    With a clean twin: r minimises std(z(reference) - r z(clean)) over 0 <= r <= 1, whose closed
    form is r = Pearson's correlation (0 where that is negative) and noise_std = √(1 - r²).
    That is FakET's estimate (Harar et al., arXiv 2304.02011), solved instead of bisected.

    Without: the radial power spectrum of each tilt between a quarter of Nyquist and Nyquist
    is fitted, by maximum likelihood, with a flat floor plus a falling power of the frequency,
    N + A k^(-α), 2 <= α <= 8. The noise is the floor: noise_std² = N / variance and
    r = √(1 - noise_std²). **This assumes that the noise is white and that the signal is not.**
    On signals with spectra k^-2 to k^-4 under white noise, at signal-to-noise ratios of 0.01
    to 1, noise_std of one image is within 0.04 of the truth at 256² and 0.02 at 512² pixels
    (see the tests); the scatter falls as one over the image's side. Noise that is stronger at
    low frequencies counts as signal; signal that is flat up to Nyquist counts as noise. Images
    that were interpolated or low-passed have no floor left and give too little noise: measure
    on unfiltered ones.

    The radial power spectrum of every tilt is measured as well, for noise of the same colour.

    Hot pixels, dead lines and empty borders are filled first (:func:`faket.noise.mend`), in the
    clean twin alike.

    Parameters
    ----------
    reference : ndarray, shape (tilt, y, x)
    clean : ndarray, shape (tilt, y, x), optional
        The same images without noise, of the same contrast sign.
    angles_deg : array_like, shape (tilts,), optional
        Stage angles of the tilts, by which profiles are matched later.

    Returns
    -------
    NoiseProfile

    Raises
    ------
    InputError
        If shapes do not fit, a tilt of the reference is constant, a value is not finite, the
        contrast signs differ, or (without a clean twin) an image is smaller than 32 pixels.
    """
    tilt_statistics(reference, "reference")  # finite, and of three axes
    check_scale(reference)
    mended = mend(reference)
    if clean is not None:
        clean = mended.also(clean)
    reference = mended.images
    mean, sigma = tilt_statistics(reference, "reference")
    sigma[list(mended.blank)] = 0.0
    if not sigma.all():
        raise InputError(
            f"reference: expected images with contrast, found tilt {np.argmin(sigma)} constant; "
            "remove that tilt"
        )
    if clean is None:
        noise_std = _blind(reference, sigma)
    else:
        noise_std = _paired(reference, mean, sigma, clean)
    powers = np.array([ring_power(image) for image in reference])
    return NoiseProfile(
        ratio=np.sqrt(1 - noise_std**2),
        noise_std=noise_std,
        mean=mean,
        sigma=sigma,
        estimate="blind" if clean is None else "paired",
        angles_deg=None if angles_deg is None else np.asarray(angles_deg, np.float64),
        spectrum=powers / mean_power(powers)[:, None],
    )


def _paired(
    reference: AnyArray, mean: DoubleArray, sigma: DoubleArray, clean: AnyArray
) -> DoubleArray:
    if clean.shape != reference.shape:
        raise InputError(
            f"clean: expected the reference's shape {reference.shape}, found {clean.shape}"
        )
    clean_mean, clean_sigma = tilt_statistics(clean, "clean")
    correlation = np.zeros(len(reference))
    for tilt in np.flatnonzero(clean_sigma):
        product = (reference[tilt] - mean[tilt]) * (clean[tilt] - clean_mean[tilt])
        covariance = product.mean(dtype=np.float64)
        correlation[tilt] = covariance / (sigma[tilt] * clean_sigma[tilt])
    if correlation.max() < 0 and correlation.mean() < -0.1:
        raise InputError(
            "clean: expected the reference's contrast sign, found the opposite (correlation "
            f"{correlation.mean():.2f}); multiply one of the two by -1"
        )
    return np.asarray(np.sqrt(1 - np.clip(correlation, 0, 1) ** 2))


def _blind(reference: AnyArray, sigma: DoubleArray) -> DoubleArray:
    if min(reference.shape[1:]) < _SMALLEST_IMAGE:
        raise InputError(
            f"reference: expected images of at least {_SMALLEST_IMAGE}² pixels to see the noise "
            f"floor, found {reference.shape[1]} x {reference.shape[2]}"
        )
    floors = np.array([_noise_floor(*_radial_power(image)) for image in reference])
    return np.asarray(np.sqrt(np.clip(floors / sigma**2, 0, 1)))


def _radial_power(image: AnyArray) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
    """Return frequency (cycles/pixel), mean power per pixel and number of modes of the rings."""
    height, width = image.shape
    window = np.hanning(height + 2)[1:-1, None] * np.hanning(width + 2)[1:-1]
    spectrum = fft.rfft2((image - image.mean(dtype=np.float64)) * window)
    power = (spectrum.real**2 + spectrum.imag**2) / (window**2).sum()
    frequency = np.hypot(fft.fftfreq(height)[:, None], fft.rfftfreq(width))
    # Column 0 holds every mode and its conjugate.
    chosen = (frequency >= _LOWEST_FREQUENCY) & (frequency < 0.5) & (np.arange(width // 2 + 1) > 0)
    ring = np.floor(frequency[chosen] * min(height, width)).astype(np.int64)
    ring -= ring.min()
    modes = np.bincount(ring)
    radial_power = np.bincount(ring, power[chosen]) / modes
    return np.bincount(ring, frequency[chosen]) / modes, radial_power, modes.astype(np.float64)


def _noise_floor(frequency: DoubleArray, power: DoubleArray, modes: DoubleArray) -> float:
    """Return N of the likeliest N + A k^(-α): power in a ring is exponentially distributed."""
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
