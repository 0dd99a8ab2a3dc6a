"""The background that all tilts share, and what of a specimen is left beside it."""

import numpy as np
import pytest

from faket.methods.measurement import measure_reference
from faket.methods.spectral import other_spectral_noise, spectral_images
from faket.microscope.ctf_estimate import CtfEstimate
from faket.noise import background, background_image, ring_power, trend, without_background
from slabs import slab_series

ANGLES = np.arange(-40.0, 41.0, 4.0)


@pytest.mark.parametrize("shape", [(48, 64), (33, 20)])
def test_a_polynomial_is_found_again_and_has_the_mean_0(shape):
    given = np.array([0.5, -2.0, 1.5, 0.3, -0.7])
    image = background_image(given, shape)
    assert abs(image.mean()) < 1e-6
    np.testing.assert_allclose(trend(image + 300), given, rtol=1e-3)
    y, x = ((2 * np.arange(n) + 1) / n - 1 for n in shape)
    plane = 3 * x - y[:, None]
    np.testing.assert_allclose(trend(plane.astype(np.float32)), [3, -1, 0, 0, 0], atol=1e-4)


def test_a_large_grey_offset_takes_no_digits_and_what_is_not_kept_does_not_count():
    given = np.array([0.5, -2.0, 1.5, 0.3, -0.7])
    image = background_image(given, (300, 200))
    np.testing.assert_allclose(trend(image + np.float32(30000)), given, atol=0.01)
    kept = np.ones((300, 200), np.float32)
    kept[40:120, 30:90] = 0
    image[40:120, 30:90] -= 500
    np.testing.assert_allclose(trend(image, kept), given, atol=1e-3)
    assert np.isfinite(trend(image, 0 * kept)).all()


def test_it_follows_the_tilts_smoothly_and_needs_some_of_them():
    turn = ANGLES / 60
    given = np.stack([1 + turn, turn**2, 0 * turn, 2 - turn, 0 * turn + 0.1], axis=1)
    rng = np.random.default_rng(0)
    images = np.array([background_image(own, (64, 64)) for own in given])
    noisy = images + rng.standard_normal(images.shape).astype(np.float32)
    found = background(noisy, ANGLES)
    # Noise of σ 1 leaves √3 / 64 / √tilts in a coefficient, times few of the polynomial.
    np.testing.assert_allclose(found, given, atol=0.15)
    assert np.abs(without_background(images, found)).max() < 0.3
    assert not background(noisy[:5], ANGLES[:5]).any()
    assert without_background(noisy, np.zeros((len(ANGLES), 5))) is noisy


@pytest.fixture(scope="module")
def uneven():
    """A specimen under a beam off its centre: images, signal, noise-free projections."""
    rng = np.random.default_rng(1)
    noise_free = 700 * slab_series(ANGLES, side=192, thickness=70, density=4e-4)
    signal = noise_free / noise_free.std()
    shape = signal.shape
    slow = background_image([2.0, -1.0, 0.5, 0.0, 0.0], shape[1:])
    return (slow + signal + rng.standard_normal(shape)).astype(np.float32), signal, noise_free, slow


def test_an_uneven_beam_is_no_signal(uneven):
    """Without the beam's part the lowest rings would be signal throughout."""
    images, signal, _, slow = uneven
    known = CtfEstimate(ANGLES, np.full(len(ANGLES), 3.0), (3.0, 3.0), True, "metadata")
    bent, even = (
        measure_reference(part, ANGLES, 6.0, ctf=known) for part in (images, images - slow)
    )
    low = slice(0, 4)
    np.testing.assert_allclose(bent.power, even.power, rtol=1e-2)
    np.testing.assert_allclose(
        bent.signal_fraction[:, low], even.signal_fraction[:, low], atol=0.02
    )
    true = np.array([ring_power(part, 128, limit=0.7072) for part in signal]) / even.power
    assert bent.signal_fraction[:, 2:8].mean() == pytest.approx(true[:, 2:8].mean(), abs=0.15)


def test_images_have_it_and_their_halves_share_it(uneven):
    images, _, noise_free, slow = uneven
    known = CtfEstimate(ANGLES, np.full(len(ANGLES), 3.0), (3.0, 3.0), True, "metadata")
    properties = measure_reference(images, ANGLES, 6.0, ctf=known)
    made = spectral_images(noise_free, properties, ANGLES, seed=0)
    wanted, found = trend(slow), np.mean([trend(image) for image in made], axis=0)
    np.testing.assert_allclose(found[:2], wanted[:2], atol=0.2)  # squares: the specimen has some
    other = other_spectral_noise(noise_free, properties, ANGLES, seed=0)
    assert np.abs(np.mean([trend(image) for image in other], axis=0)).max() < 0.15
