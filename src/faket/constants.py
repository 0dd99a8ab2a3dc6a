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


# Amorphous ice at 0.93 g/cm3: molecules per volume, and the plateau of its structure factor
# below 0.1 1/A (Parkhurst et al. 2024 report a plateau; 0.06 is the compressibility limit of
# water, quoted from memory).
ICE_MOLECULES_PER_A3 = 0.0311
ICE_STRUCTURE_FACTOR = 0.06

# Mean square displacement of water under the beam, A2 per e/A2 (McMullan et al. 2015).
ICE_MOTION_A2_PER_DOSE = 1.1

# Mean free paths for inelastic and large-angle scattering at 300 kV, A. Ice, protein and gold as
# in the simulator behind SHREC'21; published values for ice run from 3150 to 3950.
MEAN_FREE_PATH_300KV_A = {"ice": 3750.0, "protein": 1970.0, "membrane": 3490.0, "gold": 710.0}

# Critical dose N_e(k) = A k^B + C in e/A2 at 300 kV, k in 1/A (Grant and Grigorieff 2015).
CRITICAL_DOSE_300KV = (0.245, -1.665, 2.81)

# Detector curves against the fraction of the physical pixel's Nyquist frequency: (fraction,
# value). K2 at 300 kV as published for the counting camera, its DQE at 0 extrapolated linearly;
# K3's MTF likewise, with the DQE of a counting camera at low dose rate, for lack of its own;
# "generic" has that of a high dose rate and the MTF of an ideal square pixel.
DETECTOR_MTF = {
    "K2": ((0.0, 1.0), (0.1, 0.92), (0.25, 0.89), (0.5, 0.79), (0.75, 0.64), (1.0, 0.48)),
    "K3": ((0.0, 1.0), (0.1, 0.99), (0.25, 0.96), (0.5, 0.89), (0.75, 0.77), (1.0, 0.64)),
    "generic": ((0.0, 1.0), (0.25, 0.974), (0.5, 0.900), (0.75, 0.784), (1.0, 0.637)),
    "perfect": ((0.0, 1.0), (1.0, 1.0)),
}
DETECTOR_DQE = {
    "K2": ((0.0, 0.793), (0.1, 0.76), (0.25, 0.71), (0.5, 0.53), (0.75, 0.34), (1.0, 0.19)),
    "K3": ((0.0, 0.95), (0.5, 0.71), (1.0, 0.32)),
    "generic": ((0.0, 0.80), (0.5, 0.55), (1.0, 0.26)),
    "perfect": ((0.0, 1.0), (1.0, 1.0)),
}


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


def squared_speed_over_c(voltage_kV: float) -> float:
    """Square of the electron's speed over that of light, β²."""
    rest_J = ELECTRON_MASS_KG * LIGHT_SPEED_M_S**2
    gamma = 1 + ELEMENTARY_CHARGE_C * voltage_kV * 1e3 / rest_J
    return 1 - 1 / gamma**2
