"""Where the Fourier coefficients lie that pairs of neighbouring tilts share."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faket.data import DoubleArray

_NEIGHBOURS = 3  # tilts on either side; chosen: farther ones share too narrow a band
# Of √(K (tan θ1 − tan θ2)), up to where the thinnest specimens agree no more: a thick one agrees
# in a few fine bins.
BINS = 32


@dataclass(frozen=True, eq=False)
class PairLayout:
    """Where the coefficients of pairs of tilts lie.

    Attributes
    ----------
    angles : ndarray, shape (tilts,)
        Radians.
    tilts : ndarray of int, shape (pairs, 2)
    scale : ndarray, shape (pairs, rings)
        Geometric mean of the power of both images.
    across : ndarray, shape (K,)
        Frequencies across the axis, cycles per pixel.
    shape : tuple of int
        y, x of the images.
    per_cycle : float
        Rings in a cycle per pixel.
    widest : float
        K (tan θ1 − tan θ2) up to which the thinnest specimens agree.
    usual : float
        Thickness of a usual specimen, pixels.
    """

    angles: DoubleArray
    tilts: NDArray[np.intp]
    scale: DoubleArray
    across: DoubleArray
    shape: tuple[int, ...]
    per_cycle: float
    widest: float
    usual: float

    def near(self, pair: int) -> tuple[slice, DoubleArray]:
        """Return which columns a pair may share, and K (tan θ1 − tan θ2) there."""
        i, j = self.tilts[pair]
        apart = np.abs(self.across * (np.tan(self.angles[i]) - np.tan(self.angles[j])))
        places = np.flatnonzero(apart < self.widest)  # around the axis, which is one of them
        near = slice(places[0], places[-1] + 1)
        return near, apart[near]

    def places(self, pair: int, near: slice) -> tuple[DoubleArray, int, float]:
        """Return kx of these columns, rows of the images, and rings per cycle per pixel."""
        i, j = self.tilts[pair]
        kx = self.across[near] * (1 / np.cos(self.angles[i]) + 1 / np.cos(self.angles[j])) / 2
        return kx, self.shape[0], self.per_cycle

    def agreeing(self, apart: DoubleArray) -> DoubleArray:
        """Return how well a specimen of usual thickness agrees, up to the first zero."""
        there = apart * self.usual
        return np.asarray(np.maximum(np.sinc(there), 0) * (there < 1))

    def bins(self, apart: DoubleArray) -> NDArray[np.intp]:
        """Return the bin of K (tan θ1 − tan θ2)."""
        place = np.minimum(np.sqrt(apart / self.widest) * BINS, BINS - 1)
        return np.asarray(place, np.intp)

    def middles(self) -> DoubleArray:
        """Return the root mean square of each bin, where a sinc near 0 has its mean over it."""
        edges = (np.arange(BINS + 1) / BINS) ** 2
        low, high = edges[:-1], edges[1:]
        return np.asarray(self.widest * np.sqrt((low * low + low * high + high * high) / 3))


def neighbours(angles: DoubleArray) -> NDArray[np.intp]:
    """Return pairs of tilts that are near to each other in angle, but not equal, [pair, 2]."""
    order = np.argsort(angles, kind="stable")
    pairs = [
        (order[place], order[place + apart])
        for apart in range(1, _NEIGHBOURS + 1)
        for place in range(len(order) - apart)
    ]
    return np.array(pairs, np.intp).reshape(-1, 2)
