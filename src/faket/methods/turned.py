"""Images turned and magnified by little, as a tilt axis and magnification not quite found do it."""

import math

import numpy as np
from scipy import fft, sparse

from faket.data import AnyArray, FloatArray

# Samples on either side from which one between them is interpolated, and the shape of the Kaiser
# window there; chosen: wrong by 2e-4 up to 0.3 cycles per pixel, by 6e-4 up to 0.35.
_REACH, _SHAPE = 8, 7.0


def turned(image: AnyArray, angle_deg: float) -> FloatArray:
    """Turn a periodic image about pixel N // 2, from x towards y.

    Three shears, each a Fourier shift of rows or columns (Unser, Thévenaz and Yaroslavsky 1995), as
    :func:`faket.microscope.grid.rotate` turns it with torch.

    Parameters
    ----------
    image : ndarray, shape (y, x)
    angle_deg : float

    Returns
    -------
    ndarray, shape (y, x), float32
    """
    values, angle = np.asarray(image, np.float32), math.radians(angle_deg)
    for axis, slope in ((1, -math.tan(angle / 2)), (0, math.sin(angle)), (1, -math.tan(angle / 2))):
        values = _sheared(values, axis, slope)
    return values


def _sheared(image: FloatArray, axis: int, slope: float) -> FloatArray:
    """Move what lies off the middle along an axis, by slope times how far off it lies."""
    across, along = image.shape[1 - axis], image.shape[axis]
    moved = (-2 * np.pi * slope * (np.arange(across) - across // 2)).astype(np.float32)
    rows = fft.rfftfreq(along).astype(np.float32)
    turns = np.outer(moved, rows) if axis == 1 else np.outer(rows, moved)
    spectrum = fft.rfft(image, axis=axis)
    spectrum *= np.cos(turns) + 1j * np.sin(turns)
    return np.asarray(fft.irfft(spectrum, n=along, axis=axis), np.float32)


def magnified(image: AnyArray, magnification: float) -> FloatArray:
    """Magnify a periodic image about pixel N // 2 by nearly 1.

    Parameters
    ----------
    image : ndarray, shape (y, x)
    magnification : float

    Returns
    -------
    ndarray, shape (y, x), float32
    """
    rows, columns = (stretching(n, magnification) for n in image.shape)
    return np.asarray((columns @ (rows @ np.asarray(image, np.float32)).T).T)


def stretching(samples: int, magnification: float) -> sparse.csr_array:
    """Return the matrix [n, n] that magnifies n periodic samples about n // 2 (windowed sinc)."""
    middle = samples // 2
    place = middle + (np.arange(samples) - middle) / magnification
    near = np.floor(place).astype(int)[:, None] + np.arange(1 - _REACH, 1 + _REACH)
    off = place[:, None] - near
    window = np.i0(_SHAPE * np.sqrt(np.maximum(1 - (off / _REACH) ** 2, 0)))
    weight = np.sinc(off) * window
    weight /= weight.sum(axis=1, keepdims=True)  # an even image stays even
    ends = 2 * _REACH * np.arange(samples + 1)
    held = weight.ravel().astype(np.float32), (near % samples).ravel(), ends
    return sparse.csr_array(held, shape=(samples, samples))
