"""Uneven ice: told from a specimen by a jump, and one sheet seen under all tilts."""

import numpy as np
import pytest

from faket.constants import electron_wavelength_A, interaction_constant_rad_per_V_A
from faket.methods.measurement import measure_reference
from faket.methods.reference_properties import CORNER, RINGS
from faket.methods.spectral import spectral_images
from faket.methods.transfer import reference_transfer
from faket.methods.uneven_ice import add_uneven_ice, uneven_share
from faket.microscope.ctf_estimate import CtfEstimate
from faket.noise import ring_cross_power, ring_power
from faket.rings import ring_frequencies
from slabs import slab_series

PIXEL_A = 8.0
FREQUENCY = ring_frequencies(RINGS, CORNER) / PIXEL_A
LONG = FREQUENCY < 1 / 500
NONE = np.full((3, RINGS), 0.02)


def gain(jump=1.0, slope=-40.0):
    """Power over the expected one, in three tilts: log-linear, and more by a factor at long
    periods."""
    own = np.exp(slope * FREQUENCY) * np.where(LONG, jump, 1.0)
    return np.outer([1.0, 5.0, 0.2], own)


@pytest.mark.parametrize("factor", [2.5, 4.0, 30.0])
@pytest.mark.parametrize("slope", [-80.0, 0.0, 30.0])
def test_a_jump_by_a_factor_leaves_its_reciprocal_to_the_specimen(factor, slope):
    share = uneven_share(gain(factor, slope), NONE, PIXEL_A)
    np.testing.assert_allclose(share[LONG], 1 - 1 / factor, rtol=1e-9)
    assert not share[~LONG].any()


@pytest.mark.parametrize("jump", [0.2, 1.0, 1.9])
def test_less_than_a_factor_of_2_is_the_specimen(jump):
    assert not uneven_share(gain(jump), NONE, PIXEL_A).any()


def test_what_is_hardly_measured_tells_nothing():
    assert not uneven_share(gain(5.0), np.full((3, RINGS), 0.5), PIXEL_A).any()
    assert not uneven_share(gain(5.0), NONE, 1.0).any()  # no ring is as low


def test_one_sheet_is_seen_under_all_tilts_with_the_power_given():
    angles, shape = np.array([0.0, 60.0]), (512, 512)
    power = np.zeros((2, RINGS))
    power[:, :6] = np.outer([2.0, 7.0], np.exp(-np.arange(6.0) / 2))
    stacks = [np.zeros((2, *shape), np.float32) for _ in range(2)]
    add_uneven_ice(stacks, (1.0, 0.25), power, angles, seed=3)
    np.testing.assert_allclose(stacks[1], stacks[0] / 4, rtol=1e-6)
    made = stacks[0]
    found = np.array([ring_power(image, RINGS, limit=CORNER) for image in made])
    np.testing.assert_allclose(found[:, :5], power[:, :5], rtol=0.3)
    assert found[:, 8:].max() < 1e-3 * power.max()
    np.testing.assert_allclose(made.mean(axis=(1, 2)), 0, atol=1e-4)
    # Under 60° all has half its distance from the axis.
    beside = np.arange(0, 240, 2)
    near, foreshortened = made[0][:, 256 + beside], made[1][:, 256 + beside // 2]
    assert np.corrcoef(near.ravel(), foreshortened.ravel())[0, 1] > 0.7
    assert np.corrcoef(near.ravel(), made[1][:, 256 + beside].ravel())[0, 1] < 0.5
    again = [np.zeros((2, *shape), np.float32)]
    add_uneven_ice(again, (1.0,), power, angles, seed=4)
    assert abs(np.corrcoef(again[0][0].ravel(), made[0].ravel())[0, 1]) < 0.5
    add_uneven_ice(again, (1.0,), np.zeros((2, RINGS)), angles, seed=4)


ANGLES, SIDE = np.arange(-48.0, 49.0, 4.0), 384
KNOWN = CtfEstimate(ANGLES, np.full(len(ANGLES), 3.0), (3.0, 3.0), True, "metadata")


@pytest.fixture(scope="module")
def references():
    """A weak phase object under a microscope in closed form, the same behind uneven ice."""
    specimen = 200 * slab_series(ANGLES, side=SIDE, thickness=80, seed=1, radius=1.5, density=4e-4)
    k = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)) / PIXEL_A
    chi = np.pi * electron_wavelength_A(300.0) * 3e4 * k**2
    transfer = interaction_constant_rad_per_V_A(300.0) * 2 * np.sin(chi + 0.1)
    transfer[0, 0] = 0
    plain = np.array([np.fft.irfft2(np.fft.rfft2(image) * transfer) for image in specimen])
    own = np.array([ring_power(image, RINGS, limit=CORNER) for image in plain])
    power = 10 / (1 + (1500 * FREQUENCY) ** 2) ** 2 * own
    noise = np.sqrt(own[:, LONG].mean() / 4)
    plain += noise * np.random.default_rng(2).standard_normal(plain.shape)
    uneven = plain.astype(np.float32)
    add_uneven_ice([uneven], (1.0,), power, ANGLES, seed=5)
    return specimen, plain.astype(np.float32), uneven


def test_a_reference_with_uneven_ice_gives_the_specimen_its_own_contrast(references):
    specimen, plain, uneven = references
    without, with_ice = (
        measure_reference(images, ANGLES, PIXEL_A, ctf=KNOWN) for images in (plain, uneven)
    )
    expected, found = (reference_transfer(p, specimen) for p in (without, with_ice))
    assert not expected.ice_power.any()
    ratio = (found.amplitude / expected.amplitude)[:, : np.count_nonzero(LONG)] ** 2
    assert np.exp(np.log(ratio).mean()) == pytest.approx(1, abs=0.3)  # 3 if it were the specimen's
    made = spectral_images(specimen, with_ice, ANGLES, seed=1)
    powers = [[ring_power(i, 24)[0] for i in images] for images in (made, uneven)]
    assert np.mean(powers[0]) == pytest.approx(np.mean(powers[1]), rel=0.25)
    # Neighbours share it, which they do not of noise.
    bare = spectral_images(specimen, with_ice, ANGLES, seed=1, amount=0.0)
    rest = made - bare
    middle = rest[len(ANGLES) // 2], rest[len(ANGLES) // 2 + 1]
    shared = ring_cross_power(*middle, 24)[0] / np.sqrt(
        ring_power(middle[0], 24)[0] * ring_power(middle[1], 24)[0]
    )
    assert shared > 0.4  # 0.0 ± 0.1 of noise


def test_of_noise_free_projections_nothing_is_uneven(references):
    specimen, _, uneven = references
    known = measure_reference(uneven, ANGLES, PIXEL_A, ctf=KNOWN, noise_free=specimen)
    assert not reference_transfer(known, specimen).ice_power.any()
