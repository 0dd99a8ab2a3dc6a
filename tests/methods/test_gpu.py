"""The spectral method as a GPU computes it, on torch's CPU, where numpy computes the same."""

from dataclasses import replace

import numpy as np
import pytest

from faket.methods import spectral, transfer
from faket.methods.gpu import SpectralImager
from faket.methods.spectral import other_spectral_noise, spectral_images, spectral_pair
from faket.methods.transfer import reference_transfer
from made_up_properties import ANGLES, properties


def projections(shape=(96, 120)):
    """Blobs of protein, and a bead of gold that is masked where its power is measured."""
    rng = np.random.default_rng(1)
    images = -200 * rng.standard_normal((3, *shape)).cumsum(axis=1).clip(0)
    images[:, 30:44, 50:64] -= 20000
    return images.astype(np.float32)


@pytest.mark.parametrize(("known", "astigmatism_um"), [(True, 0.0), (False, 0.5)])
@pytest.mark.parametrize("shape", [(96, 120), (95, 71)])
def test_images_are_those_of_numpy(known, astigmatism_um, shape, monkeypatch):
    measured = properties(known=known, astigmatism_um=astigmatism_um)
    lattice = np.array([[0.08, 0.0, 0.5], [0, 0, 0], [-0.2, 0.1, 0.3]])
    measured = replace(measured, moire=lattice)
    noise_free = projections(shape)
    kept, arguments = noise_free.copy(), (noise_free, measured, ANGLES)
    expected = [
        spectral_images(*arguments, seed=2, amount=0.5),
        *spectral_pair(*arguments, seed=2, noise_seed=4),
        other_spectral_noise(*arguments, seed=2),
    ]
    monkeypatch.setattr(spectral, "resolve_device", lambda _: "cpu:0")  # torch's, by another name
    found = [
        spectral_images(*arguments, seed=2, amount=0.5),
        *spectral_pair(*arguments, seed=2, noise_seed=4),
        other_spectral_noise(*arguments, seed=2),
    ]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-4 * theirs.std())
        assert ours.dtype == np.float32
    np.testing.assert_array_equal(noise_free, kept)


def test_the_transfer_is_that_of_numpy():
    measured, noise_free = properties(known=False).at(ANGLES), projections()
    expected = reference_transfer(measured, noise_free)
    found = reference_transfer(measured, noise_free, SpectralImager(measured, noise_free, "cpu"))
    assert 0.1 < expected.skewness < 4
    assert found.skewness == pytest.approx(expected.skewness, rel=1e-4)
    np.testing.assert_allclose(found.amplitude, expected.amplitude, rtol=1e-4)
    np.testing.assert_allclose(found.noise_power, expected.noise_power, rtol=1e-4)


def test_gold_is_scaled_as_numpy_does(monkeypatch):
    measured, noise_free = properties(known=True), projections()
    plain = spectral_images(noise_free, measured, ANGLES, seed=2, amount=0.0)
    monkeypatch.setattr(transfer, "gold_strength", lambda *_: 1.3)
    expected = [
        spectral_images(noise_free, measured, ANGLES, seed=2),
        other_spectral_noise(noise_free, measured, ANGLES, seed=2),
    ]
    bare = spectral_images(noise_free, measured, ANGLES, seed=2, amount=0.0)
    assert np.abs(bare - plain).max() > 0.1 * plain.std()
    monkeypatch.setattr(spectral, "resolve_device", lambda _: "cpu:0")
    found = [
        spectral_images(noise_free, measured, ANGLES, seed=2),
        other_spectral_noise(noise_free, measured, ANGLES, seed=2),
    ]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-4 * theirs.std())
