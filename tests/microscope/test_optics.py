"""The objective lens against closed forms."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faket.constants import (
    POTENTIAL_K_V_A2,
    electron_wavelength_A,
    interaction_constant_rad_per_V_A,
)
from faket.microscope import Optics, contrast_transfer, ctf_zeros
from faket.microscope.optics import aberration_phase, log_envelope

SIMPLE = Optics(wavelength_A=electron_wavelength_A(300.0), defocus_A=30000.0)
TITAN = replace(SIMPLE, spherical_aberration_A=2.7e7)


@pytest.mark.parametrize(
    ("kV", "wavelength", "sigma"),
    [(100, 0.037014, 9.244e-4), (200, 0.025079, 7.288e-4), (300, 0.019687, 6.526e-4)],
)
def test_beam_constants(kV, wavelength, sigma):
    assert electron_wavelength_A(kV) == pytest.approx(wavelength, rel=1e-4)
    assert interaction_constant_rad_per_V_A(kV) == pytest.approx(sigma, rel=1e-4)
    gamma = 1 + kV / 510.99895
    assert interaction_constant_rad_per_V_A(kV) * POTENTIAL_K_V_A2 == pytest.approx(
        gamma * electron_wavelength_A(kV), rel=1e-8
    )


def test_zeros_without_spherical_aberration():
    """√(n / λΔf): 24.30, 17.18 and 14.03 Å at 300 kV and 3 µm."""
    np.testing.assert_allclose(1 / ctf_zeros(SIMPLE, 3), [24.30, 17.18, 14.03], atol=0.005)


@given(
    defocus=st.floats(5000, 60000),
    cs_mm=st.floats(0, 3),
    plate_deg=st.floats(0, 120),
    n=st.integers(1, 6),
)
def test_transfer_vanishes_at_its_zeros(defocus, cs_mm, plate_deg, n):
    optics = replace(
        SIMPLE,
        defocus_A=defocus,
        spherical_aberration_A=cs_mm * 1e7,
        phase_plate_rad=np.radians(plate_deg),
    )
    zeros = ctf_zeros(optics, n)
    zeros = zeros[np.isfinite(zeros)]
    np.testing.assert_allclose(contrast_transfer(zeros, 0.0, optics), 0.0, atol=1e-6)
    assert np.all(np.diff(zeros) > 0)
    if len(zeros):
        below = np.linspace(0.0, zeros[0], 50)[1:-1]
        assert np.all(contrast_transfer(below, 0.0, optics) < 0), "protein is dark before"


def test_phase_plate_transfers_the_lowest_frequencies():
    plate = replace(SIMPLE, phase_plate_rad=np.pi / 2)
    assert contrast_transfer(0.0, 0.0, plate) == pytest.approx(-1.0)
    assert contrast_transfer(0.0, 0.0, SIMPLE) == pytest.approx(0.0)


def test_amplitude_contrast_darkens_at_zero_frequency():
    assert contrast_transfer(0.0, 0.0, SIMPLE, amplitude_contrast=0.07) == pytest.approx(-0.07)


def test_astigmatism_defocus_along_each_direction():
    """Along φ₀ the defocus is Δf + A, across it Δf − A."""
    optics = replace(TITAN, astigmatism_A=800.0, astigmatism_deg=30.0)
    for offset, defocus in ((0, 30800.0), (90, 29200.0), (45, 30000.0)):
        angle, k = np.radians(30.0 + offset), 0.06
        phase = aberration_phase(k * np.cos(angle), k * np.sin(angle), optics)
        expected = aberration_phase(k, 0.0, replace(TITAN, defocus_A=defocus))
        assert phase == pytest.approx(expected, rel=1e-9)


def test_envelopes():
    k = np.array([0.0, 0.05, 0.1])
    spread = replace(SIMPLE, focal_spread_A=63.0)
    decay = np.pi * SIMPLE.wavelength_A * k**2 * 63.0
    np.testing.assert_allclose(log_envelope(k, 0.0, spread), -(decay**2) / (16 * np.log(2)))
    coherent = replace(TITAN, semi_angle_rad=5e-5)
    slope = 2.7e7 * SIMPLE.wavelength_A**2 * k**3 - 30000.0 * k
    np.testing.assert_allclose(log_envelope(k, 0.0, coherent), -((np.pi * 5e-5 * slope) ** 2))


def test_temporal_envelope_averages_over_focus():
    """A Gaussian spread of focus of the same full width, averaged by hand."""
    k, width = 0.08, 900.0
    sigma = width / (2 * np.sqrt(2 * np.log(2)))
    focus = np.linspace(-6, 6, 4001) * sigma
    weights = np.exp(-(focus**2) / (2 * sigma**2))
    waves = np.exp(1j * np.pi * SIMPLE.wavelength_A * k**2 * focus)
    mean = np.abs(np.sum(weights * waves) / weights.sum())
    blurred = replace(SIMPLE, focal_spread_A=width)
    assert np.exp(log_envelope(k, 0.0, blurred)) == pytest.approx(mean, rel=1e-6)
