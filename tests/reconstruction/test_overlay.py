"""How one tomogram lies upon another is found to a fraction of a voxel."""

import numpy as np
import pytest
from scipy.ndimage import fourier_shift

from faket.reconstruction import reconstruct
from faket.reconstruction.overlay import common_parts, lay_over
from made_up_tomograms import DEPTH, series


@pytest.fixture(scope="module")
def volume():
    return reconstruct(series(1), depth=DEPTH, taper=4).data


@pytest.mark.parametrize("step", [(0, 0, 0), (0.5, -2.25, 3.4)])
def test_shifts_are_found_to_a_tenth_of_a_voxel(volume, step):
    # What is at p is moved to p + step.
    moved = np.fft.ifftn(fourier_shift(np.fft.fftn(volume), step)).real
    found = lay_over(moved, volume)
    assert found.is_clear
    assert found.flips == (1, 1, 1)
    np.testing.assert_allclose(found.shift, -np.array(step), atol=0.1)


def test_parts_show_the_same(volume):
    cropped = volume[3:37, ::-1, 10:80]
    found = lay_over(cropped, volume)
    one, two, left = common_parts(cropped, volume, found)
    assert found.flips == (1, -1, 1)
    assert one.shape == two.shape == (34, 96, 70)
    np.testing.assert_allclose(one, two, atol=1e-6)
    np.testing.assert_allclose(left, 0, atol=0.05)


def test_noise_lies_nowhere(volume):
    noise = np.random.default_rng(0).normal(size=volume.shape).astype(np.float32)
    assert not lay_over(noise, volume).is_clear
