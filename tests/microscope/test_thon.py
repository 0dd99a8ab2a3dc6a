"""Thon rings: the defocus found in images is the one that was set."""

from dataclasses import replace

import numpy as np
import pytest

from faket.constants import electron_wavelength_A
from faket.microscope import Optics, contrast_transfer, ctf_zeros, fit_defocus, power_spectrum

OPTICS = Optics(electron_wavelength_A(300.0), 30000.0, spherical_aberration_A=2.7e7)


def test_white_noise_has_a_flat_spectrum_of_its_variance():
    noise = np.random.default_rng(0).normal(5.0, 3.0, (256, 192))
    k, power = power_spectrum(noise, 5.0)
    assert k[-1] < 0.1
    rings = power[8:].reshape(-1, 8).mean(axis=1)
    np.testing.assert_allclose(rings, 9.0, rtol=0.25)
    assert power[8:].mean() == pytest.approx(9.0, rel=0.02)


@pytest.mark.parametrize("defocus", [15000.0, 32000.0, 55000.0])
def test_fit_finds_the_defocus_of_a_filtered_noise(defocus):
    rng = np.random.default_rng(int(defocus))
    optics = replace(OPTICS, defocus_A=defocus)
    kx, ky = np.fft.rfftfreq(256, 5.0), np.fft.fftfreq(256, 5.0)[:, None]
    signal = np.fft.rfft2(rng.standard_normal((256, 256))) * contrast_transfer(kx, ky, optics)
    image = np.fft.irfft2(signal) + 0.5 * rng.standard_normal((256, 256))
    assert fit_defocus(image, 5.0, OPTICS) == pytest.approx(defocus, rel=0.01)


@pytest.fixture(scope="module")
def tilted(make_specimen, shoot):
    """Ice alone at 0° and 60°, defocus 3 µm, many electrons."""
    return shoot(
        make_specimen(np.zeros((40, 256, 320))),
        [0.0, 60.0],
        ice=True,
        spherical_aberration_mm=2.7,
        dose=[1000.0, 1000.0],
    ).series.images


def within(found_A, set_A):
    zeros = [ctf_zeros(replace(OPTICS, defocus_A=d), 1)[0] for d in (found_A, set_A)]
    return zeros[0] == pytest.approx(zeros[1], rel=0.02) and found_A == pytest.approx(
        set_A, rel=0.04
    )


def test_first_zero_without_tilt(tilted):
    assert within(fit_defocus(tilted[0], 5.0, OPTICS), 30000.0)


@pytest.mark.parametrize("side", ["left", "right", "middle"])
def test_first_zero_at_both_edges_of_a_tilted_field(tilted, side):
    """Δf(x') = Δf − x' tan θ: the gradient comes from propagation alone."""
    start = {"left": 0, "middle": 128, "right": 256}[side]
    strip = tilted[1][:, start : start + 64]
    x_A = 5.0 * (start + 31.5 - 160)
    expected = 30000.0 - x_A * np.tan(np.radians(60.0))
    assert within(fit_defocus(strip, 5.0, OPTICS), expected)
    assert abs(x_A) < 10 or abs(expected - 30000.0) > 1000
