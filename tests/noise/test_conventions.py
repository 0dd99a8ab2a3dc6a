"""Windows, weights and handedness of spectra, each in a case that has one exact answer."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from faket.noise import (
    NoiseProfile,
    add_noise,
    coloured_noise,
    estimate_noise,
    mean_power,
    repair,
    ring_anisotropy,
    ring_cross_power,
    ring_power,
)


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
    for along in (ramp, ramp.T):
        power = ring_power(along, 64)
        assert power[20:].max() < 1e-7 * power[:2].max()


def test_a_gradient_is_not_taken_for_noise():
    """Its edges would leak into the floor without a window that ends at 0."""
    noise = np.random.default_rng(0).standard_normal((1, 128, 128))
    image = noise + 60 * np.linspace(-1, 1, 128)
    found = estimate_noise(image).noise_std[0] * image.std()
    assert found == pytest.approx(1.0, rel=0.05)


def test_coloured_noise_makes_up_what_the_content_lacks_and_a_twentieth_at_least():
    """White noise through the root of what is missing in each ring, by hand."""
    rng = np.random.default_rng(0)
    content = gaussian_filter(rng.standard_normal((1, 64, 48)), (0, 3, 3))
    spectrum = np.tile(0.2 + np.linspace(1, 0, 24), (1, 1))  # less than the content's, in ring 0
    profile = NoiseProfile(*np.array([[0.6], [0.8], [3.0], [7.0]]), "blind", spectrum=spectrum)
    found = add_noise(content, profile, seed=4, spectrum="reference")[0]
    signal = 0.6 * (content[0] - content[0].mean()) / content[0].std()
    power = ring_power(signal.astype(np.float32), 24)
    assert (power > spectrum[0]).any()
    missing = np.maximum(spectrum[0] - power, spectrum[0] / 20)
    made = signal + coloured_noise(4, 0, (64, 48), missing)
    expected = 7 * (made - made.mean()) / made.std() + 3
    np.testing.assert_allclose(found, expected, atol=1e-3)


def spots(*places, side=96, sigma=1.0, seed=0):
    """White noise with rectangles (y, x, height, width) of a grey value, in σ."""
    image = np.random.default_rng(seed).standard_normal((side, side))
    for y, x, height, width, value in places:
        there = image[y : y + height, x : x + width]
        there[...] = value + 0.1 * there  # not constant: that would be an empty region
    return (sigma * image).astype(np.float32)[None]


@pytest.mark.parametrize(
    ("height", "width", "value", "found"),
    [
        (8, 8, 30, True), (5, 13, 30, False),  # bright: up to 64 pixels
        (2, 2, -30, True), (1, 4, -30, True), (1, 5, -30, False),  # dark: up to 4, gold is larger
        (1, 1, 15, True), (1, 1, 8, False), (1, 1, -15, True), (1, 1, -8, False),  # 10 σ
    ],
)  # fmt: skip
@pytest.mark.parametrize("sigma", [1e-3, 1.0, 50.0])
def test_what_is_an_odd_pixel_and_what_is_gold(height, width, value, found, sigma):
    images = spots((30, 40, height, width, value), sigma=sigma)
    repaired = repair(images)
    assert repaired.pixels == found
    assert bool(repaired.masks) == found
    if found:
        assert repaired.masks[0][30 : 30 + height, 40 : 40 + width].all()
        assert repaired.masks[0].sum() == (height + 2) * (width + 2)


@pytest.mark.parametrize("sign", [1, -1])
def test_rings_beside_a_hot_or_dead_pixel_go_with_it(sign):
    """Interpolation leaves them up to 3 pixels away: what is half as far out as it must be."""
    images = spots((30, 40, 1, 1, 90), (30, 43, 1, 1, -7), (30, 37, 1, 1, 4), (50, 50, 1, 1, -7))
    mask = repair(sign * images).masks[0]
    assert mask[30, 43]
    assert not mask[30, 37]
    assert not mask[50, 50]


def test_pixels_are_filled_by_their_mirror_images():
    """A dead line between two ramps takes what lies as far on the other side."""
    images = 100.0 + np.random.default_rng(0).standard_normal((1, 64, 64)).astype(np.float32)
    images[0, :, 20] = 0.0
    filled = repair(images)
    assert filled.lines == 1
    np.testing.assert_array_equal(np.flatnonzero(filled.masks[0].all(axis=0)), [19, 20, 21])
    np.testing.assert_array_equal(filled.images[0, :, 19], images[0, :, 17])
    np.testing.assert_array_equal(filled.images[0, :, 21], images[0, :, 23])
    assert filled.left_out == {"dead_lines": 1}
    assert filled.notice() == "left out of all measurements: 1 dead rows or columns"


def test_the_corners_belong_to_the_last_ring():
    """Of four rings the last covers all but a disc of radius 3/8 of the unit square."""
    areas = [mean_power(one) for one in np.eye(4)]
    discs = [np.pi * (n / 8) ** 2 for n in range(4)]
    np.testing.assert_allclose(areas, np.diff([*discs, 1.0]))
