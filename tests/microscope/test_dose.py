"""Order, exposure and fading."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faket.microscope.dose import (
    acquisition_order,
    critical_dose,
    dose_before,
    split_dose,
    surviving_amplitude,
)

SCHEMES = ("dose-symmetric", "bidirectional", "unidirectional")


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        ("dose-symmetric", [0, 2, -2, -4, 4, 6, -6]),
        ("bidirectional", [0, 2, 4, 6, -2, -4, -6]),
        ("unidirectional", [-6, -4, -2, 0, 2, 4, 6]),
    ],
)
def test_schemes(scheme, expected):
    angles = np.array([4.0, -6, -4, -2, 0, 6, 2])
    order = acquisition_order(angles, scheme)
    assert list(angles[np.argsort(order)]) == expected


@given(st.lists(st.floats(-70, 70), min_size=1, max_size=40), st.sampled_from(SCHEMES))
def test_every_tilt_is_taken_once(angles, scheme):
    order = acquisition_order(np.array(angles), scheme)
    assert sorted(order) == list(range(len(angles)))
    if scheme == "dose-symmetric":
        first = angles[int(np.argmin(order))]
        assert abs(first) == min(abs(a) for a in angles)


def test_dose_is_split_and_summed():
    angles = np.array([-60.0, 0.0, 60.0])
    np.testing.assert_allclose(split_dose(angles, 90.0, 0.0), [30, 30, 30])
    np.testing.assert_allclose(split_dose(angles, 100.0, 1.0), [40, 20, 40])
    before = dose_before(np.array([1.0, 2.0, 4.0]), np.array([2, 0, 1]))
    np.testing.assert_allclose(before, [6.0, 0.0, 2.0])


def test_critical_dose():
    """38.7 and 14.1 e/Å² at 1/20 and 1/10 1/Å, 300 kV; four fifths of it at 200 kV."""
    np.testing.assert_allclose(critical_dose(np.array([0.05, 0.1]), 300.0), [38.7, 14.1], rtol=0.01)
    ratio = critical_dose(np.array([0.05]), 200.0) / critical_dose(np.array([0.05]), 300.0)
    assert ratio[0] == pytest.approx(0.8, rel=0.005)


def test_fading_is_the_mean_over_the_exposure():
    k = np.array([0.0, 0.02, 0.1])
    doses = 10.0 + 30.0 * (np.arange(20000) + 0.5) / 20000
    with np.errstate(divide="ignore"):
        by_hand = np.exp(-doses[:, None] / (2 * critical_dose(k, 300.0))).mean(axis=0)
    np.testing.assert_allclose(surviving_amplitude(k, 10.0, 30.0, 300.0), by_hand, rtol=1e-7)


@given(st.floats(0.1, 20), st.floats(0, 100), st.floats(0, 100))
def test_ratio_of_two_equal_exposures(dose, early, later):
    """exp(−ΔD / 2 N_e), whatever the exposure."""
    k = np.array([0.05])
    ratio = surviving_amplitude(k, early + later, dose, 300.0) / surviving_amplitude(
        k, early, dose, 300.0
    )
    assert ratio[0] == pytest.approx(np.exp(-later / (2 * critical_dose(k, 300.0)[0])), rel=1e-9)
