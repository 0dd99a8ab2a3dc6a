"""Order of acquisition, exposure of each tilt, and fading of molecules with dose."""

import numpy as np
from numpy.typing import NDArray

from faket.constants import CRITICAL_DOSE_300KV, squared_speed_over_c
from faket.data import DoubleArray
from faket.microscope.settings import DoseScheme


def acquisition_order(angles_deg: DoubleArray, scheme: DoseScheme) -> NDArray[np.int64]:
    """Return the place of each tilt in the order of acquisition.

    Parameters
    ----------
    angles_deg : ndarray, shape (tilts,)
    scheme : {"dose-symmetric", "bidirectional", "unidirectional"}
        Dose-symmetric (Hagen, Wan and Briggs 2017): from the angle nearest 0, then one tilt up,
        two down, two up and so on. Bidirectional: from the angle nearest 0 up, then down.
        Unidirectional: from the lowest angle up.

    Returns
    -------
    ndarray of int, shape (tilts,)
        Position in the sequence, from 0.
    """
    upward = np.argsort(angles_deg, kind="stable")
    start = int(np.argmin(np.abs(np.asarray(angles_deg)[upward])))
    above, below = list(upward[start + 1 :]), list(upward[:start][::-1])
    if scheme == "unidirectional":
        sequence = list(upward)
    elif scheme == "bidirectional":
        sequence = [upward[start], *above, *below]
    else:
        sequence = [upward[start], *_alternate(above, below)]
    order = np.empty(len(sequence), np.int64)
    order[np.array(sequence)] = np.arange(len(sequence))
    return order


def _alternate(above: list[np.int64], below: list[np.int64]) -> list[np.int64]:
    sequence, sides, take = above[:1], [below, above[1:]], 0
    while sides[0] or sides[1]:
        sequence += sides[take][:2]
        sides[take] = sides[take][2:]
        take = 1 - take
    return sequence


def split_dose(angles_deg: DoubleArray, total_e_per_A2: float, cosine_power: float) -> DoubleArray:
    """Return the exposure of each tilt, e/Å²: proportional to 1 / cosⁿθ, the total in all."""
    weights = np.cos(np.radians(angles_deg)) ** -cosine_power
    return np.asarray(total_e_per_A2 * weights / weights.sum())


def dose_before(dose_e_per_A2: DoubleArray, order: NDArray[np.int64]) -> DoubleArray:
    """Return the dose that the specimen had received before each tilt, e/Å²."""
    sequence = np.argsort(order)
    before = np.empty(len(sequence))
    before[sequence] = np.cumsum(dose_e_per_A2[sequence]) - dose_e_per_A2[sequence]
    return before


def critical_dose(frequency_per_A: DoubleArray, voltage_kV: float) -> DoubleArray:
    """Return the dose N_e (e/Å²) after which a signal of spatial frequency k has fallen to e^-1/2.

    Grant and Grigorieff (2015): N_e = 0.245 k^-1.665 + 2.81 at 300 kV. Damage per electron goes
    as 1/β², which gives their factor 0.8 at 200 kV. Infinite at k = 0.
    """
    a, b, c = CRITICAL_DOSE_300KV
    scale = squared_speed_over_c(voltage_kV) / squared_speed_over_c(300.0)
    with np.errstate(divide="ignore"):
        return np.asarray(scale * (a * np.asarray(frequency_per_A, np.float64) ** b + c))


def surviving_amplitude(
    frequency_per_A: DoubleArray, before_e_per_A2: float, dose_e_per_A2: float, voltage_kV: float
) -> DoubleArray:
    """Return the mean of exp(−D / 2 N_e) while the dose D grows from ``before`` by ``dose``.

    Parameters
    ----------
    frequency_per_A : ndarray, any shape
        Spatial frequency k.
    before_e_per_A2, dose_e_per_A2 : float
    voltage_kV : float

    Returns
    -------
    ndarray, the same shape, float64
        1 at k = 0.
    """
    rate = 0.5 / critical_dose(frequency_per_A, voltage_kV)  # Å²/e; 0 at k = 0
    step = rate * dose_e_per_A2
    safe = np.where(step > 0, step, 1.0)
    mean = np.where(step > 0, -np.expm1(-step) / safe, 1.0)
    return np.asarray(np.exp(-rate * before_e_per_A2) * mean)
