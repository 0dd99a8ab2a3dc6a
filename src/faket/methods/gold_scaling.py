"""Gold in noise-free projections found, and its contrast scaled.

Gold has 25 V more than ice where protein has 3, within a few nanometres: nothing else bends the
line integrals as sharply, whatever the thickness and however crowded the specimen.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.rings import frequencies

_WIDTH_A = 12.0  # σ of the Gaussian
# Of σ² times the Laplacian. Chosen: beads of 4 to 10 nm have 480 to 820 in the specimens of
# scripts/measure_foreign.py, molecules behind each other up to 450.
SHARP_V_A = 450.0
_APART_A = 60.0  # of two places at least
_WHOLE_A, _NOTHING_A = 120.0, 180.0  # radii up to which all, and from which nothing is scaled
_MOST_SHARP = 0.05  # of an image; chosen, more is no gold


def scaled_gold(
    contrast: FloatArray, noise_free: AnyArray, pixel_size_A: float, shift_px: AnyArray, gold: float
) -> FloatArray:
    """Multiply the contrast of gold by a factor; what is far from gold stays as it is.

    Parameters
    ----------
    contrast : ndarray, shape (y, x)
    noise_free : ndarray, shape (y, x)
        Minus line integrals, V·Å, of which ``contrast`` was made.
    pixel_size_A : float
    shift_px : ndarray, shape (2,)
        By which the contrast is shifted (x, y).
    gold : float

    Returns
    -------
    ndarray, shape (y, x), float32
    """
    if gold == 1:
        return contrast
    weight = weight_of_gold(noise_free, pixel_size_A, shift_px)
    return contrast if weight is None else contrast * (1 + np.float32(gold - 1) * weight)


def weight_of_gold(
    noise_free: AnyArray, pixel_size_A: float, shift_px: ArrayLike = (0.0, 0.0)
) -> FloatArray | None:
    """Return :func:`gold_weight` of noise-free projections [y, x]."""
    shape = (noise_free.shape[0], noise_free.shape[1])
    spectrum = fft.rfft2(np.asarray(noise_free, np.float32))  # [y, x] → [y, x // 2 + 1]
    bend = fft.irfft2(spectrum * bend_filter(shape, pixel_size_A), s=shape)
    sharp = np.argwhere(bend > SHARP_V_A)
    return gold_weight(sharp, bend[tuple(sharp.T)], shape, pixel_size_A, shift_px)


@lru_cache(maxsize=2)
def bend_filter(shape: tuple[int, int], pixel_size_A: float) -> FloatArray:
    """Return the transfer [y, x // 2 + 1] of the Laplacian of a Gaussian, times its σ²."""
    turn = (2 * np.pi * _WIDTH_A / pixel_size_A * frequencies(shape)) ** 2
    return np.asarray(-turn * np.exp(-turn / 2), np.float32)


def gold_weight(
    sharp: AnyArray,
    bend: AnyArray,
    shape: tuple[int, int],
    pixel_size_A: float,
    shift_px: ArrayLike,
) -> FloatArray | None:
    """Return 1 at and near gold, softly falling to 0; None where there is none.

    Parameters
    ----------
    sharp : ndarray, shape (n, 2)
        Pixels (y, x) that bend more than ``SHARP_V_A``.
    bend : ndarray, shape (n,)
    shape : (int, int)
    pixel_size_A : float
    shift_px : ndarray, shape (2,)
        By which the image is shifted (x, y).

    Returns
    -------
    ndarray, shape (y, x), float32, or None
    """
    if len(sharp) > _MOST_SHARP * shape[0] * shape[1]:
        return None
    if not len(sharp):
        return None
    places = sharp[np.argsort(-bend, kind="stable")]
    places = places[apart(places, _APART_A / pixel_size_A)]
    return discs(places + np.asarray(shift_px)[::-1], shape, pixel_size_A)


def discs(places: DoubleArray, shape: tuple[int, int], pixel_size_A: float) -> FloatArray:
    """Return 1 at and near places (y, x, pixels), softly falling to 0 [y, x]."""
    weight = np.zeros(shape, np.float32)
    reach = int(np.ceil(_NOTHING_A / pixel_size_A))
    across = np.arange(-reach, reach + 1)
    away_A = pixel_size_A * np.hypot(across[:, None], across)
    disc = np.clip((_NOTHING_A - away_A) / (_NOTHING_A - _WHOLE_A), 0, 1).astype(np.float32)
    for y, x in np.rint(places).astype(int):
        top, left = y - reach, x - reach
        rows, columns = (slice(max(start, 0), max(start + len(disc), 0)) for start in (top, left))
        part = weight[rows, columns]
        own = disc[rows.start - top :, columns.start - left :]
        np.maximum(part, own[: part.shape[0], : part.shape[1]], out=part)
    return weight


def apart(places: AnyArray, distance: float) -> NDArray[np.intp]:
    """Return the indices of places [n, axes] that are apart, the first before the others."""
    found, left = [], np.arange(len(places))
    while len(left):
        found.append(left[0])
        off = places[left] - places[left[0]]
        left = left[(off**2).sum(axis=1) > distance**2]
    return np.array(found, np.intp)
