"""Compiled loops: the best score so far, and iterative maxima."""

import math

import numpy as np
from numpy.typing import NDArray

from faket.compiling import kernel
from faket.data import FloatArray

_BLOCK = 64


@kernel(nogil=True)
def keep_best(
    scores: FloatArray, index: int, best: FloatArray, orientation: NDArray[np.int32]
) -> None:
    """Where ``scores`` exceed ``best``, replace best and orientation.

    All are [z, y, x]; columns of ``scores`` beyond the last x of ``best`` are ignored.
    """
    nz, ny, nx = best.shape
    for plane in range(nz):
        for y in range(ny):
            for start in range(0, nx, _BLOCK):
                stop = min(start + _BLOCK, nx)
                higher = 0  # counted without a branch, so that the compiler uses vectors
                for x in range(start, stop):
                    higher += scores[plane, y, x] > best[plane, y, x]
                if higher == 0:
                    continue
                for x in range(start, stop):
                    if scores[plane, y, x] > best[plane, y, x]:
                        best[plane, y, x] = scores[plane, y, x]
                        orientation[plane, y, x] = index


@kernel()
def iterative_maxima(
    voxels: NDArray[np.int64], radii: FloatArray, free: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Accept candidates in the given order, unless they are in the ball of an accepted one.

    ``voxels`` [n, 3] z y x; ``radii`` [n] in voxels; ``free`` is changed.
    """
    nz, ny, nx = free.shape
    accepted = np.zeros(len(voxels), np.bool_)
    for i in range(len(voxels)):
        cz, cy, cx = voxels[i]
        if not free[cz, cy, cx]:
            continue
        accepted[i] = True
        squared = radii[i] * radii[i]
        reach = math.floor(radii[i])
        for z in range(max(0, cz - reach), min(nz, cz + reach + 1)):
            for y in range(max(0, cy - reach), min(ny, cy + reach + 1)):
                left = squared - (z - cz) ** 2 - (y - cy) ** 2
                if left < 0:
                    continue
                half = math.floor(math.sqrt(left))
                for x in range(max(0, cx - half), min(nx, cx + half + 1)):
                    free[z, y, x] = False
    return accepted
