"""Radial power spectra of tilts of any size, on common rings."""

import numpy as np
import torch

from faket.data import AnyArray, DoubleArray

RINGS = 64

# Of the spectrum, that are sorted into rings at a time.
_ROWS = 128


def radial_spectra(stack: AnyArray, rings: int = RINGS) -> DoubleArray:
    """Return the mean power of every tilt in rings of spatial frequency.

    P(k) = ⟨|Σ (f - f̄) e^{-2πi k x}|²⟩ / N over the frequencies of a ring, N the number of pixels.
    White noise of variance σ² has P = σ² whatever the size of the image. Ring ``i`` holds
    i / (2 rings) <= k < (i + 1) / (2 rings) cycles per pixel; the corners of the spectrum beyond
    Nyquist are left out. The image counts as periodic: no window.

    Parameters
    ----------
    stack : ndarray, shape (tilt, y, x)
    rings : int

    Returns
    -------
    ndarray, shape (tilts, rings), float64
        A ring without frequencies, in images of fewer than 2 rings pixels, takes its value from
        its neighbours by linear interpolation.
    """
    height, width = stack.shape[1:]
    out = np.empty((len(stack), rings))
    for tilt, image in enumerate(stack):
        centred = np.asarray(image, np.float32) - np.float32(image.mean(dtype=np.float64))
        spectrum = torch.fft.rfft2(torch.from_numpy(centred))
        total, count = np.zeros(rings), np.zeros(rings)
        for first in range(0, height, _ROWS):
            ring, weight = _rings(first, height, width, rings)
            power = weight * np.abs(spectrum[first : first + _ROWS].numpy()).astype(float) ** 2
            total += np.bincount(ring, power.ravel(), minlength=rings + 1)[:rings]
            count += np.bincount(ring, weight.ravel(), minlength=rings + 1)[:rings]
        filled = np.flatnonzero(count)
        mean = total[filled] / count[filled] / (height * width)
        out[tilt] = np.interp(np.arange(rings), filled, mean)
    return out


def ring_frequencies(rings: int = RINGS) -> DoubleArray:
    """Return the middle of every ring in cycles per pixel."""
    return (np.arange(rings) + 0.5) / (2 * rings)


def _rings(first: int, height: int, width: int, rings: int) -> tuple[AnyArray, DoubleArray]:
    """Return ring and weight of some rows of frequencies; beyond Nyquist the ring is ``rings``."""
    ky = np.fft.fftfreq(height)[first : first + _ROWS, None]
    k = np.hypot(ky, np.fft.rfftfreq(width))
    # Nyquist itself belongs to the last ring.
    ring = np.where(k <= 0.5, np.minimum(k * 2 * rings, rings - 1), rings).astype(np.int64)
    # Half of a real image's spectrum is enough: its inner columns count twice.
    weight = np.full(ring.shape, 2.0)
    weight[:, 0] = 1
    if width % 2 == 0:
        weight[:, -1] = 1
    if first == 0:
        weight[0, 0] = 0  # the mean
    return ring.ravel(), weight
