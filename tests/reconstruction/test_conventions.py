"""Weights of tilts, filters and windows, each in a case that has one exact answer."""

import numpy as np
import pytest

from faket.data import TiltGeometry, TiltSeries
from faket.reconstruction import binned_offset, reconstruct, shrec_filter


def tomogram(images, angles):
    series = TiltSeries(images, TiltGeometry(np.asarray(angles, float), 10.0))
    return reconstruct(series, depth=9, device="cpu").data


def test_a_tilt_stands_for_half_the_way_to_both_neighbours():
    """20°, 30° and 40° for tilts at -20°, 0° and 40°; a single one stands for 180°."""
    images = np.random.default_rng(0).standard_normal((3, 12, 16)).astype(np.float32)
    angles = (-20.0, 0.0, 40.0)
    alone = [tomogram(images[[i]], [angle]) for i, angle in enumerate(angles)]
    expected = sum(w / 180 * part for w, part in zip((20, 30, 40), alone, strict=True))
    np.testing.assert_allclose(tomogram(images, angles), expected, atol=1e-5)
    again = tomogram(images[[0, 1, 1, 2]], (-20.0, 0.0, 0.0, 40.0))
    np.testing.assert_allclose(again, expected, atol=1e-5)


def alone(images):
    """One tilt at 0°, one voxel deep: what is left of an image but for the factor π."""
    series = TiltSeries(images[None].astype(np.float32), TiltGeometry(np.zeros(1), 10.0))
    return lambda **options: reconstruct(series, depth=1, device="cpu", **options).data[0] / np.pi


def waves(shape, *frequencies):
    """Σ of cosines of whole numbers of periods (y, x) along the sides."""
    y, x = np.indices(shape)
    phases = [2 * np.pi * (v * y / shape[0] + u * x / shape[1]) for v, u in frequencies]
    return sum(np.cos(phase + 0.3) for phase in phases)


def test_rows_are_multiplied_by_their_frequency_and_a_hamming_window_by_its_sine():
    """A wave of u periods in 400 pixels: u / 400, and (0.54 + 0.46 cos 2π u / 400) of it."""
    for u in (20, 80, 160):
        image = waves((3, 400), (0, u))
        inner = (slice(None), slice(100, -100))
        for name, window in (
            ("ramp", 1.0),
            ("hamming", 0.54 + 0.46 * np.cos(2 * np.pi * u / 400)),
        ):
            found = alone(image)(filter=name)
            np.testing.assert_allclose(found[inner], (u / 400 * window * image)[inner], atol=0.002)


# FakET's formula by hand, for (ky, kx) of a 512² image: |kx| / 156 up to 1, times
# exp(−½ (kx² / 174² + ky² / 102²)) + 0.33, nothing from r = 257 on; the largest is 0.999046.
@pytest.mark.parametrize(
    ("ky", "kx", "expected"),
    [
        (0, 78, 0.5 * (0.904407 + 0.33)),
        (0, 156, 0.669046 + 0.33),
        (0, 208, 0.489440 + 0.33),
        (102, 156, 0.669046 * 0.606531 + 0.33),
        (102, 208, 0.489440 * 0.606531 + 0.33),
        (204, 78, 0.5 * (0.904407 * 0.135335 + 0.33)),
        (204, 156, 0.669046 * 0.135335 + 0.33),  # r = 256.8
        (206, 156, 0.0),  # r = 258.4
    ],
)
@pytest.mark.parametrize("shape", [(512, 512), (256, 1024)])
def test_shrecs_filter_at_single_frequencies(ky, kx, expected, shape):
    """Frequencies count in 512ths of a cycle per pixel, whatever the image's size and shape."""
    weights = shrec_filter(*shape)
    found = weights[ky * shape[0] // 512, kx * shape[1] // 512]
    assert found == pytest.approx(expected / 0.999046, rel=1e-5)
    assert weights[-ky * shape[0] // 512, -kx * shape[1] // 512] == found


def test_shrecs_filter_is_laid_over_both_axes():
    image = waves((128, 128), (20, 24), (-4, 6))
    weights = shrec_filter(128, 128)
    parts = [waves((128, 128), k) for k in ((20, 24), (-4, 6))]
    expected = weights[20, 24] * parts[0] + weights[-4, 6] * parts[1]
    np.testing.assert_allclose(alone(image)(filter="shrec"), expected, atol=1e-5)


def test_images_are_taken_relative_to_their_mean_or_to_what_passed_without_a_specimen():
    """ "none" keeps the mean, "mean" takes it away, "contrast" divides by it as well."""
    change = waves((8, 64), (0, 8))
    made = alone(5.0 + change)
    inner = (slice(None), slice(16, -16))
    offset = alone(np.full((8, 64), 5.0))(normalize="none")
    plain = made(normalize="mean")
    assert np.abs(offset[inner]).max() > 0.01
    np.testing.assert_allclose(made(normalize="none"), plain + offset, atol=1e-5)
    np.testing.assert_allclose(made(normalize="contrast"), plain / 5.0, atol=1e-6)
    np.testing.assert_array_equal(made(), plain)


def test_edges_fade_as_a_cosine_over_the_taper():
    """sin²(π (i + ½) / 2t) of the image is left at i pixels from the edge."""
    image = waves((24, 64), (3, 9))
    fade = np.ones(64)
    fade[:8] = np.sin(np.pi * (np.arange(8) + 0.5) / 16) ** 2
    fade[-8:] = fade[:8][::-1]
    rows = np.ones(24)
    rows[:8], rows[-8:] = fade[:8], fade[-8:]
    for name, window in (("ramp", fade), ("shrec", rows[:, None] * fade)):
        found = alone(image)(filter=name, taper=8, normalize="none")
        expected = alone(image * window)(filter=name, normalize="none")
        np.testing.assert_allclose(found, expected, atol=1e-5)
        assert np.abs(found - alone(image)(filter=name, normalize="none")).max() > 0.01


@pytest.mark.parametrize(
    ("size", "binning", "offset"),
    [(8, 1, 0), (8, 2, 0), (9, 2, 0), (10, 2, 1), (11, 2, 1), (12, 3, 0), (13, 3, 0), (17, 3, 2)],
)
def test_binned_sample_0_by_hand(size, binning, offset):
    """N // 2 of both coincide: of 10 samples halved, sample 2 of 5 is sample 5 = 1 + 2 · 2."""
    assert binned_offset(size, binning) == offset
