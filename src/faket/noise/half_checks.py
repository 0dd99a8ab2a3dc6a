"""Whether two halves of an exposure are what they should be, before they are believed."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from faket.data import AnyArray, DoubleArray
from faket.faults import Fault, Severity
from faket.noise.half_pairs import HalfPair, half_pair, middle, varies
from faket.noise.half_ratio import common_ratios
from faket.noise.half_shifts import partners
from faket.noise.halves import check_pair

FullIs = Literal["sum", "mean", "other"]

# Chosen thresholds; the tests of this module hold what they have to separate.
_COPY = 0.95  # correlation, all frequencies alike: a signal 20 times the noise up to Nyquist
_SHARED_NYQUIST = 0.3  # correlation of the last quarter of the rings
_SUBPIXEL, _SHIFTED = 0.1, 0.5  # pixels; from half a pixel on fine detail of the signal is noise
_CERTAIN = 5.0  # standard errors
_UNLIKE = 3.0  # of three frames one half has two; images of 50 pixels tell that within a half
_ODD_ONE = 1.5  # ratio of one tilt over that of the others
# Of a logarithm of noise's ratio, times the root of the number of coefficients; chosen: five
# standard errors for normal noise, two for 0.15 counts a pixel.
_CHANCE = 3.5
_SAME_IMAGE = 0.5  # correlation of the full image with A + B, all frequencies alike


@dataclass(frozen=True, eq=False)
class HalfChecks:
    """What was found of two halves.

    Attributes
    ----------
    faults : tuple of Fault
    usable : ndarray of bool, shape (images,)
        Images whose halves can be used; none if one fault refuses all.
    shift_px : ndarray, shape (images, axes), float64
        Of the second half against the first, x first; NaN where the two share too little.
    ratio : ndarray, shape (images,), float64
        Amplitude of the signal in the first half over that in the second.
    full_is : {"sum", "mean", "other"} or None
        What the full images are of the halves; None if they were not given.
    """

    faults: tuple[Fault, ...]
    usable: NDArray[np.bool_]
    shift_px: DoubleArray
    ratio: DoubleArray
    full_is: FullIs | None = None

    @property
    def refused(self) -> str | None:
        """Why the halves cannot be used at all, in one line; None if they can."""
        return next((p.line for p in self.faults if p.severity == "refuse"), None)


def check_halves(first: AnyArray, second: AnyArray, *, full: AnyArray | None = None) -> HalfChecks:
    """Look for what is wrong with two half stacks.

    Noticed are images that are constant or not finite; equal, or copies at another scale; of
    opposite contrast; displaced (from 0.1 pixel on); of very different strength; in another order;
    that share noise; and halves of other images than the full ones. The middle of at most 1024
    pixels is looked at.

    Parameters
    ----------
    first, second : ndarray, shape (tilt, y, x)
        They may be memory maps.
    full : ndarray, shape (tilt, y, x), optional
        The full images, at the same pixels.

    Returns
    -------
    HalfChecks

    Raises
    ------
    InputError
        If sizes or numbers of images differ.
    """
    check_pair(first, second, full)
    pairs: dict[int, HalfPair] = {}
    blank: tuple[list[int], list[int]] = ([], [])
    for tilt in range(len(first)):
        images = [np.asarray(half[tilt]) for half in (first, second)]
        constant = [not varies(image) for image in images]
        for half in range(2):
            blank[half].extend([tilt] * constant[half])
        if not any(constant):
            whole = None if full is None else np.asarray(full[tilt])
            pairs[tilt] = half_pair(images[0], images[1], whole)
    order = _order(pairs)
    full_is, faults = _full_images(pairs)
    faults += [*_blank(blank), *_same(pairs), *_out_of_order(order)]
    faults += [*_displaced(pairs, order), *_strengths(pairs)]
    return _concluded(faults, pairs, len(first), 2, full_is)


def check_half_tomograms(first: AnyArray, second: AnyArray) -> HalfChecks:
    """Look for the same in two half tomograms, in the cube of 128 voxels in their middle.

    Parameters
    ----------
    first, second : ndarray, shape (z, y, x)
        They may be memory maps.

    Raises
    ------
    InputError
        If their sizes differ.
    """
    check_pair(first, second, axes="z, y, x")
    place = middle(first.shape)
    cubes = [np.asarray(half[place]) for half in (first, second)]
    blank = [[0] if not varies(cube) else [] for cube in cubes]
    pairs = {} if any(blank) else {0: half_pair(cubes[0], cubes[1])}
    faults = [*_blank((blank[0], blank[1])), *_same(pairs), *_displaced(pairs, {0: 0})]
    return _concluded([*faults, *_strengths(pairs)], pairs, 1, 3, None)


def _order(pairs: dict[int, HalfPair]) -> dict[int, int]:
    """Return for each tilt the one of the second half that shows the same."""
    if not pairs:
        return {}
    tilts = list(pairs)
    kept = [pair.thumbnails for pair in pairs.values() if pair.thumbnails is not None]
    first, second = ([pair[half] for pair in kept] for half in (0, 1))
    return dict(zip(tilts, (tilts[i] for i in partners(first, second)), strict=True))


def _ratios(pairs: dict[int, HalfPair]) -> dict[int, float]:
    """Return the strength of the first half over the second's, tilt by tilt."""
    found = common_ratios([pair.strength for pair in pairs.values()])
    return {tilt: float(one) for tilt, one in zip(pairs, found, strict=True)}


def _blank(blank: tuple[list[int], list[int]]) -> list[Fault]:
    return [
        Fault(
            "exclude",
            f"the {name} half is constant or not finite",
            "write the halves again",
            tuple(tilts),
        )
        for name, tilts in zip(("first", "second"), blank, strict=True)
        if tilts
    ]


def _same(pairs: dict[int, HalfPair]) -> list[Fault]:
    """Return faults of halves that share more than the specimen, or less."""
    copies = tuple(t for t, pair in pairs.items() if pair.alike > _COPY)
    opposite = tuple(t for t, pair in pairs.items() if pair.moved.sign < 0 or pair.alike < -_COPY)
    shared = tuple(
        t for t, pair in pairs.items() if t not in copies and pair.at_nyquist > _by_chance(pair)
    )
    cases: list[tuple[tuple[int, ...], Severity, str, str]] = [
        (copies, "exclude", "the halves are equal, or one is a scaled copy of the other",
         "give halves of different frames"),
        (opposite, "exclude", "the halves have opposite contrast", "multiply one of them by -1"),
        (shared, "say", "the halves correlate up to the Nyquist frequency, so they share noise "
         "(a fixed pattern, common frames, or a filter), which counts as signal", ""),
    ]  # fmt: skip
    return [Fault(grade, what, remedy, tilts) for tilts, grade, what, remedy in cases if tilts]


def _by_chance(pair: HalfPair) -> float:
    """Return up to which correlation near to Nyquist is chance: more in small images."""
    of_last_quarter = (1 - 0.75**2) * pair.strength.modes
    return max(_SHARED_NYQUIST, _CERTAIN / float(np.sqrt(max(of_last_quarter, 1.0))))


def _out_of_order(order: dict[int, int]) -> list[Fault]:
    moved = tuple(tilt for tilt, other in order.items() if other != tilt)
    if not moved:
        return []
    pairs = ", ".join(f"{tilt} as {order[tilt]}" for tilt in moved[:3])
    what = f"the second half has its images in another order ({pairs}{', …' * (len(moved) > 3)})"
    return [Fault("exclude", what, "sort both halves alike", moved)]


def _displaced(pairs: dict[int, HalfPair], order: dict[int, int]) -> list[Fault]:
    found: dict[Severity, list[int]] = {"exclude": [], "say": []}
    for tilt, pair in pairs.items():
        if order[tilt] != tilt:
            continue
        far = float(np.abs(pair.moved.shift_px).max())  # NaN where they share too little
        if far > max(_SUBPIXEL, _CERTAIN * pair.moved.error_px):
            found["exclude" if far > _SHIFTED else "say"].append(tilt)
    faults = []
    for grade, tilts in found.items():
        if tilts:
            far = max(float(np.linalg.norm(pairs[tilt].moved.shift_px)) for tilt in tilts)
            what = f"the second half is displaced against the first, by up to {far:.2g} pixels"
            faults.append(Fault(grade, what, "align both halves alike", tuple(tilts)))
    return faults


def _strengths(pairs: dict[int, HalfPair]) -> list[Fault]:
    """Return faults of halves whose strengths differ."""
    if not pairs:
        return []
    ratio = _ratios(pairs)
    usual = float(np.median(list(ratio.values())))
    faults = []
    if abs(np.log(usual)) > np.log(_UNLIKE):
        what = f"the first half is {usual:.3g} times as strong as the second"
        faults.append(Fault("say", f"{what}, which is taken into account"))
    odd = tuple(
        tilt
        for tilt, one in ratio.items()
        if abs(np.log(one / usual))
        > np.log(_ODD_ONE) + _CHANCE / np.sqrt(pairs[tilt].strength.modes)
    )
    if odd:
        listed = ", ".join(f"{ratio[tilt]:.3g}" for tilt in odd[:3]) + ", …" * (len(odd) > 3)
        what = f"the first half is {listed} times as strong as the second, {usual:.3g} elsewhere"
        faults.append(Fault("say", f"{what}; this is taken into account", "", odd))
    return faults


def _full_images(pairs: dict[int, HalfPair]) -> tuple[FullIs | None, list[Fault]]:
    """Return what the full images are of the halves, and what is wrong with them."""
    fits = {tilt: pair.full for tilt, pair in pairs.items() if pair.full is not None}
    if not fits:
        return None, []
    unlike = tuple(tilt for tilt, fit in fits.items() if fit.sum < _SAME_IMAGE)
    one = tuple(tilt for tilt, fit in fits.items() if max(fit.first, fit.second) > _COPY)
    faults = [
        Fault("exclude", what, remedy, tilts)
        for what, remedy, tilts in (
            ("the halves are not those of the full image", "give the halves of this stack, aligned "
             "and binned alike", unlike),
            ("one half is the full image", "give halves of different frames", one),
        )
        if tilts
    ]  # fmt: skip
    scale = np.median([np.mean(fit.weights) for fit in fits.values()])
    names: dict[FullIs, float] = {"sum": 1.0, "mean": 0.5}
    near = [name for name, value in names.items() if abs(np.log(max(scale, 1e-9) / value)) < 0.2]
    return (near[0] if near else "other"), faults


def _concluded(
    faults: list[Fault],
    pairs: dict[int, HalfPair],
    count: int,
    axes: int,
    full_is: FullIs | None,
) -> HalfChecks:
    """Refuse halves of which most images cannot be used."""
    usable = np.zeros(count, bool)
    usable[list(pairs)] = True
    for fault in faults:
        if fault.severity == "exclude":
            usable[list(fault.tilts)] = False
    if usable.sum() < max(1.0, count / 2):
        faults = [replace(p, severity="refuse") if p.severity == "exclude" else p for p in faults]
    if any(fault.severity == "refuse" for fault in faults):
        usable[:] = False
    shift, ratio = np.full((count, axes), np.nan), np.full(count, np.nan)
    for tilt, one in _ratios(pairs).items():
        shift[tilt], ratio[tilt] = pairs[tilt].moved.shift_px[::-1], one  # [y, x] → [x, y]
    return HalfChecks(tuple(faults), usable, shift, ratio, full_is)
