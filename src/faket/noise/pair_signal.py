"""What pairs of tilts share, from the products of their coefficients."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from faket.data import AnyArray, DoubleArray
from faket.noise.pair_layout import PairLayout
from faket.noise.pair_motion import ALIKE

_THICKNESS_A = (300.0, 8000.0)  # searched; chosen around 500 to 4000
THINNEST_A = _THICKNESS_A[0]
USUAL_THICKNESS_A = 1500.0  # where nothing tells it; chosen, the middle of the usual 100 to 200 nm
_THICKNESSES = 50
# Pairs agree better than this where signal is measured, chosen: a specimen is no even slab, and
# the sides of its sinc are not quite where a thickness tells; 0.9 of what is told lies within.
_AGREEING = 0.5
_LEAST_NOISE = 0.03  # of the power, when standard errors are told; chosen
_MOST_ALIKE = 0.95  # of the power, when rings are weighted; chosen
_SMOOTH = 1.5  # rings over which what is shared is averaged before; chosen


def trusted_rings(sums: AnyArray, number: AnyArray, layout: PairLayout) -> DoubleArray:
    """Return the weight of every ring [rings] when pairs are brought to agree.

    With c the part of the power that all pairs share, c / (1 − c²) is how much phases tell of
    displacements. Rings of noise alone tell nothing; with the same weight as the others, pairs
    would be displaced until their noise agrees, and its power be taken for signal.

    Parameters
    ----------
    sums, number : ndarray, shape (pairs, rings, bins)
        Of the products, and how many.
    layout : PairLayout
    """
    agreeing = _agreeing(layout.usual, layout)
    shared = (sums @ agreeing / np.maximum(layout.scale, 1e-300)).sum(axis=0)
    held = (number @ agreeing**2).sum(axis=0)
    shared, held = (gaussian_filter1d(part, _SMOOTH, mode="nearest") for part in (shared, held))
    part = np.clip(shared / np.maximum(held, 1e-300), 0.0, _MOST_ALIKE)
    return np.asarray(part / (1 - part**2))


def _agreeing(thickness_px: float, layout: PairLayout) -> DoubleArray:
    """Return how well an even slab agrees in each bin, where that is well."""
    agreeing = np.sinc(layout.middles() * thickness_px)
    return np.asarray(np.where(agreeing < _AGREEING, 0.0, agreeing))


def shared_power(
    sums: AnyArray, own: AnyArray, number: AnyArray, thickness_px: float, layout: PairLayout
) -> tuple[DoubleArray, DoubleArray]:
    """Return what pairs share and its standard error, [pair, ring].

    All tilts see the same few coefficients of one specimen, which happen to have more or less power
    than the rest of their ring, and no number of tilts averages that. Where signal prevails, the
    power that the images have there is as much more or less; so it is taken from what they share,
    by as much as tells most: where noise prevails, an image's own power says nothing of another's.

    Parameters
    ----------
    sums, number : ndarray, shape (pairs, rings, bins)
        Of the products, and how many.
    own : ndarray, shape (pairs, 2, rings, bins)
        Sums of each image's power.
    thickness_px : float
        Of the specimen.
    layout : PairLayout
    """
    agreeing = _agreeing(thickness_px, layout)
    weight, first, second = (part @ agreeing**2 for part in (number, own[:, 0], own[:, 1]))
    held = weight > 0
    scale = np.maximum(layout.scale, 1e-300)
    shared, there = (
        np.divide(part, weight, out=np.zeros_like(weight), where=held)
        for part in (sums @ agreeing, np.sqrt(first * second))
    )
    ratio = weight / scale
    part = (ratio * shared).sum(axis=0) / np.maximum((ratio * there).sum(axis=0), 1e-300)
    part = np.clip(part, 0.0, 1.0)
    # Noise is another in every tilt, signal is not.
    chance = (1 - part) ** 2 / len(layout.angles)
    taken = part**2 / np.maximum(part**2 + chance, 1e-300)
    cosine = np.cos(layout.angles[layout.tilts]).mean(axis=1)
    alike = 0.5 * ALIKE * np.maximum(1, ALIKE * cosine)
    sigma = np.full_like(weight, np.inf)
    error = scale * np.sqrt(alike)[:, None] * np.maximum(1 - part, _LEAST_NOISE)
    np.divide(error, np.sqrt(weight), out=sigma, where=held)
    return np.where(held, shared + taken * (layout.scale - there), 0.0), sigma


def thickness_by_pairs(
    sums: AnyArray, number: AnyArray, layout: PairLayout, pixel_size_A: float
) -> float:
    """Return the thickness (Å) whose sinc explains most of what pairs share.

    Parameters
    ----------
    sums, number : ndarray, shape (pairs, rings, bins)
        Of the products, and how many.
    layout : PairLayout
    pixel_size_A : float
    """
    profile, relative = layout.middles(), np.maximum(layout.scale, 1e-300)
    sums_by_ring = np.einsum("prb,pr->rb", sums, relative**-2)
    number_by_ring = np.einsum("prb,pr->rb", number, relative**-2)
    tried = np.geomspace(*_THICKNESS_A, _THICKNESSES)
    bins = np.ones(len(profile), bool)
    best = USUAL_THICKNESS_A
    for _ in range(2):
        explained = []
        for thickness in tried:
            agreeing = np.sinc(profile * thickness / pixel_size_A) * bins
            found, weight = sums_by_ring @ agreeing, number_by_ring @ agreeing**2
            held = (weight > 0) & (found > 0)
            explained.append(float(np.sum(found[held] ** 2 / weight[held])))
        if max(explained) <= 0:
            return best
        best = float(tried[int(np.argmax(explained))])
        # Again, finer, without the sides of the sinc, which a specimen that is no slab has not.
        bins = np.sinc(profile * best / pixel_size_A) > 0.5 * _AGREEING
        tried = best * np.linspace(0.7, 1.4, _THICKNESSES)
    return best
