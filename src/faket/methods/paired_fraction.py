"""The signal of a reference by its own noise-free projections: what correlates with them."""

import numpy as np
from scipy import fft

from faket.data import AnyArray, DoubleArray
from faket.interpolation import parabola_top
from faket.methods.contrast import expected_contrast
from faket.methods.reference_properties import CORNER, RINGS, ReferenceProperties
from faket.noise import ring_cross_power, ring_power
from faket.rings import ring_frequencies

_LEAST_ERROR = 0.01  # of a part that correlates; chosen, because no model is exact
_FARTHEST_A = 40.0  # largest misalignment of a tilt; chosen


def paired_fraction(
    properties: ReferenceProperties, images: AnyArray, noise_free: AnyArray
) -> tuple[DoubleArray, DoubleArray, DoubleArray, float]:
    """Measure which part of every tilt's power correlates with noise-free projections.

    Parameters
    ----------
    properties : ReferenceProperties
        With the CTF and the expected envelope.
    images, noise_free : ndarray, shape (tilt, y, x)

    Returns
    -------
    fraction, sigma : ndarray, shape (tilts, rings), float64
        And its standard error.
    contrast_power : ndarray, shape (tilts, rings), float64
        Of the contrast that the projections are expected to have.
    alignment_error_A : float
        Robust σ of the images' displacements.
    """
    fraction, own = (np.empty(properties.power.shape) for _ in range(2))
    shifts = np.empty((len(images), 2))
    for tilt, (image, clean) in enumerate(zip(images, noise_free, strict=True)):
        signal = expected_contrast(properties, tilt, clean)
        shifts[tilt] = displacement(image, signal, properties.pixel_size_A)
        signal = expected_contrast(properties, tilt, clean, shifts[tilt])
        own[tilt] = ring_power(signal, RINGS, limit=CORNER)
        cross = np.maximum(ring_cross_power(signal, image, RINGS, limit=CORNER), 0)
        whole = own[tilt] * ring_power(image, RINGS, limit=CORNER)
        fraction[tilt] = np.divide(cross**2, whole, out=np.zeros_like(cross), where=whole > 0)
    modes = _modes(images.shape[1:])
    rest = 1 - np.clip(fraction, 0, 1)
    sigma = np.sqrt((2 * (1 - rest) * rest + rest**2 / modes) / modes) + _LEAST_ERROR
    spread = 1.4826 * float(np.median(np.abs(shifts - np.median(shifts, axis=0))))
    return fraction - rest / modes, sigma, own, spread * properties.pixel_size_A


def _modes(shape: tuple[int, int]) -> DoubleArray:
    """Return how many independent coefficients each ring of an image has, about."""
    rings = np.pi * ring_frequencies(RINGS, CORNER) * (CORNER / RINGS) * shape[0] * shape[1]
    return np.asarray(np.maximum(rings / (35 / 18) ** 2, 0.5))


def displacement(image: AnyArray, signal: AnyArray, pixel_size_A: float) -> DoubleArray:
    """Return the shift (x, y) in pixels of the image against the signal: the correlation's peak."""
    values = np.asarray(image - image.mean(), np.float32)
    # [y, x] → [y, x // 2 + 1] → [y, x], the shift of 0 in the middle
    product = fft.rfft2(values) * fft.rfft2(signal.astype(np.float32)).conj()
    correlation = fft.fftshift(fft.irfft2(product, s=image.shape))
    y0, x0 = image.shape[0] // 2, image.shape[1] // 2
    reach = min(max(2, round(_FARTHEST_A / pixel_size_A)), min(y0, x0) - 2)
    near = correlation[y0 - reach : y0 + reach + 1, x0 - reach : x0 + reach + 1]
    dy, dx = (int(i) - reach for i in np.unravel_index(near.argmax(), near.shape))
    row, column = correlation[y0 + dy], correlation[:, x0 + dx]
    x, y = x0 + dx, y0 + dy
    return np.array(
        [dx + parabola_top(row[x - 1 : x + 2]), dy + parabola_top(column[y - 1 : y + 2])]
    )
