"""Iterative maxima against a naive loop; classes; positions below a voxel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from faket.picking.template_matching import (
    Candidates,
    ScoreMaps,
    find_candidates,
    merge_candidates,
)


def candidates(name, voxels, scores, *, sigma=0.1, radius=2.0):
    n = len(scores)
    return Candidates(
        name=name,
        voxels=np.array(voxels, np.int32).reshape(n, 3),
        offsets=np.zeros((n, 3), np.float32),
        scores=np.array(scores, np.float32),
        quaternions=np.tile([0.0, 0.0, 0.0, 1.0], (n, 1)),
        sigma=sigma,
        cutoff=0.0,
        exclusion_voxels=radius,
    )


def naive_maxima(scores, cutoff, radius):
    """The maximum, a ball around it set to nothing, the next maximum, …"""
    left, found = scores.copy(), []
    grid = np.stack(np.indices(scores.shape), axis=-1)
    while left.max() > cutoff:
        place = np.unravel_index(left.argmax(), left.shape)
        found.append(tuple(int(i) for i in place))
        left[((grid - np.array(place)) ** 2).sum(axis=-1) <= radius**2] = -np.inf
    return found


@given(
    seed=st.integers(0, 10**6),
    shape=st.tuples(*[st.integers(1, 12)] * 3),
    radius=st.floats(0.0, 5.0),
)
@settings(max_examples=60, deadline=None)
def test_iterative_maxima_are_those_of_a_naive_loop(seed, shape, radius):
    scores = np.random.default_rng(seed).standard_normal(shape)
    voxels = np.argwhere(scores > 0.5)
    given = candidates("a", voxels, scores[tuple(voxels.T)], radius=np.float32(radius))
    picks = merge_candidates([given], shape, 1.0)
    found = [tuple(int(i) for i in place[::-1]) for place in picks.particles.positions_A]
    assert found == naive_maxima(scores.astype(np.float32), 0.5, np.float32(radius))


def test_the_class_is_that_of_the_highest_score_per_sigma():
    # The second template scores lower, but its scores spread less.
    first = candidates("a", [[5, 5, 5], [5, 5, 20]], [0.5, 0.6], sigma=0.1)
    second = candidates("b", [[5, 5, 6], [5, 5, 20]], [0.4, 0.2], sigma=0.05)
    picks = merge_candidates([first, second], (10, 10, 30), 2.0)
    assert picks.particles.species == ("b", "a")
    np.testing.assert_allclose(picks.scores, [8, 6], rtol=1e-6)
    np.testing.assert_allclose(picks.particles.positions_A, [[12, 10, 10], [40, 10, 10]])
    assert list(picks.particles.ids) == [1, 2]


def test_each_ball_has_the_radius_of_its_particle():
    large = candidates("large", [[5, 5, 5]], [0.9], radius=4.0)
    small = candidates("small", [[5, 5, 8], [5, 5, 12], [5, 5, 14]], [0.5, 0.8, 0.7], radius=1.0)
    picks = merge_candidates([large, small], (10, 10, 20), 1.0)
    assert [tuple(p) for p in picks.particles.positions_A] == [(5, 5, 5), (12, 5, 5), (14, 5, 5)]


def test_no_candidates_give_no_particles():
    picks = merge_candidates([candidates("a", [], [])], (4, 4, 4), 1.0)
    assert len(picks) == 0
    assert picks.particles.positions_A.shape == (0, 3)


@given(shift=st.tuples(*[st.floats(-0.45, 0.45)] * 3))
@settings(max_examples=30, deadline=None)
def test_positions_lie_between_voxels(shift):
    grid = np.stack(np.indices((15, 15, 15)), axis=-1) - 7 - np.array(shift)
    scores = (1 - 0.01 * (grid**2).sum(axis=-1)).astype(np.float32)
    maps = ScoreMaps(scores, np.zeros(scores.shape, np.int32), Rotation.identity(1), 0.1)
    found = find_candidates("a", maps, exclusion_voxels=20.0, false_positives=1.0)
    picks = merge_candidates([found], scores.shape, 10.0)
    np.testing.assert_allclose(picks.particles.positions_A[0], 70 + 10 * np.array(shift)[::-1],
                               atol=0.01)  # fmt: skip


def test_a_region_confines_picks_and_lowers_the_cut_off():
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((30, 30, 30)).astype(np.float32)
    maps = ScoreMaps(scores, np.zeros(scores.shape, np.int32), Rotation.identity(1), 1.0)
    region = np.zeros(scores.shape, bool)
    region[:10] = True
    inside = find_candidates("a", maps, exclusion_voxels=1, false_positives=30.0, region=region)
    whole = find_candidates("a", maps, exclusion_voxels=1, false_positives=30.0)
    assert inside.voxels[:, 0].max() < 10
    assert inside.cutoff < whole.cutoff
    assert len(whole.scores) == pytest.approx(30, abs=22)
