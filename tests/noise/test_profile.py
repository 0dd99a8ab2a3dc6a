"""Laws of the noise profile: averages, polynomials, interpolation, round trips."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.data import plain_record
from faket.errors import InputError
from faket.io.records import parse_record
from faket.noise import NoiseProfile

ANGLES = np.arange(-60.0, 61.0, 2.0)
CURVES = ("signal_std", "noise_std", "mean", "sigma")


def read_back(values):
    text = json.dumps(values, default=np.ndarray.tolist)
    return parse_record(text, NoiseProfile, "a.json", what="a record", remedy="make it again")


def profile(angles=ANGLES, seed=0, estimate="paired"):
    rng = np.random.default_rng(seed)
    n = len(angles)
    signal_std = rng.uniform(0.2, 0.4, n)
    return NoiseProfile(
        signal_std=signal_std,
        noise_std=np.sqrt(1 - signal_std**2),
        mean=rng.normal(10, 3, n),
        sigma=rng.uniform(1, 2, n),
        estimate=estimate,
        angles_deg=np.asarray(angles),
    )


def test_constant_is_the_average_of_every_curve():
    measured = profile()
    flat = measured.constant()
    for name in CURVES:
        np.testing.assert_allclose(getattr(flat, name), getattr(measured, name).mean())


def test_polynomial_reproduces_a_parabola_and_is_idempotent():
    index = np.arange(len(ANGLES))
    parabola = 0.2 + 0.004 * index - 5e-5 * index**2
    exact = NoiseProfile(parabola, 1 - parabola, 5 * parabola, 2 * parabola, "blind", ANGLES)
    for name in CURVES:
        np.testing.assert_allclose(getattr(exact.polynomial(), name), getattr(exact, name))
    once = profile().polynomial()
    for name in CURVES:
        np.testing.assert_allclose(getattr(once.polynomial(), name), getattr(once, name))


def test_polynomial_is_numpys_polyfit_over_the_index():
    measured, index = profile(), np.arange(len(ANGLES))
    for name in CURVES:
        curve = getattr(measured, name)
        expected = np.polyval(np.polyfit(index, curve, 2), index)
        np.testing.assert_allclose(getattr(measured.polynomial(), name), expected)


def test_polynomial_does_not_depend_on_the_order_of_the_images():
    order = np.random.default_rng(3).permutation(len(ANGLES))
    measured = profile()
    shuffled = NoiseProfile(
        **{name: getattr(measured, name)[order] for name in CURVES},
        estimate="paired",
        angles_deg=ANGLES[order],
    )
    np.testing.assert_allclose(shuffled.polynomial().sigma, measured.polynomial().sigma[order])


def test_fitting_then_averaging_is_linear():
    """Fits are linear in the data: the order of fitting and averaging tomograms is free."""
    profiles = [profile(seed=seed) for seed in range(4)]
    fitted_first = NoiseProfile.average([p.polynomial() for p in profiles])
    averaged_first = NoiseProfile.average(profiles).polynomial()
    for name in ("mean", "signal_std", "noise_std"):
        np.testing.assert_allclose(getattr(fitted_first, name), getattr(averaged_first, name))


def test_polynomial_is_held_at_the_possible():
    extreme = np.array([0.0, 0.0, 0.0, 0.0, 1.0])
    held = NoiseProfile(extreme, extreme, extreme, extreme + 0.01, "blind").polynomial()
    assert held.signal_std.min() >= 0
    assert held.noise_std.min() >= 0
    assert held.sigma.min() >= 0.01


@pytest.mark.parametrize("tilts", [1, 2, 3])
def test_few_tilts_are_fitted_exactly(tilts):
    few = profile(ANGLES[:tilts])
    np.testing.assert_allclose(few.polynomial().mean, few.mean)


def test_at_interpolates_and_clamps():
    angles = np.array([30.0, -30.0, 0.0])  # order of acquisition
    signal_std = np.array([0.3, 0.1, 0.2])
    measured = NoiseProfile(
        signal_std, 1 - signal_std, signal_std * 10, signal_std * 2, "blind", angles
    )
    moved = measured.at([-60.0, -15.0, 0.0, 20.0, 75.0])
    np.testing.assert_allclose(moved.signal_std, [0.1, 0.15, 0.2, 0.2 + 0.1 * 20 / 30, 0.3])
    np.testing.assert_allclose(moved.mean, moved.signal_std * 10)
    assert measured.at(angles) is measured


def test_average_matches_by_angle():
    sloped = np.linspace(0.1, 0.9, len(ANGLES))
    full = NoiseProfile(sloped, sloped, sloped, sloped, "paired", ANGLES)
    half = NoiseProfile(*[sloped[::2]] * 4, "blind", ANGLES[::2])
    both = NoiseProfile.average([full, half])
    np.testing.assert_allclose(both.signal_std, sloped)
    assert both.estimate == "blind"
    assert len(NoiseProfile.average([half, full])) == len(half)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(-90, 90, allow_subnormal=False), min_size=1, max_size=8, unique=True),
    st.integers(0, 99),
)
def test_round_trip_through_json(angles, seed):
    measured = profile(np.array(angles), seed)
    again = read_back(plain_record(measured))
    assert plain_record(again) == plain_record(measured)


def test_round_trip_without_angles():
    measured = profile()
    bare = NoiseProfile(*(getattr(measured, name) for name in CURVES), "blind")
    assert read_back(plain_record(bare)).angles_deg is None


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"signal_std": np.full(61, 1.2)}, "signal_std"),
        ({"sigma": np.zeros(61)}, "sigma"),
        ({"noise_std": np.ones(60)}, "noise_std"),
        ({"mean": np.full(61, np.nan)}, "mean"),
        ({"estimate": "guessed"}, "guessed"),
        ({"mean": "high"}, "numbers"),
    ],
)
def test_impossible_profiles_are_refused(change, word):
    with pytest.raises(InputError, match=word) as error:
        read_back(plain_record(profile()) | change)
    assert "\n" not in str(error.value)


def test_profiles_of_earlier_versions_are_read():
    """They called the amplitude of the signal ``ratio``."""
    values = plain_record(profile())
    old = {"ratio" if name == "signal_std" else name: value for name, value in values.items()}
    np.testing.assert_array_equal(read_back(old).signal_std, profile().signal_std)
    with pytest.raises(InputError, match="no entry signal_std"):
        read_back({name: value for name, value in values.items() if name != "signal_std"})


def test_unknown_keys_and_empty_averages_are_refused():
    with pytest.raises(InputError, match="no entry noise_std"):
        read_back({"signal_std": [0.1]})
    with pytest.raises(InputError, match="at least one"):
        NoiseProfile.average([])
    values = {name: getattr(profile(), name) for name in CURVES}
    bare = NoiseProfile(**values, estimate="paired")
    with pytest.raises(InputError, match="angles_deg"):
        bare.at(ANGLES)
    short = NoiseProfile(**{k: v[:5] for k, v in values.items()}, estimate="paired")
    with pytest.raises(InputError, match=r"\[5, 61\]"):
        NoiseProfile.average([bare, short])
