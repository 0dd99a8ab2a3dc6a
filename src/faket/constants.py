"""Physical constants and material tables, each beside its source."""

import math

from faket.units import A_PER_M, M_PER_A, V_PER_KV

# CODATA 2018, SI.
PLANCK_J_S = 6.62607015e-34
ELECTRON_MASS_KG = 9.1093837015e-31
ELEMENTARY_CHARGE_C = 1.602176634e-19
LIGHT_SPEED_M_S = 299792458.0

# K = h² / (2π m₀ e) turns a scattering length (Å) per volume (Å³) into volts: the first Born
# approximation, in which the scattering factors of Peng et al. (1996) are defined.
POTENTIAL_K_V_A2 = (
    PLANCK_J_S**2 / (2 * math.pi * ELECTRON_MASS_KG * ELEMENTARY_CHARGE_C) * A_PER_M**2
)

# Scattering amplitudes at zero angle f_e(0), Å: sums of the five a_j of table 1 of Peng, Ren,
# Dudarev and Whelan, Acta Cryst. A52, 257 (1996).
SCATTERING_F0_A = {
    "H": 0.5288,
    "C": 2.5088,
    "N": 2.2135,
    "O": 1.9834,
    "P": 5.4876,
    "S": 5.1604,
    "Au": 10.571,
}

# Mean inner potentials, V: K Σ f_e(0) per volume of independent atoms, at a mass density.
# Ice, 0.93 g/cm³: as Vulović et al., J. Struct. Biol. 183, 19 (2013), and so SHREC'21; the table
# above gives 4.526.
ICE_POTENTIAL_V = 4.5301
# Protein, 1.35 g/cm³ and atoms of 7.2 Da in the mean, 49.2 % H, 31.3 % C, 9.4 % N, 10.1 % O: the
# mean protein of the simulator behind SHREC'21 (PyTom, simulation/physics.py).
PROTEIN_POTENTIAL_V = 7.86
# Gold, 19.3 g/cm³.
GOLD_POTENTIAL_V = 29.9
# Amorphous carbon, 1.75 g/cm³, measured by holography on evaporated films: Wanner, Bach, Gerthsen,
# Werner and Tesche, Ultramicroscopy 106, 341 (2006). Independent atoms would give 10.5 V.
CARBON_POTENTIAL_V = 9.09
# Hexagonal ice has 0.928 g/cm³ at 90 K (SSHADE, constituent H2O Ih; 0.920 at 250 K by its cell of
# 4.518 and 7.356 Å, Röttger et al., Acta Cryst. B50, 644 (1994)): the potential in proportion.
ICE_CRYSTAL_POTENTIAL_V = 4.520

# Volume per mass of protein: 1 / 1.35 g/cm³, the mean of large proteins (Fischer, Polikarpov and
# Craievich, Protein Sci. 13, 2825 (2004)).
PROTEIN_VOLUME_A3_PER_DA = 1.23

# Water molecules per volume of amorphous ice, 0.93 g/cm³.
ICE_MOLECULES_PER_A3 = 0.0311

# Structure factor of amorphous ice at low frequency. It is flat below 0.1 1/Å (Parkhurst et al.,
# Ultramicroscopy 256, 113882 (2024)). Chosen, because ice that was frozen faster than it could
# relax keeps the density fluctuations of the liquid, S(0) = n k T κ_T: 0.062 for water at 25 °C,
# with n = 0.0333 1/Å³ and κ_T = 4.52e-10 1/Pa (Kell, J. Chem. Eng. Data 20, 97 (1975)).
ICE_STRUCTURE_FACTOR = 0.06

# Mean square displacement of water under a 300 kV beam, Å² per e/Å²: McMullan et al. (2015),
# "Thon rings from amorphous ice", arXiv 1504.00947.
ICE_MOTION_A2_PER_DOSE = 1.1

# Mean free paths for inelastic scattering at 300 kV, Å, by the cross-sections of the simulator
# behind SHREC'21 (PyTom, simulation/physics.py, potential_amplitude, after Vulović et al. 2013;
# mean energy loss 20 eV): ice 0.93, protein 1.35, lipid 0.92, gold 19.3,
# carbon 1.75 and crystalline ice 0.928 g/cm³. With an energy
# filter 3950 was measured for ice (Leginon's manual, "ice thickness using zero loss peak").
MEAN_FREE_PATH_300KV_A = {
    "ice": 3750.0,
    "protein": 1970.0,
    "membrane": 3490.0,
    "gold": 710.0,
    "carbon": 1730.0,
    "crystal": 3760.0,
    "vacuum": math.inf,
}

# Critical dose N_e(k) = A k^B + C in e/Å² at 300 kV, k in 1/Å (Grant and Grigorieff, eLife 4,
# e06980 (2015)).
CRITICAL_DOSE_300KV = (0.245, -1.665, 2.81)

# Detector curves against the fraction of the physical pixel's Nyquist frequency: (fraction,
# value).
# - K2, counting, 300 kV: Ruskin, Yu and Grigorieff, J. Struct. Biol. 184, 385 (2013), as PyTom
#   tabulates them (simulation/detectors). Its DQE at 0 is extrapolated linearly.
# - K3, MTF: Gatan's mtf_k3_standard_300kV_FL2.star. DQE: no curve of the K3 was found; chosen is
#   that of a counting camera at 300 kV and a low dose rate in Parakeet (Parkhurst et al., Open
#   Biol. 11, 210160 (2021)).
# - generic, DQE: that of Parakeet's counting camera at a high dose rate. MTF: sinc(f/2), an ideal
#   square pixel.
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
    energy_J = ELEMENTARY_CHARGE_C * voltage_kV * V_PER_KV
    rest_J = ELECTRON_MASS_KG * LIGHT_SPEED_M_S**2
    momentum = math.sqrt(2 * ELECTRON_MASS_KG * energy_J * (1 + energy_J / (2 * rest_J)))
    return PLANCK_J_S / momentum * A_PER_M


def interaction_constant_rad_per_V_A(voltage_kV: float) -> float:
    """Phase shift per volt and Å of potential, σ = 2π γ m₀ e λ / h²."""
    rest_J = ELECTRON_MASS_KG * LIGHT_SPEED_M_S**2
    gamma = 1 + ELEMENTARY_CHARGE_C * voltage_kV * V_PER_KV / rest_J
    wavelength_m = electron_wavelength_A(voltage_kV) * M_PER_A
    sigma_SI = (
        2 * math.pi * gamma * ELECTRON_MASS_KG * ELEMENTARY_CHARGE_C * wavelength_m / PLANCK_J_S**2
    )
    return sigma_SI * M_PER_A


def squared_speed_over_c(voltage_kV: float) -> float:
    """Square of the electron's speed over that of light, β²."""
    rest_J = ELECTRON_MASS_KG * LIGHT_SPEED_M_S**2
    gamma = 1 + ELEMENTARY_CHARGE_C * voltage_kV * V_PER_KV / rest_J
    return 1 - 1 / gamma**2
