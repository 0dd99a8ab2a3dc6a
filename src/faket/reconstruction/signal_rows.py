"""How strongly the rows of a reprojection hold the specimen, where its tilts overlap.

The noise at low kx is not only what the filter left of it: linear interpolation in a
back-projection spreads noise of high frequencies over all others, and a ramp leaves so little at
low ones that this is most of it. So the filter of the specimen cannot be known from the noise
there. But a specimen has no preferred direction in the plane: where it exceeds the noise,

    P(kx, ky) = C(kx) gain(kx) S(|k|) + B(|k|),

and C falls at low kx by as much as noise from elsewhere exceeds what the filter left, and by as
much as the tilts share less than those of a slab without sides: at high tilts rays leave a tomogram
through these. So C is measured for tilts of about one |angle|, and S for all together. Where C has
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
_FEW_ITERATIONS = 5  # chosen: S of the fit is near already
_NEAR_DEG = 8.0  # σ, of tilts whose C is alike; chosen: it changes by half in 20°
_ALIKE = 8  # coefficients that are alike: mirror images, and neighbours under a Hann window
_FEW, _MANY = 4, 1000  # chosen: half of a column's power, and 3 % of the plateau's
_LIKELY = (0.6, 3.0)  # C of the plateau; chosen: tomograms of 256 pixels have 1.2 to 1.7
_SMALLEST = 0.02  # C; chosen, because less is not amplified
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
        C at kx = (i + ½) / 256 cycles per voxel.
    signal : ndarray, shape (RINGS,)
        S over the noise at the corner; 0 where it was not measured.
    """
    ring, kx = ring_frequencies(RINGS, CORNER), ring_frequencies(COLUMNS)
    level = np.array([found.noise[-1] for found in filters])[:, None, None]
    # [tilt, column, ring], tilts of equal noise
    power = np.array([t.power / f.row[:, None] for t, f in zip(tables, filters, strict=True)])
    noise = np.array([found.noise for found in filters])[:, None, :] / level
    excess, gain = power / level - noise, gains[:, :, None]
    everywhere = np.array([table.number for table in tables])
    everywhere[:, 0] = 0  # it holds what leaks from beyond 0
    number = everywhere * ((ring >= _RINGS[0]) & (ring < _RINGS[1]))
    apart = np.abs(angles_deg) - np.abs(angles_deg)[:, None]
    near = np.exp(-0.5 * (apart / _NEAR_DEG) ** 2)  # [tilt, other]
    rows, signal = np.ones((len(tables), COLUMNS, 1)), np.ones(RINGS)
    for _ in range(_ITERATIONS):
        signal = _signal(number, gain * rows, signal, excess, noise)
        weight, part = number / (gain * rows * signal + noise) ** 2, gain * signal
        below = near @ (weight * part * part).sum(2)
        found = near @ (weight * part * excess).sum(2) / np.maximum(below, 1e-30)
        found = np.where(below > 0, np.maximum(found, _SMALLEST), 1.0)
        rows = np.where(kx < _FREE_BELOW, found, 1.0)[:, :, None]
    # Independent coefficients of the specimen alone that would say as much of a column.
    held = gain * rows * signal
    told = (number * (held / (held + noise)) ** 2).sum(2) / _ALIKE
    plateau = (kx >= _PLATEAU[0]) & (kx < _PLATEAU[1])
    if told[:, plateau].sum() < _MANY:
        return np.ones(gains.shape), np.zeros(RINGS)
    relative = np.array(
        [_over_plateau(*of_tilt) for of_tilt in zip(rows[..., 0], near @ told, strict=True)]
    )
    for _ in range(_FEW_ITERATIONS):
        signal = _signal(everywhere, gain * relative[:, :, None], signal, excess, noise)
    seen = np.flatnonzero(everywhere.any((0, 1)))
    signal = np.interp(np.arange(RINGS), seen, signal[seen])
    return relative, np.where(ring < _RINGS[1], signal, 0.0)


def _over_plateau(rows: DoubleArray, told: DoubleArray) -> DoubleArray:
    """Return C of a tilt over that of the plateau, smoothed; 1 where it does not fall."""
    kx = ring_frequencies(COLUMNS)
    plateau, known = (kx >= _PLATEAU[0]) & (kx < _PLATEAU[1]), np.flatnonzero(told >= _FEW)
    if not len(known):
        return np.ones(COLUMNS)
    rows = np.interp(np.arange(COLUMNS), known, rows[known])
    rows = np.exp(gaussian_filter1d(np.log(rows), _SMOOTH, mode="nearest"))
    usual = _EQUAL * float(np.median(rows[plateau]))
    if not _LIKELY[0] < usual < _LIKELY[1]:  # the specimen is not what the model expects
        return np.ones(COLUMNS)
    return np.where(kx < _PLATEAU[0], np.clip(rows / usual, _SMALLEST, 1), 1.0)


def _signal(
    number: DoubleArray,
    part: DoubleArray,
    signal: DoubleArray,
    excess: DoubleArray,
    noise: DoubleArray,
) -> DoubleArray:
    """Return S [ring] that fits power without its noise best, at least a little."""
    weight = number / (part * signal + noise) ** 2
    below = (weight * part * part).sum((0, 1))
    found = (weight * part * excess).sum((0, 1)) / np.maximum(below, 1e-30)
    return np.asarray(np.where(below > 0, np.maximum(found, _LEAST), 1.0))
