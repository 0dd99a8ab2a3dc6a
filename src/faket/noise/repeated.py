"""Borders that alignment filled by repeating the last pixel of each line."""

import math

import numpy as np
from numpy.typing import NDArray

from faket.data import FloatArray

_BY_ACCIDENT = 1e-6  # expected number of such runs in an image of independent pixels; chosen
_LEAST = 0.01  # of the image, that is a border; chosen: smooth images have runs here and there
_MOST_EQUAL = 0.05  # of the neighbours inside: in flatter images of whole numbers runs tell nothing


def repeated_edges(image: FloatArray, constant: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which pixels at the edges only repeat others; none if they are few.

    Along a line, pixels equal to the outermost one are repeated if there are more of them than
    accidents explain, however the border runs. A mirrored border has the statistics of an image
    and is left alone.

    Parameters
    ----------
    image : ndarray, shape (y, x), float32
    constant : ndarray of bool, shape (y, x)
        Pixels that are known to be empty.

    Returns
    -------
    ndarray of bool, shape (y, x)
    """
    found = np.zeros(image.shape, bool)
    for axis in (0, 1):
        for side in (1, -1):
            # [y, x] → [line, place from this edge inwards]: views, so that the mask is filled
            lines: FloatArray = np.moveaxis(image, axis, 1)[:, ::side]
            empty: NDArray[np.bool_] = np.moveaxis(constant, axis, 1)[:, ::side]
            mask: NDArray[np.bool_] = np.moveaxis(found, axis, 1)[:, ::side]
            _mark(lines, empty, mask)
    return found if found.mean() >= _LEAST else np.zeros(image.shape, bool)


def _mark(lines: FloatArray, constant: NDArray[np.bool_], mask: NDArray[np.bool_]) -> None:
    """Mark the runs of equal pixels at the beginning of lines, but for their last."""
    rows = np.flatnonzero(lines[:, 0] == lines[:, 1])
    if not len(rows):
        return
    quarter = lines.shape[1] // 4
    inner = lines[:, quarter:-quarter]
    known = ~constant[:, quarter : -quarter - 1]
    number = int(np.count_nonzero(known))
    # Of whole numbers, neighbours are equal by accident.
    same = np.count_nonzero((inner[:, 1:] == inner[:, :-1]) & known)
    equal = same / number if number else 1.0
    equal = max(equal, 3 / inner.size)
    if equal > _MOST_EQUAL:
        return
    least = math.log(_BY_ACCIDENT / lines.size) / math.log(equal)
    half = lines.shape[1] // 2
    run = np.cumprod(lines[rows, 1:half] == lines[rows, :1], axis=1).sum(axis=1)
    border = (run > least) & (run < half - 1)  # a line of one value as a whole is dead
    for row, length in zip(rows[border], run[border], strict=True):
        mask[row, :length] = True
