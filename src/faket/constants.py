"""Physical constants and material tables, each beside its source."""

import math

# CODATA 2018, SI.
PLANCK_J_S = 6.62607015e-34
ELECTRON_MASS_KG = 9.1093837015e-31
ELEMENTARY_CHARGE_C = 1.602176634e-19
LIGHT_SPEED_M_S = 299792458.0

# K = h^2 / (2 pi m0 e): turns a scattering length (A) per volume (A^3) into volts.
# Kirkland, Advanced Computing in Electron Microscopy (2010), eq. 5.9 with CODATA 2018.
POTENTIAL_K_V_A2 = PLANCK_J_S**2 / (2 * math.pi * ELECTRON_MASS_KG * ELEMENTARY_CHARGE_C) * 1e20

# Mean inner potentials (V), independent-atom model with Peng 1996 scattering factors at the
# stated mass density: amorphous ice 0.93 g/cm3 (SHREC'21 uses 4.5301), protein 1.35 g/cm3,
# gold 19.3 g/cm3, lipid head groups and CH2 chains.
ICE_POTENTIAL_V = 4.5301
PROTEIN_POTENTIAL_V = 7.86
GOLD_POTENTIAL_V = 29.9

# Scattering amplitudes at zero angle f_e(0), A: sums of the a_j of Peng et al. 1996,
# Acta Cryst. A52, 257, table 1.
SCATTERING_F0_A = {
    "H": 0.5288,
    "C": 2.5088,
    "N": 2.2135,
    "O": 1.9834,
    "P": 5.4876,
    "S": 5.1604,
    "Au": 10.571,
}

# A protein's mass density 1.35 g/cm3 (Fischer et al. 2004) as volume per mass.
PROTEIN_VOLUME_A3_PER_DA = 1.23


def electron_wavelength_A(voltage_kV: float) -> float:
    """Relativistic electron wavelength in Å."""
    energy_J = ELEMENTARY_CHARGE_C * voltage_kV * 1e3
    rest_J = ELECTRON_MASS_KG * LIGHT_SPEED_M_S**2
    momentum = math.sqrt(2 * ELECTRON_MASS_KG * energy_J * (1 + energy_J / (2 * rest_J)))
    return PLANCK_J_S / momentum * 1e10


def interaction_constant_rad_per_V_A(voltage_kV: float) -> float:
    """Phase shift per volt and Å of potential, σ = 2π γ m₀ e λ / h²."""
    rest_J = ELECTRON_MASS_KG * LIGHT_SPEED_M_S**2
    gamma = 1 + ELEMENTARY_CHARGE_C * voltage_kV * 1e3 / rest_J
    wavelength_m = electron_wavelength_A(voltage_kV) * 1e-10
    sigma_SI = (
        2 * math.pi * gamma * ELECTRON_MASS_KG * ELEMENTARY_CHARGE_C * wavelength_m / PLANCK_J_S**2
    )
    return sigma_SI * 1e-10
