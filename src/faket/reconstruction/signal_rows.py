"""How strongly the rows of a reprojection hold the specimen, where its tilts overlap.

The noise at low kx is not only what the filter left of it: linear interpolation in a
back-projection spreads noise of high frequencies over all others, as do the ends of rows at which
it stops, and a ramp leaves so little at low kx that this is most of it. So the power of a tilt is

    P(kx, ky) = C(kx) gain(kx) S(|k|) + B(|k|),

in units of A, what :mod:`faket.reconstruction.row_filter` found of the noise, and C = F / A with
the filter F that the specimen went through. Noise from elsewhere only adds, and least at small
angles; so F is at most the A of these. How much of the rise of A towards low kx is filter (as
SIRT's), and how much is noise (as of linear interpolation), two numbers tell for the whole
tomogram: one for what the A of small angles has, one for what the others have beyond. A specimen
has no preferred direction in the plane; so with the right C the S of all columns agree.
"""

from itertools import product

import numpy as np

from faket.data import DoubleArray
from faket.reconstruction.row_filter import COLUMNS, CORNER, RINGS, PowerTable, RowFilter
from faket.rings import ring_frequencies

_RINGS = (0.02, 0.25)  # abs k; chosen, because specimens exceed noise there, or nearly
_PLATEAU = (0.075, 0.11)  # kx; chosen: linear interpolation leaves 93 % of a ramp at 0.1
_BESIDE = 3  # rings, for those below; chosen, because spectra of specimens are flat there
_FREE_BELOW = 0.09  # kx; chosen: in the plateau, where A / F is 1
_INNER = 0.4  # of the tilts, those nearest to 0°; chosen: up to ±24° of ±60°
_LOWER = 0.25  # quantile of their A; chosen, because single tilts scatter
_SHARES = np.linspace(0, 1, 6)  # of the rise of A that is noise; chosen, because C changes by 10 %
_TOLD_BELOW = 0.25  # kx; chosen, because rings end there
_ITERATIONS = 15  # chosen, because the last changes S by less than 1 %
_ALIKE = 8  # coefficients that are alike: mirror images, and neighbours under a Hann window
_MANY = 1000  # chosen: 3 % of the plateau's
_SMALLEST = 1e-4  # C; chosen, so that nothing is divided by 0
_LEAST = 1e-3  # of the noise; chosen, so that no ring is empty


def signal_rows(
    tables: list[PowerTable],
    filters: list[RowFilter],
    gains: DoubleArray,
    angles_deg: DoubleArray,
) -> tuple[DoubleArray, DoubleArray]:
    """Return how strongly the rows of each tilt hold the specimen, and how strong it is.

    Parameters
    ----------
    tables : list of PowerTable
    filters : list of RowFilter
        Fitted to the tables.
    gains : ndarray, shape (tilts, COLUMNS)
        Of the overlap, :func:`faket.reconstruction.tilt_overlap.coherent_gain`.
    angles_deg : ndarray, shape (tilts,)

    Returns
    -------
    rows : ndarray, shape (tilts, COLUMNS)
        C at kx = (i + ½) / 256 cycles per voxel, at most 1.
    signal : ndarray, shape (RINGS,)
        S over the noise at the corner; 0 where it was not measured.
    """
    ring, kx = ring_frequencies(RINGS, CORNER), ring_frequencies(COLUMNS)
    level = np.array([found.noise[-1] for found in filters])[:, None, None]
    # [tilt, column, ring], tilts of equal noise
    power = np.array([t.power / f.row[:, None] for t, f in zip(tables, filters, strict=True)])
    noise = np.array([found.noise for found in filters])[:, None, :] / level
    power, gain = power / level, gains[:, :, None]
    everywhere = np.array([table.number for table in tables])
    everywhere[:, 0] = 0  # it holds what leaks from beyond 0
    number = everywhere * ((ring >= _RINGS[0]) & (ring < _RINGS[1]))
    rise, usual = _rises(filters, angles_deg)
    # What tells the shares: few of all cells.
    columns, rings = np.searchsorted(kx, _TOLD_BELOW), np.searchsorted(ring, _RINGS[1])
    cells = number[:, :columns, :rings], power[:, :columns, :rings]
    tried = []
    for share, beyond in product(_SHARES, _SHARES):
        rows = np.exp(-np.maximum(share * usual + beyond * (rise - usual), 0))
        rows = np.maximum(rows, _SMALLEST)
        part = (gain * rows[:, :, None])[:, :columns]
        tried.append((_misfit(*cells, part, noise[:, :, :rings]), rows))
    _, rows = min(tried, key=lambda entry: entry[0])
    signal = _signal(number, gain * rows[:, :, None], power - noise, noise)
    # Independent coefficients of the specimen alone that would say as much of the plateau.
    plateau = (kx >= _PLATEAU[0]) & (kx < _PLATEAU[1])
    held = (gain * rows[:, :, None] * signal)[:, plateau]
    told = (number[:, plateau] * (held / (held + noise)) ** 2).sum() / _ALIKE
    if told < _MANY:
        return np.ones(gains.shape), np.zeros(RINGS)
    signal = _signal(everywhere, gain * rows[:, :, None], power - noise, noise)
    seen = np.flatnonzero(everywhere.any((0, 1)))
    signal = np.interp(np.arange(RINGS), seen, signal[seen])
    # Below, rows of 130 columns no longer tell kx, and S is found too small.
    first = int(np.searchsorted(ring, _RINGS[0]))
    signal[:first] = np.maximum(signal[:first], signal[first : first + _BESIDE].mean())
    return rows, np.where(ring < _RINGS[1], signal, 0.0)


def _misfit(
    number: DoubleArray, power: DoubleArray, part: DoubleArray, noise: DoubleArray
) -> float:
    """Return how badly power fits C gain, with the S that fits best."""
    model = part * _signal(number, part, power - noise, noise) + noise
    # Power is exponentially distributed.
    return float(np.sum(number * (np.log(model) + power / model)))


def _rises(filters: list[RowFilter], angles_deg: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """Return the logarithm of A over its plateau, of each tilt, and what small angles have."""
    kx = ring_frequencies(COLUMNS)
    plateau = (kx >= _PLATEAU[0]) & (kx < _PLATEAU[1])
    logs = np.log([found.row for found in filters])
    logs -= logs[:, plateau].mean(axis=1, keepdims=True)
    rise = np.where(kx < _FREE_BELOW, np.maximum(logs, 0.0), 0.0)
    inner = np.argsort(np.abs(angles_deg), kind="stable")[: max(1, round(_INNER * len(rise)))]
    return rise, np.quantile(rise[inner], _LOWER, axis=0)


def _signal(
    number: DoubleArray, part: DoubleArray, excess: DoubleArray, noise: DoubleArray
) -> DoubleArray:
    """Return S [ring] that fits power without its noise best, at least a little."""
    signal = np.ones(number.shape[2])
    for _ in range(_ITERATIONS):
        weight = number / (part * signal + noise) ** 2
        below = (weight * part * part).sum((0, 1))
        found = (weight * part * excess).sum((0, 1)) / np.maximum(below, 1e-30)
        signal = np.where(below > 0, np.maximum(found, _LEAST), 1.0)
    return np.asarray(signal)
