"""RELION's tomogram, compared with its program written out voxel by voxel."""

import numpy as np
import pytest

from faket.interpolation import keys_weights
from faket.reconstruction import reconstruct
from faket.reconstruction.relion_weighting import linear_over_cubic, weight_as_relion
from made_up_tomograms import ANGLES, DEPTH, series, shell_power


def sums(images, angles, depth):
    """Sum of linearly interpolated images at each voxel, and how many cover it."""
    _, height, width = images.shape
    z, x = np.mgrid[:depth, :width]
    total, number = np.zeros((depth, height, width)), np.zeros((depth, width))
    for image, angle in zip(images, np.radians(angles), strict=True):
        place = (x - width // 2) * np.cos(angle) + (z - depth // 2) * np.sin(angle) + width // 2
        inside = (place >= 0) & (place < width)
        left = np.clip(np.floor(place).astype(int), 0, width - 1)
        right, part = np.clip(left + 1, 0, width - 1), place - np.floor(place)
        # [y, z, x] → [z, y, x]
        value = image[:, left] * (1 - part) + image[:, right] * part
        total += (value * inside).transpose(1, 0, 2)
        number += inside
    return total, number


def divided(mean, angles, snr=10.0):
    """Divide the transform of a tomogram by that of a point, both of them unitary, in 3-D."""
    depth, height, width = mean.shape
    z, y, x = np.mgrid[:depth, :height, :width] - np.reshape(
        [depth // 2, height // 2, width // 2], (3, 1, 1, 1)
    )
    point = np.zeros(mean.shape)
    for angle in np.radians(angles):
        dx = np.abs(x * np.cos(angle) + z * np.sin(angle))
        point += np.where((dx < 1) & (np.abs(y) < 1), (1 - dx) * (1 - np.abs(y)), 0)
    transform = np.fft.fftn(point, norm="ortho")
    found = np.fft.fftn(mean, norm="ortho") / (np.abs(transform) + 1 / snr)
    return np.fft.ifftn(found, norm="ortho").real


@pytest.mark.parametrize("shape", [(12, 9, 30), (15, 40, 21)])
def test_the_tomogram_is_divided_by_what_a_point_becomes(shape):
    angles = np.array([-50.0, -20, 0, 25, 60])
    images = np.random.default_rng(0).normal(size=(len(angles), *shape[1:]))
    total, number = sums(images, angles, shape[0])
    wanted = divided(total / np.maximum(number, 1)[:, None], angles)
    found = total.astype(np.float32)
    weight_as_relion(found, angles)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * wanted.std())


@pytest.mark.parametrize("frequency", [0.05, 0.2, 0.35])
def test_linear_interpolation_loses_what_is_told(frequency):
    samples = np.arange(4000)
    place = np.random.default_rng(1).uniform(1, 3997, 20000)
    left, part = np.floor(place).astype(int), place % 1
    truth = np.exp(2j * np.pi * frequency * place)
    wave = np.exp(2j * np.pi * frequency * samples)
    linear = wave[left] * (1 - part) + wave[left + 1] * part
    cubic = sum(w * wave[left + i] for i, w in zip((-1, 0, 1, 2), keys_weights(part), strict=True))
    share = np.vdot(truth, linear).real / np.vdot(truth, cubic).real
    assert linear_over_cubic(np.array([frequency]))[0] == pytest.approx(share, rel=5e-3)


def test_a_tomogram_is_that_of_the_program():
    one = series(1)
    images = one.images - one.images.mean(axis=(1, 2), keepdims=True)
    total, number = sums(images.astype(np.float64), ANGLES, DEPTH)
    wanted = divided(total / np.maximum(number, 1)[:, None], ANGLES)
    found = reconstruct(one, depth=DEPTH, filter="relion", taper=0).data
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.99
    np.testing.assert_allclose(shell_power(found), shell_power(wanted), rtol=0.1)
