"""How far one half is displaced against the other, and which images belong together."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.optimize import linear_sum_assignment

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.rings import Rings, equal_rings, frequencies, hann

# σ of the correlation map; chosen: noise alone reaches 5 in a million places, and a little more
# where the map is made of few frequencies. Where halves of one exposure are expected, 5 suffice.
_SHARED, _SHARED_HERE, _HERE = 8.0, 5.0, 3
# Of a Hann window, per axis: (Σ w²)² / (N Σ w⁴) = (3 / 8)² / (35 / 128), the part of the
# coefficients that are independent of each other.
INDEPENDENT = 18 / 35
_LEAST_SCATTER = 0.1  # chosen: shifts by which windows hardly overlap are not exaggerated
_BANDS = (0.0625, 0.125, 0.25, 0.5)  # cycles per pixel; chosen: octaves that the signal may fill
_CLOSEST = 0.99  # correlation of a ring; chosen, so that weights stay finite
_THUMB = 128  # pixels; chosen: molecules of 10 nm are visible, and 60² pairs take a second
_NEAR = 6  # pixels of a thumbnail by which halves may be displaced; chosen
_CLEARLY = 6.0  # σ by which another order must fit better; chosen


@dataclass(frozen=True, eq=False)
class Displacement:
    """Where the second image lies against the first.

    Attributes
    ----------
    shift_px : ndarray, shape (axes,)
        In the order of the axes (y, x); NaN where the images share too little.
    error_px : float
        Standard error of each, from the correlation of the rings.
    sign : int
        -1 if what is bright in one image is dark in the other, otherwise 1.
    """

    shift_px: DoubleArray
    error_px: float
    sign: int


def displacement(
    first: AnyArray, second: AnyArray, layout: Rings, independent: float
) -> Displacement:
    """Measure by how much the content of the second image is shifted against the first's.

    The peak of the correlation gives whole pixels: all rings of a band have equal power, and of
    several bands that with the highest peak counts. From there the phases of the cross-spectrum
    are fitted with the weights of maximum likelihood, γ / (1 − γ²), γ the correlation of a ring
    (Knapp and Carter, IEEE Trans. Acoust. 24, 320, 1976).

    Parameters
    ----------
    first, second : ndarray, shape (y, x // 2 + 1) or (z, y, x // 2 + 1), complex
        As :func:`faket.noise.spectrum.windowed_spectrum` gives them, of images of even width.
    layout : Rings
    independent : float
        Part of the coefficients that are independent of each other.
    """
    shape = (*first.shape[:-1], 2 * (first.shape[-1] - 1))
    product = second * first.conj()
    scale = np.sqrt(_spread(_ring_power(first, layout) * _ring_power(second, layout), layout))
    product = np.divide(product, scale, out=np.zeros_like(product), where=scale > 0)
    peaks = [_peak(np.where(frequencies(shape) < band, product, 0), shape) for band in _BANDS]
    height, place = max(peaks, key=lambda peak: abs(peak[0]))
    if height == 0:
        return Displacement(np.full(len(shape), np.nan), np.inf, 1)
    sign = 1 if height > 0 else -1
    fine, error = _fitted(sign * product * _phases(shape, place), layout, independent)
    return Displacement(place + fine, error, sign)


def _peak(product: AnyArray, shape: tuple[int, ...]) -> tuple[float, NDArray[np.intp]]:
    """Return height (in σ, 0 if it may be noise) and place of the peak of a correlation."""
    # [y, x // 2 + 1] → [y, x]: the place of the peak is the shift
    correlation = fft.irfftn(product, s=shape) / _scatter(shape)
    reach = [min(_HERE, n // 2 - 1) for n in shape]
    here = correlation[np.ix_(*(np.r_[0 : r + 1, -r:0] for r in reach))]
    spread, height = float(correlation.std()), float(np.abs(correlation).max())
    if height <= _SHARED * spread:
        height = float(np.abs(here).max())
        if height <= _SHARED_HERE * spread:
            return 0.0, np.zeros(len(shape), np.intp)
    index = np.argwhere(np.abs(correlation) == height)[0]
    # Places beyond the middle are negative shifts.
    return float(correlation[tuple(index)]) / spread, index - np.where(
        index > np.array(shape) // 2, shape, 0
    )


@lru_cache(maxsize=2)
def _scatter(shape: tuple[int, ...]) -> DoubleArray:
    """Return how the scatter of a correlation of windowed noise depends on the shift.

    Its variance is the autocorrelation of the squared window; 1 on average.
    """
    power = fft.rfftn(hann(shape) ** 2)
    variance = fft.irfftn(power.real**2 + power.imag**2, s=shape)
    return np.asarray(np.sqrt(np.maximum(variance / variance.mean(), _LEAST_SCATTER)))


def _fitted(product: AnyArray, layout: Rings, independent: float) -> tuple[DoubleArray, float]:
    """Return the shift that makes the phases zero, and its error; product is of unit power."""
    shape = (*product.shape[:-1], 2 * (product.shape[-1] - 1))
    gamma = np.clip(layout.mean(product.real, empty=0.0), 0.0, _CLOSEST)
    modes = np.maximum(independent * layout.number, 1.0)
    gamma[gamma < 3 / np.sqrt(modes)] = 0.0  # rings that share nothing
    weight = layout.weight * _spread(gamma / (1 - gamma**2), layout)
    axes = [fft.fftfreq(n) for n in shape[:-1]]
    turns = [2 * np.pi * k for k in np.meshgrid(*axes, fft.rfftfreq(shape[-1]), indexing="ij")]
    shift = np.zeros(len(shape))
    for _ in range(4):  # Newton's steps; from within half a pixel two suffice
        turned = product * _phases(shape, shift)
        slope = np.array([-np.sum(weight * k * turned.imag) for k in turns])
        bend = np.array([[np.sum(weight * k * q * turned.real) for q in turns] for k in turns])
        shift = shift + np.linalg.pinv(bend) @ slope
    shared = layout.weight * _spread(gamma**2 / (1 - gamma**2), layout)
    information = independent * min(float(np.sum(shared * k * k)) for k in turns)
    return shift, 1 / np.sqrt(information) if information > 0 else np.inf


def _phases(shape: tuple[int, ...], shift: AnyArray) -> AnyArray:
    """Return the factor that takes a shift out of a spectrum."""
    axes = [fft.fftfreq(n) for n in shape[:-1]]
    turns = np.meshgrid(*axes, fft.rfftfreq(shape[-1]), indexing="ij", sparse=True)
    total = sum(k * float(s) for k, s in zip(turns, shift, strict=True))
    return np.asarray(np.exp(2j * np.pi * total), np.complex64)


def _ring_power(spectrum: AnyArray, layout: Rings) -> DoubleArray:
    return layout.mean(spectrum.real**2 + spectrum.imag**2, empty=0.0)


def _spread(values: DoubleArray, layout: Rings) -> FloatArray:
    """Give every coefficient the value of its ring; 0 to those in none."""
    return np.append(values, 0.0).astype(np.float32)[layout.index]


def thumbnail(spectrum: AnyArray) -> AnyArray:
    """Return the lowest frequencies of an image, every ring of equal power, of norm 1.

    Parameters
    ----------
    spectrum : ndarray, shape (y, x // 2 + 1), complex
        Of an image of even sides.
    """
    rows, columns = (min(n, _THUMB) for n in (len(spectrum), 2 * (spectrum.shape[1] - 1)))
    # [y, x // 2 + 1] → the lowest [rows, columns // 2 + 1]
    kept = np.concatenate([spectrum[: rows // 2], spectrum[-(rows // 2) :]])[:, : columns // 2 + 1]
    layout = equal_rings((rows, columns), 24, with_mean=False)
    power = _spread(_ring_power(kept, layout), layout)
    power[frequencies((rows, columns)) < 1.5 / min(rows, columns)] = 0  # gradients of the ice
    white = np.divide(kept, np.sqrt(power), out=np.zeros_like(kept), where=power > 0)
    norm = np.sqrt(np.sum(layout.weight * np.abs(white) ** 2))
    return np.asarray(white / max(norm, 1e-30))


def partners(first: list[AnyArray], second: list[AnyArray]) -> NDArray[np.intp]:
    """Find for each image of the first half the image of the second that shows the same.

    Each image of the second half is given to one of the first, so that all correlations together
    are largest. A change of places is believed if it makes the correlations of the images that it
    moves larger by 6 σ.

    Parameters
    ----------
    first, second : list of ndarray, shape (y, x // 2 + 1)
        As :func:`thumbnail` gives them.

    Returns
    -------
    ndarray of int, shape (images,)
    """
    shape = (first[0].shape[0], 2 * (first[0].shape[1] - 1))
    near = np.ix_(*(np.r_[0 : r + 1, -r:0] for r in (min(_NEAR, n // 2 - 1) for n in shape)))
    others, z = np.array(second), np.empty((len(first), len(first)))
    number = math.prod(shape) * INDEPENDENT**2  # of independent coefficients, in the plane
    for i, image in enumerate(first):
        # [image, y, x // 2 + 1] → correlations [image, y, x], of these the near shifts
        maps = fft.irfft2(others * image.conj(), s=shape) * math.prod(shape)
        peaks = maps[:, *near].max(axis=(1, 2))
        z[i] = np.arctanh(np.clip(peaks, -0.999, 0.999)) * math.sqrt(number)
    best = linear_sum_assignment(-z)[1]
    for cycle in _cycles(best):
        gain = sum(z[i, best[i]] - z[i, i] for i in cycle)
        if gain < _CLEARLY * math.sqrt(2 * len(cycle)):
            best[cycle] = cycle
    return np.asarray(best)


def _cycles(order: NDArray[np.intp]) -> list[list[int]]:
    """Return the images that change places with each other."""
    left, cycles = {int(i) for i in np.flatnonzero(order != np.arange(len(order)))}, []
    while left:
        cycle = [min(left)]
        while (following := int(order[cycle[-1]])) != cycle[0]:
            cycle.append(following)
        cycles.append(cycle)
        left -= set(cycle)
    return cycles
