"""How strong the signal of one half is against the other's, from the spectra of the two.

With the model of :mod:`faket.noise.halves`, and noise of one colour in both halves
(|a|² = ν |b|²), |A|² = ν |B|² + s C holds in every ring, s = r − ν / r.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from faket.data import DoubleArray

_CERTAIN = 5.0  # standard errors, from which r is taken as measured; chosen
_ROUNDS = 8  # r and ν follow from each other; twice suffice where the signal is alike
_BESIDE = 2.0  # rings (standard deviation) that tell the power of one; chosen
_SAME_R = 4.0  # standard errors by which an image may differ from the others; chosen


@dataclass(frozen=True)
class SignalRatio:
    """Strengths of the halves of one image.

    Attributes
    ----------
    signal : float
        r: amplitude of the signal in the first half over that in the second.
    error : float
        Its standard error; infinite where there is too little signal to tell.
    noise : float
        ν: power of the noise in the first half over that in the second.
    modes : float
        Number of independent coefficients.
    """

    signal: float
    error: float
    noise: float
    modes: float = math.inf

    @property
    def known(self) -> bool:
        """Whether r was measured."""
        return math.isfinite(self.error)


def signal_ratio(powers: DoubleArray, modes: DoubleArray) -> SignalRatio:
    """Measure r and ν of one image, every ring weighted by what is known of it.

    Where there is little signal, r = √ν: so it is for equal halves in any units.

    Parameters
    ----------
    powers : ndarray, shape (3, rings)
        |A|², |B|² and C.
    modes : ndarray, shape (rings,)
        Independent coefficients of each ring.
    """
    first, second, _ = powers
    held = (modes > 0) & (first > 0) & (second > 0)
    if not held.any():
        return SignalRatio(1.0, math.inf, 1.0, 0.0)
    a, b, c = powers[:, held]
    near_a, near_b = _of_neighbours(a, modes[held]), _of_neighbours(b, modes[held])
    weight = modes[held] / (near_a * near_b)
    nu = float(np.sum(weight * a) / np.sum(weight * b))
    many = float(modes[held].sum())
    unknown = SignalRatio(ratio := math.sqrt(nu), math.inf, nu, many)
    for _ in range(_ROUNDS):
        rest = [float(np.sum(weight * noise)) for noise in (a - ratio * c, b - c / ratio)]
        if not min(rest) > 0:
            return unknown
        nu = rest[0] / rest[1]
        inverse = modes[held] / (near_a**2 + (nu * near_b) ** 2)  # of the variance of |A|² − ν |B|²
        slope = float(np.sum(inverse * c * (a - nu * b)) / np.sum(inverse * c * c))
        ratio = (slope + math.hypot(slope, 2 * math.sqrt(nu))) / 2
    # The scatter of C tells nothing of s. ds / dr = 1 + ν / r².
    told = max(float(np.sum(inverse * (c**2 - a * b / modes[held]))), 0.0)
    precision = (1 + nu / ratio**2) * math.sqrt(told)
    certain = precision * ratio > _CERTAIN
    return SignalRatio(ratio, 1 / precision, nu, many) if certain else unknown


def _of_neighbours(power: DoubleArray, modes: DoubleArray) -> DoubleArray:
    """Return the power of rings and those beside them.

    In small images a ring has one or two coefficients, and may have no power by chance; its own
    inverse would outweigh all others.
    """
    number = gaussian_filter1d(modes, _BESIDE)
    return np.asarray(gaussian_filter1d(modes * power, _BESIDE) / number)


def common_ratios(found: list[SignalRatio]) -> DoubleArray:
    """Return r of every image: the common one where an image does not contradict it.

    Where r was not measured, it is the common one, changed as the noise is.
    """
    known = [one for one in found if one.known]
    if not known:
        return np.array([one.signal for one in found])
    logs = np.log([one.signal for one in known])
    weights = np.array([(one.signal / one.error) ** 2 for one in known])
    middle = float(np.median(logs))
    alike = np.abs(logs - middle) * np.sqrt(weights) <= _SAME_R
    usual = float(np.average(logs[alike], weights=weights[alike])) if alike.any() else middle
    noise = float(np.median(np.log([one.noise for one in known])))
    ratios = []
    for one in found:
        log, error = math.log(one.signal), one.error / one.signal
        if not one.known:
            ratios.append(usual + (math.log(one.noise) - noise) / 2)
        else:
            ratios.append(usual if abs(log - usual) <= _SAME_R * error else log)
    return np.exp(ratios)
