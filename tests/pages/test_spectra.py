"""Power spectra of tiles, and Thon rings against the contrast transfer function."""

from dataclasses import replace

import numpy as np
import pytest

from faket.constants import electron_wavelength_A
from faket.microscope.optics import Optics, contrast_transfer
from faket.pages.spectra import KnownCtf, StackSpectra, stack_spectra, thon_rings

PIXEL_A = 5.0


def test_white_noise_has_its_variance_as_power():
    stack = np.random.default_rng(0).normal(7, 3, (4, 100, 150))
    found = stack_spectra(stack, PIXEL_A, np.array([-30.0, 0.0, 10.0, 50.0]))
    assert found.power.shape == (4, 50)
    assert found.power[:, 3:].mean() == pytest.approx(9, rel=0.05)
    assert found.frequency_per_A[-1] == pytest.approx(0.1, rel=0.02)
    low = stack_spectra(stack[1:3], PIXEL_A, np.array([0.0, 10.0]))
    assert np.allclose(found.mean, low.mean)  # the steeper tilts are not in it


def ctf_of(defocus_A, astigmatism_A=0.0):
    optics = Optics(electron_wavelength_A(300.0), defocus_A, 2.7e7, astigmatism_A)
    return KnownCtf(np.zeros(1), [optics], 0.07, "file")


def spectra_of(ctf, side=128):
    k = np.fft.fftshift(np.fft.fftfreq(side, PIXEL_A))
    kx, ky = np.meshgrid(k, k)
    power = contrast_transfer(kx, ky, ctf.optics[0], amplitude_contrast=0.07) ** 2
    power = (power + 0.5) / (1 + (50 * np.hypot(kx, ky)) ** 2)  # a background that falls
    frequency = (np.arange(side // 2) + 0.5) / side / PIXEL_A
    return StackSpectra(PIXEL_A, frequency, np.zeros((1, side // 2)), power)


def test_rings_agree_with_their_own_ctf_and_no_other():
    true = ctf_of(30_000.0)

    def agreement(defocus_A):
        rings = thon_rings(spectra_of(true), ctf_of(defocus_A))
        return np.corrcoef(rings["measured"], rings["expected"])[0, 1]

    assert agreement(30_000.0) > 0.9
    assert agreement(30_000.0) > agreement(27_000.0) + 0.2 < agreement(30_000.0) + 0.2
    assert agreement(33_000.0) < agreement(30_000.0) - 0.2


def test_left_half_is_measured_and_right_half_is_expected():
    true = ctf_of(30_000.0, 4_000.0)
    own = thon_rings(spectra_of(true), true)["image"].astype(float)
    other = thon_rings(spectra_of(true), ctf_of(20_000.0))["image"].astype(float)
    middle = own.shape[1] // 2
    assert np.array_equal(own[:, :middle], other[:, :middle])
    assert not np.array_equal(own[:, middle:], other[:, middle:])
    # A CTF is the same at k and -k: one half mirrored is the other.
    left, right = own[1:, 1:middle], own[1:, middle + 1 :][::-1, ::-1]
    assert np.corrcoef(left.ravel(), right.ravel())[0, 1] > 0.9
    blank = thon_rings(spectra_of(true), None)
    assert blank["expected"] is None


def test_envelopes_do_not_hide_rings():
    plain = ctf_of(30_000.0)
    damped = replace(plain, optics=[replace(plain.optics[0], focal_spread_A=500.0)])
    spectra = spectra_of(plain)
    assert np.array_equal(
        thon_rings(spectra, plain)["expected"], thon_rings(spectra, damped)["expected"]
    )
