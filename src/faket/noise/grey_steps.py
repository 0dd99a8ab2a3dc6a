"""Grey values near to steps: of one electron, where few were counted, or of a file of bytes.

A pixel has a whole number of electrons. Where these are few, and no filter or interpolation has
mixed pixels since, grey values lie near to steps, as far apart as one electron makes. The mean of
exp(2πi v / step) over all grey values v is then not 0: its length tells how near, its phase where.
"""

import numpy as np

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.seeds import generator
from faket.threads import in_threads

_SEEN = 0.3  # least length of the mean; chosen: below, steps are blurred until nobody sees them
# Steps in σ of an image. Chosen: with fewer than the first its own distribution is no longer
# smooth over a step; more than the last move no quantile of 64² pixels beyond chance.
_FEWEST, _MOST = 0.7, 40.0
_APART = 0.05  # of such numbers of steps: a mean falls to 0.95 half way between two
_WIDE = 8  # of these: a peak
_REFINED = 3  # times; chosen
_AS_CLEAR = 0.8  # of the clearest: whole numbers are also multiples of a half
_TRIED, _LOOKED_AT = 2**13, 2**17  # pixels


def grey_steps(images: AnyArray) -> DoubleArray:
    """Measure the steps to which the grey values of every image are near.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)

    Returns
    -------
    ndarray, shape (tilts, 3), float64
        The step in grey values, which is that of all tilts; how clear it is, 0 to 1 (exactly on
        steps); and where they begin, in steps. Zeros of images that have none, and of all if fewer
        than half have.
    """
    per_grey_value = _steps_in_one(images[len(images) // 2])
    found = np.zeros((len(images), 3))
    if not per_grey_value:
        return found

    def wave(image: AnyArray) -> complex:
        return complex(_waves(_some(image, _LOOKED_AT), np.array([per_grey_value]))[0])

    waves = np.array(in_threads(wave, images, pixels=images[0].size))
    clear = np.abs(waves) >= _SEEN
    if clear.mean() >= 0.5:
        found[clear, 0] = 1 / per_grey_value
        found[clear, 1] = np.minimum(np.abs(waves[clear]), 1.0)
        found[clear, 2] = np.angle(waves[clear]) / (2 * np.pi) % 1
    return found


def less_rounding(noise_power: DoubleArray, steps: DoubleArray | None) -> DoubleArray:
    """Return power [tilt, ring] of noise less what :func:`put_on_steps` adds; at least half."""
    if steps is None:
        return noise_power
    added = steps[:, 0] ** 2 * (1 / 12 + _blur(steps[:, 1]) ** 2)
    return np.maximum(noise_power - added[:, None], noise_power / 2)


def put_on_steps(images: FloatArray, steps: DoubleArray, seed: int) -> None:
    """Move the grey values of images [tilt, y, x] to steps [tilt, 3], as near as these are clear.

    In place; the moves are drawn from ``seed``.
    """

    def move(tilt: int) -> None:
        step, _, start = steps[tilt].astype(np.float32)
        if step > 0:
            places = np.rint(images[tilt] / step - start)
            if blur := np.float32(_blur(steps[tilt, 1])):
                rng = generator(seed, "grey steps", tilt)
                places += blur * rng.standard_normal(places.shape, np.float32)
            images[tilt] = (places + start) * step

    in_threads(move, range(len(images)), pixels=images[0].size)


def _blur(clear: AnyArray) -> DoubleArray:
    """Return σ, in steps, of a normal distribution around them whose mean wave is so long."""
    return np.asarray(np.sqrt(-np.log(np.maximum(clear, _SEEN)) / 2) / np.pi)


def _steps_in_one(image: AnyArray) -> float:
    """Return the number of steps in one grey value; 0 if there are none."""
    values = _some(image, _TRIED)
    sigma = float(values.std())
    if not sigma > 0:
        return 0.0
    tried = np.arange(_FEWEST, _MOST, _APART) / sigma
    length = np.abs(_waves(values, tried))
    clear = length >= max(_SEEN, _AS_CLEAR * float(length.max()))
    if not clear.any():
        return 0.0
    first = int(clear.argmax())
    top = first + int(length[first : first + _WIDE].argmax())
    values, about = _some(image, _LOOKED_AT), float(tried[top])
    for _ in range(_REFINED):
        place = about * values
        start = np.angle(np.exp(2j * np.pi * place).mean()) / (2 * np.pi)
        whole = np.rint(place - start)
        if not np.ptp(whole):  # other pixels than before, all alike
            return 0.0
        about = float(1 / np.polyfit(whole, values, 1)[0])
    return about


def _some(image: AnyArray, count: int) -> DoubleArray:
    """Return about so many grey values of an image."""
    return np.asarray(image.ravel()[:: max(1, image.size // count)], np.float64)


def _waves(values: DoubleArray, frequencies: DoubleArray) -> AnyArray:
    """Return the mean of exp(2πi frequency value) for each frequency."""
    return np.array([np.exp(2j * np.pi * one * values).mean() for one in frequencies])
