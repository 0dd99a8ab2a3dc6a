"""Potential above ice of a lipid bilayer, as a function of the distance from its middle."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import erf

from faket.data import DoubleArray

# Heads lie 39.6 Å apart in fluid DPPC (Nagle et al., Biophys. J. 70, 1419 (1996)).
# The potentials above ice are K Σ f_e(0) / volume - 4.53 V, of dry groups of 331 Å³ (head,
# C10H18NO8P: 8.4 V), 27.6 Å³ (CH2: 6.2 V) and 54 Å³ (CH3: 3.6 V). The volumes are chosen; a DPPC
# molecule then has 1212 Å³, where 1232 were measured (Int. J. Mol. Sci. 13, 11610 (2012), table 1).
# The widths are chosen. Heads: with the 64 Å² a lipid of that table the chains are 27.5 Å thick, of
# a steric thickness of 46.5 Å, which leaves each layer of heads 9.5 Å: a Gaussian of σ 4 Å at half
# its height. Chain ends: σ 3 Å, because voxels of 5 Å and more resolve no finer trough.
# Water between the heads is left out: per area this bilayer has 109 V Å, a dry one of DPPC 77 V Å.
HEAD_POSITION_A = 19.8
HEAD_SIGMA_A = 4.0
HEAD_POTENTIAL_V = 3.9
CHAIN_POTENTIAL_V = 1.7
TROUGH_SIGMA_A = 3.0
TROUGH_POTENTIAL_V = -0.9
LABEL_HALF_THICKNESS_A = 25.0  # chosen, because the heads are down to half at 24.5 Å


@dataclass(frozen=True)
class BilayerProfile:
    """A bilayer's potential, averaged over voxels, tabulated over the distance.

    Attributes
    ----------
    values_V : ndarray, shape (n,), float64
        At 0, step, 2 step, ... from the middle; 0 at the end.
    step_A : float
    """

    values_V: DoubleArray
    step_A: float


def tabulated_bilayer(voxel_size_A: float, step_A: float = 0.05) -> BilayerProfile:
    """Tabulate :func:`bilayer_potential_V` up to where it vanishes."""
    reach_A = HEAD_POSITION_A + 6 * HEAD_SIGMA_A + voxel_size_A / 2
    n = math.ceil(reach_A / step_A) + 1
    distances_A = np.arange(n, dtype=np.float64) * np.float64(step_A)
    values_V = bilayer_potential_V(distances_A, voxel_size_A)
    values_V[-1] = 0.0
    return BilayerProfile(values_V, step_A)


def bilayer_potential_V(distance_A: DoubleArray, width_A: float) -> DoubleArray:
    """Potential above ice of a bilayer, averaged along its normal over ``width_A``.

    Parameters
    ----------
    distance_A : ndarray
        From the middle of the membrane.
    width_A : float
        Width of the average, > 0: the voxel size. (A cube has the variance width²/12 along every
        direction, so one width serves all orientations of the membrane.)

    Returns
    -------
    ndarray, float64
        Chains: a slab between the heads with edges as soft as the heads; heads: two Gaussians;
        chain ends: a negative Gaussian in the middle. All three are averaged in closed form.
        Before averaging, heads, chains and middle have the potentials named in this module.
    """
    high, low = distance_A + width_A / 2, distance_A - width_A / 2
    total = np.zeros_like(distance_A)
    for amplitude_V, position_A, sigma_A in _gaussians():
        area = amplitude_V * sigma_A * math.sqrt(math.pi / 2)
        scale = sigma_A * math.sqrt(2)
        total += area * (erf((high - position_A) / scale) - erf((low - position_A) / scale))
    for sign in (1, -1):
        edge = sign * HEAD_POSITION_A
        step = _soft_step_integral(high + edge) - _soft_step_integral(low + edge)
        total += sign * CHAIN_POTENTIAL_V / 2 * step
    return np.asarray(total / width_A)


def bilayer_areal_integral_V_A() -> float:
    """Integral of the bilayer's potential along its normal, V·Å."""
    heads_and_ends = sum(a * s * math.sqrt(2 * math.pi) for a, _, s in _gaussians())
    return heads_and_ends + CHAIN_POTENTIAL_V * 2 * HEAD_POSITION_A


def _gaussians() -> tuple[tuple[float, float, float], ...]:
    # At its edge, where the heads are, the slab of chains contributes half its potential.
    head_V = HEAD_POTENTIAL_V - CHAIN_POTENTIAL_V / 2
    return (
        (head_V, HEAD_POSITION_A, HEAD_SIGMA_A),
        (head_V, -HEAD_POSITION_A, HEAD_SIGMA_A),
        (TROUGH_POTENTIAL_V - CHAIN_POTENTIAL_V, 0.0, TROUGH_SIGMA_A),
    )


def _soft_step_integral(x_A: DoubleArray) -> DoubleArray:
    """Antiderivative of erf(x / σ√2)."""
    scale = HEAD_SIGMA_A * math.sqrt(2)
    return np.asarray(
        x_A * erf(x_A / scale) + scale / math.sqrt(math.pi) * np.exp(-((x_A / scale) ** 2))
    )
