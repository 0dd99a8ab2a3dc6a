"""How strongly the rows of a reprojection hold the specimen, where its tilts overlap.

The noise at low kx is not only what the filter left of it: linear interpolation in a
back-projection spreads noise of high frequencies over all others, as do the ends of rows at which
it stops, and a ramp leaves so little at low kx that this is most of it. So the power of a tilt is

    P(kx, ky) = C(kx) gain(kx) s S(|k|) + B(|k|),

in units of A, what :mod:`faket.reconstruction.row_filter` found of the noise. s is the strength of
the specimen in this tilt (longer ways through ice, damage), and C = F / A with the filter F that
the specimen went through. Noise from elsewhere only adds, so that C is at most 1. Programs filter
the rows of all tilts alike, and what they do beside the ramp is, in amplitude, about

    1 - exp(-k0 / kx),

the limit of 1 - (1 - a / kx)^N after N = k0 / a iterations of SIRT (the formula of "SIRT-like"
filters): a ramp where k0 is large, no filter at all where it is small. A specimen has no preferred
direction in the plane; so with the right k0 the S of all columns agree.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from faket.data import DoubleArray
from faket.reconstruction.row_filter import COLUMNS, CORNER, RINGS, PowerTable, RowFilter
from faket.rings import ring_frequencies

_RINGS = (0.02, 0.25)  # abs k; chosen, because specimens exceed noise there, or nearly
# kx that tell k0; chosen: below, a bead at the end of rows that a program prolongs is most of the
# power; above, the gain depends on how much thicker the tomogram is than its specimen.
_TELL = (0.02, 0.11)
_PLATEAU = (0.075, 0.11)  # kx; chosen: linear interpolation leaves 93 % of a ramp at 0.1
_BESIDE = 3  # rings, for those below; chosen, because spectra of specimens are flat there
_FREE_BELOW = 0.09  # kx; chosen: in the plateau, where A / F is 1
_KNEES = (*np.geomspace(0.004, 2.0, 14), np.inf)  # k0; chosen, because C changes by 20 %
# Logarithm of a likelihood by which noise from elsewhere must fit better than none. Chosen: with
# linear interpolation it does by 14 to 140, with SIRT and Keys' kernel mostly by less than 7.
_CLEARLY = 10.0
_LOW = 0.1  # abs k below which what is seen of the specimen counts; chosen: it exceeds the noise
_NEAR = (1.5, 0.0)  # tilts and columns over which that is averaged; chosen, as for A
_COVERED = 0.25  # of the specimen's power in an image; chosen: what is left cannot be told apart
_MOST = 0.5  # of the tilts
_ITERATIONS = 15  # chosen, because the last changes S by less than 1 %
_LEVEL_WEIGHT = 3.0  # coefficients that say that s is 1; chosen, for tilts that show little
_ALIKE = 8  # coefficients that are alike: mirror images, and neighbours under a Hann window
_MANY = 1000  # chosen: 3 % of the plateau's
_LEAST = 1e-3  # of the noise; chosen, so that no ring is empty


def signal_rows(
    tables: list[PowerTable], filters: list[RowFilter], gains: DoubleArray
) -> tuple[DoubleArray, DoubleArray, NDArray[np.bool_]]:
    """Return how strongly the rows of each tilt hold the specimen, and how strong it is.

    Parameters
    ----------
    tables : list of PowerTable
    filters : list of RowFilter
        Fitted to the tables.
    gains : ndarray, shape (tilts, COLUMNS)
        Of the overlap, :func:`faket.reconstruction.tilt_overlap.coherent_gain`.

    Returns
    -------
    rows : ndarray, shape (tilts, COLUMNS)
        C at kx = (i + ½) / 256 cycles per voxel. Where noise from elsewhere covers the specimen, it
        includes all that is seen there beyond the noise, else at most what makes an image's power.
    signal : ndarray, shape (tilts, RINGS)
        s S over the noise at the corner; 0 where it was not measured.
    covered : ndarray of bool, shape (tilts, COLUMNS)
        Where noise from elsewhere covers the specimen.
    """
    ring, kx = ring_frequencies(RINGS, CORNER), ring_frequencies(COLUMNS)
    level = np.array([found.noise[-1] for found in filters])[:, None, None]
    # [tilt, column, ring], tilts of equal noise
    power = np.array([t.power / f.row[:, None] for t, f in zip(tables, filters, strict=True)])
    noise = np.array([found.noise for found in filters])[:, None, :] / level
    excess = power / level - noise
    everywhere = np.array([table.number for table in tables])
    everywhere[:, 0] = 0  # it holds what leaks from beyond 0
    number = everywhere * ((ring >= _RINGS[0]) & (ring < _RINGS[1]))
    tells = slice(int(np.searchsorted(kx, _TELL[1])))
    weight = number[:, tells] / _ALIKE / np.maximum(gains[:, tells, None], 1)
    rows = _filtered(filters, gains, (weight, excess[:, tells], noise))
    signal, strength = _signal(number, gains * rows, excess, noise)
    # Independent coefficients of the specimen alone that would say as much of the plateau.
    plateau = _plateau()
    held = ((strength[:, None] * gains * rows)[:, :, None] * signal)[:, plateau]
    told = (number[:, plateau] * (held / (held + noise)) ** 2).sum() / _ALIKE
    if told < _MANY:
        nothing = np.zeros(gains.shape, bool)
        return np.ones(gains.shape), np.zeros((len(tables), RINGS)), nothing
    covered = gains * rows < _COVERED
    uncovered = everywhere * ~covered[:, :, None]
    signal = _in_all_rings(uncovered, (strength[:, None] * gains * rows, excess, noise))
    number = np.array([table.number for table in tables])  # with column 0
    low = number * ((ring >= _RINGS[0]) & (ring < _LOW))
    shown = (low * excess).sum(2), (low * signal).sum(2) * strength[:, None] * gains
    seen, whole = (gaussian_filter(values, _NEAR, mode="nearest") for values in shown)
    most = 1 / np.maximum(gains, 1)
    most[:, 0] = 0  # but where it is covered, by what leaks too
    seen = np.minimum(seen / np.maximum(whole, 1e-30), np.where(covered, np.inf, most))
    rows = np.where(kx < _FREE_BELOW, np.maximum(rows, seen), rows)
    return rows, strength[:, None] * np.where(ring < _RINGS[1], signal, 0.0), covered


def covered_below(covered: NDArray[np.bool_]) -> float:
    """Return below which frequency noise covers the specimen in most tilts.

    Parameters
    ----------
    covered : ndarray of bool, shape (tilts, COLUMNS)
        Of :func:`signal_rows`.

    Returns
    -------
    float
        Cycles per voxel; 0 if nothing is covered.
    """
    columns = np.flatnonzero(covered.mean(axis=0) > _MOST)
    return float((columns[-1] + 1) * 0.5 / COLUMNS) if len(columns) else 0.0


def _plateau() -> DoubleArray:
    kx = ring_frequencies(COLUMNS)
    return np.asarray((kx >= _PLATEAU[0]) & (kx < _PLATEAU[1]))


def _filtered(
    filters: list[RowFilter],
    gains: DoubleArray,
    cells: tuple[DoubleArray, DoubleArray, DoubleArray],
) -> DoubleArray:
    """Return C by the family of filters: the mean over k0, each as likely as its fit.

    With C = 1 all is filter, and one that may differ between tilts, as of SIRT itself. Where that
    fits about as well, half of the logarithm is taken. ``cells``: weight, excess and noise in the
    first columns.
    """
    kx, plateau = ring_frequencies(COLUMNS), _plateau()
    noisy = np.log([found.row for found in filters])
    noisy -= noisy[:, plateau].mean(axis=1, keepdims=True)
    everywhere, excess, noise = cells
    columns = everywhere.shape[1]
    higher = everywhere * (kx[:columns, None] >= _TELL[0])

    def misfit(log_rows: DoubleArray, weight: DoubleArray) -> float:
        return _misfit(weight, excess, noise, (gains * np.exp(log_rows))[:, :columns])

    logs = []
    for knee in _KNEES:
        passed = 2 * np.log(-np.expm1(-knee / kx))
        passed -= passed[plateau].mean()
        logs.append(np.where(kx < _FREE_BELOW, np.minimum(passed - noisy, 0.0), 0.0))
    misfits = np.array([misfit(entry, higher) for entry in logs])
    of_family = np.average(logs, axis=0, weights=np.exp(misfits.min() - misfits))
    whole = np.zeros_like(noisy)
    worse = max(
        misfit(whole, higher) - misfits.min(),
        misfit(whole, everywhere) - misfit(of_family, everywhere),
    )
    return np.exp(of_family if worse > _CLEARLY else 0.5 * of_family)


def _misfit(
    weight: DoubleArray, excess: DoubleArray, noise: DoubleArray, part: DoubleArray
) -> float:
    """Return how badly power fits C gain, with the s and the S that fit best."""
    signal, strength = _signal(weight, part, excess, noise)
    model = (strength[:, None] * part)[:, :, None] * signal + noise
    # Power is exponentially distributed.
    return float(np.sum(weight * (np.log(model) + (excess + noise) / model)))


def _signal(
    number: DoubleArray, part: DoubleArray, excess: DoubleArray, noise: DoubleArray
) -> tuple[DoubleArray, DoubleArray]:
    """Return S [ring], at least a little, and s [tilt], in the mean 1, that fit the excess best."""
    signal, strength = np.ones(number.shape[2]), np.ones(len(number))
    part = part[:, :, None]
    for _ in range(_ITERATIONS):
        held = strength[:, None, None] * part
        weight = number / (held * signal + noise) ** 2
        below = (weight * held * held).sum((0, 1))
        found = (weight * held * excess).sum((0, 1)) / np.maximum(below, 1e-30)
        signal = np.where(below > 0, np.maximum(found, _LEAST), 1.0)
        held = part * signal
        weight = number / (strength[:, None, None] * held + noise) ** 2
        below = (weight * held * held).sum((1, 2)) + _LEVEL_WEIGHT
        strength = ((weight * held * excess).sum((1, 2)) + _LEVEL_WEIGHT) / below
        strength = np.maximum(strength, _LEAST)
        strength /= np.exp(np.log(strength).mean())
    return np.asarray(signal), strength


def _in_all_rings(
    number: DoubleArray, cells: tuple[DoubleArray, DoubleArray, DoubleArray]
) -> DoubleArray:
    """Return S in rings that were not fitted, too."""
    signal = _signal(number, *cells)[0]
    seen = np.flatnonzero(number.any((0, 1)))
    signal = np.interp(np.arange(RINGS), seen, signal[seen])
    # Below, rows of 130 columns no longer tell kx, and S is found too small.
    first = int(np.searchsorted(ring_frequencies(RINGS, CORNER), _RINGS[0]))
    signal[:first] = np.maximum(signal[:first], signal[first : first + _BESIDE].mean())
    return signal
