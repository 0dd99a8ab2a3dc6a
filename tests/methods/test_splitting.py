"""Halves of images: their noise is independent at every frequency, their sum is the image."""

from dataclasses import replace

import numpy as np
import pytest

from faket.errors import InputError
from faket.methods.reference_properties import UNKNOWN, ReferenceProperties
from faket.methods.render import Measured, render
from faket.methods.spectral import spectral_images, spectral_pair
from faket.methods.splitting import check_splitting, split
from faket.methods.table import METHODS, method_row
from faket.microscope.ctf_estimate import CtfEstimate
from faket.noise import NoiseProfile, coloured_noise, ring_cross_power, ring_power
from faket.rings import equal_rings
from faket.style import StyleProfile, load_network

ANGLES = np.array([-30.0, 0.0, 30.0])
SHAPE, RINGS = (128, 128), 16


def measured() -> Measured:
    """A reference of skewed counts whose noise falls, is not round, and is off its place."""
    rings, mean = 64, np.full(3, 40.0)
    fall = np.linspace(1.5, 0.3, rings)
    noise = NoiseProfile(np.array([0.3, 0.5, 0.4]), np.array([0.8, 0.6, 0.7]), mean,
                         np.full(3, 9.0), "blind", ANGLES, np.tile(fall, (3, 1)))  # fmt: skip
    anisotropy = np.zeros((3, 3, rings))
    anisotropy[:, 0, : rings // 2] = 0.3
    properties = ReferenceProperties(
        pixel_size_A=5.0,
        noise=noise,
        ctf=CtfEstimate(ANGLES, np.array([3.0, 3.2, 2.9]), (2.9, 3.2), True, "metadata"),
        electrons=mean,
        envelope=np.tile(np.exp(-np.linspace(0, 1, rings)), (3, 1)),
        power=np.tile(40 * fall, (3, 1)),
        signal_fraction=np.zeros((3, rings)),
        signal_fraction_sigma=np.full((3, rings), UNKNOWN),
        anisotropy=anisotropy,
        strength_source="mean",
        strength_sigma=0.5,
        fraction_source="none",
        alignment_error_A=8.0,
        contrast_power=np.zeros((3, rings)),
    )
    return Measured(noise, properties)


def projections():
    fall = np.exp(-np.linspace(0, 12, 48))
    return np.array([-200 * coloured_noise(0, t, SHAPE, fall) for t in range(3)])


def check_independent(odd, even, noise):
    """The cross-spectrum vanishes within its standard error; each half has half of the power."""
    layout = equal_rings(SHAPE, RINGS, limit=0.5)
    modes = np.maximum(layout.number, 1) / 2  # the Hann window leaves as many
    power = np.mean([ring_power(n, RINGS) for n in noise], axis=0)
    cross = np.mean([ring_cross_power(a, b, RINGS) for a, b in zip(odd, even, strict=True)], 0)
    error = power / 2 / np.sqrt(3 * modes)
    assert np.all(np.abs(cross[1:]) < 4 * error[1:])
    for half in (odd, even):
        own = np.mean([ring_power(n, RINGS) for n in half], axis=0)
        np.testing.assert_allclose(own[3:], power[3:] / 2, rtol=0.2)


def test_spectral_halves_share_the_signal_and_not_the_noise():
    """The signal is where the residual shifts put it, in both."""
    noise_free, known = projections(), measured()
    images = render(METHODS["spectral"], noise_free, ANGLES, known, seed=5)
    odd, even = split(images, METHODS["spectral"], noise_free, ANGLES, known, seed=5)
    np.testing.assert_allclose(odd + even, images, rtol=1e-6, atol=1e-5)
    signal = spectral_images(noise_free, known.properties, ANGLES, seed=5, amount=0.0)
    check_independent(odd - signal / 2, even - signal / 2, images - signal)


@pytest.mark.parametrize("method", ["coloured", "noisy", "baseline"])
def test_halves_of_added_noise(method):
    nothing, known = np.zeros((3, *SHAPE), np.float32), measured()
    images = render(METHODS[method], nothing, ANGLES, known, seed=5)
    odd, even = split(images, METHODS[method], nothing, ANGLES, known, seed=5)
    np.testing.assert_allclose(odd + even, images, rtol=1e-6, atol=1e-5)
    check_independent(odd, even, images)


def test_added_noise_beside_a_signal_is_split_to_the_same_strength():
    """The strength is that which is left of the noise when the image has the reference's σ."""
    known, row = measured(), METHODS["noisy"]
    noise_free = projections()
    images = render(row, noise_free, ANGLES, known, seed=5)
    odd, even = split(images, row, noise_free, ANGLES, known, seed=5)
    profile = known.noise.polynomial()
    share = profile.noise_std**2 / (profile.noise_std**2 + profile.signal_std**2)
    wanted = share * profile.sigma**2  # of the difference: e
    np.testing.assert_allclose((odd - even).var(axis=(1, 2)), wanted, rtol=0.05)


def test_halves_of_a_style_share_what_noise_does_not_change():
    """Two images of one specimen differ by their noise only, and so do their halves."""
    row, network = method_row("style", start="noisy"), load_network("texture")
    noise_free, known = projections(), measured()
    reference = 40 + 3 * np.random.default_rng(1).normal(size=(3, *SHAPE)).astype(np.float32)
    style = StyleProfile.measure(reference, network=network, angles_deg=ANGLES)
    known = replace(known, style=style, network=network)
    found = []
    for seed in (5, 6):
        made = (row, noise_free, ANGLES, known)
        images = render(*made, seed=seed, iterations=1)
        odd, even = split(images, *made, seed=seed, iterations=1)
        np.testing.assert_allclose(odd + even, images, rtol=1e-6, atol=1e-5)
        found.append((odd, even, images))
    check_independent(*(first - second for first, second in zip(*found, strict=True)))


def test_another_noise_of_a_style_lies_on_the_same_content():
    """Residual shifts are those of the images, whatever the noise."""
    noise_free, properties = projections(), measured().properties
    signal = spectral_images(noise_free, properties, ANGLES, seed=5, amount=0.0)
    kept, full = spectral_pair(noise_free, properties, ANGLES, seed=5, noise_seed=9)
    np.testing.assert_allclose((4 * kept - full) / 3, signal, rtol=1e-4, atol=1e-3)
    images = spectral_images(noise_free, properties, ANGLES, seed=5)
    correlation = np.corrcoef((full - signal).ravel(), (images - signal).ravel())[0, 1]
    assert abs(correlation) < 0.02


def test_images_without_noise_have_no_halves():
    with pytest.raises(InputError, match=r"halves: expected a method whose images have noise"):
        check_splitting(METHODS["noiseless"])
    check_splitting(METHODS["style"])
