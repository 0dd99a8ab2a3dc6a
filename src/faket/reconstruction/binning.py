"""Binning without aliasing: the spectrum is cropped, the centre N // 2 stays in place."""

import numpy as np
import scipy.fft

from faket.data import AnyArray, FloatArray
from faket.errors import InputError
from faket.stacks import stack_of

_SLAB = 2**24  # samples transformed at once; chosen, 128 MB of spectra


def binned_offset(size: int, binning: int) -> int:
    """Return the full-resolution sample at which the binned sample 0 lies.

    Binned sample i lies at sample ``binned_offset(size, binning) + binning * i``, so that the
    centres N // 2 of both coincide. Labels are taken at exactly these samples.
    """
    return size // 2 - binning * ((size // binning) // 2)


def fourier_crop(array: AnyArray, binning: int, *, axes: tuple[int, ...]) -> FloatArray:
    """Bin along ``axes`` by cropping the spectrum; mean and centre do not change.

    Parameters
    ----------
    array : ndarray
    binning : int
        Factor >= 1; the new size along an axis is size // binning. Remaining samples are cut off
        so that the centre stays in place.
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
            f"`binning`: expected 1 to {min(array.shape[axis] for axis in axes)}, found {binning}"
        )
    for axis in axes if binning > 1 else ():
        array = _crop_axis(array, binning, axis)
    return np.ascontiguousarray(array, np.float32)


def crop_images(images: AnyArray, binning: int) -> FloatArray:
    """Bin every image of a stack [tilt, y, x], one at a time, by :func:`fourier_crop`."""
    if binning == 1:
        return np.asarray(images, np.float32)
    return stack_of((fourier_crop(image, binning, axes=(1, 0)) for image in images), len(images))


def _crop_axis(array: AnyArray, binning: int, axis: int) -> FloatArray:
    """Crop one axis, a slab of the array at a time to limit memory."""
    moved = np.moveaxis(array, axis, -1)  # the axis to bin comes last, and goes back at the end
    lines = moved.reshape(1, -1) if moved.ndim == 1 else moved  # [..., samples], two axes at least
    cropped = np.empty((*lines.shape[:-1], array.shape[axis] // binning), np.float32)
    step = max(1, _SLAB // (lines[0].size))
    for i in range(0, len(lines), step):
        cropped[i : i + step] = _crop_last(lines[i : i + step], binning)
    return np.moveaxis(cropped.reshape(*moved.shape[:-1], -1), -1, axis)


def _crop_last(array: AnyArray, binning: int) -> FloatArray:
    size = array.shape[-1]
    new, offset = size // binning, binned_offset(size, binning)
    # The window of binning * new samples around the centre; a circular shift moves binned sample 0
    # to its full-resolution sample.
    start = min(offset, size - binning * new)
    window = array[..., start : start + binning * new].astype(np.float32, copy=False)
    spectrum = scipy.fft.rfft(window, workers=-1)[..., : new // 2 + 1]
    k = np.arange(new // 2 + 1)
    phase = np.exp(2j * np.pi * k * (offset - start) / (binning * new))
    if new % 2 == 0:
        phase[-1] = phase[-1].real  # the Nyquist sample of a real signal is real
    spectrum = spectrum * (phase / binning).astype(np.complex64)
    return np.asarray(scipy.fft.irfft(spectrum, new, workers=-1), np.float32)
