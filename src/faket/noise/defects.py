"""Defects of a reference: hot and dead pixels, dead lines, empty borders, blank tilts.

A few such pixels change the mean, the variance and the spectrum of a tilt a great deal. They are
recognised by grey values that neither counted electrons nor a specimen give, and filled by
mirroring their surroundings, so that all later measurements see images of the specimen alone. A
stack without defects stays as it is.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import pdtrc

from faket.data import AnyArray, FloatArray
from faket.errors import InputError
from faket.noise.by_content import ByContent
from faket.noise.dead_lines import dead_lines
from faket.noise.filling import filled_stack
from faket.noise.repeated import repeated_edges
from faket.threads import in_threads

# Chosen thresholds; the tests of this module hold what they have to separate.
_FAR_SIGMA = 10.0  # counts of one electron a pixel and more do not lie so far from their mean
_FAR_TAIL = 4.3  # beyond the 99th percentile, which is 2.33 σ of a normal law: 10 σ of it
_FOOT = 0.5  # of that: neighbours above it belong to the same defect
_BRIGHT_PIXELS, _DARK_PIXELS = 64, 4  # at most, in one X-ray; what is dark and larger may be gold
_MOST = 0.1  # of the pixels: if more stand out, they are the image
_FEW_COUNTS = 2.0  # mean over σ, the root of the number of electrons a pixel
_FEW_HOT = 20.0  # interquartile ranges: counts and specimens do not lie so far from the median
_BY_ACCIDENT = 1e-3  # expected number of constant squares in an image of independent pixels
_LEAST_EMPTY = 0.01  # of an image of whole numbers: smooth ones have small flat places
_LEAST_VALID = 0.25  # of an image; with fewer valid pixels it is left out
_FAINT = 0.1  # of the median σ: a closed shutter, not thick ice, lowers the contrast so much
_SCALES = (1e-10, 1e10)  # of the largest value: single precision holds the squares
_FEW_TILTS = 5  # with fewer tilts the median σ is not reliable


@dataclass(frozen=True)
class Repaired:
    """A stack whose defects are filled.

    Attributes
    ----------
    images : ndarray, shape (tilt, y, x)
        The given stack itself if it has none.
    blank : tuple of int
        Tilts without contrast, or with fewer than a quarter of valid pixels: they cannot be
        repaired.
    faint : tuple of int
        Tilts whose σ is below a tenth of the median; empty for fewer than five tilts.
    masks : dict of int to ndarray, shape (y, x), bool
        The filled pixels of each tilt that had defects.
    pixels, lines : int
        Number of filled single pixels (or X-rays), and of filled rows and columns.
    empty : float
        Fraction of the stack, without its blank tilts, that had a constant value.
    """

    images: AnyArray
    blank: tuple[int, ...]
    faint: tuple[int, ...]
    masks: dict[int, NDArray[np.bool_]]
    pixels: int
    lines: int
    empty: float

    def applied_to(self, stack: AnyArray) -> AnyArray:
        """Fill the same pixels in another stack: the reference's noise-free projections."""
        if not self.masks or stack.shape != self.images.shape:
            return stack
        return filled_stack(stack, self.masks)

    @property
    def unusable(self) -> tuple[int, ...]:
        """Tilts that do not show the specimen: the blank and the faint ones."""
        return tuple(sorted((*self.blank, *self.faint)))

    @property
    def left_out(self) -> dict[str, Any]:
        """What was left out, ready for JSON; empty if there was nothing."""
        found: dict[str, Any] = {
            "hot_or_dead_pixels": self.pixels,
            "dead_lines": self.lines,
            "empty_part": round(self.empty, 6),
            "blank_tilts": list(self.unusable),
        }
        return {name: value for name, value in found.items() if value}

    def notice(self) -> str:
        """Return what was left out, in words; empty if there was nothing."""
        parts = [
            f"{self.pixels} hot or dead pixels" * (self.pixels > 0),
            f"{self.lines} dead rows or columns" * (self.lines > 0),
            f"{100 * self.empty:.2g} % of the pixels, empty borders" * (self.empty > 0),
            f"blank tilts {', '.join(map(str, self.unusable))} (from 0)" * bool(self.unusable),
        ]
        text = ", ".join(part for part in parts if part)
        return f"left out of all measurements: {text}" if text else ""


def repair(images: AnyArray) -> Repaired:
    """Find the defects of a stack and fill them.

    A region is empty (as alignment leaves borders) if it holds squares of one value that are too
    large to occur by accident, or repeats the last pixel of its lines. A line is dead if its mean
    differs from that of its neighbours by 8 robust σ. Pixels are hot or dead, and small groups are
    X-rays (at most 64 bright or 4 dark pixels), if they lie at least 10 σ from the mean and beyond
    what the tail of the other grey values explains. Gold is dark and larger, and is kept.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
        Protein dark; finite.

    Returns
    -------
    Repaired
    """
    found = _found.get(images, _defects_of)
    masks = {
        tilt: np.unpackbits(one.packed, axis=1, count=images.shape[2]).view(bool)
        for tilt, one in enumerate(found)
        if one.packed is not None
    }
    spreads = np.array([one.spread for one in found])
    limit = _FAINT * float(np.median(spreads)) if len(images) >= _FEW_TILTS else 0.0
    blank = tuple(int(tilt) for tilt in np.flatnonzero(spreads == 0))
    faint = tuple(int(tilt) for tilt in np.flatnonzero((spreads > 0) & (spreads < limit)))
    repaired = filled_stack(images, masks) if masks else images
    pixels, lines = sum(one.pixels for one in found), sum(one.lines for one in found)
    empty = sum(one.empty for one in found) / images.size
    return Repaired(repaired, blank, faint, masks, pixels, lines, empty)


def check_scale(images: AnyArray, where: str = "reference") -> None:
    """Refuse grey values whose squares single precision cannot hold.

    Raises
    ------
    InputError
        If the largest is not finite, above 1e10 or below 1e-10 in size.
    """
    largest = max(float(np.abs(image).max()) for image in images)
    if 0 < largest < _SCALES[0] or not largest <= _SCALES[1]:
        raise InputError(
            f"{where}: expected grey values of {_SCALES[0]:g} to {_SCALES[1]:g} in size, found "
            f"{largest:g}; scale the stack"
        )


@dataclass(frozen=True, eq=False)
class _Found:
    """Defects of a tilt: their mask, eight pixels a byte [y, x / 8], and their numbers."""

    packed: NDArray[np.uint8] | None = None
    spread: float = 0.0
    pixels: int = 0
    lines: int = 0
    empty: int = 0


# Of the last stacks; chosen: a reference before and after repair.
_found = ByContent[list[_Found]](2)


def _defects_of(images: AnyArray) -> list[_Found]:
    """Return the defects of each tilt."""
    return in_threads(lambda image: _all_of(np.asarray(image, np.float32)), images)


def _all_of(image: FloatArray) -> _Found:
    found = _defects(image)
    if found is None:
        return _Found()
    constant, dead, odd, spread = found
    mask, packed = constant | dead | odd, None
    if mask.any():
        packed = np.packbits(ndimage.binary_dilation(mask, np.ones((3, 3))), axis=1)
    pixels = int(ndimage.label(odd, np.ones((3, 3)))[1])
    lines = int(dead.all(axis=0).sum() + dead.all(axis=1).sum())
    return _Found(packed, spread, pixels, lines, int(constant.sum()))


Defects = tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_], float]


def _defects(image: FloatArray) -> Defects | None:
    """Return constant, dead and odd pixels and σ of the rest; None if hardly any pixel is left."""
    constant = np.zeros(image.shape, bool)
    for value in _frequent_values(image):
        constant |= _constant_region(image == value)
    constant |= repeated_edges(image, constant)
    if constant.mean() > 1 - _LEAST_VALID:
        return None
    mean, spread = _clipped(image[~constant])
    if not spread > 0:
        return None
    dead = np.zeros(image.shape, bool)
    for axis in (0, 1):
        dead |= np.expand_dims(dead_lines(image, constant, spread, axis), axis)
    odd = _odd_pixels(image, ~(constant | dead), mean, spread)
    return constant, dead & ~constant, odd, spread


def _frequent_values(image: FloatArray) -> Iterator[float]:
    """Yield the most frequent value of the edge and of a sample: empty borders have one of them."""
    edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    found = set()
    for sample in (edge, image[::3, ::3].ravel()):
        values, counts = np.unique(sample, return_counts=True)
        found.add(float(values[counts.argmax()]))
    yield from sorted(found)


def _constant_region(same: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where more pixels of one value lie together than an accident explains."""
    part, nothing = float(same.mean()), np.zeros(same.shape, bool)
    if part * same.size < 4 or part == 1:
        return same if part == 1 else nothing
    side = math.ceil(math.sqrt(math.log(_BY_ACCIDENT / same.size) / math.log(part)))
    side = max(side, 2)
    if side > min(same.shape) // 2:
        return nothing
    # Opening by a square: only whole squares remain.
    inner = ndimage.minimum_filter(same.view(np.uint8), side, mode="constant", cval=0)
    if not inner.any():
        return nothing
    near = ndimage.maximum_filter(inner, 3 * side, mode="constant", cval=0)
    region = np.asarray(near.astype(bool) & same)
    frequent = same[~region].mean() > 1e-3 if not region.all() else False
    return nothing if frequent and region.mean() < _LEAST_EMPTY else region


def _clipped(values: FloatArray) -> tuple[float, float]:
    """Return mean and σ of the values within 6 σ of the mean, cutting outliers repeatedly."""
    kept = values.astype(np.float64)
    low, middle, high = np.percentile(values[:: max(1, values.size // 100_000)], (25, 50, 75))
    if high > low:  # or else many hot pixels would hide behind their own σ
        near = np.abs(kept - middle) <= _FEW_HOT * (high - low)
        kept = kept if near.all() else kept[near]
    for _ in range(20):
        mean = float(kept.mean())
        off = kept - mean
        spread = math.sqrt(float(np.mean(off * off)))
        inside = np.abs(off, out=off) <= 6 * spread
        if inside.all() or np.ptp(kept[inside]) == 0:  # a few electrons among zeros
            break
        kept = kept[inside]
    return mean, spread


def _odd_pixels(
    image: FloatArray, valid: NDArray[np.bool_], mean: float, spread: float
) -> NDArray[np.bool_]:
    """Return hot and dead single pixels, and X-rays."""
    odd = np.zeros(image.shape, bool)
    for sign, most in ((1, _BRIGHT_PIXELS), (-1, _DARK_PIXELS)):
        height = np.where(valid, sign * (image - np.float32(mean)), 0)
        if height.max() <= _FAR_SIGMA * spread:
            continue
        few = sign > 0 and mean <= _FEW_COUNTS * spread and float(image[valid].min()) >= 0
        far = _far(height[valid], mean, spread, few=few)
        labels, count = ndimage.label(height > _FOOT * far, np.ones((3, 3)))
        small = np.bincount(labels.ravel(), minlength=count + 1) <= most
        reaching = np.zeros(count + 1, bool)
        reaching[labels[height > far]] = True
        odd |= (small & reaching)[labels] & (labels > 0)
        # Interpolation surrounds a bright pixel with dark and bright rings.
        near = ndimage.binary_dilation(odd, np.ones((7, 7)))
        odd |= near & valid & (np.abs(image - np.float32(mean)) > _FOOT * far)
    return odd if odd.mean() < _MOST else np.zeros(image.shape, bool)


def _far(height: FloatArray, mean: float, spread: float, *, few: bool) -> float:
    """Return the height above the mean beyond which neither noise nor a specimen lies.

    ``few``: grey values may be counts of so few electrons that single ones are far from the mean.
    """
    usual = height
    # No distribution has more than 1 % beyond 10 of its own σ (Chebyshev): those are defects.
    if np.mean(height > _FAR_SIGMA * spread) > 1 / _FAR_SIGMA**2:
        usual = height[height <= _FAR_SIGMA * spread]
    far = max(_FAR_SIGMA * spread, _FAR_TAIL * float(np.percentile(usual, 99)))
    if not few:
        return far
    # mean / σ² is 1 / step
    electrons, most = mean**2 / spread**2, np.arange(64)
    rare = pdtrc(most, electrons) * height.size < _BY_ACCIDENT
    return max(far, (float(most[rare.argmax()]) + 0.5) * spread**2 / mean - mean)
