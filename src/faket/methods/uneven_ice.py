"""Uneven ice: what all tilts share at long periods, and the specimen to be imaged does not have.

Ice that is thicker in some places absorbs more there, over tenths of a micrometre, and moves with
the specimen. So do organelles, carbon and whatever else lies in a reference's field. Its share of
the signal shows as a jump: the specimen's own signal, divided by the contrast that physics expects
of it, changes smoothly with the frequency.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import fft

from faket.data import DoubleArray, FloatArray
from faket.methods.reference_properties import CORNER
from faket.noise import ring_filter, ring_power
from faket.rings import ring_frequencies
from faket.seeds import generator
from faket.threads import in_threads

# Periods above 500 Å are compared with those from there to 200 Å. Chosen: nearer, the specimen's
# own share is continued more accurately.
_LONG_PER_A, _SHORT_PER_A = 1 / 500, 1 / 200
_FEWEST = 2  # rings to be continued
# Least jump of the logarithm of the power; chosen: two specimens of one kind differ by less.
_JUMP, _SIGMAS = 0.7, 3.0
_STEEPEST = 5.0  # 1 / cos of the tilt, beyond which the field is not stretched further


def uneven_share(gain: DoubleArray, sigma: DoubleArray, pixel_size_A: float) -> DoubleArray:
    """Return which part of what tilts share in each ring is not the specimen to be imaged.

    Parameters
    ----------
    gain : ndarray, shape (tilts, rings)
        Power of what tilts share over that of the contrast expected of the specimen.
    sigma : ndarray, shape (tilts, rings)
        Standard error of its logarithm.
    pixel_size_A : float

    Returns
    -------
    ndarray, shape (rings,), float64
        From 0 to 1; 0 in all rings unless one is above the line that continues shorter periods, by
        a factor of 2 and by three standard errors.
    """
    rings = gain.shape[1]
    frequency = ring_frequencies(rings, CORNER) / pixel_size_A
    first, last = np.searchsorted(frequency, (_LONG_PER_A, _SHORT_PER_A))
    last = max(last, first + _FEWEST)
    nothing = np.zeros(rings)
    if first == 0 or last > rings:
        return nothing
    logs = np.log(np.maximum(gain, 1e-30 * gain.max())).mean(axis=0)
    line = np.polyfit(frequency[first:last], logs[first:last], 1)
    jump = (logs - np.polyval(line, frequency))[:first]
    if not (jump > _JUMP + _SIGMAS * sigma.mean(axis=0)[:first]).any():
        return nothing
    nothing[:first] = -np.expm1(-np.maximum(jump, 0))
    return nothing


def add_uneven_ice(
    stacks: Sequence[FloatArray],
    amounts: Sequence[float],
    power: DoubleArray,
    angles_deg: ArrayLike,
    seed: int,
) -> None:
    """Add to each stack [tilt, y, x] an amount of one uneven sheet, seen under all tilts.

    Parameters
    ----------
    stacks : sequence of ndarray, shape (tilt, y, x)
        Of one shape; they are changed.
    amounts : sequence of float
    power : ndarray, shape (tilts, rings)
        Of the sheet's images, in rings up to the corner.
    angles_deg : array_like, shape (tilts,)
    seed : int
    """
    if not power.any():
        return
    cosine = np.maximum(np.cos(np.radians(np.asarray(angles_deg, np.float64))), 1 / _STEEPEST)
    last = int(np.flatnonzero(power.any(axis=0))[-1])
    ny, nx = stacks[0].shape[1:]
    sheet = _sheet((ny, int(np.ceil(nx / cosine.min())) + 2), (last + 1) / power.shape[1], seed)

    def add(tilt: int) -> None:
        image = _seen(sheet, nx, float(cosine[tilt]))
        own = ring_power(image, power.shape[1], limit=CORNER)
        amplitude = np.sqrt(np.divide(power[tilt], own, out=np.zeros_like(own), where=own > 0))
        spectrum = fft.rfft2(image) * ring_filter(amplitude, image.shape, limit=CORNER)
        spectrum[0, 0] = 0
        image = np.asarray(fft.irfft2(spectrum, s=image.shape), np.float32)
        for stack, amount in zip(stacks, amounts, strict=True):
            stack[tilt] += np.float32(amount) * image

    in_threads(add, range(len(power)), pixels=stacks[0][0].size)


def _sheet(shape: tuple[int, int], part: float, seed: int) -> FloatArray:
    """Return noise without detail: white in the first part of the rings up to the corner."""
    white = generator(seed, "uneven ice").standard_normal(shape, dtype=np.float32)
    k = np.hypot(fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1]))
    spectrum = fft.rfft2(white) * (k <= 2 * part * CORNER)  # [y, x] → [y, x // 2 + 1]
    return np.asarray(fft.irfft2(spectrum, s=shape), np.float32)


def _seen(sheet: FloatArray, nx: int, cosine: float) -> FloatArray:
    """Return the middle nx columns of a sheet [y, x] tilted about y."""
    place = (np.arange(nx) - nx // 2) / cosine + sheet.shape[1] // 2
    left = np.clip(np.floor(place).astype(int), 0, sheet.shape[1] - 2)
    share = (place - left).astype(np.float32)
    return np.asarray((1 - share) * sheet[:, left] + share * sheet[:, left + 1], np.float32)
