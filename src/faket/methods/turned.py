"""Images turned in their plane by a small angle, as a tilt axis not quite found turns them."""

import math

import numpy as np
from scipy import fft

from faket.data import AnyArray, FloatArray


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
