"""Lists of orientations: count, evenness, symmetry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from faket.errors import InputError
from faket.picking.template_matching import uniform_rotations


def angles_to_nearest(rotations, others, k=1):
    """Angle (degrees) from each of ``others`` to the k-th nearest of the list; q and -q are one."""
    quaternions = rotations.as_quat()
    tree = cKDTree(np.concatenate([quaternions, -quaternions]))
    chord, _ = tree.query(others.as_quat(), k=[k])
    return np.degrees(4 * np.arcsin(np.clip(chord[:, 0] / 2, 0, 1)))


@pytest.mark.parametrize(("step", "published"), [(7.0, 45123), (12.85, 7112)])
def test_as_many_as_the_lists_in_use(step, published):
    assert len(uniform_rotations(step)) == pytest.approx(published, rel=0.05)


@pytest.mark.parametrize("step", [9.0, 15.0, 25.0])
def test_no_orientation_is_far_from_the_list(step):
    probes = Rotation.random(20000, random_state=np.random.default_rng(1))
    gaps = angles_to_nearest(uniform_rotations(step), probes)
    assert gaps.max() < 1.1 * step
    # The cells of a perfect (body-centred) lattice of this density have a mean radius of 0.5 δ.
    assert 0.4 * step < gaps.mean() < 0.6 * step


@pytest.mark.parametrize("step", [9.0, 15.0])
def test_neighbours_keep_their_distance(step):
    rotations = uniform_rotations(step)
    apart = angles_to_nearest(rotations, rotations, k=2)
    assert apart.min() > 0.35 * step
    assert apart.max() < 1.25 * step


def test_moments_of_the_group_are_those_of_the_uniform_distribution():
    matrices = uniform_rotations(10.0).as_matrix()
    # Mean of R: 0. Mean of R_ij R_kl: δ_ik δ_jl / 3 (matrix elements of l = 1 are orthogonal).
    assert np.abs(matrices.mean(axis=0)).max() < 2e-3
    flat = matrices.reshape(len(matrices), 9)
    np.testing.assert_allclose(flat.T @ flat / len(flat), np.eye(9) / 3, atol=2e-3)
    # l = 2: where R takes z, the traceless second moments vanish, and so do those of x.
    for column in (0, 2):
        axis = matrices[:, :, column]
        np.testing.assert_allclose(axis.T @ axis / len(axis), np.eye(3) / 3, atol=1e-3)
    # Angles of rotation follow (1 − cos ω) / π.
    angles = np.sort(uniform_rotations(10.0).magnitude())
    expected = (angles - np.sin(angles)) / np.pi
    np.testing.assert_allclose(np.arange(len(angles)) / len(angles), expected, atol=5e-3)


@pytest.mark.parametrize("symmetry", ["C2", "C7", "D3", "T", "O"])
def test_symmetry_leaves_one_of_each_that_look_alike(symmetry):
    step, group = 15.0, Rotation.create_group(symmetry)
    whole, kept = uniform_rotations(step), uniform_rotations(step, symmetry)
    assert len(kept) == pytest.approx(len(whole) / len(group), rel=0.05)
    probes = Rotation.random(5000, random_state=np.random.default_rng(2))
    unfolded = Rotation.concatenate([kept * g for g in group])
    assert angles_to_nearest(unfolded, probes).max() < 1.2 * step


@given(step=st.floats(2.0, 60.0), n=st.integers(1, 12))
@settings(max_examples=20, deadline=None)
def test_any_step_and_order_give_unit_rotations(step, n):
    rotations = uniform_rotations(max(step, 8.0), f"c{n}")
    np.testing.assert_allclose(np.linalg.norm(rotations.as_quat(), axis=1), 1, atol=1e-12)
    assert len(rotations) >= 1


@pytest.mark.parametrize(("step", "symmetry"), [(1.0, "C1"), (90.0, "C1"), (10.0, "X4"), (9.0, "")])
def test_bad_lists_are_one_line(step, symmetry):
    with pytest.raises(InputError) as error:
        uniform_rotations(step, symmetry)
    assert "\n" not in str(error.value)
