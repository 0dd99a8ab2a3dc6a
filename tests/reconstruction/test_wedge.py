"""The missing wedge shows which axis was the beam, which the tilt axis, and the range of tilts."""

from itertools import permutations

import numpy as np
import pytest

from faket.data import TiltGeometry, TiltSeries
from faket.reconstruction import find_wedge, reconstruct


def make_tomogram(low=-60.0, high=60.0, shape=(48, 64, 64), filter="hamming"):
    angles = np.arange(low, high + 1, 3.0)
    noise = np.random.default_rng(0).standard_normal((len(angles), *shape[1:]))
    series = TiltSeries(noise.astype(np.float32), TiltGeometry(angles, 10.0))
    return reconstruct(series, depth=shape[0], filter=filter, device="cpu").data


@pytest.fixture(scope="module")
def tomogram():
    return make_tomogram()


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_axes_are_found_in_any_order(tomogram, order):
    found = find_wedge(tomogram.transpose(order))
    assert found.shows
    np.testing.assert_array_equal(tomogram.transpose(order).transpose(found.axes), tomogram)
    assert found.range_deg == pytest.approx((-60, 60), abs=2)


@pytest.mark.parametrize("filter", ["ramp", "shrec"])
@pytest.mark.parametrize("ends", [(-60, 60), (-30, 30), (-39, 57), (-54, 69)])
def test_the_range_is_that_of_the_tilts(filter, ends):
    found = find_wedge(make_tomogram(*ends, filter=filter))
    assert found.range_deg == pytest.approx(ends, abs=2.5)


def test_a_thin_crop_and_eight_bits_are_enough(tomogram):
    thin = tomogram[16:32]
    grey = np.clip(thin / thin.std() * 25 + 128, 0, 255).astype(np.uint8)
    for volume in (thin, grey, -thin, thin.astype(np.float16) * 1000):
        found = find_wedge(volume)
        assert found.axes == (0, 1, 2)
        assert found.range_deg == pytest.approx((-60, 60), abs=3)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((20, 50, 50), (0, 1, 2)), ((50, 20, 50), (1, 0, 2)), ((50, 50, 20), (2, 1, 0))],
)
def test_without_a_wedge_the_thin_axis_is_taken_for_the_beam(shape, axes):
    found = find_wedge(np.random.default_rng(1).standard_normal(shape))
    assert not found.shows
    assert found.range_deg is None
    assert found.axes == axes
