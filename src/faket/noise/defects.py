"""What in a reference is no image: hot and dead pixels, dead lines, empty borders, blank tilts.

Each of them moves mean, variance and spectrum of a tilt far more than its size. They are found by
what no counted electrons and no specimen do, and filled by mirroring what lies beside them, so that
everything that is measured later sees images of one kind. A stack without them stays as it is.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from faket.data import AnyArray, FloatArray
from faket.errors import InputError

_FAR_SIGMA = 10.0  # counts of one electron a pixel and more do not come so far from their mean
_FAR_TAIL = 4.3  # beyond the 99th percentile, which is 2.33 σ of a normal law: 10 σ of it
_FOOT = 0.5  # of that: how far down such a pixel's surroundings belong to it
_BRIGHT_PIXELS, _DARK_PIXELS = 64, 4  # at most, in one X-ray; what is dark and larger may be gold
_MOST = 0.01  # of the pixels: more are not defects but the image
_LINE_WINDOW = 9  # lines: a dead one differs from the median of so many beside it
_LINE_SIGMA = 8.0
_BY_ACCIDENT = 1e-3  # expected number of constant squares in an image, of pixels independent
_LEAST_EMPTY = 0.01  # of an image of whole numbers: smooth ones have small flat places
_LEAST_VALID = 0.25  # of an image; with less it is left out
_FAINT = 0.1  # of the usual σ: no ice damps the contrast so much, a closed shutter does
_SCALES = (1e-10, 1e10)  # of the largest value: single precision holds powers of these
_FEW_TILTS = 5  # whose median σ tells nothing yet


@dataclass(frozen=True)
class Mended:
    """A stack without its defects.

    Attributes
    ----------
    images : ndarray, shape (tilt, y, x)
        The stack itself where there are none.
    blank : tuple of int
        Tilts without contrast, or that hold hardly anything else: they cannot be mended.
    faint : tuple of int
        Tilts whose σ is below a tenth of the usual, where there are five and more.
    masks : dict of int to ndarray, shape (y, x), bool
        What was filled, of each tilt that had defects.
    pixels, lines : int
        Single pixels (or X-rays), and rows or columns, filled in all.
    empty : float
        Part of the stack, blank tilts aside, that was one constant.
    """

    images: AnyArray
    blank: tuple[int, ...]
    faint: tuple[int, ...]
    masks: dict[int, NDArray[np.bool_]]
    pixels: int
    lines: int
    empty: float

    def also(self, stack: AnyArray) -> AnyArray:
        """Fill the same pixels in another stack, of the reference's clean twin."""
        if not self.masks or stack.shape != self.images.shape:
            return stack
        return _filled_stack(stack, self.masks)

    @property
    def unusable(self) -> tuple[int, ...]:
        """The tilts that are no image of the specimen."""
        return tuple(sorted((*self.blank, *self.faint)))

    @property
    def left_out(self) -> dict[str, Any]:
        """What was left out, ready for JSON; empty where nothing was."""
        found: dict[str, Any] = {
            "hot_or_dead_pixels": self.pixels,
            "dead_lines": self.lines,
            "empty_part": round(self.empty, 6),
            "blank_tilts": list(self.unusable),
        }
        return {name: value for name, value in found.items() if value}

    def notice(self) -> str:
        """Return what was left out, in words; empty where nothing was."""
        parts = [
            f"{self.pixels} hot or dead pixels" * (self.pixels > 0),
            f"{self.lines} dead rows or columns" * (self.lines > 0),
            f"{100 * self.empty:.2g} % of the pixels, empty borders" * (self.empty > 0),
            f"blank tilts {', '.join(map(str, self.unusable))} (from 0)" * bool(self.unusable),
        ]
        text = ", ".join(part for part in parts if part)
        return f"left out of all measurements: {text}" if text else ""


def mend(images: AnyArray) -> Mended:
    """Find the defects of a stack and fill them.

    Constant regions (which alignment leaves) are those that hold squares of one value too large
    for an accident; a dead line's median differs from those beside it by 8 robust σ; hot and dead
    pixels, or X-rays of at most 25 pixels, lie 10 σ and more from the mean, beyond what the tail
    of the other grey values explains. Gold is dark and larger, and stays.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
        Protein dark; finite.

    Returns
    -------
    Mended
    """
    masks, spreads, pixels, lines, empty = {}, np.zeros(len(images)), 0, 0, 0
    for tilt, image in enumerate(images):
        found = _defects(np.asarray(image, np.float32))
        if found is None:
            continue
        constant, dead, odd, spreads[tilt] = found
        mask = constant | dead | odd
        if mask.any():
            masks[tilt] = ndimage.binary_dilation(mask, np.ones((3, 3)))
        pixels += int(ndimage.label(odd, np.ones((3, 3)))[1])
        lines += int(dead.all(axis=0).sum() + dead.all(axis=1).sum())
        empty += int(constant.sum())
    limit = _FAINT * float(np.median(spreads)) if len(images) >= _FEW_TILTS else 0.0
    blank = tuple(int(tilt) for tilt in np.flatnonzero(spreads == 0))
    faint = tuple(int(tilt) for tilt in np.flatnonzero((spreads > 0) & (spreads < limit)))
    mended = _filled_stack(images, masks) if masks else images
    return Mended(mended, blank, faint, masks, pixels, lines, empty / images.size)


def check_scale(images: AnyArray, where: str = "reference") -> None:
    """Refuse grey values whose powers single precision does not hold.

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


Found = tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_], float]


def _defects(image: FloatArray) -> Found | None:
    """Return constant, dead and odd pixels, and σ of the rest; None where hardly any is left."""
    constant = np.zeros(image.shape, bool)
    for value in _frequent_values(image):
        constant |= _constant_region(image == value)
    if constant.mean() > 1 - _LEAST_VALID:
        return None
    mean, spread = _clipped(image[~constant])
    if not spread > 0:
        return None
    dead = np.zeros(image.shape, bool)
    for axis in (0, 1):
        dead |= np.expand_dims(_dead_lines(image, constant, spread, axis), axis)
    odd = _odd_pixels(image, ~(constant | dead), mean, spread)
    return constant, dead & ~constant, odd, spread


def _frequent_values(image: FloatArray) -> Iterator[float]:
    """Yield the most frequent values of the edge and of a sample: what fills borders is there."""
    edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    found = set()
    for sample in (edge, image[::3, ::3].ravel()):
        values, counts = np.unique(sample, return_counts=True)
        found.add(float(values[counts.argmax()]))
    yield from sorted(found)


def _constant_region(same: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where pixels of one value lie together as no accident puts them."""
    part, nothing = float(same.mean()), np.zeros(same.shape, bool)
    if part * same.size < 4 or part == 1:
        return same if part == 1 else nothing
    side = math.ceil(math.sqrt(math.log(_BY_ACCIDENT / same.size) / math.log(part)))
    side = max(side, 2)
    if side > min(same.shape) // 2:
        return nothing
    # Opening by a square: what is left holds whole squares.
    inner = ndimage.minimum_filter(same.view(np.uint8), side, mode="constant", cval=0)
    if not inner.any():
        return nothing
    near = ndimage.maximum_filter(inner, 3 * side, mode="constant", cval=0)
    region = np.asarray(near.astype(bool) & same)
    frequent = same[~region].mean() > 1e-3 if not region.all() else False
    return nothing if frequent and region.mean() < _LEAST_EMPTY else region


def _clipped(values: FloatArray) -> tuple[float, float]:
    """Return mean and σ of what lies within 6 σ, found from the outside in."""
    kept = values.astype(np.float64)
    for _ in range(20):
        mean, spread = float(kept.mean()), float(kept.std())
        inside = np.abs(kept - mean) <= 6 * spread
        if inside.all() or np.ptp(kept[inside]) == 0:  # a few electrons among zeros
            break
        kept = kept[inside]
    return mean, spread


def _dead_lines(
    image: FloatArray, constant: NDArray[np.bool_], spread: float, axis: int
) -> NDArray[np.bool_]:
    """Return which lines along ``axis`` differ as a whole from those beside them."""
    full = constant.mean(axis=axis) < 0.5
    if full.sum() < 2 * _LINE_WINDOW:
        return np.zeros(len(full), bool)
    level = np.median(image, axis=axis)[full].astype(np.float64)
    apart = np.abs(level - ndimage.median_filter(level, _LINE_WINDOW, mode="mirror"))
    usual = 1.4826 * float(np.median(apart))
    dead = np.zeros(len(full), bool)
    dead[full] = (apart > _LINE_SIGMA * usual) & (apart > spread)
    return dead if dead.mean() < 0.1 else np.zeros(len(full), bool)


def _odd_pixels(
    image: FloatArray, valid: NDArray[np.bool_], mean: float, spread: float
) -> NDArray[np.bool_]:
    """Return single pixels and X-rays."""
    odd = np.zeros(image.shape, bool)
    for sign, most in ((1, _BRIGHT_PIXELS), (-1, _DARK_PIXELS)):
        height = np.where(valid, sign * (image - np.float32(mean)), 0)
        if height.max() <= _FAR_SIGMA * spread:
            continue
        tail = float(np.percentile(height[valid], 99))
        far = max(_FAR_SIGMA * spread, _FAR_TAIL * tail)
        labels, count = ndimage.label(height > _FOOT * far, np.ones((3, 3)))
        small = np.bincount(labels.ravel(), minlength=count + 1) <= most
        reaching = np.zeros(count + 1, bool)
        reaching[labels[height > far]] = True
        odd |= (small & reaching)[labels] & (labels > 0)
        # Interpolation leaves dark and bright rings around a bright one.
        near = ndimage.binary_dilation(odd, np.ones((7, 7)))
        odd |= near & valid & (np.abs(image - np.float32(mean)) > _FOOT * far)
    return odd if odd.mean() < _MOST else np.zeros(image.shape, bool)


def _filled_stack(stack: AnyArray, masks: dict[int, NDArray[np.bool_]]) -> FloatArray:
    mended = np.array(stack, np.float32)
    for tilt, mask in masks.items():
        mended[tilt] = _filled(mended[tilt], mask)
    return mended


def _filled(image: FloatArray, missing: NDArray[np.bool_]) -> FloatArray:
    """Fill what is missing by mirroring the image at the nearest pixel that is not."""
    image, missing = image.copy(), missing.copy()
    while missing.any() and not missing.all():
        nearest = ndimage.distance_transform_edt(
            missing, return_distances=False, return_indices=True
        )
        place = np.nonzero(missing)
        source = tuple(
            np.clip(2 * nearest[axis][place] - place[axis], 0, size - 1)
            for axis, size in enumerate(image.shape)
        )
        known = ~missing[source]
        if not known.any():
            image[place] = image[tuple(axis[place] for axis in nearest)]
            break
        there = tuple(axis[known] for axis in place)
        image[there] = image[tuple(axis[known] for axis in source)]
        missing[there] = False
    return image
