"""Binning without aliasing: crop the spectrum, keep the centre N // 2 where it was."""

import numpy as np
import scipy.fft

from faket.data import AnyArray, FloatArray
from faket.errors import InputError


def binned_offset(size: int, binning: int) -> int:
    """Return which full-resolution sample the binned sample 0 sits on.

    Binned sample i sits on sample ``binned_offset(size, binning) + binning * i``, so that the
    centres N // 2 of both coincide. Labels are taken at exactly these samples.
    """
    return size // 2 - binning * ((size // binning) // 2)


def fourier_crop(array: AnyArray, binning: int, *, axes: tuple[int, ...]) -> FloatArray:
    """Bin along ``axes`` by cropping the spectrum; mean and centre are kept.

    Parameters
    ----------
    array : ndarray
    binning : int
        Factor >= 1; the new size along an axis is size // binning. A remainder of samples is
        cut off at the end, as far from the centre as the new size asks.
    axes : tuple of int

    Returns
    -------
    ndarray, float32

    Raises
    ------
    InputError
        If the binning is below 1 or leaves nothing.
    """
    if binning < 1 or any(array.shape[axis] < binning for axis in axes):
        raise InputError(
            f"binning: expected 1 to {min(array.shape[axis] for axis in axes)}, found {binning}"
        )
    for axis in axes if binning > 1 else ():
        array = _crop_axis(array, binning, axis)
    return np.ascontiguousarray(array, np.float32)


def _crop_axis(array: AnyArray, binning: int, axis: int) -> FloatArray:
    new = array.shape[axis] // binning
    offset = binned_offset(array.shape[axis], binning)
    # The window of binning * new samples around the centre; circular shift puts binned sample 0
    # onto its full-resolution sample.
    start = min(offset, array.shape[axis] - binning * new)
    window = np.take(array, np.arange(start, start + binning * new), axis=axis)
    spectrum = scipy.fft.rfft(window.astype(np.float32, copy=False), axis=axis, workers=-1)
    kept = np.take(spectrum, np.arange(new // 2 + 1), axis=axis)
    k = np.arange(new // 2 + 1)
    phase = np.exp(2j * np.pi * k * (offset - start) / (binning * new))
    if new % 2 == 0:
        phase[-1] = phase[-1].real  # the Nyquist sample of a real signal is real
    shape = [1] * array.ndim
    shape[axis] = len(k)
    kept *= (phase / binning).reshape(shape).astype(np.complex64)
    return np.asarray(scipy.fft.irfft(kept, new, axis=axis, workers=-1), np.float32)
