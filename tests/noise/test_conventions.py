"""Windows, weights and handedness of spectra, each in a case that has one exact answer."""

import numpy as np
import pytest

from faket.noise import estimate_noise, ring_anisotropy, ring_cross_power, ring_power


def hann(shape):
    return np.outer(*(np.hanning(n + 2)[1:-1] for n in shape))


def whole_plane(image):
    """Spectrum of all frequencies under a Hann window, and ky, kx in cycles per pixel."""
    window = hann(image.shape)
    values = (image - np.average(image, weights=window)) * window
    ky, kx = np.meshgrid(*map(np.fft.fftfreq, image.shape), indexing="ij")
    return np.fft.fft2(values) / np.sqrt((window**2).sum()), ky, kx


def striped(seed, shape=(48, 40)):
    """White noise, and strong stripes along x, which are in column 0 of a real FFT."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) + 3 * rng.standard_normal((shape[0], 1))


def test_rings_are_means_over_the_whole_plane():
    one, other = striped(0), striped(1)
    other += one
    (first, ky, kx), (second, _, _) = whole_plane(one), whole_plane(other)
    radius = np.hypot(ky, kx)
    ring = (24 * radius).astype(int)
    for found, product in (
        (ring_power(one, 12), np.abs(first) ** 2),
        (ring_cross_power(one, other, 12), (first * second.conj()).real),
    ):
        expected = [product[(ring == i) & (radius > 0)].mean() for i in range(12)]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_anisotropy_is_a_mean_over_the_whole_plane():
    spectrum, ky, kx = whole_plane(striped(2))
    power, radius, angle = np.abs(spectrum) ** 2, np.hypot(ky, kx), np.arctan2(ky, kx)
    ring = (24 * radius).astype(int)
    found = ring_anisotropy(striped(2), 12)
    for traces, wave in zip(
        found, (np.cos(2 * angle), np.sin(2 * angle), np.cos(4 * angle)), strict=True
    ):
        expected = [
            2 * (power * wave)[ring == i].sum() / power[ring == i].sum() for i in range(1, 12)
        ]
        np.testing.assert_allclose(traces[1:], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("angle_deg", [0.0, 27.0, 90.0, 117.0, 153.0])
def test_anisotropy_counts_angles_from_x_to_y(angle_deg):
    """A wave along φ: 1 + 2 cos 2φ₀ cos 2φ + 2 sin 2φ₀ sin 2φ + 2 cos 4φ₀ cos 4φ + …"""
    phi = np.radians(angle_deg)
    y, x = np.indices((192, 192))
    wave = np.cos(2 * np.pi * 0.2 * (x * np.cos(phi) + y * np.sin(phi)))
    expected = 2 * np.array([np.cos(2 * phi), np.sin(2 * phi), np.cos(4 * phi)])
    np.testing.assert_allclose(ring_anisotropy(wave, 10)[:, 3:5].mean(axis=1), expected, atol=0.05)


def test_the_edges_of_an_image_leak_into_no_fine_ring():
    """Under a Hann window a ramp's power falls as k⁻⁶; a Hamming window would leave k⁻²."""
    ramp = np.broadcast_to(np.linspace(-1, 1, 256), (256, 256))
    power = ring_power(ramp, 64)
    assert power[20:].max() < 1e-7 * power[:2].max()


def test_a_gradient_is_not_taken_for_noise():
    """Its edges would leak into the floor without a window that ends at 0."""
    noise = np.random.default_rng(0).standard_normal((1, 128, 128))
    image = noise + 60 * np.linspace(-1, 1, 128)
    found = estimate_noise(image).noise_std[0] * image.std()
    assert found == pytest.approx(1.0, rel=0.05)
