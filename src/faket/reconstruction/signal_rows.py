"""How strongly the rows of a reprojection hold the specimen, where its tilts overlap.

The noise at low kx is not only what the filter left of it: linear interpolation in a
back-projection spreads noise of high frequencies over all others, and a ramp leaves so little at
low ones that this is most of it. So the filter of the specimen cannot be known from the noise
there. But a specimen has no preferred direction in the plane: where it exceeds the noise,

    P(kx, ky) = C(kx) gain(kx) S(|k|) + B(|k|),

and C falls at low kx by as much as noise from elsewhere exceeds what the filter left. Where C has
no such fall it is taken for 1: specimens are not as equal in all directions as noise is.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from faket.data import DoubleArray
from faket.reconstruction.row_filter import COLUMNS, CORNER, RINGS, PowerTable, RowFilter
from faket.rings import ring_frequencies

_RINGS = (0.02, 0.25)  # abs k; chosen, because specimens exceed noise there, or nearly
_FREE_BELOW = 0.1  # kx; chosen: tilts part above
_PLATEAU = (0.05, 0.075)  # kx; chosen, because interpolation leaves most of a ramp there
_EQUAL = 0.95  # of the plateau; chosen, as specimens differ by so much between directions
_SMOOTH = 0.7  # columns; chosen, because the fall is 10 columns wide
_ITERATIONS = 40  # chosen, because the last changes C by less than 1 %
_ALIKE = 8  # coefficients that are alike: mirror images, and neighbours under a Hann window
_FEW, _MANY = 4, 1000  # chosen: half of a column's power, and 3 % of the plateau's
_LIKELY = (0.6, 3.0)  # C of the plateau; chosen: tomograms of 256 pixels have 1.2 to 1.7
_SMALLEST = 0.02  # C; chosen, because less is not amplified
_LEAST = 1e-3  # of the noise; chosen, so that no ring is empty


def signal_rows(
    tables: list[PowerTable], filters: list[RowFilter], gains: DoubleArray
) -> DoubleArray:
    """Return C at kx = (i + ½) / 256 cycles per voxel, shape (COLUMNS,).

    Parameters
    ----------
    tables : list of PowerTable
    filters : list of RowFilter
        Fitted to the tables.
    gains : ndarray, shape (tilts, COLUMNS)
        Of the overlap, :func:`faket.reconstruction.tilt_overlap.coherent_gain`.
    """
    ring, kx = ring_frequencies(RINGS, CORNER), ring_frequencies(COLUMNS)
    level = np.array([found.noise[-1] for found in filters])[:, None, None]
    # [tilt, column, ring], tilts of equal noise
    power = np.array([t.power / f.row[:, None] for t, f in zip(tables, filters, strict=True)])
    power /= level
    noise = np.array([found.noise for found in filters])[:, None, :] / level
    number = np.array([table.number for table in tables])
    number *= (ring >= _RINGS[0]) & (ring < _RINGS[1])
    gain = gains[:, :, None]
    rows, signal = np.ones(COLUMNS), np.ones(RINGS)
    for _ in range(_ITERATIONS):
        model = gain * rows[:, None] * signal + noise
        weight = number / model**2
        signal = _scale(weight, gain * rows[:, None], power - noise, (0, 1))
        model = gain * rows[:, None] * signal + noise
        rows = _scale(number / model**2, gain * signal, power - noise, (0, 2))
        rows = np.where(kx < _FREE_BELOW, np.maximum(rows, _SMALLEST), 1.0)
    # Independent coefficients of the specimen alone that would say as much of a column.
    told = (number * (gain * rows[:, None] * signal / model) ** 2).sum((0, 2)) / _ALIKE
    told[0] = 0  # it holds what leaks from beyond 0
    known = np.flatnonzero(told >= _FEW)
    plateau = (kx >= _PLATEAU[0]) & (kx < _PLATEAU[1])
    if told[plateau].sum() < _MANY or not len(known):
        return np.ones(COLUMNS)
    rows = np.interp(np.arange(COLUMNS), known, rows[known])
    rows = np.exp(gaussian_filter1d(np.log(rows), _SMOOTH, mode="nearest"))
    usual = _EQUAL * float(np.median(rows[plateau]))
    if not _LIKELY[0] < usual < _LIKELY[1]:  # the specimen is not what the model expects
        return np.ones(COLUMNS)
    return np.where(kx < _PLATEAU[0], np.clip(rows / usual, _SMALLEST, 1), 1.0)


def _scale(
    weight: DoubleArray, part: DoubleArray, values: DoubleArray, axes: tuple[int, int]
) -> DoubleArray:
    """Return the factor of a part that fits values best, at least a little."""
    below = (weight * part * part).sum(axes)
    found = (weight * part * values).sum(axes) / np.maximum(below, 1e-30)
    return np.asarray(np.where(below > 0, np.maximum(found, _LEAST), 1.0))
