"""Rings of Fourier space: coefficients of about one frequency, and their averages.

The transforms are those of real images: half of the plane, [y, x // 2 + 1]. All other columns stand
for themselves and their mirror images, the first and that of Nyquist hold both already; so they
count half. Equal rings of a volume [z, y, x] are shells.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from faket.data import AnyArray, DoubleArray


@dataclass(frozen=True, eq=False)
class Rings:
    """The rings that hold the coefficients of a real image's Fourier transform.

    Attributes
    ----------
    index : ndarray of int, shape (y, x // 2 + 1) or (z, y, x // 2 + 1)
        Ring of each coefficient; ``count`` for those in none.
    weight : ndarray, shape (x // 2 + 1,)
        How many coefficients of the whole plane one of a column stands for, as
        :func:`mirror_weight` gives it.
    count : int
    """

    index: NDArray[np.intp]
    weight: DoubleArray
    count: int

    @cached_property
    def number(self) -> DoubleArray:
        """Coefficients of the whole plane in each ring, shape (rings,)."""
        return self.sum(np.ones(self.index.shape))

    def sum(self, values: AnyArray) -> DoubleArray:
        """Return the sum over each ring of values [y, x // 2 + 1], in the whole plane."""
        rows = self.index.shape[0]
        half = rows // 2 + 1
        # Rows of -ky lie in the same rings as those of ky: they are added first.
        folded = np.array(values[:half], np.float64)
        folded[1 : rows - half + 1] += values[: half - 1 : -1]
        folded *= self.weight
        index = self.index[:half].ravel()
        total = np.bincount(index, folded.ravel(), self.count + 1)[: self.count]
        return np.asarray(total, np.float64)

    def mean(self, values: AnyArray, *, empty: float = np.nan) -> DoubleArray:
        """Return the mean over each ring of values [y, x // 2 + 1]; ``empty`` for empty rings."""
        number = self.number
        means: DoubleArray = np.full(self.count, empty)
        return np.divide(self.sum(values), number, out=means, where=number > 0)


def mirror_weight(width: int) -> DoubleArray:
    """Return for each column how many the whole plane has of it: 2, of 0 and Nyquist 1."""
    weight = np.full(width // 2 + 1, 2.0)
    weight[0] = 1.0
    if width % 2 == 0:
        weight[-1] = 1.0
    return weight


# What depends on the shape only is kept for the next tilt, for reading.


@lru_cache(maxsize=4)
def frequencies(shape: tuple[int, ...], per_cycle: float = 1.0) -> DoubleArray:
    """Return the frequency of each coefficient, shape (y, x // 2 + 1) or (z, y, x // 2 + 1).

    In cycles per pixel, or in so many parts of them.
    """
    axes = [fft.fftfreq(n) * per_cycle for n in shape[:-1]]
    return _read_only(reduce(np.hypot.outer, [*axes, fft.rfftfreq(shape[-1]) * per_cycle]))


@lru_cache(maxsize=4)
def equal_rings(
    shape: tuple[int, ...], count: int, *, limit: float = 0.5, with_mean: bool = True
) -> Rings:
    """Return rings of equal width from 0; what has the frequency ``limit`` or more is in none.

    Parameters
    ----------
    shape : tuple of int
        y, x of the image, or z, y, x of the volume.
    count : int
    limit : float
        Where the last ring ends, cycles per pixel: 0.5 is Nyquist, √½ an image's corner.
    with_mean : bool
        Whether the first ring holds the image's mean.
    """
    index = np.minimum((count / limit * frequencies(shape)).astype(np.intp), count)
    if not with_mean:
        index.flat[0] = count
    return Rings(_read_only(index), mirror_weight(shape[-1]), count)


def rings_between(shape: tuple[int, int], edges: DoubleArray) -> Rings:
    """Return the rings between rising edges, cycles per pixel; the last edge belongs to its ring.

    Parameters
    ----------
    shape : (int, int)
        y, x of the image.
    edges : ndarray, shape (rings + 1,)
    """
    closed = np.append(edges[:-1], np.nextafter(edges[-1], 1.0))
    index = np.digitize(frequencies(shape), closed) - 1
    index[index < 0] = len(edges) - 1
    return Rings(index, mirror_weight(shape[1]), len(edges) - 1)


def ring_frequencies(count: int, limit: float = 0.5) -> DoubleArray:
    """Return the middle of each of some rings of equal width from 0 to ``limit``."""
    return np.asarray((np.arange(count) + 0.5) * (limit / count))


def hann(shape: tuple[int, ...]) -> DoubleArray:
    """Return a Hann window [y, x], 0 one pixel beyond the image, so that edges leave no cross."""
    return np.asarray(reduce(np.multiply.outer, [np.hanning(n + 2)[1:-1] for n in shape]))


def tukey(shape: tuple[int, int], fraction: float, *, beyond: float = 1.0) -> DoubleArray:
    """Return a Tukey window [y, x]: 1, with cosine edges, so that opposite borders meet at 0.

    Parameters
    ----------
    shape : (int, int)
        y, x of the image.
    fraction : float
        Of each axis that is edge, half of it at either end.
    beyond : float
        Where the window is 0, in pixels from the middle of the outermost.
    """
    axes = []
    for n in shape:
        edge = fraction * (n - 1 + 2 * beyond) / 2
        depth = np.minimum(np.arange(n) + beyond, n - 1 - np.arange(n) + beyond)
        axes.append(np.where(depth < edge, 0.5 - 0.5 * np.cos(np.pi * depth / edge), 1.0))
    return np.asarray(axes[0][:, None] * axes[1])


def _read_only(values: AnyArray) -> AnyArray:
    values.flags.writeable = False
    return values
