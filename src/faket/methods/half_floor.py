"""The noise floor of a reference from its two halves: at every frequency, without assumptions."""

import numpy as np

from faket.data import AnyArray, DoubleArray
from faket.errors import InputError
from faket.methods.reference_properties import CORNER, RINGS
from faket.noise import check_halves, difference, half_spectra, ring_anisotropy, ring_power
from faket.noise.halves import HalfSpectra

Halves = tuple[AnyArray, AnyArray]

# Coefficients over which the colour common to all tilts, and what one tilt differs by, are
# averaged: noise is then known to 2 and 3 %, its direction to 5 %. Chosen: its colour is smooth.
_COMMON, _OWN, _DIRECTION = 4000.0, 2500.0, 1500.0
_LEAST = 1e-6  # of the largest power: images that were low-passed have none
_NARROWEST = 1.5  # rings (σ)


def check_usable(halves: Halves, images: AnyArray | None = None) -> AnyArray:
    """Return which tilts have halves that can be used, bool [tilts].

    Raises
    ------
    InputError
        If sizes differ, or the halves cannot be used.
    """
    found = check_halves(*halves, full=images)
    if found.refused is not None:
        raise InputError(f"half sets: expected two halves of one exposure, found {found.refused}")
    return found.usable


def half_floor(images: AnyArray, halves: Halves) -> tuple[DoubleArray, DoubleArray]:
    """Measure power and direction of the noise of every tilt.

    The part of each ring's power that is noise is that of the halves; so the images may be their
    sum, their average, or either of these at another scale or filtered alike in all directions.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
    halves : tuple of two ndarrays, shape (tilt, y, x)
        At the same pixels.

    Returns
    -------
    floor : ndarray, shape (tilts, rings), float64
        Of tilts whose halves cannot be used: the others' colour, at the level of their own power
        beyond half of the Nyquist frequency.
    anisotropy : ndarray, shape (tilts, 3, rings), float64
        As :func:`faket.noise.ring_anisotropy` gives it.

    Raises
    ------
    InputError
        If sizes differ, or the halves cannot be used.
    """
    usable = check_usable(halves, images)
    spectra = half_spectra(*halves, full="sum", rings=RINGS, limit=CORNER)
    power = np.array([ring_power(image, RINGS, limit=CORNER) for image in images])
    noise = np.where(usable[:, None], spectra.noise_fraction, np.nan) * power
    level = noise.mean(axis=1, keepdims=True)
    common = _smoothed(np.nanmean(noise / level, axis=0), spectra.modes * usable.sum(), _COMMON)
    common = np.maximum(common, _LEAST * common.max())
    high = spectra.frequency > 0.25
    for tilt in np.flatnonzero(~usable):
        noise[tilt] = common * np.median(power[tilt, high] / common[high])
    floor = common * _smoothed(noise / common, spectra.modes, _OWN)
    return np.maximum(floor, _LEAST * floor.max()), _direction(halves, spectra, usable)


def _direction(halves: Halves, spectra: HalfSpectra, usable: AnyArray) -> DoubleArray:
    """Return how the noise depends on direction; the others' mean where halves are not usable."""
    traces = np.full((len(usable), 3, RINGS), np.nan)
    for tilt in np.flatnonzero(usable):
        noise = difference(halves[0][tilt], halves[1][tilt], float(spectra.ratio[tilt]))
        traces[tilt] = ring_anisotropy(noise, RINGS, limit=CORNER)
    usual = np.nanmean(traces, axis=0)
    traces[~usable] = usual
    modes = np.where(spectra.frequency < 0.5, spectra.modes, 0.0)  # rings beyond are incomplete
    common = _smoothed(usual, modes * usable.sum(), _COMMON)
    return common + _smoothed(traces - common, modes, _DIRECTION)


def _smoothed(values: DoubleArray, modes: DoubleArray, wanted: float) -> DoubleArray:
    """Average values [..., rings] under Gaussians that hold enough coefficients each."""
    rings, width = np.arange(len(modes)), np.full(len(modes), _NARROWEST)
    while True:
        kernel = modes * np.exp(-((rings - rings[:, None]) ** 2) / (2 * width[:, None] ** 2))
        poor = (kernel.sum(axis=1) < min(wanted, 0.5 * modes.sum())) & (width < len(modes))
        if not poor.any():
            break
        width[poor] *= 1.2
    total = kernel.sum(axis=1, keepdims=True)
    kernel = np.divide(kernel, total, out=np.zeros_like(kernel), where=total > 0)
    return np.asarray(values @ kernel.T)
