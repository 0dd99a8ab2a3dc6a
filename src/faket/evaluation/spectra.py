"""Rings of Fourier space: power spectra of images and correlations between them."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from faket.data import AnyArray, DoubleArray
from faket.errors import InputError

_TAPER = 0.25  # of each axis; half of it at either end


@dataclass(frozen=True, eq=False)
class Rings:
    """The rings that hold the frequencies of images of one shape.

    Attributes
    ----------
    shape : (int, int)
    index : ndarray of int, shape (y, x // 2 + 1)
        Ring of each frequency of a real FFT; those outside have the number of rings.
    weight : ndarray, shape (y, x // 2 + 1)
        How often the frequency occurs in the full plane: 2, or 1 in its own mirror column.
    modes : ndarray, shape (rings,), float64
        Independent complex amplitudes in each ring, after tapering.
    """

    shape: tuple[int, int]
    index: NDArray[np.int64]
    weight: DoubleArray
    modes: DoubleArray

    def spectrum(self, image: AnyArray) -> DoubleArray:
        """Return the complex spectrum of an image [y, x], tapered and free of its mean.

        Scaled so that white noise of variance v has mean squared amplitude v.
        """
        window = _taper(self.shape)
        mean = np.vdot(window, image) / window.sum()
        values = (np.asarray(image, np.float64) - mean) * window
        return np.asarray(fft.rfft2(values) / math.sqrt(np.vdot(window, window)))

    def mean(self, values: DoubleArray) -> DoubleArray:
        """Return the mean over each ring of values on the real FFT's frequencies; NaN if empty."""
        rings = len(self.modes)
        total = np.bincount(self.index.ravel(), (self.weight * values).ravel(), rings + 1)[:rings]
        number = np.bincount(self.index.ravel(), self.weight.ravel(), rings + 1)[:rings]
        means: DoubleArray = np.full(rings, np.nan)
        return np.divide(total, number, out=means, where=number > 0)


def make_rings(shape: tuple[int, int], edges: DoubleArray) -> Rings:
    """Sort the frequencies of images of ``shape`` into rings.

    Parameters
    ----------
    shape : (int, int)
    edges : ndarray, shape (rings + 1,)
        Rising, in cycles per pixel.
    """
    ny, nx = shape
    frequency = np.hypot(fft.fftfreq(ny)[:, None], fft.rfftfreq(nx))
    rings = len(edges) - 1
    # Nyquist itself belongs to the last ring.
    index = np.digitize(frequency, np.append(edges[:-1], np.nextafter(edges[-1], 1.0))) - 1
    index[index < 0] = rings
    weight = np.full(frequency.shape, 2.0)
    weight[:, 0] = 1.0
    if nx % 2 == 0:
        weight[:, -1] = 1.0
    number = np.bincount(index.ravel(), weight.ravel(), rings + 1)[:rings]
    return Rings(shape, index, weight, number / (2 * _correlated(shape)))


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
            f"ring, found {low:g}, {high:g} and {rings}"
        )
    return np.linspace(low, high, rings + 1)


def _taper(shape: tuple[int, int]) -> DoubleArray:
    """Tukey window: flat, with cosine edges, so that opposite borders meet at zero."""
    axes = []
    for n in shape:
        edge = _TAPER * n / 2
        depth = np.minimum(np.arange(n) + 0.5, n - np.arange(n) - 0.5)
        axes.append(np.where(depth < edge, 0.5 - 0.5 * np.cos(np.pi * depth / edge), 1.0))
    return np.asarray(axes[0][:, None] * axes[1])


def _correlated(shape: tuple[int, int]) -> float:
    """How many neighbouring amplitudes the taper makes one: N Σw⁴ / (Σw²)²."""
    window2 = _taper(shape) ** 2
    return float(window2.size * np.vdot(window2, window2) / window2.sum() ** 2)
