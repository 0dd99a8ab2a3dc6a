"""Rings of half a Fourier plane average as the whole plane would."""

import numpy as np
import pytest
from scipy.signal import windows

from faket.microscope import power_spectrum, ring_amplitudes
from faket.microscope.thon import tapered_spectrum
from faket.noise import ring_anisotropy, ring_power
from faket.rings import (
    equal_rings,
    frequencies,
    hann,
    mirror_weight,
    ring_frequencies,
    rings_between,
    tukey,
)

SHAPES = [(48, 64), (49, 63), (64, 49), (63, 48)]
CORNER = 0.5**0.5


def whole_plane(shape):
    return np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1]))


def striped(shape):
    """White noise with lines along y and x: power of its own in columns 0 and Nyquist."""
    rng = np.random.default_rng(shape[1])
    stripes = 3 * rng.standard_normal((shape[0], 1))
    return rng.standard_normal(shape) + stripes + stripes * (-1.0) ** np.arange(shape[1])


@pytest.mark.parametrize("shape", SHAPES)
def test_half_a_plane_averages_as_the_whole(shape):
    power = np.abs(np.fft.fft2(striped(shape))) ** 2
    rings = equal_rings(shape, 12, limit=CORNER)
    index = np.minimum((12 / CORNER * whole_plane(shape)).astype(int), 12)
    number = np.bincount(index.ravel(), minlength=13)[:12]
    np.testing.assert_array_equal(rings.number, number)
    half = power[:, : shape[1] // 2 + 1]
    np.testing.assert_allclose(
        rings.sum(half), np.bincount(index.ravel(), power.ravel(), 13)[:12], rtol=1e-12
    )
    filled = number > 0
    np.testing.assert_allclose(rings.mean(half)[filled], (rings.sum(half) / number)[filled])
    assert mirror_weight(shape[1]).sum() == shape[1]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("limit", [0.5, CORNER])
def test_spectra_of_noise_weigh_every_column_as_the_whole_plane(shape, limit):
    """An image with a column that outshines all others tells a wrong weight of it at once."""
    image = striped(shape).astype(np.float32)
    window = hann(shape)
    values = (image - image.mean(dtype=float)) * window
    values -= window * (values.sum() / window.sum())
    power = np.abs(np.fft.fft2(values)) ** 2 / np.sum(window**2)
    index = np.minimum((10 / limit * whole_plane(shape)).astype(int), 10)
    index[0, 0] = 10
    number = np.bincount(index.ravel(), minlength=11)[:10]
    expected = np.bincount(index.ravel(), power.ravel(), 11)[:10] / number
    np.testing.assert_allclose(ring_power(image, 10, limit=limit), expected, rtol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_thon_rings_weigh_every_column_as_the_whole_plane(shape):
    image = striped(shape)
    window = hann(shape)
    power = np.abs(np.fft.fft2((image - image.mean()) * window)) ** 2 / np.sum(window**2)
    index = np.minimum((20 * whole_plane(shape)).astype(int), 10)
    number = np.bincount(index.ravel(), minlength=11)[:10]
    k, found = power_spectrum(image, 4.0, bins=10)
    expected = np.bincount(index.ravel(), power.ravel(), 11)[:10] / number
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    np.testing.assert_allclose(k, (np.arange(10) + 0.5) / 80)
    k, _, modes = tapered_spectrum(image, 4.0, 10)
    np.testing.assert_allclose(k, (np.arange(10) + 0.5) / 80)
    np.testing.assert_allclose(modes / modes[0], number / number[0])


@pytest.mark.parametrize("shape", SHAPES)
def test_ring_amplitudes_weigh_every_column_as_the_whole_plane(shape):
    image = striped(shape)
    side = min(shape)
    rows, columns = (np.fft.fftfreq(n) * side for n in shape)
    last = (side // 2 - 1) // 2
    index = np.minimum(np.hypot(rows[:, None], columns) / 2, last).astype(int)
    amplitude = np.abs(np.fft.fft2(image)) / image.size
    weight = np.ones(shape)
    weight[0, 0] = 0
    number = np.bincount(index.ravel(), weight.ravel())
    expected = np.bincount(index.ravel(), (weight * amplitude).ravel()) / number
    np.testing.assert_allclose(ring_amplitudes(image[None])[0], expected, rtol=1e-9)


def test_anisotropy_of_a_line_along_y_lies_in_column_zero():
    """All power at φ = 90°: 1 + a cos 2φ has a = −2, of whatever weight the column is."""
    rows = np.random.default_rng(1).standard_normal((64, 1))
    found = ring_anisotropy(np.broadcast_to(rows, (64, 64)).astype(np.float32), 6)
    assert found[0, 2:5] == pytest.approx(-2.0, abs=0.1)


def test_rings_between_edges_hold_their_last_edge():
    rings = rings_between((64, 64), np.array([0.125, 0.25, 0.5]))
    k = frequencies((64, 64))
    assert rings.index[0, 32] == 1  # Nyquist along x
    assert rings.index[0, 16] == 1
    assert rings.index[0, 8] == 0
    assert set(rings.index[(k < 0.125) | (k > 0.5)]) == {2}


def test_frequencies_of_rings_are_their_middles():
    np.testing.assert_allclose(ring_frequencies(4), [0.0625, 0.1875, 0.3125, 0.4375])
    np.testing.assert_allclose(ring_frequencies(2, 0.8), [0.2, 0.6])


def test_windows_are_those_of_the_books():
    np.testing.assert_allclose(
        tukey((30, 41), 0.6),
        np.outer(windows.tukey(32, 0.6)[1:-1], windows.tukey(43, 0.6)[1:-1]),
        atol=1e-12,
    )
    np.testing.assert_allclose(tukey((30, 41), 1.0), hann((30, 41)), atol=1e-12)
    edge = tukey((40, 40), 0.5, beyond=0.5)[20, :10]
    np.testing.assert_allclose(edge, 0.5 - 0.5 * np.cos(np.pi * (np.arange(10) + 0.5) / 10))


@pytest.mark.parametrize("shape", [(8, 9), (9, 8), (1, 6), (2, 6), (6, 5, 7), (5, 6, 8)])
def test_sums_over_rings_are_those_of_single_coefficients(shape):
    rings = equal_rings(shape, 4)
    values = np.random.default_rng(0).random(rings.index.shape)
    expected = [(rings.weight * values)[rings.index == ring].sum() for ring in range(4)]
    np.testing.assert_allclose(rings.sum(values), expected, rtol=1e-12)
