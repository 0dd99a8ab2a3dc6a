"""Filters of weighted back-projection."""

from typing import Literal

import numpy as np
import scipy.fft

from faket.data import DoubleArray, FloatArray
from faket.reconstruction.measured_filter import MeasuredFilter

Filter = Literal["ramp", "hamming", "shrec"]
FILTERS: tuple[Filter, ...] = ("ramp", "hamming", "shrec")


def filter_stack(
    stack: FloatArray,
    name: Filter,
    *,
    angles_deg: DoubleArray | None = None,
    measured: MeasuredFilter | None = None,
) -> FloatArray:
    """Filter every image of a stack for back-projection.

    Parameters
    ----------
    stack : ndarray, shape (tilt, y, x)
    name : {"ramp", "hamming", "shrec"}
        ``ramp`` is the band-limited ramp of Kak and Slaney (1988, eq. 3.29). It is sampled in real
        space, which keeps the mean correct, and applied to rows padded to twice their length.
        ``hamming`` is the ramp times a Hamming window up to Nyquist; ``shrec`` is
        :func:`shrec_filter`.
    angles_deg : ndarray, shape (tilts,), optional
    measured : MeasuredFilter, optional
        What another program did besides, for which the angles are needed.

    Returns
    -------
    ndarray, shape (tilt, y, x), float32
    """
    height, width = stack.shape[1:]
    padded = width if name == "shrec" else scipy.fft.next_fast_len(2 * width, real=True)
    ky, kx = scipy.fft.fftfreq(height)[:, None], scipy.fft.rfftfreq(padded)
    weights = _weights(name, height, padded).astype(np.float32)
    filtered = np.empty(stack.shape, np.float32)
    for tilt, image in enumerate(stack):
        # [y, x] → [y, padded // 2 + 1] → [y, padded] → [y, x]
        spectrum = scipy.fft.rfft(image, padded, axis=-1, workers=-1)
        if name == "shrec" or measured is not None:
            spectrum = scipy.fft.fft(spectrum, axis=0, workers=-1)
        spectrum *= weights
        if measured is not None and angles_deg is not None:
            spectrum *= measured.of_image(float(angles_deg[tilt]), ky, kx)
        if name == "shrec" or measured is not None:
            spectrum = scipy.fft.ifft(spectrum, axis=0, workers=-1)
        filtered[tilt] = scipy.fft.irfft(spectrum, padded, axis=-1, workers=-1)[:, :width]
    return filtered


def _weights(name: Filter, height: int, width: int) -> DoubleArray:
    """Return the factor of each coefficient, [y, x // 2 + 1] or [x // 2 + 1]."""
    if name == "shrec":
        return shrec_filter(height, width)[:, : width // 2 + 1]
    weights = ramp(width)
    if name == "hamming":
        weights *= 0.54 + 0.46 * np.cos(2 * np.pi * np.fft.rfftfreq(width))
    return weights


def ramp(size: int) -> DoubleArray:
    """Return the ramp |f| in cycles per sample on the rfft grid of ``size`` samples."""
    n = np.abs(np.fft.fftfreq(size, 1 / size))
    kernel = np.zeros(size)
    odd = n % 2 == 1
    kernel[odd] = -1 / (np.pi * n[odd]) ** 2
    kernel[0] = 0.25
    return np.asarray(np.fft.rfft(kernel).real)


def shrec_filter(ny: int, nx: int) -> DoubleArray:
    """Return the filter of FakET's reconstructions on the fft grid [ky, kx], maximum 1.

    Ramp min(|kx| / 156, 1) times (Gaussian of σx = 174, σy = 102, plus 0.33) times the circle
    r < 257, all in Fourier samples of a 512 x 512 image and scaled with the image's size
    (FakET, arXiv 2304.02011).
    """
    ky = np.abs(np.fft.fftfreq(ny))[:, None] * 512
    kx = np.abs(np.fft.fftfreq(nx)) * 512
    gauss = np.exp(-0.5 * ((kx / 174) ** 2 + (ky / 102) ** 2))
    weights = np.minimum(kx / 156, 1) * (gauss + 0.33) * (np.hypot(kx, ky) < 257)
    return np.asarray(weights / max(weights.max(), np.finfo(float).tiny))
