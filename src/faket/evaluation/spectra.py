"""Power spectra of images and correlations between them, by rings."""

import math

import numpy as np
from scipy import fft

from faket.data import AnyArray, DoubleArray
from faket.errors import InputError
from faket.rings import Rings, tukey

_TAPER = 0.25  # of each axis; half of it at either end


def tapered(image: AnyArray) -> AnyArray:
    """Return the complex spectrum [y, x // 2 + 1] of an image [y, x], tapered, without its mean.

    Scaled so that white noise of variance v has mean squared amplitude v.
    """
    window = _taper((image.shape[0], image.shape[1]))
    mean = np.vdot(window, image) / window.sum()
    values = (np.asarray(image, np.float64) - mean) * window
    return np.asarray(fft.rfft2(values) / math.sqrt(np.vdot(window, window)))


def independent_modes(rings: Rings, shape: tuple[int, int]) -> DoubleArray:
    """Return how many independent complex amplitudes each ring of tapered images has, [rings].

    The taper correlates N Σw⁴ / (Σw²)² neighbouring amplitudes.
    """
    window2 = _taper(shape) ** 2
    correlated = float(window2.size * np.vdot(window2, window2) / window2.sum() ** 2)
    return np.asarray(rings.number / (2 * correlated))


def ring_edges(limits: tuple[float, float], rings: int) -> DoubleArray:
    """Return evenly spaced edges between two frequencies (cycles per pixel).

    Raises
    ------
    InputError
        If the limits are not 0 < low < high <= 0.5, or there is no ring.
    """
    low, high = limits
    if not 0 < low < high <= 0.5 or rings < 1:
        raise InputError(
            "limits, rings: expected 0 < low < high <= 0.5 cycles per pixel and at least one "
            f"ring, found {low:g}, {high:g} and {rings}; choose other limits"
        )
    return np.linspace(low, high, rings + 1)


def _taper(shape: tuple[int, int]) -> DoubleArray:
    return tukey(shape, _TAPER, beyond=0.5)
