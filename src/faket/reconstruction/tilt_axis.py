"""The direction of the tilt axis, measured from the images of a tilt-series alone.

The images need not be aligned, and their pixel size need not be known. How well the lines of
:mod:`faket.reconstruction.common_lines` agree is summed over pairs of tilts, for all directions:
first for pairs that are so near to each other that many lines agree, then around the best direction
for pairs farther apart, which agree nowhere else. The same measurement on tilts that are drawn at
random from the series, with replacement, tells the error, and whether there is anything at all.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faket.data import AnyArray, DoubleArray
from faket.reconstruction.coarse_images import CoarseImages, coarse_images
from faket.reconstruction.common_lines import (
    Pairs,
    Spectra,
    agreement,
    displacements,
    near,
    pairs_of,
    sampled_lines,
    spectra,
)
from faket.seeds import generator
from faket.threads import in_threads
from faket.tilts import checked_angles

# Directions looked at, and how far apart the tilts of a pair are. Chosen: a specimen a fifth as
# thick as the image is wide gives peaks 60° wide at 3° and 5° wide at 40°.
_COARSE_DEG, _COARSE_APART_DEG = 3.0, (6.0, 12.0, 24.0, 40.0)
_FINE_DEG, _AROUND_DEG = 1.0, 8.0
_FINE_APART_DEG, _FINE_PAIRS = 8.0, 400  # at least, and at most
_INEXACT = 0.25  # relative, of these: real tilts are not everywhere
_DRAWS = 200  # of tilts with replacement; their σ is known to 5 %
# The error over the σ of the draws, which all show one specimen, is 1.5 rather than 1; measured by
# scripts/measure_axis.py.
_ONE_SPECIMEN = 1.5
# What makes a direction certain; chosen by scripts/measure_axis.py.
_LEAST_TILTS, _LEAST_RANGE_DEG = 5, 15.0
_LEAST_STRENGTH, _LEAST_AGREEING, _LARGEST_SIGMA_DEG = 3.3, 0.98, 0.5
_STEEPEST_DEG = 80.0  # beyond, 1 / cos θ stretches an image more than sixfold


@dataclass(frozen=True)
class TiltAxis:
    """The direction of the tilt axis in the images, and how far it can be trusted.

    Attributes
    ----------
    angle_deg : float
        From y, counter-clockwise (x to the right, y along the rows' order), in [-90, 90): images
        do not tell it from the opposite direction. NaN if it was not measured.
    sigma_deg : float
        Standard error; infinite if it was not measured.
    strength : float
        How far the best direction stands out of the others, in robust σ of them.
    agreeing : float
        Share of random draws of the tilts that give the same direction within 6°.
    reason : str
        Why the direction is not certain; empty if it is.
    """

    angle_deg: float = math.nan
    sigma_deg: float = math.inf
    strength: float = 0.0
    agreeing: float = 0.0
    reason: str = ""

    @property
    def stands_out(self) -> bool:
        """Whether one direction stands out of the others, however well it is known."""
        return self.strength >= _LEAST_STRENGTH and self.agreeing >= _LEAST_AGREEING

    @property
    def certain(self) -> bool:
        """Whether a direction stands out and is known within 1° (two standard errors)."""
        return not self.reason

    @property
    def interval_deg(self) -> tuple[float, float]:
        """Two standard errors to either side."""
        return (self.angle_deg - 2 * self.sigma_deg, self.angle_deg + 2 * self.sigma_deg)

    @property
    def verdict(self) -> str:
        """One line: the direction, or why none is told."""
        if self.certain:
            return f"tilt axis at {self.angle_deg:.1f} ± {self.sigma_deg:.1f} degrees from y"
        return f"tilt axis: cannot tell, {self.reason}"

    def away_from(self, tilt_axis_deg: float) -> float:
        """Return how far it is from another direction, 0 to 90 degrees."""
        return float(np.abs(half_turn(self.angle_deg - tilt_axis_deg)))


def half_turn(angle_deg: ArrayLike) -> DoubleArray:
    """Return the same line's angle in [-90, 90) degrees."""
    return np.asarray((np.asarray(angle_deg) + 90.0) % 180.0 - 90.0)


def tilt_axis(images: AnyArray, angles_deg: ArrayLike | None) -> TiltAxis:
    """Measure the direction of the tilt axis from the images.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
        Aligned or not, in any order and any grey scale; blank ones and constant borders are
        recognised. A memory map is read one image at a time.
    angles_deg : array_like, shape (tilts,), or None
        Tilt angles; None if they are not known. Their common sign does not matter.

    Returns
    -------
    TiltAxis

    Raises
    ------
    InputError
        If images or angles are not what they should be, or do not fit.
    """
    coarse = coarse_images(images)
    if angles_deg is None:
        return TiltAxis(reason="the tilt angles are not known")
    return tilt_axis_of(coarse, checked_angles(angles_deg, len(coarse.images)))


def tilt_axis_of(coarse: CoarseImages, angles_deg: DoubleArray) -> TiltAxis:
    """Measure the direction of the tilt axis from small images that are clean already."""
    used = coarse.usable & (np.abs(angles_deg) <= _STEEPEST_DEG)
    angles = angles_deg[used]
    if len(angles) < _LEAST_TILTS:
        return TiltAxis(reason=f"{len(angles)} usable tilts are too few")
    if np.ptp(angles) < _LEAST_RANGE_DEG:
        return TiltAxis(reason=f"the tilt angles span {np.ptp(angles):.3g} degrees only")
    pairs, fine_pairs = _coarse_pairs(angles), _fine_pairs(angles)
    if min(len(pairs.first), len(fine_pairs.first)) < _LEAST_TILTS:
        return TiltAxis(reason="too few tilts are 6 to 40 degrees apart")
    transforms = spectra(coarse.images[used])
    turned = np.arange(-90.0, 90.0, _COARSE_DEG)
    scores = _scores(transforms, angles, pairs, turned)
    curve = scores.sum(axis=1)
    best = float(turned[curve.argmax()])
    maxima = turned[(scores @ _draws(len(angles), pairs)).argmax(axis=0)]  # [draw]
    agreeing = float((np.abs(half_turn(maxima - best)) <= 2 * _COARSE_DEG).mean())
    about = best + half_turn(turned - best)  # no longer cut where the half turn ends
    near_best = np.argsort(about)[np.abs(np.sort(about) - best) <= 6 * _COARSE_DEG]
    middle = _centre(about[near_best], curve[near_best])
    around = middle + np.arange(-_AROUND_DEG, _AROUND_DEG + _FINE_DEG / 2, _FINE_DEG)
    fine = _scores(transforms, angles, fine_pairs, around)
    centres = [_centre(around, drawn) for drawn in (fine @ _draws(len(angles), fine_pairs)).T]
    sigma = _ONE_SPECIMEN * float(np.std(centres))
    angle = half_turn(_centre(around, fine.sum(axis=1)))
    found = TiltAxis(float(angle), sigma, _strength(curve), agreeing)
    return replace(found, reason=_doubt(found))


def _doubt(found: TiltAxis) -> str:
    """Return why a direction is not certain, or nothing."""
    if not found.stands_out:
        return "no direction stands out: too little signal or too few tilts"
    if found.sigma_deg > _LARGEST_SIGMA_DEG:
        return f"found at {found.angle_deg:.1f} ± {found.sigma_deg:.1f} degrees only"
    return ""


def _coarse_pairs(angles: DoubleArray) -> Pairs:
    """Return for each tilt those that are about so far from it, each pair once."""
    found = set()
    for apart in _COARSE_APART_DEG:
        off = np.abs(angles - angles[:, None] - apart)  # [tilt, other]
        nearest = off.argmin(axis=1)
        near_enough = np.flatnonzero(off.min(axis=1) <= _INEXACT * apart)
        found |= {(int(i), int(nearest[i])) for i in near_enough}
    first, second = np.array(sorted(found), np.intp).reshape(-1, 2).T
    return pairs_of(first, second, angles)


def _fine_pairs(angles: DoubleArray) -> Pairs:
    """Return all pairs that are far apart, or as many as are enough, drawn at random."""
    pairs = np.argwhere(angles - angles[:, None] >= _FINE_APART_DEG)  # [pair, 2]
    if len(pairs) > _FINE_PAIRS:
        chosen = generator(0, "tilt axis", "pairs").choice(len(pairs), _FINE_PAIRS, replace=False)
        pairs = pairs[np.sort(chosen)]
    return pairs_of(pairs[:, 0], pairs[:, 1], angles)


def _scores(
    transforms: Spectra, angles: DoubleArray, pairs: Pairs, turned: DoubleArray
) -> DoubleArray:
    """Return how well pairs agree for each direction, at their best displacement [turn, pair].

    Each pair's median is taken away: that of the largest of many values of noise is not 0.
    """

    def score(axis_deg: float) -> DoubleArray:
        lines = sampled_lines(transforms, angles, axis_deg)
        possible = near(displacements(lines.shape[-1], transforms.width), transforms.width)
        return np.asarray(agreement(lines, pairs)[:, possible].max(axis=1))

    scores = np.array(in_threads(score, turned.tolist()))
    return np.asarray(scores - np.median(scores, axis=0))


def _draws(n: int, pairs: Pairs) -> NDArray[np.int64]:
    """Return how often each pair is in each draw of as many tilts, with replacement [pair, draw].

    The seed is fixed: the same images give the same answer.
    """
    times = (
        generator(0, "tilt axis", "tilts").multinomial(n, np.full(n, 1 / n), _DRAWS).T
    )  # [tilt, draw]
    return np.asarray(times[pairs.first] * times[pairs.second])


def _strength(curve: DoubleArray) -> float:
    """Return how far the maximum stands out, in robust σ."""
    off = np.abs(curve - np.median(curve))
    return float(off[curve.argmax()] / max(1.4826 * np.median(off), 1e-9))


def _centre(turned: DoubleArray, curve: DoubleArray) -> float:
    """Return the centre of the part of a peak that is above half its height."""
    foot = np.sort(curve)[: len(curve) // 4].mean()
    above = np.clip(curve - foot - 0.5 * (curve.max() - foot), 0, None)
    return float((above * turned).sum() / max(above.sum(), 1e-9)) if above.any() else turned.mean()
