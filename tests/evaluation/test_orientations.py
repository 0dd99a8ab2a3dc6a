"""Angular errors: known angles, invariances, symmetry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from faket.errors import InputError
from faket.evaluation import angular_errors_deg
from faket.evaluation.orientations import summarise_errors, symmetry_group

SYMBOLS = ["C1", "C2", "C7", "D3", "T", "O", "I"]


@given(st.floats(-720, 720), st.integers(0, 2**32 - 1))
def test_a_turn_about_any_axis_is_its_own_error(angle_deg, seed):
    rng = np.random.default_rng(seed)
    axis = rng.normal(size=3)
    turn = Rotation.from_rotvec(np.deg2rad(angle_deg) * axis / np.linalg.norm(axis))
    true = Rotation.random(1, rng=rng)
    folded = abs((angle_deg + 180) % 360 - 180)
    for picked in (turn * true, true * turn):
        assert angular_errors_deg(picked, true)[0] == pytest.approx(folded, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(SYMBOLS), st.integers(0, 2**32 - 1))
def test_symmetry_mates_are_the_same_and_the_frame_does_not_matter(symbol, seed):
    rng = np.random.default_rng(seed)
    true, picked = Rotation.random(6, rng=rng), Rotation.random(6, rng=rng)
    errors = angular_errors_deg(picked, true, symbol)
    assert np.all(errors <= angular_errors_deg(picked, true) + 1e-9)
    frame = Rotation.random(1, rng=rng)
    np.testing.assert_allclose(
        angular_errors_deg(frame * picked, frame * true, symbol), errors, atol=1e-9
    )
    np.testing.assert_allclose(angular_errors_deg(true, picked, symbol), errors, atol=1e-9)
    group = symmetry_group(symbol)
    for element in group[rng.integers(len(group), size=4)]:
        np.testing.assert_allclose(
            angular_errors_deg(picked * element, true, symbol), errors, atol=1e-9
        )
        np.testing.assert_allclose(angular_errors_deg(true * element, true, symbol), 0, atol=1e-5)


def test_axis_of_cn_is_the_particles_z():
    true = Rotation.random(4, rng=3)
    for axis, expected in (("z", 0.0), ("x", 120.0)):
        turned = true * Rotation.from_euler(axis, 120, degrees=True)
        np.testing.assert_allclose(angular_errors_deg(turned, true, "C3"), expected, atol=1e-6)


def test_random_orientations_have_the_mean_of_the_haar_measure():
    picked, true = Rotation.random(20_000, rng=1), Rotation.random(20_000, rng=2)
    mean = angular_errors_deg(picked, true).mean()
    assert mean == pytest.approx(np.rad2deg(np.pi / 2 + 2 / np.pi), abs=1.0)  # 126.5


def test_summary():
    item = summarise_errors("a", np.array([1.0, 2.0, 6.0]))
    assert (item.n, item.mean_deg, item.median_deg) == (3, 3.0, 2.0)
    assert summarise_errors("a", np.zeros(0)).mean_deg is None


@pytest.mark.parametrize("symbol", ["", "C0", "c4", "C100", "Cinf", "D", "X2", "C4\n"])
def test_other_symbols_are_refused(symbol):
    with pytest.raises(InputError, match="symmetry"):
        symmetry_group(symbol)
