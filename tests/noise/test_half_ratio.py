"""The ratio of halves, from spectra of few coefficients."""

import numpy as np
import pytest

from faket.noise.half_ratio import signal_ratio

RINGS, MODES = 60, 2


def noise(rng, nu):
    """|A|², |B|² and C of noise, ν times as strong in the first half, and the coefficients."""
    parts = rng.standard_normal((2, 2, RINGS, MODES)) / np.sqrt(2)
    first, second = parts[:, 0] + 1j * parts[:, 1]
    first = first * np.sqrt(nu)
    powers = [abs(first) ** 2, abs(second) ** 2, (first * second.conj()).real]
    return np.mean(powers, axis=2), np.full(RINGS, float(MODES))


def test_a_ring_without_power_by_chance_does_not_outweigh_the_others():
    powers, modes = noise(np.random.default_rng(0), 2.0)
    usual = signal_ratio(powers, modes)
    powers[[0, 2], 5] = 1e-6, 0.0
    found = signal_ratio(powers, modes)
    assert found.noise == pytest.approx(usual.noise, rel=0.1)


def test_noise_of_two_strengths_is_told_from_small_images():
    rng = np.random.default_rng(1)
    found = [signal_ratio(*noise(rng, 2.0)).noise for _ in range(200)]
    # Of two means of 120 exponential values: 0.13.
    assert np.std(np.log(found)) < 0.2
    assert np.mean(np.log(found)) == pytest.approx(np.log(2), abs=0.04)
