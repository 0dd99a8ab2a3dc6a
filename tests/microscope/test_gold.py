"""Objects that scatter far more strongly than the rest."""

import numpy as np
import pytest

from faket.microscope.gold import gold_mask, without_gold
from faket.statistics import upper_median


def test_gold_is_masked_and_nothing_else():
    rng = np.random.default_rng(0)
    image = rng.standard_normal((256, 256)).astype(np.float32)
    np.testing.assert_array_equal(without_gold(image, 5.0), image)
    marked = image.copy()
    marked[100:110, 60:70] -= 30
    masked = without_gold(marked, 5.0)
    assert np.abs(masked[100:110, 60:70]).max() < 2
    np.testing.assert_allclose(masked[200:, 150:] - masked.mean(), image[200:, 150:], atol=0.2)


@pytest.mark.parametrize("pixel_size_A", [1.35, 2.0, 4.9, 7.0])
def test_the_mask_does_not_depend_on_the_pixel_size(pixel_size_A):
    """A bead of 100 Å in white noise, of one variance per area, at any place and size of image."""
    sizes = [int(2500 / pixel_size_A) + extra for extra in (0, 3)]
    y, x = (np.arange(size) * pixel_size_A for size in sizes)
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((len(y), len(x))) / pixel_size_A
    away = np.hypot(y[:, None] - 1000, x - 1500)
    kept = gold_mask(noise - 0.5 * (away < 50), pixel_size_A, sigmas=7)
    assert kept.shape == noise.shape
    assert kept[away < 40].max() < 0.01
    assert kept[away > 250].min() == 1
    assert kept[(away > 90) & (away < 110)].mean() == pytest.approx(0.35, abs=0.15)
    # Soft: nowhere steeper than over half of 60 Å.
    assert np.abs(np.diff(kept, axis=1)).max() <= pixel_size_A / 30


@pytest.mark.parametrize(("count", "expected"), [(5, 2), (6, 3)])
def test_the_upper_median_is_one_of_the_values(count, expected):
    assert upper_median(np.random.default_rng(0).permutation(count).reshape(1, -1)) == expected
