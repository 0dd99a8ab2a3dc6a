"""In which order a series was taken, in words."""

import numpy as np
from numpy.typing import NDArray

from faket.data import DoubleArray

_MOST_TURNS = 0.2  # of the tilts; chosen: a bidirectional series turns once, a few were retaken


def order_words(angles_deg: DoubleArray, order: NDArray[np.int64]) -> str:
    """Return "unidirectional", "bidirectional", "dose-symmetric" or "irregular".

    Parameters
    ----------
    angles_deg : ndarray, shape (tilts,)
    order : ndarray of int, shape (tilts,)
        Place of each tilt in the acquisition.
    """
    angles = angles_deg[np.argsort(order)]
    if len(angles) < 3:
        return "irregular"
    steps = np.sign(np.diff(angles))
    turns = int(np.count_nonzero(np.diff(steps)))
    if turns == 0:
        return "unidirectional"
    if turns <= max(2, _MOST_TURNS * len(angles)):
        return "bidirectional"
    away = np.abs(angles - angles[0])
    # How far from the start the tilts are grows with time, whatever side they are on.
    rank = np.corrcoef(np.argsort(np.argsort(away, kind="stable")), np.arange(len(away)))[0, 1]
    return "dose-symmetric" if rank > 0.9 else "irregular"
