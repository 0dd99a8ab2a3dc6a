"""Signs and weights of the transfer of a tomogram, each in a case that has one exact answer."""

from dataclasses import replace

import numpy as np
import pytest

from faket.constants import electron_wavelength_A
from faket.data import TiltGeometry
from faket.microscope import Optics
from faket.picking.template_matching import tomogram_transfer


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
    lens = Optics(electron_wavelength_A(300.0), 20_000.0, 2.7e7, 4_000.0, 40.0)
    aligned = replace(lens, astigmatism_deg=40.0 - axis_deg)
    angles = np.array([-30.0, 0.0, 30.0])
    turned = TiltGeometry(angles, 5.0, tilt_axis_deg=axis_deg)
    found = tomogram_transfer(32, 5.0, turned, optics=[lens])
    expected = tomogram_transfer(32, 5.0, TiltGeometry(angles, 5.0), optics=[aligned])
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())
    other = tomogram_transfer(32, 5.0, TiltGeometry(angles, 5.0), optics=[lens])
    assert np.abs(other - expected).max() > 0.1 * np.abs(expected).max()
