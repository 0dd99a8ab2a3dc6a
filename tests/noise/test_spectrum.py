"""The colour of noise: what is measured, what is made, and that the two agree."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.data import plain_record
from faket.errors import InputError
from faket.io.records import parse_record
from faket.noise import (
    NoiseProfile,
    add_noise,
    anisotropic_filter,
    coloured_noise,
    estimate_noise,
    mean_power,
    ring_anisotropy,
    ring_cross_power,
    ring_filter,
    ring_power,
    white_noise,
)
from faket.rings import ring_frequencies

RINGS = 24


def read_back(values):
    text = json.dumps(values, default=np.ndarray.tolist)
    return parse_record(text, NoiseProfile, "a.json", what="a record", remedy="make it again")


def falling(rings=RINGS):
    """A spectrum that falls by an order of magnitude, with a dip."""
    k = ring_frequencies(rings)
    return 0.4 + 20 * np.exp(-k / 0.08) + np.cos(8 * k) ** 2


def measured(power, shape, images=6, rings=RINGS):
    stack = [coloured_noise(7, tilt, shape, power) for tilt in range(images)]
    return np.mean([ring_power(image, rings) for image in stack], axis=0)


@pytest.mark.parametrize("shape", [(256, 256), (192, 320)])
def test_coloured_noise_has_the_power_asked_for_at_any_size(shape):
    """Sampling error: a ring of n modes under a Hann window scatters by about 1.9 / √n."""
    power = falling()
    found = measured(power, shape)
    modes = 6 * np.pi * ring_frequencies(RINGS) / (2 * RINGS) * shape[0] * shape[1]
    error = np.abs(found / power - 1)
    assert np.all(error[1:] < 4 * 1.9 / np.sqrt(modes[1:]) + 0.02)


def test_a_flat_spectrum_gives_the_white_field_that_all_methods_share():
    field = coloured_noise(3, 1, (64, 48), np.full(9, 4.0))
    np.testing.assert_allclose(field, 2 * white_noise(3, 1, (64, 48)), atol=1e-5)


def test_mean_power_is_the_variance():
    assert mean_power(np.full(17, 3.0)) == pytest.approx(3.0)
    variance = np.mean([coloured_noise(1, t, (256, 256), falling()).var() for t in range(4)])
    assert variance == pytest.approx(mean_power(falling()), rel=0.05)


def test_ring_power_of_a_wave_lies_in_its_ring():
    x = np.arange(256)
    image = np.broadcast_to(np.cos(2 * np.pi * x * 48 / 256), (256, 256))
    power = ring_power(image, 32)
    assert power.argmax() == int(48 / 256 * 64)
    # A Hann window spreads a line over three frequencies, on either side of the ring's edge.
    assert power[11:13].sum() > 0.99 * power.sum()


@settings(max_examples=25, deadline=None)
@given(gain=st.floats(1e-3, 1e3), offset=st.floats(-1e3, 1e3), rings=st.integers(1, 60))
def test_power_is_quadratic_and_blind_to_offsets(gain, offset, rings):
    image = np.random.default_rng(0).standard_normal((40, 33))
    np.testing.assert_allclose(
        ring_power(gain * image + offset, rings),
        gain**2 * ring_power(image, rings),
        rtol=1e-4,
    )


def test_cross_power_is_bilinear_and_bounded():
    rng = np.random.default_rng(1)
    one, two = rng.standard_normal((2, 96, 96))
    crossed = ring_cross_power(one, one + 2 * two)
    expected = ring_power(one) + 2 * ring_cross_power(one, two)
    np.testing.assert_allclose(crossed, expected, atol=1e-5)
    bound = np.sqrt(ring_power(one) * ring_power(two))
    assert np.all(np.abs(ring_cross_power(one, two)) <= bound * (1 + 1e-5))


def test_rings_of_small_images_are_filled():
    power = ring_power(np.random.default_rng(2).standard_normal((8, 8)), 64)
    assert np.isfinite(power).all()
    assert power.min() > 0


def test_noise_takes_the_references_spectrum_after_what_the_content_explains():
    """Signal and noise together have the reference's rings, white noise does not."""
    reference = np.array([coloured_noise(5, t, (256, 256), falling()) for t in range(4)])
    noise_free = np.array([coloured_noise(6, t, (256, 256), falling() ** 2) for t in range(4)])
    profile = estimate_noise(3 * reference + 40, angles_deg=np.arange(4.0))
    profile = NoiseProfile(
        np.full(4, 0.4), np.full(4, 0.9), profile.mean, profile.sigma, "blind",
        profile.angles_deg, profile.spectrum,
    )  # fmt: skip
    made = add_noise(noise_free, profile, seed=1, spectrum="reference")
    np.testing.assert_allclose(made.std(axis=(1, 2)), profile.sigma, rtol=1e-4)
    np.testing.assert_allclose(made.mean(axis=(1, 2)), profile.mean, rtol=1e-4)
    ratio = distance(made, reference)
    assert ratio < 0.1
    assert distance(add_noise(noise_free, profile, seed=1), reference) > 5 * ratio


def distance(stack, other):
    own = np.mean([ring_power(one / one.std(), RINGS) for one in stack], axis=0)
    others = np.mean([ring_power(one / one.std(), RINGS) for one in other], axis=0)
    return np.abs(np.log(own / others))[1:].mean()


def test_coloured_noise_scales_with_its_amount():
    noise_free = np.array([coloured_noise(6, t, (64, 64), falling()) for t in range(2)])
    noisy_reference = noise_free + 3 * np.random.default_rng(0).standard_normal(noise_free.shape)
    profile = estimate_noise(noisy_reference, noise_free)
    silent = add_noise(noise_free, profile, seed=1, amount=0, spectrum="reference")
    for tilt in range(2):
        assert np.corrcoef(silent[tilt].ravel(), noise_free[tilt].ravel())[0, 1] > 1 - 1e-6
    once, again = (add_noise(noise_free, profile, seed=1, spectrum="reference") for _ in range(2))
    assert once.tobytes() == again.tobytes()


def test_direction_of_the_power_is_measured_and_made():
    """Half-pixel linear interpolation leaves cos² πkx: less power towards the corners."""
    field = np.random.default_rng(0).standard_normal((513, 512))
    image = (field[1:] + field[:-1]) / 2
    traces = ring_anisotropy(image, RINGS)
    assert traces[0, -4:].min() > 0.3  # more along x than along y
    assert np.abs(ring_anisotropy(field, RINGS)[:, 4:]).max() < 0.15
    amplitude = anisotropic_filter(np.ones(RINGS), traces, (512, 512))
    noise = np.fft.irfft2(np.fft.rfft2(field[1:]) * amplitude)
    again = ring_anisotropy(noise, RINGS)
    np.testing.assert_allclose(again[:, 4:], traces[:, 4:], atol=0.15)


def test_an_isotropic_filter_is_the_ring_filter():
    power = falling()
    np.testing.assert_allclose(
        anisotropic_filter(power, np.zeros((3, RINGS)), (32, 40)),
        ring_filter(np.sqrt(power), (32, 40)),
    )


def test_profiles_carry_spectra_through_everything():
    angles = np.array([-40.0, 0.0, 40.0])
    power = falling() / mean_power(falling())
    spectrum = np.array([power, 2 * power, 4 * power])
    curves = [np.full(3, 0.5)] * 4
    profile = NoiseProfile(*curves, "blind", angles, spectrum)
    np.testing.assert_allclose(profile.at([-20.0, 60.0]).spectrum, [1.5 * power, 4 * power])
    np.testing.assert_allclose(profile.constant().spectrum, [7 / 3 * power] * 3)
    np.testing.assert_allclose(profile.polynomial().spectrum, spectrum)
    finer = NoiseProfile(*curves, "blind", angles, np.ones((3, 2 * RINGS)))
    both = NoiseProfile.average([profile, finer])
    np.testing.assert_allclose(both.spectrum, (spectrum + 1) / 2)
    bare = NoiseProfile(*curves, "blind", angles)
    assert NoiseProfile.average([profile, bare]).spectrum is None
    again = read_back(plain_record(profile))
    np.testing.assert_array_equal(again.spectrum, spectrum)
    older = {name: value for name, value in plain_record(bare).items() if name != "spectrum"}
    assert read_back(older).spectrum is None


def test_bad_input_is_refused_in_one_line():
    noise_free = np.random.default_rng(0).standard_normal((2, 32, 32))
    bare = NoiseProfile(*[np.full(2, 0.5)] * 4, "blind")
    cases = [
        (lambda: add_noise(noise_free, bare, seed=0, spectrum="reference"), "spectrum"),
        (lambda: add_noise(noise_free, bare, seed=0, spectrum="pink"), "pink"),
        (lambda: coloured_noise(0, 0, (8, 8), [-1.0, 2.0]), "power"),
        (lambda: coloured_noise(0, 0, (8, 8), [np.nan]), "power"),
        (lambda: ring_power(noise_free), "image"),
        (lambda: ring_power(noise_free[0], 0), "ring"),
        (lambda: NoiseProfile(*[np.ones(2)] * 4, "blind", None, np.ones((3, 4))), "spectrum"),
        (lambda: NoiseProfile(*[np.ones(2)] * 4, "blind", None, -np.ones((2, 4))), "spectrum"),
    ]
    for call, word in cases:
        with pytest.raises(InputError, match=word) as error:
            call()
        assert "\n" not in str(error.value)
