"""How the measured strength of a reference's signal differs from the one that physics expects.

With ρ the signal-to-noise ratio that physics expects of a specimen, ring by ring, the part of the
power that is signal is ρ e^R / (1 + ρ e^R). R is smooth: it contains what no metadata tell (motion,
B-factors, the detector, another exposure, noise that was not counted). It is fitted to the measured
parts; what they tell nothing about stays near what physics expects.
"""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BSpline

from faket.data import DoubleArray
from faket.methods.reference_properties import UNKNOWN
from faket.rings import ring_frequencies

_KNOTS = 12  # over √k, chosen: curves are as smooth as that, and finer at low frequencies
# Standard deviations of what is expected of R before anything is measured; chosen.
_CURVATURE, _SLOPE = 0.6, 1.0  # from knot to knot
_TILT = 0.5  # of what depends on the tilt
# Of the ratio of the measured part to the rest, relative, and of the part itself; chosen, because
# spectra of specimens are not smooth, and differ.
_RELATIVE, _ABSOLUTE = 0.06, 0.01
_LOW = 0.05  # cycles per pixel, up to which noise is strong that was not counted; chosen
_STEPS = 40
_FARTHEST = 12.0  # of log ratios, so that exponentials stay finite


@dataclass(frozen=True, eq=False)
class Correction:
    """What was found.

    Attributes
    ----------
    log_ratio : ndarray, shape (tilts, rings), float64
        R: logarithm of the reference's signal-to-noise ratio over the expected one.
    sigma : ndarray, shape (tilts, rings), float64
        Its standard error.
    level : float
        Mean of R where it is measured.
    """

    log_ratio: DoubleArray
    sigma: DoubleArray
    level: float


def fit_correction(
    fraction: DoubleArray,
    sigma: DoubleArray,
    expected: DoubleArray,
    angles_deg: DoubleArray,
    *,
    limit: float,
    level_sigma: float,
) -> Correction:
    """Fit R to the measured part of the power that is signal.

    Parameters
    ----------
    fraction, sigma : ndarray, shape (tilts, rings)
        Measured, and its standard error; those of ``UNKNOWN`` error are not used.
    expected : ndarray, shape (tilts, rings)
        ρ.
    angles_deg : ndarray, shape (tilts,)
    limit : float
        Where the last ring ends, cycles per pixel.
    level_sigma : float
        Standard error of log ρ, common to all rings.

    Returns
    -------
    Correction
    """
    design, penalty = smooth_functions(fraction.shape, angles_deg, limit, level_sigma)
    log_rho = np.log(np.maximum(expected, 1e-12))
    found = np.zeros(design.shape[-1])
    rows = design.reshape(-1, design.shape[-1])
    ridge = penalty.T @ penalty
    for _ in range(_STEPS):
        part = _part(log_rho + design @ found)
        weight = _weights(part, sigma)
        slope = part * (1 - part)
        jacobian = (weight * slope).ravel()[:, None] * rows
        off = (weight * (fraction - part)).ravel()
        normal = jacobian.T @ jacobian + ridge
        step = np.linalg.solve(normal, jacobian.T @ off - ridge @ found)
        found = found + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-4:
            break
    covariance = np.linalg.inv(normal)
    told = np.asarray((weight * slope) ** 2, np.float64)
    ratio = design @ found
    error = np.sqrt(np.einsum("ij,jk,ik->i", rows, covariance, rows)).reshape(ratio.shape)
    level = float(np.sum(told * ratio) / max(float(told.sum()), 1e-30))
    return Correction(ratio, error, level)


def _part(log_ratio: DoubleArray) -> DoubleArray:
    return np.asarray(1 / (1 + np.exp(-np.clip(log_ratio, -_FARTHEST * 2, _FARTHEST * 2))))


def _weights(part: DoubleArray, sigma: DoubleArray) -> DoubleArray:
    weight = 1 / np.sqrt(sigma**2 + (_RELATIVE * part * (1 - part)) ** 2 + _ABSOLUTE**2)
    return np.asarray(np.where(sigma < UNKNOWN, weight, 0.0))


def smooth_functions(
    shape: tuple[int, ...], angles_deg: DoubleArray, limit: float, level_sigma: float
) -> tuple[DoubleArray, DoubleArray]:
    """Return functions of tilt and ring of which logarithms of spectra are made.

    Parameters
    ----------
    shape : (int, int)
        Tilts and rings.
    angles_deg : ndarray, shape (tilts,)
    limit : float
        Where the last ring ends, cycles per pixel.
    level_sigma : float
        Standard deviation expected of the mean over all rings.

    Returns
    -------
    functions : ndarray, shape (tilts, rings, functions)
    penalty : ndarray, shape (terms, functions)
        Of which coefficients times it are expected to be N(0, 1).
    """
    tilts, rings = shape
    frequency = ring_frequencies(rings, limit)
    place = np.sqrt(frequency / limit)
    knots = np.concatenate([[0.0] * 3, np.linspace(0, 1, _KNOTS - 2), [1.0] * 3])
    common = BSpline.design_matrix(place, knots, 3).toarray()  # [ring, function]
    turn = np.asarray(angles_deg) / 60.0
    # Exposure rises with the tilt, or, in dose-symmetric series, with its absolute value.
    by_tilt = np.stack([turn, turn**2 - np.mean(turn**2), np.abs(turn) - np.abs(turn).mean()], 1)
    low = np.exp(-((frequency / _LOW) ** 2))
    by_ring = np.stack([np.ones(rings), low, frequency / 0.5], axis=1)
    changing = np.einsum("ti,rj->trij", by_tilt, by_ring).reshape(tilts, rings, -1)
    design = np.concatenate([np.broadcast_to(common, (tilts, *common.shape)), changing], axis=2)
    n, own = common.shape[1], changing.shape[2]
    penalty = np.zeros((n - 2 + n - 1 + 1 + own, n + own))
    penalty[: n - 2, :n] = np.diff(np.eye(n), 2, axis=0) / _CURVATURE
    penalty[n - 2 : 2 * n - 3, :n] = np.diff(np.eye(n), axis=0) / _SLOPE
    penalty[2 * n - 3, :n] = 1 / (n * level_sigma)
    penalty[2 * n - 2 :, n:] = np.eye(own) / _TILT
    return design, penalty
