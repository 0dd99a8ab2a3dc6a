"""Adding noise: the recipe by explicit formula, statistics, shared noise fields."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.errors import InputError
from faket.noise import NoiseProfile, add_noise, baseline, content, estimate_noise, noisy
from faket.seeds import generator

ANGLES = np.array([-40.0, -20.0, 0.0, 20.0, 40.0])


def noise_free_stack(shape=(5, 64, 48)):
    rng = np.random.default_rng(0)
    return (rng.gamma(2.0, 3.0, shape) + 20).astype(np.float32)


def profile():
    signal_std = np.array([0.2, 0.32, 0.37, 0.31, 0.22])
    return NoiseProfile(
        signal_std=signal_std,
        noise_std=np.sqrt(1 - signal_std**2),
        mean=np.array([5.0, -8.0, 1e-3, 7.0, 4000.0]),
        sigma=np.array([1.0, 1.4, 30.0, 1.2, 1.1]),
        estimate="paired",
        angles_deg=ANGLES,
    )


def z(image):
    image = np.asarray(image, np.float64)
    return (image - image.mean()) / image.std()


def test_every_tilt_has_the_profiles_mean_and_sigma():
    stack = add_noise(noise_free_stack(), profile(), seed=1)
    assert stack.dtype == np.float32
    mean, sigma = stack.mean(axis=(1, 2), dtype=float), stack.std(axis=(1, 2), dtype=float)
    assert np.all(np.abs(mean - profile().mean) < 1e-4 * np.maximum(sigma, abs(profile().mean)))
    np.testing.assert_allclose(sigma, profile().sigma, rtol=1e-4)


def test_recipes_are_the_published_formula_on_one_noise_field():
    """z-score, times r, plus amount std N(0, 1), then mean and σ: in float64, by hand."""
    noise_free, measured = noise_free_stack(), profile()
    recipes = {
        baseline: (measured.constant(), 1.0),
        noisy: (measured.polynomial(), 1.0),
        content: (measured.polynomial(), 0.25),
    }
    for recipe, (curves, amount) in recipes.items():
        found = recipe(noise_free, measured, seed=3)
        for tilt in range(5):
            field = generator(3, "noise", tilt).standard_normal((64, 48), dtype=np.float32)
            raw = (
                curves.signal_std[tilt] * z(noise_free[tilt])
                + amount * curves.noise_std[tilt] * field
            )
            expected = z(raw) * curves.sigma[tilt] + curves.mean[tilt]
            np.testing.assert_allclose(found[tilt], expected, rtol=1e-5, atol=1e-4)


def test_the_noise_is_white_and_gaussian():
    silent = NoiseProfile(np.zeros(2), np.ones(2), np.zeros(2), np.ones(2), "paired")
    field = add_noise(noise_free_stack((2, 256, 256)), silent, seed=1).astype(float)
    assert abs((field**3).mean()) < 0.03
    assert abs((field**4).mean() - 3) < 0.06
    assert abs((field[:, 1:] * field[:, :-1]).mean()) < 0.01
    assert abs((field[:, :, 1:] * field[:, :, :-1]).mean()) < 0.01
    assert abs((field[0] * field[1]).mean()) < 0.015


def test_estimate_recovers_what_was_added():
    """With noise-free projections: r and std up to their common scale √(r² + std²) = 1."""
    noise_free = noise_free_stack((5, 256, 256))
    found = estimate_noise(add_noise(noise_free, profile(), seed=2), noise_free)
    np.testing.assert_allclose(found.signal_std, profile().signal_std, atol=0.012)
    np.testing.assert_allclose(found.noise_std, profile().noise_std, atol=0.006)


def test_seed_and_tilt_index_alone_choose_the_field():
    noise_free = noise_free_stack()
    once, again = (add_noise(noise_free, profile(), seed=4) for _ in range(2))
    assert once.tobytes() == again.tobytes()
    assert not np.array_equal(once, add_noise(noise_free, profile(), seed=5))
    first = NoiseProfile(*(c[:2] for c in curves(profile())), "paired")
    np.testing.assert_array_equal(add_noise(noise_free[:2], first, seed=4), once[:2])


def curves(p):
    return p.signal_std, p.noise_std, p.mean, p.sigma


def test_constant_tilt_becomes_pure_noise():
    noise_free = noise_free_stack()
    noise_free[2] = 7.0
    stack = add_noise(noise_free, profile(), seed=1)
    np.testing.assert_allclose(stack[2].std(dtype=float), 30.0, rtol=1e-4)
    other = noise_free.copy()
    other[2] = -3.0
    np.testing.assert_array_equal(add_noise(other, profile(), seed=1)[2], stack[2])


def test_other_tilt_schemes_take_the_profile_by_angle():
    noise_free = noise_free_stack((9, 32, 32))
    angles = np.linspace(-60, 60, 9)
    stack = noisy(noise_free, profile(), seed=0, angles_deg=angles)
    expected = profile().polynomial().at(angles)
    np.testing.assert_allclose(stack.std(axis=(1, 2), dtype=float), expected.sigma, rtol=1e-4)
    flat = baseline(noise_free, profile(), seed=0, angles_deg=angles).std(axis=(1, 2), dtype=float)
    np.testing.assert_allclose(flat, profile().sigma.mean(), rtol=1e-4)


@settings(max_examples=25, deadline=None)
@given(
    gain=st.floats(1e-3, 1e3),
    offset=st.floats(-1e3, 1e3),
    amount=st.floats(0, 2),
)
def test_gain_and_offset_of_the_noise_free_stack_do_not_matter(gain, offset, amount):
    noise_free = np.random.default_rng(1).standard_normal((1, 16, 16))
    one = NoiseProfile(*np.array([[0.3], [0.9], [2.0], [5.0]]), "blind")
    straight = add_noise(noise_free, one, seed=0, amount=amount)
    moved = add_noise(gain * noise_free + offset, one, seed=0, amount=amount)
    np.testing.assert_allclose(moved, straight, atol=1e-3)


def test_bad_input_is_refused_in_one_line():
    noise_free = noise_free_stack()
    broken = noise_free.copy()
    broken[3, 0, 0] = np.inf
    cases = [
        (lambda: add_noise(broken, profile(), seed=0), "noise-free.*tilt 3"),
        (lambda: add_noise(noise_free[:4], profile(), seed=0), "4 tilts"),
        (lambda: add_noise(noise_free, profile(), seed=0, amount=-1), "amount"),
        (lambda: add_noise(noise_free, profile(), seed=0, amount=float("nan")), "amount"),
        (lambda: add_noise(noise_free[0], profile(), seed=0), "tilt, y, x"),
    ]
    for call, word in cases:
        with pytest.raises(InputError, match=word) as error:
            call()
        assert "\n" not in str(error.value)
