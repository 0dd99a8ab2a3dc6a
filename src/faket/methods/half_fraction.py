"""Signal and noise of a reference from its two halves: at every frequency, without assumptions."""

import numpy as np

from faket.data import AnyArray, DoubleArray
from faket.errors import InputError
from faket.methods.reference_properties import CORNER, RINGS, UNKNOWN
from faket.noise import check_halves, difference, half_spectra, ring_anisotropy
from faket.noise.halves import HalfSpectra

Halves = tuple[AnyArray, AnyArray]

# Coefficients over which the direction common to all tilts, and what one tilt differs by, are
# averaged: it is then known to 5 %. Chosen: noise is smooth.
_COMMON, _DIRECTION = 4000.0, 1500.0
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


def half_fraction(images: AnyArray, halves: Halves) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
    """Measure which part of every tilt's power is signal, and how the noise depends on direction.

    It is that of the halves; so the images may be their sum, their average, or either of these at
    another scale or filtered alike in all directions.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
    halves : tuple of two ndarrays, shape (tilt, y, x)
        At the same pixels.

    Returns
    -------
    fraction, sigma : ndarray, shape (tilts, rings), float64
        And its standard error; 0 and 10 for tilts whose halves cannot be used.
    anisotropy : ndarray, shape (tilts, 3, rings), float64
        As :func:`faket.noise.ring_anisotropy` gives it.

    Raises
    ------
    InputError
        If sizes differ, or the halves cannot be used.
    """
    usable = check_usable(halves, images)
    spectra = half_spectra(*halves, full="sum", rings=RINGS, limit=CORNER)
    fraction = np.where(usable[:, None], 1 - spectra.noise_fraction, 0.0)
    error = np.sqrt(2 / np.maximum(spectra.modes, 1e-6))
    sigma = np.where(usable[:, None], np.minimum(error, UNKNOWN), UNKNOWN)
    return np.clip(fraction, -5, 1), sigma, _direction(halves, spectra, usable)


def _direction(halves: Halves, spectra: HalfSpectra, usable: AnyArray) -> DoubleArray:
    """Return how the noise depends on direction; the others' mean where halves are not usable."""
    traces = np.full((len(usable), 3, RINGS), np.nan)
    for tilt in np.flatnonzero(usable):
        noise = difference(halves[0][tilt], halves[1][tilt], float(spectra.ratio[tilt]))
        traces[tilt] = ring_anisotropy(noise, RINGS, limit=CORNER)
    usual = np.nanmean(traces, axis=0)
    traces[~usable] = usual
    modes = np.where(spectra.frequency < 0.5, spectra.modes, 0.0)  # rings beyond are incomplete
    common = smoothed(usual, modes * usable.sum(), _COMMON)
    return common + smoothed(traces - common, modes, _DIRECTION)


def smoothed(values: DoubleArray, modes: DoubleArray, wanted: float) -> DoubleArray:
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
