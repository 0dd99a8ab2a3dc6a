"""Rows and columns of a detector that do not work."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from faket.data import DoubleArray, FloatArray

_LINE_WINDOW = 9  # a dead line differs from the median of so many lines
_LINE_SIGMA = 8.0
# Of a line that are looked at; chosen: 8 σ of the mean of their middle half is less than σ of a
# pixel, by which a dead line differs at least.
_LINE_PIXELS = 256


def dead_lines(
    image: FloatArray, constant: NDArray[np.bool_], spread: float, axis: int
) -> NDArray[np.bool_]:
    """Return which lines along ``axis`` differ as a whole from their neighbours."""
    step = max(1, image.shape[axis] // _LINE_PIXELS)
    seen = image[::step] if axis == 0 else image[:, ::step]
    full = constant.mean(axis=axis) < 0.5
    if full.sum() < 2 * _LINE_WINDOW:
        return np.zeros(len(full), bool)
    level = _middle_mean(seen, axis)[full]
    apart = np.abs(level - ndimage.median_filter(level, _LINE_WINDOW, mode="mirror"))
    usual = 1.4826 * float(np.median(apart))
    dead = np.zeros(len(full), bool)
    by_chance = spread * math.sqrt(2 / seen.shape[axis])  # of the middle half of a line
    dead[full] = (apart > _LINE_SIGMA * max(usual, by_chance)) & (apart > spread)
    return dead if dead.mean() < 0.1 else np.zeros(len(full), bool)


def _middle_mean(image: FloatArray, axis: int) -> DoubleArray:
    """Return the mean of the middle half of each line: a median of few electrons is whole."""
    quarter = image.shape[axis] // 4
    # [y, x] → [line, place]: sorting what lies together is faster than looking for the quartiles
    ordered = np.sort(np.ascontiguousarray(np.moveaxis(image, axis, 1)), axis=1)
    return np.asarray(
        ordered[:, quarter : image.shape[axis] - quarter].mean(axis=1, dtype=np.float64)
    )
