"""What the grey values of a stack are, and which of its images do not fit the others.

A stack may hold counts, counts times a gain, bytes to which a program scaled it, or values of
which a mean was subtracted. What follows from counting holds for the first two only. Images are
looked at through some of their rows, after their defects are repaired.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from faket.data import AnyArray, DoubleArray
from faket.faults import Fault

Units = Literal["counts", "counts times a gain", "positive", "normalised", "offset"]

_PIXELS = 500_000  # of an image that are looked at; chosen: ties of 0.01 % are 50 pixels
# Variance over mean of counted electrons: 1, less if a detector blurs, never far above; chosen.
COUNTING = (0.5, 1.5)
# Chosen thresholds; the tests of this module hold what they have to separate.
_TIES, _PILED = 20, 3  # pixels of the extreme value, and times those of the next
_LEVELS = 2000  # more distinct values than this in a sample are no whole numbers times a gain
_FEW = 4  # images of which one cannot tell which are unlike the others
_ANOTHER_SIGMA = 10.0  # times that of the others
_ANOTHER_GAIN = 3.0  # times the others' variance over mean
_AGREED = 0.3  # of the logarithm of variance over mean, between most images
_ANOTHER_MEAN = 4.0  # times that of the neighbours: ice of 300 nm changes it by 2 in 20° at 60°
_SAME = 0.999  # correlation of differences between neighbouring pixels, which are mostly noise
_COMPARED = 20_000  # of these differences
_ZERO = 0.02  # of σ: a mean that was subtracted


@dataclass(frozen=True)
class GreyLevels:
    """What the grey values of a stack are.

    Attributes
    ----------
    units : str
        ``counts`` (whole numbers whose variance is their mean), ``counts times a gain``,
        ``positive`` (of which one cannot tell), ``normalised`` (mean 0 and σ 1 of every image) or
        ``offset`` (some means are not positive).
    gain : float
        Grey values of one electron, where they are counts; otherwise NaN.
    faults : tuple of Fault
    """

    units: Units
    gain: float
    faults: tuple[Fault, ...]

    @property
    def unusable(self) -> tuple[int, ...]:
        """Images that do not fit the others."""
        tilts = {t for fault in self.faults if fault.severity != "say" for t in fault.tilts}
        return tuple(sorted(tilts))


def grey_levels(images: Sequence[AnyArray] | AnyArray) -> GreyLevels:
    """Find out what grey values are, and which images do not fit the others.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x), or list of images
        Finite; repaired (:func:`faket.noise.repair`), without blank images.
    """
    samples = [_sample(image) for image in images]
    mean = np.array([float(sample.mean(dtype=np.float64)) for sample in samples])
    # Half the variance of differences between neighbours is the noise without the specimen.
    noise = np.array([float(np.var(np.diff(sample, axis=1), dtype=np.float64)) / 2
                      for sample in samples])  # fmt: skip
    units, gain = _units(samples, mean, noise)
    faults = [
        *_unlike(mean, noise, units, samples[0].size),
        *_copies(samples),
        *_clipped(samples, units),
    ]
    return GreyLevels(units, gain, (*faults, *_said(units, mean)))


def _sample(image: AnyArray) -> AnyArray:
    """Return some rows of an image, evenly spaced."""
    return np.asarray(image[:: max(1, -(-image.size // _PIXELS))], np.float32)


def _units(samples: list[AnyArray], mean: DoubleArray, noise: DoubleArray) -> tuple[Units, float]:
    nothing = float("nan")
    sigma = np.array([float(sample.std(dtype=np.float64)) for sample in samples])
    if (np.abs(mean) < _ZERO * sigma).all() and np.ptp(sigma) < _ZERO * sigma.mean():
        return "normalised", nothing
    if not (mean > 0).all():
        return "offset", nothing
    step = _step(samples)
    if step is None:
        return "positive", nothing
    low, high = COUNTING
    if not low < float(np.median(noise / mean)) / step < high:
        return "positive", nothing
    return ("counts", 1.0) if step == 1 else ("counts times a gain", step)


def _step(samples: list[AnyArray]) -> float | None:
    """Return the number of which all values are whole multiples, if there is one."""
    middle = samples[len(samples) // 2]
    values = np.unique(middle).astype(np.float64)
    if not 1 < len(values) < _LEVELS:
        return None
    whole = np.rint(values / float(np.diff(values).min()))
    step = float(whole @ values) / max(float(whole @ whole), 1.0)
    # Single precision holds a multiple to 6e-8 of itself.
    exact = np.abs(values - step * whole) <= 1e-6 * np.abs(values)
    return step if step > 0 and exact.all() else None


def _unlike(mean: DoubleArray, noise: DoubleArray, units: Units, pixels: int) -> list[Fault]:
    """Return faults of images in other units, and of much brighter or darker ones."""
    if len(mean) < _FEW:
        return []
    other = np.abs(np.log(noise / np.median(noise))) > 2 * np.log(_ANOTHER_SIGMA)
    faults, dim = [], np.zeros(len(mean), bool)
    positive = mean > 0
    if positive.mean() > 0.5 and units != "normalised":
        bright = np.where(positive, mean, np.nan)
        gain = np.log(noise / bright)
        usual = float(np.median(gain[positive]))
        # Without an offset the others' gains agree; with one, they tell nothing.
        if np.median(np.abs(gain[positive] - usual)) < _AGREED:
            other |= ~(np.abs(gain - usual) < np.log(_ANOTHER_GAIN))
        near = np.array([_neighbours(bright, tilt) for tilt in range(len(mean))])
        error = np.sqrt(noise / pixels) / bright
        dim = ~other & (np.abs(np.log(bright / near)) > np.log(_ANOTHER_MEAN) + 5 * error)
    if other.any() and other.mean() < 0.5:
        what = "grey values do not fit those of the other images: another unit or offset"
        faults.append(Fault("exclude", what, "scale all images alike", _tilts(other)))
    if dim.any():
        what = f"over {_ANOTHER_MEAN:g} times as bright or as dark as neighbouring images"
        faults.append(Fault("say", what, "check their exposure", _tilts(dim)))
    return faults


def _neighbours(bright: DoubleArray, tilt: int) -> float:
    """Return the median of the means, if positive, of the two images on either side."""
    near = np.delete(bright[max(0, tilt - 2) : tilt + 3], min(tilt, 2))
    known = near[np.isfinite(near)]
    return float(np.median(known)) if len(known) else float("nan")


def _copies(samples: list[AnyArray]) -> list[Fault]:
    """Return the fault of images that another one before them equals, at any scale."""
    flat = []
    for sample in samples:
        steps = np.diff(sample, axis=1).ravel().astype(np.float64)
        steps = steps[:: max(1, steps.size // _COMPARED)]
        steps = steps - steps.mean()
        flat.append(steps / max(float(np.linalg.norm(steps)), 1e-30))
    if len({len(steps) for steps in flat}) > 1 or not len(flat[0]):
        return []
    equal = np.triu(np.abs(np.array(flat) @ np.array(flat).T) > _SAME, 1)
    later = np.flatnonzero(equal.any(axis=0))
    if not len(later):
        return []
    pairs = ", ".join(f"{t} as {int(equal[:, t].argmax())}" for t in later[:3])
    what = f"the same image as another tilt ({pairs}{', …' * (len(later) > 3)})"
    return [Fault("exclude", what, "give each tilt its own image", tuple(later.tolist()))]


def _clipped(samples: list[AnyArray], units: Units) -> list[Fault]:
    """Return the fault of images whose grey values pile up at the highest or the lowest one."""
    faults, sides = [], [("highest", -1), ("lowest", 0)]
    # Counts end at 0, and most pixels may have none.
    for name, side in sides[:1] if units.startswith("counts") else sides:
        parts = np.array([_piled(sample, side) for sample in samples])
        if (parts > 0).any():
            what = f"up to {100 * parts.max():.2g} % of the pixels have the {name} value: clipped"
            remedy = "give the images before they were scaled"
            faults.append(Fault("say", what, remedy, _tilts(parts > 0)))
    return faults


def _piled(sample: AnyArray, side: int) -> float:
    """Return the part of the pixels at the extreme value, if there are more than at the next."""
    values = -sample if side else sample
    extreme = np.count_nonzero(values == values.min())
    if extreme <= _TIES:
        return 0.0
    further = values[values > values.min()]
    if not len(further) or further.min() == further.max():
        return 0.0
    return extreme / sample.size if extreme > _PILED * np.sum(further == further.min()) else 0.0


def _said(units: Units, mean: DoubleArray) -> list[Fault]:
    """Return what one should know of the units."""
    lost = "so the number of electrons is not known from them and the exposure is used"
    if units == "normalised":
        return [Fault("say", f"every image has mean 0 and the same contrast, {lost}")]
    if units == "offset":
        tilts = () if (mean <= 0).all() else _tilts(mean <= 0)
        return [Fault("say", f"the mean is not positive: an offset was subtracted, {lost}", "",
                      tilts)]  # fmt: skip
    return []


def _tilts(chosen: AnyArray) -> tuple[int, ...]:
    return tuple(np.flatnonzero(chosen).tolist())
