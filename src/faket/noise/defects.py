"""Defects of a reference: hot and dead pixels, dead lines, empty borders, blank tilts.

A few such pixels change the mean, the variance and the spectrum of a tilt a great deal. They are
recognised by grey values that neither counted electrons nor a specimen give, and filled by
mirroring their surroundings, so that all later measurements see images of the specimen alone. A
stack without defects stays as it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from faket.data import AnyArray, FloatArray
from faket.errors import InputError
from faket.noise.by_content import ByContent
from faket.noise.filling import filled_stack
from faket.noise.image_defects import image_defects
from faket.threads import in_threads

# Chosen thresholds; the tests of this module hold what they have to separate.
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
    masks : mapping of int to ndarray, shape (y, x), bool
        The filled pixels of each tilt that had defects.
    pixels, lines : int
        Number of filled single pixels (or X-rays), and of filled rows and columns.
    empty : float
        Fraction of the stack, without its blank tilts, that had a constant value.
    """

    images: AnyArray
    blank: tuple[int, ...]
    faint: tuple[int, ...]
    masks: Mapping[int, NDArray[np.bool_]]
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
    packed = {tilt: one.packed for tilt, one in enumerate(found) if one.packed is not None}
    masks = _Masks(packed, images.shape[2])
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


class _Masks(Mapping[int, NDArray[np.bool_]]):
    """Masks [y, x] of tilts, unpacked when they are asked for: 61 of 4096 x 4096 have 1 GB."""

    def __init__(self, packed: dict[int, NDArray[np.uint8]], width: int) -> None:
        self._packed, self._width = packed, width

    def __getitem__(self, tilt: int) -> NDArray[np.bool_]:
        return np.unpackbits(self._packed[tilt], axis=1, count=self._width).view(bool)

    def __iter__(self) -> Iterator[int]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


# Of the last stacks; chosen: a reference before and after repair.
_found = ByContent[list[_Found]](2)


def _defects_of(images: AnyArray) -> list[_Found]:
    """Return the defects of each tilt."""
    return in_threads(
        lambda image: _all_of(np.asarray(image, np.float32)), images, pixels=images[0].size
    )


def _all_of(image: FloatArray) -> _Found:
    found = image_defects(image)
    if found is None:
        return _Found()
    constant, dead, odd, spread = found
    mask, packed = constant | dead | odd, None
    if mask.any():
        packed = np.packbits(ndimage.binary_dilation(mask, np.ones((3, 3))), axis=1)
    pixels = int(ndimage.label(odd, np.ones((3, 3)))[1]) if odd.any() else 0
    lines = int(dead.all(axis=0).sum() + dead.all(axis=1).sum())
    return _Found(packed, spread, pixels, lines, int(constant.sum()))
