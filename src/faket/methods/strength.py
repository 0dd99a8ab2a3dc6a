"""How many electrons made an image, by its grey values or the exposure.

Counted electrons have noise of their own number: with g grey values an electron, the power of the
noise is g² n and the mean g n, so that intensity² / power = n, whatever the gain.
"""

from dataclasses import dataclass

import numpy as np

from faket.data import DoubleArray
from faket.methods.reference_properties import CORNER, RINGS, StrengthSource
from faket.rings import ring_frequencies

_FLOOR_FROM_PER_A = 0.036  # chosen: at higher frequencies counting noise exceeds proteins
_FLOOR_RINGS = 10  # chosen: the floor is smooth
# Detected fraction of the dose; chosen: 180 nm of ice transmit 0.62 (Λ 375 nm), of which a K2
# detects 0.75.
_DETECTED = 0.45
_COUNTS_E_PER_A2 = (0.05, 20.0)  # detected electrons per tilt if grey values are counts; chosen
# Standard error of the logarithm of the number of electrons, chosen: thickness of the ice and
# detector vary as much, exposures more, and a camera or an alignment that blunts noise, by which
# electrons are counted, makes them two to three times as many.
_COUNTED_SIGMA, _GIVEN_SIGMA, _USUAL_SIGMA = 0.7, 0.5, 0.8
_TOLD = 3.0  # standard errors by which an offset must differ from 0
_FEWEST = 8  # tilts of which an offset is told; chosen
_NARROWEST = 0.02  # range of means over their median, below which nothing tells an offset; chosen


@dataclass(frozen=True, eq=False)
class Strength:
    """Electrons that were detected.

    Attributes
    ----------
    electrons : ndarray, shape (tilts,), float64
        Per pixel.
    source : {"mean", "dose"}
    sigma : float
        Standard error of the logarithm common to all tilts.
    """

    electrons: DoubleArray
    source: StrengthSource
    sigma: float


def detected_electrons(
    mean: DoubleArray | None,
    power: DoubleArray,
    dose: DoubleArray,
    given: bool,
    pixel_size_A: float,
) -> Strength:
    """Return the detected electrons of each tilt, and how they are known.

    Parameters
    ----------
    mean : ndarray, shape (tilts,), or None
        Of the images; None if grey values are no counts.
    power : ndarray, shape (tilts, rings)
        Up to the corner of Fourier space.
    dose : ndarray, shape (tilts,)
        Exposure of each tilt, e/Å², given or usual.
    given : bool
        Whether it was given.
    pixel_size_A : float

    Returns
    -------
    Strength
        By the mean intensity if it implies a possible number of electrons; otherwise grey values
        were scaled or their mean subtracted, and the exposure must tell.
    """
    expected = _DETECTED * dose
    floor = noise_floor(power, pixel_size_A)
    if mean is not None and (floor > 0).all():
        beyond = ring_frequencies(power.shape[1], CORNER) < 0.5
        beyond[: first_noise_ring(pixel_size_A)] = False
        offset, error = grey_offset(mean, power[:, beyond].mean(axis=1))
        beam = mean - offset
        implied = beam * np.abs(beam) / (floor * pixel_size_A**2)
        low, high = _COUNTS_E_PER_A2
        if given:
            low, high = float(expected.mean()) / 4, float(expected.mean()) * 4
        if low < np.median(implied) < high and beam.min() > 0:
            relative = error / float(np.median(beam))
            sigma = float(np.hypot(_COUNTED_SIGMA, 2 * relative))
            return Strength(implied * pixel_size_A**2, "mean", sigma)
    sigma = _GIVEN_SIGMA if given else _USUAL_SIGMA
    return Strength(expected * pixel_size_A**2, "dose", sigma)


def grey_offset(mean: DoubleArray, floor: DoubleArray) -> tuple[float, float]:
    """Return the grey value of no electrons and its standard error; 0 and 0 if nothing tells it.

    Tilted ice lets fewer electrons pass. Mean and power of the noise fall together, to 0 at the
    grey value that a camera or program adds everywhere.

    Parameters
    ----------
    mean, floor : ndarray, shape (tilts,)
        Mean of the images and power of their counting noise.
    """
    spread = float(np.ptp(mean))
    if len(mean) < _FEWEST or mean.min() <= 0 or spread <= _NARROWEST * float(np.median(mean)):
        return 0.0, 0.0
    centre, level = float(mean.mean()), float(floor.mean())
    off = mean - centre
    slope = float(off @ floor / (off @ off))
    scatter = float(np.std(floor - level - slope * off, ddof=2))
    error = scatter / float(np.sqrt(off @ off))
    # Without offset, the line through 0 has the slope level / centre.
    if slope - level / centre < _TOLD * error or slope <= 0:
        return 0.0, 0.0
    return centre - level / slope, error / slope * level / slope


def noise_floor(power: DoubleArray, pixel_size_A: float) -> DoubleArray:
    """Return the power [tilt] of counting noise, of power [tilt, ring] up to the corner."""
    first = first_noise_ring(pixel_size_A)
    return np.asarray(np.median(power[:, first : first + _FLOOR_RINGS], axis=1))


def first_noise_ring(pixel_size_A: float) -> int:
    """Return the ring from which counting noise exceeds the specimen."""
    start = float(np.clip(_FLOOR_FROM_PER_A * pixel_size_A, 0.25, 0.4))
    return int(np.searchsorted(ring_frequencies(RINGS, CORNER), start))
