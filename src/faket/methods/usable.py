"""A user's reference: defects repaired, blank tilts left out, scaled grey values recognised."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faket.data import AnyArray, TiltSeries
from faket.errors import InputError
from faket.faults import Fault
from faket.noise import check_scale, grey_levels, repair
from faket.noise.grey_levels import COUNTING, Units
from faket.stacks import stack_of

# Value of the brightest pixel after programs have scaled images to whole numbers.
_TOPS = (255.0, 32767.0, 65535.0)
_EVERY = 4  # rows whose noise is looked at; chosen: 64 of 256 pixels tell it to 2 %


@dataclass(frozen=True)
class Usable:
    """The part of a reference that can be measured.

    Attributes
    ----------
    series : TiltSeries
        Repaired, without blank tilts and those of other grey values; the given one itself if
        nothing was wrong.
    noise_free : ndarray or None
        Its noise-free projections, of the same tilts.
    scaled : bool
        Whether its grey values were scaled to the range of a type, and so are not counts.
    left_out : dict
        What was left out, for the manifest; empty if nothing was.
    notice : str
        The same in words.
    halves : tuple of two ndarrays, or None
        Its half sets, of the same tilts.
    kept : tuple of int
        Which of the given tilts are left: halves need the same.
    faults : tuple of Fault
        What is wrong with the grey values, the tilts as given.
    units : str
        What its grey values are (:class:`faket.noise.GreyLevels`).
    gain : float
        Grey values of one electron; NaN where they are no counts.
    """

    series: TiltSeries
    noise_free: AnyArray | None
    scaled: bool
    left_out: dict[str, Any]
    notice: str
    halves: tuple[AnyArray, AnyArray] | None = None
    kept: tuple[int, ...] = ()
    faults: tuple[Fault, ...] = ()
    units: Units = "positive"
    gain: float = math.nan


def usable_reference(
    series: TiltSeries,
    noise_free: AnyArray | None = None,
    *,
    halves: tuple[AnyArray, AnyArray] | None = None,
    invert: bool = False,
    where: str = "reference",
    numbers: NDArray[np.intp] | None = None,
) -> Usable:
    """Repair a reference as it was read, before it is aligned or binned.

    ``halves`` are repaired where it is; ``invert`` multiplies all by -1 first; ``where`` is its
    name in errors; ``numbers``: what its images are called where some were excluded before.

    Raises
    ------
    InputError
        If an image is not finite, or more than half of the tilts are blank or unlike the others.
    """
    images = series.images
    if np.ndim(images) != 3 or not all(np.isfinite(image).all() for image in images):
        raise InputError(
            f"{where}: expected finite images [tilt, y, x], found others; replace them"
        )
    check_scale(images, where)
    scaled = is_scaled(images)
    found = repair(_inverted(images) if invert else images)
    if noise_free is not None:
        noise_free = found.applied_to(noise_free)
    shown = np.setdiff1d(np.arange(len(images)), found.unusable)
    _check_most(len(shown), len(images), "contrast", where)
    levels = grey_levels([found.images[tilt] for tilt in shown])
    kept = np.delete(shown, levels.unusable)
    _check_most(len(kept), len(images), "images of one kind", where)
    called = np.arange(len(images)) if numbers is None else numbers
    named = replace(found, blank=_called(called, found.blank), faint=_called(called, found.faint))
    left_out = named.left_out
    if len(kept) < len(shown):
        left_out["unlike_tilts"] = called[np.setdiff1d(shown, kept)].tolist()
    repaired = replace(series, images=found.images)
    if len(kept) < len(images):
        repaired = TiltSeries(_of_tilts(found.images, kept), series.geometry.of_tilts(kept))
        noise_free = (
            _of_tilts(noise_free, kept)
            if noise_free is not None and len(noise_free) == len(images)
            else noise_free
        )
    if halves is not None:
        first, second = (
            _of_tilts(found.applied_to(_inverted(half) if invert else half), kept)
            for half in halves
        )
        halves = first, second
    faults = tuple(
        replace(fault, tilts=_called(called[shown], fault.tilts)) for fault in levels.faults
    )
    left = tuple(called[kept].tolist())
    return Usable(
        repaired, noise_free, scaled, left_out, named.notice(), halves, left, faults,
        levels.units, levels.gain,
    )  # fmt: skip


def _inverted(images: AnyArray) -> AnyArray:
    return stack_of((-image for image in images), len(images))


def _of_tilts(images: AnyArray, kept: NDArray[np.intp]) -> AnyArray:
    """Return some images of a stack; the stack itself if these are all."""
    if len(kept) == len(images):
        return images
    return stack_of((images[tilt] for tilt in kept), len(kept))


def _called(numbers: NDArray[np.intp], tilts: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(numbers[tilt]) for tilt in tilts)


def _check_most(kept: int, count: int, what: str, where: str) -> None:
    """Refuse a stack of which fewer than half of the tilts are left."""
    if kept < max(1, count / 2):
        raise InputError(
            f"{where}: expected {what} in most of {count} tilts, found {kept} such tilts; give "
            "another stack"
        )


def is_scaled(images: AnyArray) -> bool:
    """Return whether grey values were scaled to whole numbers, and so are no electron counts.

    The values of such a stack fill exactly the range of a number type, which is unlikely for
    counts; or they are bytes whose noise is not that of counting.
    """
    low, high = float(images.min()), float(images.max())
    if (low == 0 and high in _TOPS) or (low, high) in ((-32768.0, 32767.0), (-128.0, 127.0)):
        return True
    if low < 0 or high > 255 or not all(np.all(image == np.rint(image)) for image in images):
        return False
    # Half the variance of differences between neighbours is the noise without the specimen.
    steps = np.mean([np.var(np.diff(image[::_EVERY], axis=1)) for image in images]) / 2
    return not COUNTING[0] < steps / max(float(images.mean()), 1e-9) < COUNTING[1]
