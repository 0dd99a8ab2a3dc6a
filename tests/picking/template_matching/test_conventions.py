"""Signs and weights of the transfer of a tomogram, each in a case that has one exact answer."""

import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from faket.constants import electron_wavelength_A
from faket.data import Species, TiltGeometry
from faket.microscope import Optics
from faket.picking.template_matching import TM, TM_F, TemplateMatching, tomogram_transfer
from faket.picking.template_matching.rotations import uniform_rotations
from faket.picking.template_matching.spectra import radial_gain
from faket.picking.template_matching.templates import prepare_template


def test_a_tilt_stands_for_half_the_way_to_both_neighbours():
    """20°, 30° and 40° for tilts at -20°, 0° and 40°; a single one stands for 180°."""
    angles = np.array([-20.0, 0.0, 40.0])
    alone = [tomogram_transfer(24, 10.0, TiltGeometry(angles[[i]], 10.0)) for i in range(3)]
    together = tomogram_transfer(24, 10.0, TiltGeometry(angles, 10.0))
    expected = sum(w / 180 * part for w, part in zip((20, 30, 40), alone, strict=True))
    np.testing.assert_allclose(together, expected, atol=1e-5 * np.abs(expected).max())


def test_a_tilt_taken_twice_counts_once():
    once, twice = (
        tomogram_transfer(24, 10.0, TiltGeometry(np.array(angles), 10.0))
        for angles in ([-20.0, 0.0, 40.0], [-20.0, 0.0, 0.0, 40.0])
    )
    np.testing.assert_allclose(twice, once, atol=1e-5 * np.abs(once).max())


@pytest.mark.parametrize("axis_deg", [25.0, -70.0])
def test_astigmatism_is_given_in_the_recorded_image(axis_deg):
    """Turned back by the tilt axis, it is that of the aligned image."""
    astigmatic = Optics(electron_wavelength_A(300.0), 20_000.0, 2.7e7, 4_000.0, 40.0)
    aligned = replace(astigmatic, astigmatism_deg=40.0 - axis_deg)
    angles = np.array([-30.0, 0.0, 30.0])
    turned = TiltGeometry(angles, 5.0, tilt_axis_deg=axis_deg)
    found = tomogram_transfer(32, 5.0, turned, optics=[astigmatic])
    expected = tomogram_transfer(32, 5.0, TiltGeometry(angles, 5.0), optics=[aligned])
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())
    other = tomogram_transfer(32, 5.0, TiltGeometry(angles, 5.0), optics=[astigmatic])
    assert np.abs(other - expected).max() > 0.1 * np.abs(expected).max()


def species_of(*voxels, side=9):
    """A molecule of single voxels, z y x from the centre of 9³ voxels."""
    envelope = np.zeros((side,) * 3, np.float32)
    for z, y, x in voxels:
        envelope[side // 2 + z, side // 2 + y, side // 2 + x] = 1.0
    return Species("a", 5 * envelope, envelope, voxel_size_A=10.0)


@pytest.mark.parametrize("voxel", [(0, 0, 0), (3, 0, 0), (0, -3, 0), (0, 0, 3)])
def test_reach_and_boxes_of_a_template(voxel):
    """To the far side of the farthest voxel, and the edge of the mask on both sides of it."""
    settings = TemplateMatching(exclusion=2.0, mask_edge_voxels=1.5)
    found = prepare_template(species_of((0, 0, 0), voxel), 10.0, settings)
    reach = abs(sum(voxel)) + 0.5
    assert (found.reach, found.exclusion, found.edge) == (reach, 2 * reach, 1.5)
    assert found.box == 2 * int(reach + 1.5 + 0.999) + 1
    assert found.padded_box >= 1.5 * found.box


def test_the_rows_of_template_matching():
    """TM, and TM-F: the same on whitened data from 25 to 400 Å."""
    published = {
        "angular_step_deg": 12.0, "mask": "sphere", "mask_edge_voxels": 2.0, "wedge": "per-tilt",
        "whitening": "none", "low_pass_A": 0.0, "high_pass_A": 0.0, "false_positives": 1.0,
        "exclusion": 1.0, "protein": "dark", "memory_GB": 4.0,
    }  # fmt: skip
    assert asdict(TM) == asdict(TemplateMatching()) == published
    filtered = {"whitening": "radial", "low_pass_A": 25.0, "high_pass_A": 400.0}
    assert asdict(TM_F) == published | filtered


def test_periods_of_a_band_pass_are_angstroms():
    """A wave of 50 Å lies at 1/5 of a cycle per voxel of 10 Å: there the gain is a half."""
    volume = np.zeros((8, 8, 8), np.float32)
    gain = radial_gain(volume, 10.0, TemplateMatching(low_pass_A=50.0))
    at = dict(zip(gain.frequencies.tolist(), gain.gains.tolist(), strict=True))
    assert np.interp(0.2, list(at), list(at.values())) == pytest.approx(0.5, abs=0.01)
    assert np.interp([0.17, 0.23], list(at), list(at.values())).tolist() == [1.0, 0.0]
    assert radial_gain(volume, 10.0, TemplateMatching()) is None


def test_orientations_are_a_super_fibonacci_spiral():
    """Alexa (2022), algorithm 1: s = i + ½, t = s / n, angles 2π s / √2 and 2π s / ψ."""
    found = uniform_rotations(60.0).as_quat(canonical=True)
    n = math.ceil(8 * math.pi**2 / (math.pi / 3) ** 3)
    assert len(found) == n
    psi = 1.533751168755204288118041
    assert psi**4 == pytest.approx(psi + 4)
    for i in (0, 1, 40, n - 1):
        s = i + 0.5
        r, outer = math.sqrt(s / n), math.sqrt(1 - s / n)
        alpha, beta = 2 * math.pi * s / math.sqrt(2), 2 * math.pi * s / psi
        expected = np.array([r * math.sin(alpha), r * math.cos(alpha),
                             outer * math.sin(beta), outer * math.cos(beta)])  # fmt: skip
        np.testing.assert_allclose(abs(found[i] @ expected), 1, atol=1e-12)
