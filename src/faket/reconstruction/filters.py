"""Filters of weighted back-projection."""

from typing import Literal

import numpy as np
import scipy.fft

from faket.data import DoubleArray, FloatArray

Filter = Literal["ramp", "hamming", "shrec"]
FILTERS: tuple[Filter, ...] = ("ramp", "hamming", "shrec")


def filter_stack(stack: FloatArray, name: Filter) -> FloatArray:
    """Filter every image of a stack [tilt, y, x] for back-projection.

    ``ramp`` is the band-limited ramp of Kak and Slaney (1988, eq. 3.29). It is sampled in real
    space, which keeps the mean correct, and applied to rows padded to twice their length.
    ``hamming`` is the ramp times a Hamming window up to Nyquist; ``shrec`` is
    :func:`shrec_filter`.
    """
    if name == "shrec":
        weights = shrec_filter(*stack.shape[1:])
        # [tilt, y, x] → [tilt, y, x // 2 + 1] → [tilt, y, x]
        spectrum = scipy.fft.rfft2(stack, workers=-1)
        spectrum *= weights[:, : spectrum.shape[-1]].astype(np.float32)
        return np.asarray(scipy.fft.irfft2(spectrum, stack.shape[1:], workers=-1), np.float32)
    width = stack.shape[-1]
    padded = scipy.fft.next_fast_len(2 * width, real=True)
    weights = ramp(padded)
    if name == "hamming":
        weights *= 0.54 + 0.46 * np.cos(2 * np.pi * np.fft.rfftfreq(padded))
    # [tilt, y, x] → [tilt, y, padded // 2 + 1] → [tilt, y, padded] → [tilt, y, x]
    spectrum = scipy.fft.rfft(stack, padded, axis=-1, workers=-1)
    spectrum *= weights.astype(np.float32)
    rows = scipy.fft.irfft(spectrum, padded, axis=-1, workers=-1)
    return np.ascontiguousarray(rows[..., :width], np.float32)


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
