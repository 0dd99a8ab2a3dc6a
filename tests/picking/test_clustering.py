"""Clustering: mean shift against its naive form, necks, votes, sizes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial import cKDTree

from faket.errors import InputError
from faket.picking import cluster, learn_minimum_sizes, learn_typical_sizes, objects_hit
from faket.picking.clustering import Clusters
from faket.picking.meanshift import mean_shift
from faket.picking.sizes import NEVER


def naive_mean_shift(mask, bandwidth):
    """scikit-learn's MeanShift(bandwidth) with every voxel a seed, written out."""
    voxels = np.argwhere(mask).astype(float)
    tree, ends = cKDTree(voxels), {}
    for mean in voxels:
        for _ in range(301):
            inside = tree.query_ball_point(mean, bandwidth)
            before, mean = mean, voxels[inside].mean(axis=0)
            if np.linalg.norm(mean - before) <= 1e-3 * bandwidth:
                break
        ends[tuple(mean)] = len(inside)
    places = np.array(sorted(ends, key=lambda end: (ends[end], end), reverse=True))
    alive, near = np.ones(len(places), bool), cKDTree(places)
    for i, place in enumerate(places):
        if alive[i]:
            alive[near.query_ball_point(place, bandwidth)] = False
            alive[i] = True
    return places[alive], cKDTree(places[alive]).query(voxels)[1]


def balls(shape, centres, radii):
    grid = np.indices(shape)
    mask = np.zeros(shape, bool)
    for centre, radius in zip(centres, radii, strict=True):
        away = np.square(grid - np.reshape(centre, (3, 1, 1, 1))).sum(0)
        mask |= away <= radius**2
    return mask


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2.0, 3.3, 5.0]))
def test_mean_shift_is_the_naive_one_exactly(seed, bandwidth):
    rng = np.random.default_rng(seed)
    mask = balls((14, 16, 18), rng.uniform(2, 14, (3, 3)), rng.uniform(1, 3.5, 3))
    mask ^= rng.random(mask.shape) < 0.01
    centres, members = mean_shift(mask, bandwidth=bandwidth)
    expected = naive_mean_shift(mask, bandwidth)
    np.testing.assert_allclose(centres, expected[0], atol=1e-9)
    np.testing.assert_array_equal(members, expected[1])


def test_mean_shift_of_nothing_and_of_one_voxel():
    assert len(mean_shift(np.zeros((4, 4, 4), bool), bandwidth=5)[0]) == 0
    one = np.zeros((4, 5, 6), bool)
    one[1, 2, 3] = True
    centres, members = mean_shift(one, bandwidth=5)
    np.testing.assert_array_equal(centres, [[1, 2, 3]])
    np.testing.assert_array_equal(members, [0])


@pytest.mark.parametrize("radius", [3.5, 5.0, 8.0])
def test_two_balls_that_touch_are_two_whatever_their_size(radius):
    shape = (24, 24, 48)
    centres = [(12, 12, 24 - 0.95 * radius), (12, 12, 24 + 0.95 * radius)]
    labels = balls(shape, centres, (radius, radius)).astype(np.uint8)
    found = cluster(labels, binning=1)
    np.testing.assert_allclose(np.sort(found.centres, axis=0), centres, atol=0.5)
    assert len(cluster(labels, binning=1, neck=0)) == 1


@pytest.mark.parametrize("axes", [(3, 3, 9), (4, 7, 7), (6, 6, 6), (1, 1, 8)])
def test_an_ellipsoid_is_one(axes):
    grid = np.indices((20, 20, 20)) - 9.7
    labels = (np.square(grid / np.reshape(axes, (3, 1, 1, 1))).sum(0) <= 1).astype(np.uint8)
    assert len(cluster(labels)) == 1


def test_rough_borders_and_wrong_voxels_make_no_particles():
    ball = balls((30, 30, 30), [(15, 15, 15)], [8])
    rng = np.random.default_rng(0)
    rough = ndimage.gaussian_filter(rng.normal(size=ball.shape), 1.5) * 4
    distance = ndimage.distance_transform_edt(ball) - ndimage.distance_transform_edt(~ball)
    labels = (distance + rough > 0).astype(np.uint8)
    labels[ball & (rng.random(ball.shape) < 0.02)] = 0
    assert (cluster(labels).sizes > 30).sum() == 1


def three_arms():
    """A star of three thin arms, whose core is thicker."""
    grid = np.indices((9, 41, 41)) - np.reshape((4, 20, 20), (3, 1, 1, 1))
    star = np.square(grid).sum(0) <= 16
    for angle in np.deg2rad([90, 210, 330]):
        along = grid[1] * np.sin(angle) + grid[2] * np.cos(angle)
        across = grid[1] * np.cos(angle) - grid[2] * np.sin(angle)
        star |= (along > 0) & (along < 17) & (np.square(across) + np.square(grid[0]) <= 1)
        knob = np.square(along - 15) + np.square(across) + np.square(grid[0])
        star |= knob <= 9
    return star.astype(np.uint8)


def test_known_sizes_keep_arms_together_and_part_what_is_too_large():
    star = three_arms()
    size = int(star.sum())
    assert len(cluster(star)) > 1  # by its shape alone it might be four particles
    assert len(cluster(star, typical_sizes=(0, size))) == 1
    twice = np.concatenate([star, star[:, ::-1]], axis=1)
    found = cluster(twice, typical_sizes=(0, size))
    assert len(found) >= 2
    # A class of small particles: the same voxels are several of them.
    assert len(cluster(star, typical_sizes=(0, 60))) >= 3


def test_typical_sizes_are_medians_of_all_that_hits_an_object():
    mask = np.zeros((5, 5, 40), np.uint16)
    mask[1:4, 1:4, 2:7], mask[1:4, 1:4, 12:17], mask[1:4, 1:4, 22:27] = 1, 2, 3
    found = clusters([(3, 1, 30), (13, 2, 20), (5, 1, 4), (15, 2, 10), (35, 3, 9)])
    sizes = learn_typical_sizes(found, mask, {1: 1, 2: 1, 3: 2}, n_classes=4)
    assert sizes == (0.0, 32.0, 0.0, 0.0)


def test_centres_are_in_voxels_of_the_tomogram():
    labels = np.zeros((8, 9, 10), np.uint8)
    labels[2:5, 3:6, 4:7] = 1
    np.testing.assert_allclose(cluster(labels, binning=1).centres, [[3, 4, 5]])
    # Voxel 3 of the bin-2 volume is the mean of 6 and 7.
    np.testing.assert_allclose(cluster(labels, binning=2).centres, [[6.5, 8.5, 10.5]])
    particles = cluster(labels, binning=2).to_particles(("background", "a"), 10.0)
    np.testing.assert_allclose(particles.positions_A, [[105, 85, 65]])  # x y z
    assert particles.species == ("a",)


def test_the_pick_of_a_ring_lies_on_the_ring():
    grid = np.indices((5, 21, 21)) - np.reshape((2, 10, 10), (3, 1, 1, 1))
    away = np.hypot(grid[1], grid[2])
    labels = ((abs(away - 7) < 1.5) & (abs(grid[0]) < 2)).astype(np.uint8)
    found = cluster(labels, binning=1)
    assert len(found) == 1
    assert labels[tuple(np.rint(found.centres[0]).astype(int))] == 1


@pytest.mark.parametrize("method", ["components", "meanshift"])
def test_the_majority_names_the_cluster_and_the_score_is_its_share(method):
    labels = np.zeros((7, 7, 7), np.uint8)
    labels[2:5, 2:5, 2:5] = 2
    labels[2, 2, 2:5] = 1
    scores = np.full(labels.shape, 0.5, np.float32)
    found = cluster(labels, scores, method=method)
    assert found.labels.tolist() == [2]
    assert found.sizes.tolist() == [27]
    assert found.scores[0] == pytest.approx(0.5 * 24 / 27)


def test_membranes_are_grouped_apart_and_not_cut():
    labels = np.zeros((12, 20, 30), np.uint8)
    labels[5:7, :, :] = 3
    labels[7:12, 8:13, 8:13] = 1
    found = cluster(labels, shells=(3,))
    assert sorted(found.labels.tolist()) == [1, 3]
    assert len(cluster(labels, neck=0)) == 1


def test_nothing_labelled_is_no_cluster():
    empty = np.zeros((8, 8, 8), np.uint8)
    for method in ("components", "meanshift"):
        found = cluster(empty, method=method)
        assert len(found) == 0
        assert len(found.at_least([1, 1])) == 0
        assert len(found.to_particles(("background", "a"), 10.0)) == 0
        assert learn_minimum_sizes(found, empty, {}, n_classes=2) == (1, 1)


def clusters(rows):
    """(x, label, size) of clusters on a line."""
    x, labels, sizes = (np.array(column) for column in zip(*rows, strict=True))
    centres = np.stack([np.full(len(x), 2.0), np.full(len(x), 2.0), x.astype(float)], axis=1)
    return Clusters(centres, labels, sizes, np.ones(len(x)))


def test_an_object_is_hit_one_voxel_off_and_the_larger_id_wins():
    mask = np.zeros((5, 5, 20), np.uint16)
    mask[2, 2, 4], mask[2, 2, 6], mask[2, 2, 19] = 7, 9, 3
    found = clusters([(3.4, 1, 1), (5, 1, 1), (12, 1, 1), (40, 1, 1)])
    assert objects_hit(found, mask).tolist() == [7, 9, 0, 3]


def test_minimum_sizes_drop_what_does_harm():
    """Class 1 is right from size 5; class 2 always; class 3 never."""
    mask = np.zeros((5, 5, 90), np.uint16)
    rows, of_object = [], {}
    for k in range(10):
        x = 8 * k + 4
        if k < 6:
            mask[2, 2, x], of_object[k + 1] = k + 1, 1 if k < 3 else 2
            rows.append((x, of_object[k + 1], 5 + k))
        else:
            rows.append((x, 1 if k < 8 else 3, k - 4))
    found = clusters(sorted(rows, key=lambda row: -row[2]))
    sizes = learn_minimum_sizes(found, mask, of_object, n_classes=4)
    assert sizes[0] == 1
    assert sizes[1] in (4, 5)
    assert sizes[2] == 1
    assert sizes[3] > 5
    kept = found.at_least(sizes)
    assert sorted(objects_hit(kept, mask).tolist()) == [1, 2, 3, 4, 5, 6]


def test_no_minimum_is_larger_than_half_of_a_particle():
    """Some false clusters are as large as true ones, and stay; a small one does not."""
    mask = np.zeros((5, 5, 60), np.uint16)
    rows, of_object = [(40, 1, 19), (45, 1, 18), (50, 1, 17), (55, 1, 16), (35, 1, 3)], {}
    for k, size in enumerate((20, 21, 23, 6)):
        mask[2, 2, 8 * k + 4], of_object[k + 1] = k + 1, 1
        rows.append((8 * k + 4, 1, size))
    found = clusters(sorted(rows, key=lambda row: -row[2]))
    usual = learn_typical_sizes(found, mask, of_object, n_classes=2)
    assert usual == (0.0, 20.5)
    assert learn_minimum_sizes(found, mask, of_object, n_classes=2)[1] == 20
    sizes = learn_minimum_sizes(found, mask, of_object, n_classes=2, typical_sizes=usual)
    assert sizes[1] in (4, 5, 6)
    unknown = learn_minimum_sizes(found, mask, of_object, n_classes=2, typical_sizes=(0.0, 0.0))
    assert unknown[1] == 20


def test_what_is_not_scored_is_never_picked_and_its_objects_do_not_count():
    """Class 2 is a vesicle: large clusters, all right. Class 1's first cluster lies on one."""
    mask = np.zeros((5, 5, 40), np.uint16)
    mask[2, 2, [4, 12, 20, 28]] = 1, 2, 3, 4
    of_object = {1: 2, 2: 2, 3: 1, 4: 1}
    found = clusters([(4, 2, 90), (28, 1, 9), (20, 1, 8), (12, 1, 3)])
    sizes = learn_minimum_sizes(found, mask, of_object, n_classes=3, unscored=[2])
    assert sizes == (1, 8, NEVER)
    assert objects_hit(found.at_least(sizes), mask).tolist() == [4, 3]
    # Where vesicles are scored, both of these clusters are worth their place.
    assert learn_minimum_sizes(found, mask, of_object, n_classes=3)[2] == 1


def test_bad_input_is_one_line():
    labels = np.zeros((8, 8, 8), np.uint8)
    with pytest.raises(InputError, match="one shape"):
        cluster(labels, np.zeros((8, 8, 9), np.float32))
    with pytest.raises(InputError, match="components or meanshift"):
        cluster(labels, method="dbscan")
    with pytest.raises(InputError, match="neck"):
        cluster(labels, neck=1.5)
    with pytest.raises(InputError, match="typical size for each label"):
        cluster(labels + 1, typical_sizes=(0,))
    with pytest.raises(InputError, match="bandwidth"):
        cluster(labels, method="meanshift", bandwidth=0)
    with pytest.raises(InputError, match="each label up to 2"):
        clusters([(3, 2, 1)]).at_least([1, 1])
    mask = np.full((5, 5, 9), 4, np.uint16)
    with pytest.raises(InputError, match="found none for 4"):
        learn_minimum_sizes(clusters([(3, 1, 1)]), mask, {1: 1}, n_classes=2)
