"""The defects of one image: which of its pixels neither counts nor a specimen explain."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import pdtrc

from faket.data import FloatArray
from faket.noise.dead_lines import dead_lines
from faket.noise.repeated import repeated_edges

# Chosen thresholds; the tests of :mod:`faket.noise.defects` hold what they have to separate.
_FAR_SIGMA = 10.0  # counts of one electron a pixel and more do not lie so far from their mean
_FAR_TAIL = 4.3  # beyond the 99th percentile, which is 2.33 σ of a normal law: 10 σ of it
_FOOT = 0.5  # of that: neighbours above it belong to the same defect
_BRIGHT_PIXELS, _DARK_PIXELS = 64, 4  # at most, in one X-ray; what is dark and larger may be gold
_MOST = 0.1  # of the pixels: if more stand out, they are the image
_FEW_COUNTS = 2.0  # mean over σ, the root of the number of electrons a pixel
_FEW_HOT = 20.0  # interquartile ranges: counts and specimens do not lie so far from the median
_BY_ACCIDENT = 1e-6  # expected number of such things in an image of independent pixels; chosen
_LEAST_EMPTY = 0.01  # of an image of whole numbers: smooth ones have small flat places
_LEAST_VALID = 0.25  # of an image; with fewer valid pixels it is left out

Defects = tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_], float]


def image_defects(image: FloatArray) -> Defects | None:
    """Return constant, dead and odd pixels and σ of the rest; None if hardly any pixel is left."""
    constant = np.zeros(image.shape, bool)
    for value in _frequent_values(image):
        constant |= _constant_region(image == value)
    constant |= repeated_edges(image, constant)
    if constant.mean() > 1 - _LEAST_VALID:
        return None
    mean, spread = _clipped(image[~constant] if constant.any() else image.ravel())
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
    part, nothing = np.count_nonzero(same) / same.size, np.zeros(same.shape, bool)
    if part * same.size < 4 or part == 1:
        return same if part == 1 else nothing
    side = math.ceil(math.sqrt(math.log(_BY_ACCIDENT / same.size) / math.log(part)))
    side = max(side, 2)
    if side > min(same.shape) // 2 or not _has_square(same, side):
        return nothing
    # Opening by a square: only whole squares remain.
    inner = ndimage.minimum_filter(same.view(np.uint8), side, mode="constant", cval=0)
    if not inner.any():
        return nothing
    near = ndimage.maximum_filter(inner, 3 * side, mode="constant", cval=0)
    region = np.asarray(near.astype(bool) & same)
    frequent = same[~region].mean() > 1e-3 if not region.all() else False
    return nothing if frequent and region.mean() < _LEAST_EMPTY else region


def _has_square(marked: NDArray[np.bool_], side: int) -> bool:
    """Return whether all pixels of any square of ``side`` pixels are marked."""
    left = side - 1
    while left:  # the pixels at which larger and larger marked squares begin
        step = min(left, side - left)
        marked = marked[:-step] & marked[step:]
        marked = marked[:, :-step] & marked[:, step:]
        left -= step
    return bool(marked.any())


def _clipped(values: FloatArray) -> tuple[float, float]:
    """Return mean and σ of the values within 6 σ of the mean, cutting outliers repeatedly."""
    low, middle, high = np.percentile(values[:: max(1, values.size // 100_000)], (25, 50, 75))
    kept = values - np.float32(middle)
    if high > low:  # or else many hot pixels would hide behind their own σ
        kept = _within(kept, 0.0, _FEW_HOT * (high - low))
    for _ in range(20):
        mean = float(kept.mean(dtype=np.float64))
        spread = math.sqrt(max(float((kept * kept).mean(dtype=np.float64)) - mean**2, 0.0))
        inside = _within(kept, mean, 6 * spread)
        if len(inside) == len(kept) or np.ptp(inside) == 0:  # a few electrons among zeros
            break
        kept = inside
    return mean + float(middle), spread


def _within(values: FloatArray, middle: float, reach: float) -> FloatArray:
    """Return the values that lie so near to the middle; the same array if all do."""
    if values.min() >= middle - reach and values.max() <= middle + reach:
        return values
    near: FloatArray = values[np.abs(values - np.float32(middle)) <= reach]
    return near


def _odd_pixels(
    image: FloatArray, valid: NDArray[np.bool_], mean: float, spread: float
) -> NDArray[np.bool_]:
    """Return hot and dead single pixels, and X-rays."""
    odd = np.zeros(image.shape, bool)
    for sign, most in ((1, _BRIGHT_PIXELS), (-1, _DARK_PIXELS)):
        highest = sign * (float(image.max() if sign > 0 else image.min()) - mean)
        if highest <= _FAR_SIGMA * spread:
            continue
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
