"""The noise of a reference: the closed form, and the blind estimate on images of known signal."""

import numpy as np
import pytest
from scipy import ndimage, optimize

from faket.errors import InputError
from faket.noise import estimate_noise


def power_law(rng, n, exponent):
    """An image with power spectrum k^-exponent that is not periodic."""
    k = np.hypot(np.fft.fftfreq(2 * n)[:, None], np.fft.rfftfreq(2 * n))
    k[0, 0] = 1
    white = np.fft.rfft2(rng.standard_normal((2 * n, 2 * n)))
    return np.fft.irfft2(white * k ** (-exponent / 2))[:n, :n]


def balls(rng, n):
    """Projections of solid balls of three radii: sharp-edged bodies, power k^-4."""
    image = np.zeros((n, n))
    for radius in (2, 4, 8):
        centres = np.zeros((n, n))
        centres.flat[rng.integers(0, n * n, n * n // (60 * radius**2))] = 1
        y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
        ball = np.sqrt(np.maximum(radius**2 + 0.5 - y**2 - x**2, 0))
        image += ndimage.convolve(centres, ball, mode="wrap")
    return image


SIGNALS = {
    "k^-2": lambda rng, n: power_law(rng, n, 2),
    "k^-3": lambda rng, n: power_law(rng, n, 3),
    "k^-4": lambda rng, n: power_law(rng, n, 4),
    "balls": balls,
}


def noisy_image(rng, signal, snr):
    """Return the image and the noise fraction of its variance, as it happened to be drawn."""
    noise_free = (signal - signal.mean()) / signal.std() * np.sqrt(snr)
    image = noise_free + rng.standard_normal(signal.shape)
    return image, np.sqrt(1 / image.var())


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("snr", [0.01, 0.03, 0.1, 0.3, 1.0])
def test_blind_estimate_finds_white_noise(name, snr):
    """Single images of 256²: within 0.04; their average (what BASELINE uses) within 0.02."""
    rng = np.random.default_rng(int(snr * 100))
    pairs = [noisy_image(rng, SIGNALS[name](rng, 256), snr) for _ in range(4)]
    stack = np.array([image for image, _ in pairs], np.float32)
    found = estimate_noise(stack)
    truth = np.array([noise_std for _, noise_std in pairs])
    np.testing.assert_allclose(found.noise_std, truth, atol=0.04)
    assert abs(found.noise_std.mean() - truth.mean()) < 0.02
    np.testing.assert_allclose(found.signal_std**2 + found.noise_std**2, 1)
    assert found.estimate == "blind"


@pytest.mark.parametrize("snr", [0.1, 0.3, 1.0])
def test_blind_estimate_sharpens_with_size(snr):
    rng = np.random.default_rng(11)
    image, truth = noisy_image(rng, power_law(rng, 512, 2), snr)
    assert abs(estimate_noise(image[None]).noise_std[0] - truth) < 0.02


def test_blind_estimate_at_the_limits():
    rng = np.random.default_rng(1)
    stack = np.array([rng.standard_normal((256, 256)), power_law(rng, 256, 4)])
    noise_std = estimate_noise(stack).noise_std
    assert noise_std[0] > 0.98
    assert noise_std[1] < 0.05


def test_blind_estimate_ignores_gain_and_offset():
    rng = np.random.default_rng(2)
    image, _ = noisy_image(rng, power_law(rng, 128, 3), 0.2)
    found = estimate_noise(np.array([image, 500 * image - 3000]))
    np.testing.assert_allclose(found.noise_std[0], found.noise_std[1], rtol=1e-6)
    np.testing.assert_allclose(found.sigma[1], 500 * found.sigma[0])


def test_blind_estimate_of_images_that_are_not_square():
    rng = np.random.default_rng(4)
    image, truth = noisy_image(rng, power_law(rng, 300, 3)[:200], 0.1)
    assert abs(estimate_noise(image[None]).noise_std[0] - truth) < 0.03


def test_paired_estimate_is_pearsons_correlation():
    rng = np.random.default_rng(5)
    noise_free = rng.standard_normal((3, 64, 64))
    snr = np.array([0.05, 0.3, 2.0])[:, None, None]
    reference = 40 + 7 * (np.sqrt(snr) * noise_free + rng.standard_normal(noise_free.shape))
    found = estimate_noise(reference, 3 * noise_free - 1, angles_deg=[-10, 0, 10])
    for tilt in range(3):
        rho = np.corrcoef(reference[tilt].ravel(), noise_free[tilt].ravel())[0, 1]
        np.testing.assert_allclose(found.signal_std[tilt], rho)
        np.testing.assert_allclose(found.noise_std[tilt], np.sqrt(1 - rho**2))
    np.testing.assert_allclose(found.mean, reference.mean(axis=(1, 2)))
    np.testing.assert_allclose(found.sigma, reference.std(axis=(1, 2)))


@pytest.mark.parametrize("snr", [0.01, 0.2, 5.0])
def test_paired_estimate_minimises_what_it_says(snr):
    """The closed form is the minimum of std(z(reference) - r z(noise_free)), found numerically."""
    rng = np.random.default_rng(6)
    noise_free = power_law(rng, 64, 2)
    noise_free = (noise_free - noise_free.mean()) / noise_free.std()
    image, _ = noisy_image(rng, noise_free, snr)
    z = (image - image.mean()) / image.std()
    best = optimize.minimize_scalar(lambda r: np.std(z - r * noise_free), bounds=(0, 1))
    found = estimate_noise(image[None], noise_free[None])
    np.testing.assert_allclose(found.signal_std[0], best.x, atol=1e-4)
    np.testing.assert_allclose(found.noise_std[0], best.fun, rtol=1e-6)


def test_uncorrelated_and_constant_projections_mean_pure_noise():
    rng = np.random.default_rng(7)
    reference = rng.standard_normal((2, 32, 32))
    noise_free = np.stack([-reference[0] * 1e-3 + rng.standard_normal((32, 32)), np.ones((32, 32))])
    noise_free[0] -= reference[0] * 0.2
    noise_free = np.concatenate([noise_free, noise_free[:1] * -1])
    reference = np.concatenate([reference, reference[:1]])
    found = estimate_noise(reference, noise_free)
    np.testing.assert_array_equal(found.signal_std[:2], 0)
    np.testing.assert_array_equal(found.noise_std[:2], 1)
    assert found.signal_std[2] > 0


def test_bad_references_are_refused_in_one_line():
    rng = np.random.default_rng(8)
    stack = rng.standard_normal((3, 32, 32))
    broken, flat = stack.copy(), stack.copy()
    broken[2, 5, 5] = np.nan
    flat[1] = 4.0
    cases = [
        ((broken,), "tilt 2"),
        ((flat,), "tilt 1"),
        ((stack, stack[:2]), "shape"),
        ((stack, broken), "noise-free.*tilt 2"),
        ((stack, -stack), "multiply"),
        ((stack[:, :16],), "pixels"),
        ((stack[0],), "tilt, y, x"),
    ]
    for arguments, word in cases:
        with pytest.raises(InputError, match=word) as error:
            estimate_noise(*arguments)
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="angles_deg"):
        estimate_noise(stack, angles_deg=[0, 1])
