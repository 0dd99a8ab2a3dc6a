"""Potential above ice of a lipid bilayer, as a function of the distance from its middle."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import erf

from faket.constants import ICE_POTENTIAL_V, POTENTIAL_K_V_A2, SCATTERING_F0_A
from faket.data import DoubleArray

# Heads lie 39.6 Å apart in fluid DPPC (Nagle et al., Biophys. J. 70, 1419 (1996)); its lipids have
# 64 Å² each and 1232 Å³ (Int. J. Mol. Sci. 13, 11610 (2012), table 1). A lipid is a dry head,
# C10H18NO8P, of 331 Å³, 28 CH2 of 27.6 Å³ and 2 CH3 of 54 Å³, 1212 Å³ together; these volumes are
# chosen. What a group has above ice is K Σ f_e(0) less the ice whose place it takes: water
# between the heads counts as ice. Both layers together have 77 V Å.
# Widths are chosen. Heads: the chains of 64 Å² are 27.5 Å thick, of a steric thickness of 46.5 Å,
# which leaves each layer of heads and their water 9.5 Å: a Gaussian of σ 4 Å at half its height.
# Chains: an edge of σ 3 Å, less than that of the heads; chain ends: σ 3 Å, because voxels of 5 Å
# and more resolve no finer trough.
HEAD_DISTANCE_A = 39.6
AREA_PER_LIPID_A2 = 64.0
HEAD_SIGMA_A = 4.0
CHAIN_SIGMA_A = 3.0
ENDS_SIGMA_A = 3.0
_HEAD_A3, _CH2_A3, _CH3_A3 = 331.0, 27.6, 54.0
_CHAIN_A3 = 28 * _CH2_A3 + 2 * _CH3_A3
_HEAD_BEYOND_CHAINS_A = HEAD_DISTANCE_A / 2 - _CHAIN_A3 / AREA_PER_LIPID_A2
_LABEL_BEYOND_HEADS_A = 5.2  # chosen: the heads are down to half at 4.7 Å


def _above_ice_V_A3(volume_A3: float, **atoms: int) -> float:
    """Integral of a group's potential above that of the ice whose place it takes."""
    own = POTENTIAL_K_V_A2 * sum(n * SCATTERING_F0_A[name] for name, n in atoms.items())
    return own - ICE_POTENTIAL_V * volume_A3


_CH2_V_A3 = _above_ice_V_A3(_CH2_A3, C=1, H=2)
CHAIN_POTENTIAL_V = _CH2_V_A3 / _CH2_A3  # 1.7
# Per area, of one layer.
HEAD_V_A = _above_ice_V_A3(_HEAD_A3, C=10, H=18, N=1, O=8, P=1) / AREA_PER_LIPID_A2  # 20
_CH3_V_A3 = _above_ice_V_A3(_CH3_A3, C=1, H=3)
ENDS_V_A = 2 * (_CH3_V_A3 - CHAIN_POTENTIAL_V * _CH3_A3) / AREA_PER_LIPID_A2  # -4.3, beside CH2


def label_half_thickness_A(thickness_A: float = HEAD_DISTANCE_A) -> float:
    """Distance from the middle of a bilayer up to which voxels are labelled: 25 Å of DPPC."""
    return thickness_A / 2 + _LABEL_BEYOND_HEADS_A


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


def tabulated_bilayer(
    voxel_size_A: float, step_A: float = 0.05, *, thickness_A: float = HEAD_DISTANCE_A
) -> BilayerProfile:
    """Tabulate :func:`bilayer_potential_V` up to where it vanishes."""
    reach_A = thickness_A / 2 + 6 * HEAD_SIGMA_A + voxel_size_A / 2
    n = math.ceil(reach_A / step_A) + 1
    distances_A = np.arange(n, dtype=np.float64) * np.float64(step_A)
    values_V = bilayer_potential_V(distances_A, voxel_size_A, thickness_A=thickness_A)
    values_V[-1] = 0.0
    return BilayerProfile(values_V, step_A)


def bilayer_potential_V(
    distance_A: DoubleArray, width_A: float, *, thickness_A: float = HEAD_DISTANCE_A
) -> DoubleArray:
    """Potential above ice of a bilayer, averaged along its normal over ``width_A``.

    Parameters
    ----------
    distance_A : ndarray
        From the middle of the membrane.
    width_A : float
        Width of the average, > 0: the voxel size. (A cube has the variance width²/12 along every
        direction, so one width serves all orientations of the membrane.)
    thickness_A : float
        From the heads of one layer to those of the other. Of other lipids than DPPC the chains are
        longer or shorter; heads and area per lipid are the same.

    Returns
    -------
    ndarray, float64
        Chains: a slab with soft edges; heads: two Gaussians; chain ends: a Gaussian in the middle,
        which takes away what CH3 lacks against CH2. All three are averaged in closed form.
    """
    high, low = distance_A + width_A / 2, distance_A - width_A / 2
    total = np.zeros_like(distance_A)
    for area_V_A, position_A, sigma_A in _gaussians(thickness_A):
        scale = sigma_A * math.sqrt(2)
        total += area_V_A / 2 * (erf((high - position_A) / scale) - erf((low - position_A) / scale))
    for sign in (1, -1):
        edge = sign * _chains_end_A(thickness_A)
        step = _soft_step_integral(high + edge) - _soft_step_integral(low + edge)
        total += sign * CHAIN_POTENTIAL_V / 2 * step
    return np.asarray(total / width_A)


def bilayer_areal_integral_V_A(thickness_A: float = HEAD_DISTANCE_A) -> float:
    """Integral of the bilayer's potential along its normal, V·Å."""
    heads_and_ends = sum(area_V_A for area_V_A, _, _ in _gaussians(thickness_A))
    return heads_and_ends + CHAIN_POTENTIAL_V * 2 * _chains_end_A(thickness_A)


def _chains_end_A(thickness_A: float) -> float:
    return thickness_A / 2 - _HEAD_BEYOND_CHAINS_A


def _gaussians(thickness_A: float) -> tuple[tuple[float, float, float], ...]:
    """Return areas (V Å), positions and σ (Å)."""
    return (
        (HEAD_V_A, thickness_A / 2, HEAD_SIGMA_A),
        (HEAD_V_A, -thickness_A / 2, HEAD_SIGMA_A),
        (2 * ENDS_V_A, 0.0, ENDS_SIGMA_A),
    )


def _soft_step_integral(x_A: DoubleArray) -> DoubleArray:
    """Antiderivative of erf(x / σ√2)."""
    scale = CHAIN_SIGMA_A * math.sqrt(2)
    return np.asarray(
        x_A * erf(x_A / scale) + scale / math.sqrt(math.pi) * np.exp(-((x_A / scale) ** 2))
    )
