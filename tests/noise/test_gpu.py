"""What a GPU computes of noise, on torch's CPU, where numpy computes the same."""

import numpy as np
import pytest
import torch

from faket.noise import (
    add_noise,
    addition,
    anisotropic_filter,
    detail_moments,
    estimate_noise,
    other_noise,
    ring_filter,
    ring_power,
)
from faket.noise.gpu import FourierPlane

SHAPES = [(64, 80), (63, 45), (17, 128)]


def walk(*shape, seed=0):
    rng = np.random.default_rng(seed)
    white = rng.standard_normal(shape)
    return (white + rng.standard_normal(shape).cumsum(axis=-1)).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("rings", "limit"), [(1, 0.5), (24, 0.5), (40, 0.7072)])
def test_filters_and_ring_powers_are_those_of_numpy(shape, rings, limit):
    rng, plane = np.random.default_rng(1), FourierPlane(shape, "cpu")
    power, anisotropy = rng.uniform(0, 2, rings), rng.uniform(-0.6, 0.6, (3, rings))
    expected = ring_filter(power, shape, limit=limit)
    np.testing.assert_allclose(plane.ring_filter(power, limit), expected, rtol=1e-5)
    expected = anisotropic_filter(power, anisotropy, shape, limit=limit)
    found = plane.anisotropic_filter(power, anisotropy, limit)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    image = walk(*shape)
    expected = ring_power(image, rings, limit=limit)
    np.testing.assert_allclose(
        plane.ring_power(plane.put(image), rings, limit), expected, rtol=1e-4
    )


def test_detail_is_that_of_numpy():
    image = np.exp(walk(63, 80) / 4)
    found = FourierPlane(image.shape, "cpu").detail_moments(torch.from_numpy(image))
    np.testing.assert_allclose(found, detail_moments(image), rtol=1e-4)


@pytest.mark.parametrize("spectrum", ["white", "reference"])
def test_noise_is_that_of_numpy(spectrum, monkeypatch):
    noise_free, angles = walk(3, 64, 80), [-20.0, 0.0, 20.0]
    noise_free[1] = 2.0  # a tilt without signal
    profile = estimate_noise(40 + 5 * walk(3, 70, 64, seed=2), angles_deg=angles)
    options = {"seed": 3, "spectrum": spectrum}
    kept = noise_free.copy()
    made = [add_noise(noise_free, profile, amount=0.7, **options)]
    made.append(other_noise(noise_free, profile, **options))
    monkeypatch.setattr(addition, "resolve_device", lambda _: "cpu:0")  # torch's, by another name
    there = [add_noise(noise_free, profile, amount=0.7, **options)]
    there.append(other_noise(noise_free, profile, **options))
    for found, expected in zip(there, made, strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * expected.std())
        assert found.dtype == np.float32
    np.testing.assert_array_equal(noise_free, kept)


def test_a_constant_image_without_noise_becomes_the_mean(monkeypatch):
    profile = estimate_noise(40 + 5 * walk(3, 70, 64, seed=2), angles_deg=[-20.0, 0.0, 20.0])
    flat = np.ones((3, 32, 32), np.float32)
    monkeypatch.setattr(addition, "resolve_device", lambda _: "cpu:0")
    made = add_noise(flat, profile, seed=0, amount=0.0)
    np.testing.assert_allclose(made.mean(axis=(1, 2)), profile.mean, rtol=1e-6)
    assert not np.ptp(made, axis=(1, 2)).any()
