"""Absorption from mean free paths: |ψ|² falls as exp(−z / Λ)."""

import math
from collections.abc import Mapping

import numpy as np

from faket.constants import MEAN_FREE_PATH_300KV_A, squared_speed_over_c
from faket.data import ClassInfo, DoubleArray


def mean_free_path_A(material: str, voltage_kV: float) -> float:
    """Mean free path Λ of "ice" or a material of a class; it goes as β², and is infinite in vacuum.

    At 200 kV this gives 3007 Å for ice and 1579 Å for protein. The cross-sections behind the table
    also grow with the logarithm of the energy and give 3111 and 1633 Å.
    """
    scale = squared_speed_over_c(voltage_kV) / squared_speed_over_c(300.0)
    return MEAN_FREE_PATH_300KV_A[material] * scale


def absorptive_potential_V(material: str, voltage_kV: float, sigma_rad_per_V_A: float) -> float:
    """Imaginary part of the potential, V_im = 1 / (2σΛ)."""
    return 1 / (2 * sigma_rad_per_V_A * mean_free_path_A(material, voltage_kV))


def label_losses(
    classes: Mapping[int, ClassInfo], voltage_kV: float, voxel_size_A: float
) -> DoubleArray:
    """Return, for each value of a class mask, how much more than ice a voxel damps the amplitude.

    Returns
    -------
    ndarray, shape (256,), float64
        Exponents, voxel / 2 · (1/Λ_material − 1/Λ_ice); 0 for values without a class.
    """
    losses = np.zeros(256)
    ice = 1 / mean_free_path_A("ice", voltage_kV)
    for label, info in classes.items():
        excess = 1 / mean_free_path_A(info.material, voltage_kV) - ice
        losses[label] = voxel_size_A / 2 * excess
    return losses


def slab_amplitude(depth_A: float, angle_deg: float, voltage_kV: float) -> float:
    """Return the relative amplitude behind a slab of ice: exp(−t / (2 Λ cos θ))."""
    path_A = depth_A / math.cos(math.radians(angle_deg))
    return math.exp(-path_A / (2 * mean_free_path_A("ice", voltage_kV)))
