"""How far images of a tilt-series lie from their places: displaced, turned, and magnified.

Two images of one section of the specimen that are displaced have coefficients that differ by a
phase. A small turn in the plane displaces along the tilt axis what lies off it, the more the
farther off; so does another magnification what lies off the middle of the axis.
"""

import numpy as np
from numpy.typing import NDArray

from faket.data import AnyArray, DoubleArray
from faket.noise.pair_kernels import growing, slopes

# Cycles per pixel up to which displacements and their growth are refined, coarse to fine; chosen.
BANDS = (0.06, 0.1, 0.16, 0.25)
_LARGEST_STEP = 0.15  # of a period of the band
_LARGEST_GROWTH = 1.0  # radians of phase at the border of an image and a band; chosen
_FEWEST = 3  # values of which a variance is told; chosen
_TOLD = 2.0  # standard errors by which a variance must exceed that of measuring; chosen
# Neighbouring coefficients under a Hann window are correlated: so many count as one, along an axis.
ALIKE = 35 / 18


def displacement(
    first: AnyArray,
    second: AnyArray,
    places: tuple[DoubleArray, int, float],
    agreeing: DoubleArray,
    scale: DoubleArray,
    trust: DoubleArray,
    start: DoubleArray | None = None,
) -> tuple[DoubleArray, DoubleArray]:
    """Return x, y of the first image against the second, by Newton's steps, and their errors.

    Parameters
    ----------
    first, second : ndarray, shape (ky, K)
        Coefficients of both.
    places : tuple
        kx of each column, rows of the images, rings per cycle per pixel.
    agreeing : ndarray, shape (K,)
        How well both are expected to agree.
    scale : ndarray, shape (rings,)
        Geometric mean of the power of both.
    trust : ndarray, shape (rings,)
        Weights of the rings; where nothing is shared, noise would be taken for a displacement.
    start : ndarray, shape (2,), optional
        A displacement found before; only two steps refine it.
    """
    moved, error = np.zeros(2) if start is None else start, np.full(2, np.inf)
    for band in BANDS if start is None else BANDS[-1:] * 2:
        slope, bend, scatter = slopes(first, second, *places, agreeing, scale, trust, band, moved)
        if not np.linalg.eigvalsh(bend)[0] > 0:
            continue
        step = np.linalg.solve(bend, slope)
        moved = moved + np.clip(step, -_LARGEST_STEP / band, _LARGEST_STEP / band)
        error = np.sqrt(scatter) / np.diag(bend)
    return moved, error


def growth_between(
    first: AnyArray,
    second: AnyArray,
    places: tuple[DoubleArray, int, float],
    agreeing: DoubleArray,
    scale: DoubleArray,
    trust: DoubleArray,
    moved: DoubleArray,
    sizes: tuple[int, int],
    cosine: float,
) -> tuple[DoubleArray, DoubleArray]:
    """Return how the first image's displacement along the axis grows, and the errors of that.

    Against the second: over x, which is the angle (rad) by which it is turned from x towards y, and
    over y, the magnification less 1. The finest band is used in which the displacement is less
    than a radian of phase at the border. The first parameters are those of :func:`displacement`,
    whose result ``moved`` is.

    Parameters
    ----------
    sizes : (int, int)
        x, y of the images.
    cosine : float
        Of the tilt.
    """
    across = np.array(sizes, np.float64)
    sums = growing(first, second, *places, agreeing, scale, trust, BANDS, moved, across)
    growth, error = np.zeros(2), np.full(2, np.inf)
    for kind, lever in enumerate((_lever(cosine), _lever(1.0))):
        for band, told in zip(BANDS, np.cumsum(sums[kind], axis=0), strict=True):
            if abs(growth[kind]) * np.pi * band * sizes[kind] > _LARGEST_GROWTH:
                break
            slope, bend, noise, *own = told
            if bend > 0:
                noise *= max(1 - bend * bend / (own[0] * own[1]), 0.0)  # what both share is none
                growth[kind] = lever * slope / bend
                error[kind] = lever * ALIKE * np.sqrt(noise) / bend
    return growth, error


def _lever(cosine: float) -> float:
    """Return ⟨s²⟩ / ⟨x s⟩ for the sine s of the kernel, under the windows of two images.

    So much less than over s is the slope of a displacement over x; 3/4 without a tilt.
    """
    place = (np.arange(64) + 0.5) / 64 - 0.5
    weight = np.cos(np.pi * place) ** 4
    sine = np.sin(2 * np.pi * place / cosine) / (2 * np.pi)
    return float((weight @ sine**2) / (weight @ (place * sine)))


def error_of_places(
    places: NDArray[np.intp], between: DoubleArray, error: DoubleArray, known: float
) -> tuple[float, float]:
    """Return σ of what images are off their places, and of what pairs are measured off each other.

    Parameters
    ----------
    places : ndarray of int, shape (pairs, 2)
        Of the images of each pair in the series.
    between, error : ndarray, shape (pairs,)
        The first less the second, and its standard error.
    known : float
        Pairs of a larger error are left out.
    """
    off = {
        (int(i), int(j)): value
        for (i, j), value, uncertain in zip(places, between, error, strict=True)
        if uncertain < known
    }
    steps = np.array([value for (i, j), value in off.items() if j == i + 1])
    # Two steps less what they are at once: three errors, and nothing else.
    closed = np.array(
        [
            value + off[j, j + 1] - off[i, j + 1]
            for (i, j), value in off.items()
            if j == i + 1 and (j, j + 1) in off and (i, j + 1) in off
        ]
    )
    if min(len(steps), len(closed)) < _FEWEST:
        return 0.0, float(known)
    measured = _clipped_variance(closed) / 3
    variance = _clipped_variance(steps) - measured
    return float(np.sqrt(max(variance, 0.0) / 2)), float(np.sqrt(measured))


def told_growth(sigma: float, measured: float, error: DoubleArray, steps: int) -> float:
    """Return σ of turns or magnifications without what noise adds; 0 if chance may have made it.

    Noise of one image turns it against all others alike, which no closed chain of pairs tells.

    Parameters
    ----------
    sigma, measured : float
        As :func:`error_of_places` gives them.
    error : ndarray, shape (pairs,)
        Standard errors of those between images.
    steps : int
        Of how many.
    """
    between = 2 * sigma**2 + measured**2
    chance = measured**2 + float(np.median(error)) ** 2
    told = between - chance > _TOLD * np.sqrt(2 / steps) * between
    return float(np.sqrt((between - chance) / 2)) if told else 0.0


def off_places(
    tilts: NDArray[np.intp], count: int, between: DoubleArray, error: DoubleArray, sigma: float
) -> DoubleArray:
    """Return what each image is off its place: the likeliest, if the σ of that is known.

    Parameters
    ----------
    tilts : ndarray of int, shape (pairs, 2)
    count : int
        Of tilts.
    between, error : ndarray, shape (pairs,)
        The first less the second, and its standard error.
    sigma : float
    """
    if sigma == 0:
        return np.zeros(count)
    known = np.isfinite(error) & (error > 0)
    weight = 1 / error[known] ** 2
    rows = np.zeros((known.sum(), count))
    np.put_along_axis(rows, tilts[known, :1], 1.0, axis=1)
    np.put_along_axis(rows, tilts[known, 1:], -1.0, axis=1)
    normal = rows.T @ (weight[:, None] * rows) + np.eye(count) / sigma**2
    return np.asarray(np.linalg.solve(normal, rows.T @ (weight * between[known])))


def _clipped_variance(values: DoubleArray) -> float:
    """Return the mean square about the median, values beyond three robust σ counted as these."""
    off = values - np.median(values)
    farthest = 3 * 1.4826 * np.median(np.abs(off))
    return float(np.mean(np.clip(off, -farthest, farthest) ** 2))
