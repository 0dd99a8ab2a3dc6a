"""Distance from an ellipsoid, and the bilayer's profile, against independent computations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.spatial.transform import Rotation

from faket.specimen.ellipsoids import level, row_distances, signed_distance, voxel_distance
from faket.specimen.membrane import (
    HEAD_DISTANCE_A,
    bilayer_areal_integral_V_A,
    bilayer_potential_V,
    tabulated_bilayer,
)
from faket.specimen.shell_limits import limits_of, row_of_shell

axis = st.floats(20.0, 60.0)
unit = st.floats(-1.0, 1.0)


@settings(max_examples=200, deadline=None)
@given(st.tuples(axis, axis, axis), st.tuples(unit, unit, unit), st.floats(-6.0, 20.0))
def test_a_step_along_the_normal_is_the_distance(axes, direction, offset):
    # True up to the smallest radius of curvature, 20² / 60 = 6.7, inwards; without limit outwards.
    axes, direction = np.array(axes), np.array(direction)
    if np.linalg.norm(direction) < 0.1:
        return
    on = axes * direction / np.linalg.norm(direction)
    normal = on / axes**2
    point = on + offset * normal / np.linalg.norm(normal)
    assert signed_distance(*point, *axes) == pytest.approx(offset, abs=2e-3)


@pytest.mark.parametrize("r", [0.0, 1.0, 29.0, 30.0, 31.0, 300.0])
def test_distance_from_a_sphere_is_exact(r):
    point = r * np.array([0.6, 0.0, 0.8])
    assert signed_distance(*point, 30.0, 30.0, 30.0) == pytest.approx(r - 30, abs=2e-3)


@settings(max_examples=100, deadline=None)
@given(
    st.tuples(axis, axis, axis), st.tuples(unit, unit, unit), st.floats(-60, 60), st.floats(-60, 60)
)
def test_a_row_holds_every_voxel_of_a_shell_once(axes, turn, dy, dz):
    axes, rotation = np.array(axes), Rotation.from_rotvec(turn).as_matrix()
    centre, reach, step, n = 70.3, 5.0, 2, 70
    row = np.array([
        voxel_distance(1 + step * i - centre, dy, dz, rotation, axes) for i in range(n)
    ])  # fmt: skip
    limits = limits_of(axes, reach)
    a, b, c, d = row_of_shell((1, step, n), centre, dy, dz, rotation, limits)
    chosen = [*range(a, b), *range(c, d)]
    assert chosen == sorted(set(chosen))
    # Distances of points deep inside are not those of the nearest surface; they are too deep.
    deep = np.array([
        level(1 + step * i - centre, dy, dz, rotation, axes) < (1 - reach / axes.min()) ** 2
        for i in range(n)
    ])  # fmt: skip
    assert set(np.flatnonzero((np.abs(row) <= reach) & ~deep)) <= set(chosen)
    found = np.empty(n)
    row_distances(1, step, n, centre, dy, dz, rotation, axes, found)
    np.testing.assert_array_equal(found, row)


@pytest.mark.parametrize("width_A", [5.0, 10.0, 25.0])
def test_profile_is_the_mean_of_the_unaveraged_one(width_A):
    for d in (0.0, 3.0, 12.0, 19.8, 24.0, 40.0):
        low, high = d - width_A / 2, d + width_A / 2
        mean = quad(lambda t: bilayer_potential_V(np.array([t]), 1e-4)[0], low, high)[0] / width_A
        assert bilayer_potential_V(np.array([d]), width_A)[0] == pytest.approx(mean, abs=1e-5)


def test_profile_has_heads_chains_and_a_trough():
    d = np.array([0.0, 9.0, HEAD_DISTANCE_A / 2, 60.0])
    volts = bilayer_potential_V(d, 1e-3)
    assert volts == pytest.approx([0.5, 1.6, 2.0, 0.0], abs=0.1)


@pytest.mark.parametrize("voxel_A", [2.0, 5.0, 10.0, 40.0])
def test_tabulated_profile_keeps_the_areal_integral(voxel_A):
    profile = tabulated_bilayer(voxel_A)
    integral = 2 * np.trapezoid(profile.values_V, dx=profile.step_A)
    assert integral == pytest.approx(bilayer_areal_integral_V_A(), rel=1e-4)
    unaveraged = quad(lambda t: bilayer_potential_V(np.array([t]), 1e-3)[0], 0, 60, limit=200)[0]
    assert 2 * unaveraged == pytest.approx(bilayer_areal_integral_V_A(), rel=1e-6)
