"""What neighbouring tilts share: the specimen, but none of the noise.

In Fourier space a projection is a plane through the centre, and all planes meet in the line along
the tilt axis. Near to that line two tilts show nearly the same of a specimen of thickness D: with K
the frequency across the axis in the plane of the specimen, kx = K / cos θ in an image,

    E[F1 F2*] = √(S1 S2) sinc(D K (tan θ1 − tan θ2)),

S the power of the signal, whatever coloured it, and no noise, whose average is 0. Images that are
displaced, turned or magnified against each other multiply it by phases, which are measured and
taken away.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faket.data import AnyArray, DoubleArray
from faket.noise.pair_kernels import add_products
from faket.noise.pair_layout import BINS, PairLayout, neighbours
from faket.noise.pair_lines import lines_near_axis, places_across
from faket.noise.pair_motion import (
    BANDS,
    displacement,
    error_of_places,
    growth_between,
    off_places,
    told_growth,
)
from faket.noise.pair_signal import (
    THINNEST_A,
    USUAL_THICKNESS_A,
    shared_power,
    thickness_by_pairs,
    trusted_rings,
)
from faket.noise.spectrum import ring_power
from faket.threads import in_threads

_KNOWN_PX = 1.0  # displacements better known than this tell how far images are off their places
# Turns and magnifications are told if half of the pairs know theirs to so many rad or parts;
# chosen, the 0.2° of usual errors.
_KNOWN_GROWTH, _ENOUGH = 0.003, 0.5
# Of σ of these, times the width of an image: less takes a hundredth of the power at Nyquist.
_GROWN_PX = 0.16


@dataclass(frozen=True, eq=False)
class TiltPairs:
    """Power that neighbouring tilts share, by rings of equal width.

    Attributes
    ----------
    angles_deg : ndarray, shape (tilts,), float64
    tilts : ndarray of int, shape (pairs, 2)
    shared : ndarray, shape (pairs, rings), float64
        √(S1 S2) in every ring, measured; as often negative as positive where there is no signal.
    sigma : ndarray, shape (pairs, rings), float64
        Its standard error from noise and the number of coefficients; infinite where there are none.
    power : ndarray, shape (tilts, rings), float64
        Of the images, as :func:`faket.noise.ring_power` gives it.
    displacement_px, displacement_sigma_px : ndarray, shape (pairs, 2), float64
        How far, x y, the first of a pair lies from the second, and its standard error.
    turns_deg : ndarray, shape (tilts,), float64
        By which each image is turned from x towards y, less what all are; it was turned back before
        the power was measured. 0 where that would change nothing.
    turning_deg : float
        σ of the images' turns, without the error of measuring them.
    magnification : ndarray, shape (tilts,), float64
        Of each image over that of all, likewise undone; 1 where that would change nothing.
    magnification_error : float
        Its σ, without the error of measuring it.
    thickness_A : float
        Of the specimen along the beam.
    """

    angles_deg: DoubleArray
    tilts: NDArray[np.intp]
    shared: DoubleArray
    sigma: DoubleArray
    power: DoubleArray
    displacement_px: DoubleArray
    displacement_sigma_px: DoubleArray
    turns_deg: DoubleArray
    turning_deg: float
    magnification: DoubleArray
    magnification_error: float
    thickness_A: float

    def fraction(self) -> tuple[DoubleArray, DoubleArray]:
        """Return which part of every tilt's power is shared with its neighbours, and its σ.

        Returns
        -------
        fraction, sigma : ndarray, shape (tilts, rings), float64
            The weighted mean over the pairs of a tilt.
        """
        tilts, rings = self.power.shape
        scale = np.sqrt(self.power[self.tilts[:, 0]] * self.power[self.tilts[:, 1]])
        weight = np.where(np.isfinite(self.sigma), (scale / self.sigma) ** 2, 0.0)
        total, sums = np.zeros((tilts, rings)), np.zeros((tilts, rings))
        for side in self.tilts.T:
            np.add.at(total, side, weight)
            np.add.at(sums, side, weight * self.shared / np.maximum(scale, 1e-300))
        held = total > 0
        mean: DoubleArray = np.divide(sums, total, out=np.zeros_like(sums), where=held)
        sigma: DoubleArray = np.full((tilts, rings), np.inf)
        return mean, np.divide(1.0, np.sqrt(total), out=sigma, where=held)

    def misalignment_px(self) -> float:
        """Return σ of the images' displacements along the tilt axis from their places.

        Across the axis the specimen's own depth moves images too; so that direction tells nothing.
        """
        places = np.argsort(np.argsort(self.angles_deg))[self.tilts]
        along, error = self.displacement_px[:, 1], self.displacement_sigma_px[:, 1]
        return error_of_places(places, along, error, _KNOWN_PX)[0]


def tilt_pairs(
    images: AnyArray,
    angles_deg: ArrayLike,
    pixel_size_A: float,
    *,
    rings: int,
    limit: float = 0.5,
) -> TiltPairs:
    """Measure what neighbouring tilts of an aligned stack share.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
        Aligned, the tilt axis along y. A few objects much stronger than the rest, such as gold,
        must be masked: they lie at heights of their own, which no thickness describes.
    angles_deg : array_like, shape (tilts,)
        In any order.
    pixel_size_A : float
    rings, limit
        As for :func:`faket.noise.ring_power`.

    Returns
    -------
    TiltPairs
    """
    degrees = np.asarray(angles_deg, np.float64)
    angles = np.radians(degrees)
    measured = partial(ring_power, rings=rings, limit=limit)
    power = np.array(in_threads(measured, images, pixels=images[0].size))
    tilts = neighbours(angles)
    if not len(tilts):
        none, nowhere, still = np.zeros((0, rings)), np.zeros((0, 2)), np.zeros(len(degrees))
        places = none, none, power, nowhere, nowhere, still, 0.0, still + 1, 0.0
        return TiltPairs(degrees, tilts, *places, USUAL_THICKNESS_A)
    widest = pixel_size_A / THINNEST_A
    layout = PairLayout(
        angles, tilts, np.sqrt(power[tilts[:, 0]] * power[tilts[:, 1]]),
        places_across(angles, images[0].shape[1], widest), images[0].shape[:2],
        rings / limit, widest, USUAL_THICKNESS_A / pixel_size_A,
    )  # fmt: skip
    nothing = np.zeros(len(angles))
    lines = lines_near_axis(images, angles, layout.across, nothing, nothing)
    coarse = lines[:, : int(BANDS[-1] * layout.shape[0]) + 1]  # a view
    sums, _, number, start, _ = _products(coarse, layout, rings, limit, np.ones(rings))
    trust = trusted_rings(sums, number, layout)
    start = start if trust.any() else np.zeros_like(start)  # noise tells of no displacement
    (turns, turning), (growths, growing) = _growth(coarse, layout, trust, start)
    if turns.any() or growths.any():
        del lines, coarse  # memory for those to come
        lines = lines_near_axis(images, angles, layout.across, turns, growths)
    sums, own, number, moved, error = _products(lines, layout, rings, limit, trust, start)
    thickness = thickness_by_pairs(sums, number, layout, pixel_size_A)
    shared, sigma = shared_power(sums, own, number, thickness / pixel_size_A, layout)
    return TiltPairs(
        degrees, tilts, shared, sigma, power, moved, error,
        np.degrees(turns), float(np.degrees(turning)), 1 + growths, growing, thickness,
    )  # fmt: skip


def _growth(
    lines: AnyArray, layout: PairLayout, trust: DoubleArray, start: DoubleArray
) -> list[tuple[DoubleArray, float]]:
    """Return turns (rad) of the images and their σ, and the same of magnifications less 1."""
    pairs, sizes = layout.tilts, (layout.shape[1], layout.shape[0])
    growth, error = np.zeros((2, len(pairs))), np.full((2, len(pairs)), np.inf)

    def measure(pair: int) -> None:
        i, j = pairs[pair]
        near, apart = layout.near(pair)
        known = layout.places(pair, near), layout.agreeing(apart), layout.scale[pair]
        first, second = lines[i][:, near], lines[j][:, near]
        moved, _ = displacement(first, second, *known, trust, start[pair])
        cosine = float(np.cos(layout.angles[[i, j]]).mean())
        growth[:, pair], error[:, pair] = growth_between(
            first, second, *known, trust, moved, sizes, cosine
        )

    in_threads(measure, range(len(pairs)))
    return [_of_images(layout, *found) for found in zip(growth, error, sizes, strict=True)]


def _of_images(
    layout: PairLayout, between: DoubleArray, error: DoubleArray, size: int
) -> tuple[DoubleArray, float]:
    """Return what pairs tell of each image, 0 if it changes nothing, and its σ."""
    nothing = np.zeros(len(layout.angles))
    if np.mean(error < _KNOWN_GROWTH) < _ENOUGH:
        return nothing, 0.0
    places = np.argsort(np.argsort(layout.angles))[layout.tilts]
    sigma, measured = error_of_places(places, between, error, _KNOWN_GROWTH)
    sigma = told_growth(sigma, measured, error, len(layout.angles) - 1)
    if sigma * size < _GROWN_PX:
        return nothing, sigma
    error = np.maximum(error, measured)
    return off_places(layout.tilts, len(layout.angles), between, error, sigma), sigma


def _products(
    lines: AnyArray,
    layout: PairLayout,
    rings: int,
    limit: float,
    trust: DoubleArray,
    start: DoubleArray | None = None,
) -> tuple[DoubleArray, DoubleArray, DoubleArray, DoubleArray, DoubleArray]:
    """Return sums of products, of each one's power and of coefficients; displacements, errors."""
    count = len(layout.tilts)
    sums, number = np.zeros((count, rings, BINS)), np.zeros((count, rings, BINS))
    own = np.zeros((count, 2, rings, BINS))
    moved, error = np.zeros((count, 2)), np.zeros((count, 2))

    def measure(pair: int) -> None:
        i, j = layout.tilts[pair]
        near, apart = layout.near(pair)
        places, scale = layout.places(pair, near), layout.scale[pair]
        first, second = lines[i][:, near], lines[j][:, near]
        agreeing = layout.agreeing(apart)
        before = None if start is None else start[pair]
        moved[pair], error[pair] = displacement(
            first, second, places, agreeing, scale, trust, before
        )
        found = sums[pair], own[pair], number[pair]
        bins = layout.bins(apart)
        add_products(first, second, *places, bins, moved[pair], limit, *found)

    in_threads(measure, range(count))
    return sums, own, number, moved, error
