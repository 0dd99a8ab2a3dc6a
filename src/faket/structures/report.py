"""Checks of a molecule before it is used: mass, envelope and potential."""

import math

import numpy as np

from faket.data import FloatArray, SpeciesReport
from faket.units import DA_PER_KDA

# Chosen, because whole models of proteins and RNA lie between: partial specific volumes of RNA and
# protein, 0.53 and 0.73 cm³/g, are 0.88 and 1.21 Å³/Da; lipids and detergents reach 1.6.
_VOLUME_PER_MASS_A3_PER_DA = (0.9, 1.5)
_RNA_A3_PER_DA = 0.8


def size_report(
    *,
    mass_kDa: float,
    volume_A3: float,
    potential: FloatArray,
    voxel_size_A: float,
    nucleic: bool = False,
) -> SpeciesReport:
    """Return mass, envelope volume per mass and potential per mass, and notices of unusual values.

    Parameters
    ----------
    mass_kDa : float
        NaN or 0 if unknown; then values per mass are left out.
    volume_A3 : float
        Enclosed by the envelope's 0.5 level.
    potential : ndarray, shape (z, y, x)
        Volts above ice.
    voxel_size_A : float
    nucleic : bool
        Whether it is mostly RNA or DNA, which is denser.

    Returns
    -------
    SpeciesReport
    """
    integral_V_A3 = float(potential.sum(dtype=np.float64)) * voxel_size_A**3
    facts: dict[str, int | float | str] = {
        "envelope_volume_A3": volume_A3,
        "potential_V_A3": integral_V_A3,
    }
    if not 0 < mass_kDa < math.inf:
        return SpeciesReport(facts)
    per_mass = volume_A3 / (mass_kDa * DA_PER_KDA)
    facts = {
        "mass_kDa": mass_kDa,
        **facts,
        "envelope_A3_per_Da": per_mass,
        "potential_V_A3_per_Da": integral_V_A3 / (mass_kDa * DA_PER_KDA),
    }
    low, high = _VOLUME_PER_MASS_A3_PER_DA
    low = _RNA_A3_PER_DA if nucleic else low
    odd = f"the envelope holds {per_mass:.2f} Å3/Da, expected {low} to {high}: look at the model"
    return SpeciesReport(facts, () if low <= per_mass <= high else (odd,))
