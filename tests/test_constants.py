"""Constants against the derivations that stand beside them."""

import math

import pytest

from faket import constants, units
from faket.specimen import membrane

PER_DA = 0.602214  # molecules of 1 Da in 1 Å³ at 1 g/cm³ (Avogadro's number · 1e-24)
WATER = {"H": 2, "O": 1}
PROTEIN = {"H": 0.492, "C": 0.313, "N": 0.094, "O": 0.101}  # a mean atom, 7.2 Da


def potential_V(atoms, per_A3):
    amplitude_A = sum(n * constants.SCATTERING_F0_A[element] for element, n in atoms.items())
    return constants.POTENTIAL_K_V_A2 * amplitude_A * per_A3


@pytest.mark.parametrize(
    ("atoms", "density_g_per_cm3", "mass_Da", "expected_V"),
    [
        (WATER, 0.93, 18.015, constants.ICE_POTENTIAL_V),
        (PROTEIN, 1.35, 7.2, constants.PROTEIN_POTENTIAL_V),
        ({"Au": 1}, 19.3, 196.97, constants.GOLD_POTENTIAL_V),
        (WATER, 0.928, 18.015, constants.ICE_CRYSTAL_POTENTIAL_V),
    ],
)
def test_mean_inner_potentials_follow_from_composition_and_density(
    atoms, density_g_per_cm3, mass_Da, expected_V
):
    found = potential_V(atoms, density_g_per_cm3 * PER_DA / mass_Da)
    assert found == pytest.approx(expected_V, rel=2e-3)


def test_carbon_has_less_than_independent_atoms_would_and_ice_crystals_as_much_as_the_ice():
    """Bonds take 14 % of what holography would find otherwise; the cell holds four molecules."""
    independent = potential_V({"C": 1}, 1.75 * PER_DA / 12.011)
    assert constants.CARBON_POTENTIAL_V / independent == pytest.approx(0.86, abs=0.01)
    cell_A3 = 4.518**2 * math.sqrt(3) / 2 * 7.356
    assert 4 * 18.015 / PER_DA / cell_A3 == pytest.approx(0.920, abs=1e-3)
    of_ice = constants.ICE_CRYSTAL_POTENTIAL_V / constants.ICE_POTENTIAL_V
    assert of_ice == pytest.approx(0.928 / 0.93, rel=1e-3)


def test_the_bilayer_has_the_potential_of_its_lipids_less_that_of_the_ice_they_displace():
    """DPPC, C40H80NO8P, of 1212 Å³ and 64 Å² in each of two layers."""
    atoms = {"C": 40, "H": 80, "N": 1, "O": 8, "P": 1}
    lipid_V_A3 = 1212 * (potential_V(atoms, 1 / 1212) - constants.ICE_POTENTIAL_V)
    found = membrane.bilayer_areal_integral_V_A()
    assert found == pytest.approx(2 * lipid_V_A3 / 64, rel=1e-3)
    assert found == pytest.approx(77, abs=0.5)


def test_a_thicker_bilayer_has_longer_chains_and_the_same_heads():
    more = membrane.bilayer_areal_integral_V_A(49.6) - membrane.bilayer_areal_integral_V_A(39.6)
    assert more == pytest.approx(10 * membrane.CHAIN_POTENTIAL_V)


def test_the_ice_has_the_density_and_the_fluctuations_of_its_sources():
    assert pytest.approx(0.93 * PER_DA / 18.015, rel=1e-3) == constants.ICE_MOLECULES_PER_A3
    liquid_per_m3, thermal_J, compressibility_per_Pa = 0.0333e30, 1.380649e-23 * 298.15, 4.52e-10
    limit = liquid_per_m3 * thermal_J * compressibility_per_Pa
    assert limit == pytest.approx(constants.ICE_STRUCTURE_FACTOR, rel=0.04)
    assert pytest.approx(1 / (1.35 * PER_DA), rel=1e-3) == constants.PROTEIN_VOLUME_A3_PER_DA


def test_inelastic_mean_free_paths_follow_from_the_cross_sections():
    """Cross-sections in nm² of the simulator behind SHREC'21, at 300 kV and 20 eV of mean loss."""
    rest_eV, voltage_V = 510998.95, 300e3

    def loss(kinetic_V):  # β² and ln(β² (E + E₀) / (ΔE / 2))
        squared_speed = 1 - (rest_eV / (kinetic_V + rest_eV)) ** 2
        return squared_speed, math.log(squared_speed * (kinetic_V + rest_eV) / 10.0)

    (beta2, log), (beta2_100, log_100) = loss(voltage_V), loss(100e3)
    scaled = beta2_100 * log / (beta2 * log_100)
    hydrogen = 8.8e-6 * scaled

    def heavy(z):
        return 1.5e-6 * math.sqrt(z) / beta2 * log

    lipid = 40 * heavy(6) + 80 * hydrogen + heavy(7) + 8 * heavy(8) + heavy(15)
    for material, density, mass_Da, section_nm2 in (
        ("ice", 0.93, 18.0, 2 * hydrogen + heavy(8)),
        ("protein", 1.35, 7.2, 0.82e-4 * scaled),
        ("membrane", 0.92, 734.1, lipid),
        ("gold", 19.3, 197.0, heavy(79)),
        ("carbon", 1.75, 12.011, heavy(6)),
        ("crystal", 0.928, 18.0, 2 * hydrogen + heavy(8)),
    ):
        path_A = 1 / (density * PER_DA / mass_Da * section_nm2 * 100)
        assert path_A == pytest.approx(constants.MEAN_FREE_PATH_300KV_A[material], rel=3e-3)


def test_units_invert_each_other():
    assert units.A_PER_M * units.M_PER_A == 1
    assert units.A_PER_UM * units.UM_PER_A == 1
    assert units.A_PER_M == 1e3 * units.A_PER_MM == 1e6 * units.A_PER_UM
