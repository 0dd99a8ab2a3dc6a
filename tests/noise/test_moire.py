"""The moiré of interpolation: found where images were turned, nowhere else, and made as deep."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from faket.noise import coloured_noise, ring_power
from faket.noise.moire import lattice, moire

LIMIT, RINGS, SIDE = 0.7072, 128, 320


def measured(images):
    power = np.array([ring_power(image, RINGS, limit=LIMIT) for image in images])
    return moire(images, power, limit=LIMIT)


def turned(image, degrees, order=1):
    return ndimage.rotate(image, degrees, reshape=False, order=order, mode="wrap")


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).standard_normal((4, SIDE, SIDE)).astype(np.float32)


@pytest.mark.parametrize("degrees", [3.0, -4.7, 12.0, 85.3])
def test_its_frequency_is_that_of_the_turn(noise, degrees):
    found = measured(np.array([turned(image, degrees) for image in noise]))
    assert (found[:, 2] > 0.1).all()
    # Old pixels have the distance 1 along turned axes: between two lattices that differ so, the
    # beat is the difference of their frequencies, whichever way x and y are counted.
    turn = np.radians(degrees)
    expected = {abs(np.sin(turn)), 1 - abs(np.cos(turn))}
    if degrees > 45:
        expected = {abs(np.cos(turn)), 1 - abs(np.sin(turn))}
    for row in found:
        np.testing.assert_allclose(sorted(np.abs(row[:2])), sorted(expected), atol=2 / 255)


def test_there_is_none_in_noise_of_any_colour_nor_in_turns_in_fourier_space(noise):
    power = 0.05 + np.exp(-np.linspace(0, 8, 96))
    coloured = np.array([coloured_noise(1, i, (SIDE, SIDE), power) for i in range(4)])
    spikes = noise.copy()
    spikes[:, 100, 150] = spikes[:, 170, 200] = 400
    for images in (noise, coloured, spikes, np.zeros_like(noise), noise[:, :90, :70]):
        assert not measured(images).any()


def test_one_image_with_it_among_many_is_no_reason_to_give_it_to_all(noise):
    images = noise.copy()
    images[1] = turned(images[1], 5)
    assert not measured(images).any()
    images[2] = turned(images[2], 5)
    found = measured(images)
    assert np.count_nonzero(found[:, 2]) == 2
    assert not found[[0, 3]].any()


@given(
    st.floats(0.03, 0.3),
    st.floats(-np.pi, np.pi),
    st.floats(0.1, 0.9),
    st.floats(0, 6.28),
    st.floats(0.5, 8),
)
@settings(max_examples=20, deadline=None)
def test_what_is_made_is_found_as_deep_behind_any_smooth_colour(k, direction, depth, phase, fall):
    row = np.array([k * np.cos(direction), k * np.sin(direction), depth])
    rng = np.random.default_rng(3)
    local = lattice((SIDE, SIDE), row, (phase, -phase))
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE))
    colour = 0.2 + np.exp(-fall * frequency)
    images = [
        np.fft.irfft2(np.fft.rfft2(np.sqrt(local) * rng.standard_normal((SIDE, SIDE))) * colour)
        for _ in range(3)
    ]
    found = measured(np.array(images))
    # A square lattice is that of its waves turned by 90°, and of these reversed.
    for own in found[found[:, 2] > 0]:
        turns = [row[:2], -row[:2], [-row[1], row[0]], [row[1], -row[0]]]
        assert min(np.abs(own[:2] - turn).max() for turn in turns) < 1.5 / 255
        assert own[2] == pytest.approx(depth, abs=0.12)
    if depth > 0.2:
        assert (found[:, 2] > 0).sum() >= 2


def test_local_power_is_positive_and_has_the_mean_1():
    local = lattice((256, 256), np.array([3 / 256, 20 / 256, 0.95]), (0.3, 2.0))
    assert local.min() >= 0.05**2 * 0.99
    assert local.mean() == pytest.approx(1, abs=1e-5)
    x, y = np.arange(256), np.arange(256)[:, None]
    along = 2 * np.pi * (3 * x + 20 * y) / 256 + 0.3
    across = 2 * np.pi * (-20 * x + 3 * y) / 256 + 2.0
    expected = (1 + 0.95 * np.cos(along)) * (1 + 0.95 * np.cos(across))
    np.testing.assert_allclose(local, expected, atol=1e-4)
