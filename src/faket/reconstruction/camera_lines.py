"""Rows and columns of the camera that all tilts share: they look like a tilt axis at 0 or 90°.

A row of the camera with a gain of its own is, in all images, at one place along y and everywhere
along x; so is nothing of a specimen but what lies on the tilt axis, which changes slowly across it.
"""

import numpy as np
from scipy import fft

from faket.data import AnyArray, DoubleArray, FloatArray

_LOWEST, _HIGHEST = 12 / 512, 0.30  # cycles per coarse pixel, as in `common_lines`
_NOISE = (4, 9)  # waves across: what lines leave there is noise
_CLEAR = 6.0  # σ of what noise gives
# Of what is constant across over what makes one to three waves there. Chosen: a tilt axis gives
# about 1, by accident 1.3.
_RATIO = 1.6


def without_camera_lines(images: FloatArray, fadings: FloatArray) -> FloatArray:
    """Return images without rows and columns that all tilts share; themselves if there are none.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
        Usable images only.
    fadings : ndarray, shape (tilt, y, x)
        What they were multiplied by.

    Returns
    -------
    ndarray, shape (tilt, y, x), float32
    """
    for axis in (2, 1):  # along rows, then along columns
        if _has_lines(images, axis):
            images = images - _lines(images, fadings, axis)
    return images


def _has_lines(images: FloatArray, axis: int) -> bool:
    """Return whether neighbouring images share what is constant along ``axis``, and only that."""
    if len(images) < 2:
        return False
    # [tilt, place, waves along the axis] → [tilt, frequency of place, waves]
    waves = _waves(images, axis, _NOISE[1])
    size = images.shape[3 - axis]
    band = slice(max(1, round(_LOWEST * size)), round(_HIGHEST * size) + 1)
    spectrum = fft.fft(waves, axis=1)[:, band]
    noise = (np.abs(spectrum[:, :, _NOISE[0] :]) ** 2).mean(axis=(1, 2))
    noise = np.sqrt(np.maximum(noise, 1e-20))[:, None, None]
    product = spectrum[1:] / noise[1:] * (spectrum[:-1] / noise[:-1]).conj()
    shared = product.real.mean(axis=(0, 1))  # [wave]
    chance = _CLEAR / np.sqrt(product[:, :, 0].size)
    return bool(shared[0] > max(chance, _RATIO * shared[1 : _NOISE[0]].max()))


def _waves(images: FloatArray, axis: int, count: int) -> AnyArray:
    """Return the first waves along ``axis`` of all images, [tilt, the other axis, wave]."""
    place = np.arange(images.shape[axis]) / images.shape[axis]
    basis = np.exp(-2j * np.pi * place[:, None] * np.arange(count)).astype(np.complex64)
    real = basis.view(np.float32)  # [place, real and imaginary part of waves]
    if axis == 2:
        return np.asarray((images @ real).view(np.complex64))
    return np.ascontiguousarray((real.T @ images).swapaxes(1, 2)).view(np.complex64)


def _lines(images: FloatArray, fadings: FloatArray, axis: int) -> FloatArray:
    """Return the common lines of all images [tilt, y, x], as strong as each of them has it."""
    whole = np.maximum(fadings.sum(axis=axis), 1e-3 * images.shape[axis])  # [tilt, place]
    profiles: DoubleArray = images.sum(axis=axis, dtype=np.float64) / whole
    seen = whole > 0.1 * images.shape[axis]
    common = (profiles * seen).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    strength = (profiles * common * seen).sum(axis=1) / np.maximum(
        (common**2 * seen).sum(axis=1), 1e-20
    )
    lines = (strength[:, None] * common).astype(np.float32)
    return np.asarray(fadings * np.expand_dims(lines, axis))
