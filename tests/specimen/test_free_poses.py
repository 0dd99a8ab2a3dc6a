"""The first free pose is that of the same numbers drawn by numpy and tried one by one."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from faket.specimen.free_places import UNKNOWN, Glance
from faket.specimen.free_poses import first_free_pose, rotation_of
from faket.specimen.molecule_attempts import _rounds
from faket.specimen.molecules import scan_molecule
from made_up_boxes import SHAPES, box

VOXEL_A = 5.0


@given(st.tuples(*[st.floats(-2, 2)] * 4).filter(lambda q: np.linalg.norm(q) > 1e-3))
def test_rotations_are_those_of_quaternions(quaternion):
    expected = Rotation.from_quat(quaternion).as_matrix()
    np.testing.assert_allclose(rotation_of(np.array(quaternion)), expected, atol=1e-14)


def first_by_hand(rng, orientations, tries, occupied, shape):
    """Return position and quaternion of the first free pose; draw and try them one by one."""
    size, poses = np.array(occupied.shape[::-1], float), []
    for quaternion in rng.normal(size=(orientations, 4)):
        turn = Rotation.from_quat(quaternion).as_matrix()
        points = shape.points @ turn.T
        low, high = -1 - points.min(axis=0), size - points.max(axis=0)
        if (low <= high).all():
            centres = low + rng.random((tries, 3)) * (high - low)
            poses += [(centre, turn, quaternion) for centre in centres]
    for centre, turn, quaternion in poses:
        if scan_molecule(occupied, centre, turn, shape.envelope, False) == 0:
            return centre * VOXEL_A, quaternion
    return None


@settings(max_examples=30)
@given(
    seed=st.integers(0, 1000), share=st.floats(0, 0.5), kind=st.integers(0, 2),
    shape=st.sampled_from([(70, 80, 90), (12, 60, 60)]),
)  # fmt: skip
def test_it_is_the_first_of_all_that_are_drawn(seed, share, kind, shape):
    """With and without bits, and on any number of threads."""
    molecule, occupied = SHAPES[kind], box(seed, share, shape)
    expected = first_by_hand(np.random.default_rng(seed), 5, 40, occupied, molecule)
    glance = Glance(occupied)
    glance.refresh()
    threads = numba.get_num_threads()
    for n, known in ((1, UNKNOWN), (threads, (glance.bits, molecule.balls))):
        numba.set_num_threads(n)
        own, rng = occupied.copy(), np.random.default_rng(seed)
        place = own, molecule.points, molecule.envelope, *known
        position_A, quaternion = first_free_pose(rng, 5, 40, VOXEL_A, *place)
        numba.set_num_threads(threads)
        if expected is None:
            assert not len(position_A)
            np.testing.assert_array_equal(own, occupied)
            continue
        np.testing.assert_allclose(position_A, expected[0], atol=1e-9)
        np.testing.assert_array_equal(quaternion, expected[1])
        molecules_own = own & ~occupied
        alone = np.zeros_like(own)
        turn = Rotation.from_quat(quaternion).as_matrix()
        assert scan_molecule(alone, position_A / VOXEL_A, turn, molecule.envelope, True) > 0
        np.testing.assert_array_equal(molecules_own, alone)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_full_box_has_no_free_pose(shape):
    full = np.ones((60, 60, 60), bool)
    place = full, shape.points, shape.envelope, *UNKNOWN
    position_A, _ = first_free_pose(np.random.default_rng(0), 3, 20, VOXEL_A, *place)
    assert not len(position_A)


@given(st.integers(1, 1000), st.integers(1, 1_000_000))
def test_rounds_have_the_orientations_asked_for_and_few_positions_at_once(times, tries):
    """A million positions of eight orientations would be 200 MB."""
    (one, few), *others = _rounds(times, tries)
    assert (one, few) == (1, min(256, tries))
    assert sum(n for n, _ in others) == (times if few < tries else times - 1)
    assert all(all_of == tries and (n == 1 or n * tries <= 16_000) for n, all_of in others)
