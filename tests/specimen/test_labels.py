"""Balls, heatmaps, solid labels and normals: closed forms, borders, overlaps, slabs."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from faket.errors import InputError
from faket.specimen.labels import ball_planes, heatmap_planes, solid_mask, surface_points

SHAPE = (20, 24, 28)


def squares(centre):
    z, y, x = np.indices(SHAPE)
    return (x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2


def test_a_ball_is_all_voxels_within_its_radius():
    """x y z of the centre, z y x of the volume; cut off at the border, absent beyond it."""
    centres = [[20.3, 5, 9], [0, 0, 0], [-50, 3, 3], [27, 23, 60]]
    mask = np.stack(list(ball_planes(SHAPE, centres, [3, 2, 9, 9], [4.5, 3, 2, 5])))
    np.testing.assert_array_equal(mask == 3, squares(centres[0]) <= 4.5**2)
    np.testing.assert_array_equal(mask == 2, squares(centres[1]) <= 9)
    assert not (mask == 9).any()


def test_balls_share_an_overlap_where_one_is_as_deep_as_the_other():
    mask = np.stack(list(ball_planes(SHAPE, [[8, 10, 10], [14, 10, 10]], [1, 2], [6, 3.1])))
    assert mask[10, 10, 11] == 1  # half of the radius from the first, at the edge of the second
    assert mask[10, 10, 13] == 2
    swapped = np.stack(list(ball_planes(SHAPE, [[14, 10, 10], [8, 10, 10]], [2, 1], [3.1, 6])))
    np.testing.assert_array_equal(mask, swapped)


def test_a_heatmap_is_one_at_the_centre_and_falls_as_a_gaussian():
    centres = [[20, 5, 9], [4, 18, 12]]
    heat = np.stack(list(heatmap_planes(SHAPE, centres, [2.0, 1.0])))
    wanted = np.zeros(SHAPE)
    for centre, sigma in zip(centres, [2.0, 1.0], strict=True):
        far = squares(centre) / sigma**2
        wanted = np.maximum(wanted, np.where(far <= 9, np.exp(-far / 2), 0))
    np.testing.assert_allclose(heat, wanted, atol=1e-6)
    assert heat[9, 5, 20] == 1


def test_solid_particles_have_no_holes_and_take_nothing_from_others():
    z, y, x = np.indices(SHAPE)
    far = np.sqrt((x - 10) ** 2 + (y - 12) ** 2 + (z - 10) ** 2)
    classes, instances = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint16)
    shell = (far <= 6) & (far >= 3)
    classes[shell], instances[shell] = 4, 7
    other = (x >= 17) & (x < 20)
    classes[other], instances[other] = 2, 3
    solid = solid_mask(classes, instances, frozenset({3}))
    np.testing.assert_array_equal(solid == 2, other)
    assert (solid[far < 3] == 4).all()
    assert ndimage.label(solid == 4)[1] == 1
    assert not ((solid == 4) & (far > 8)).any()
    kept = solid_mask(classes, instances, frozenset({3, 7}))
    np.testing.assert_array_equal(kept, classes)


def test_normals_are_of_length_one_outward_and_of_the_surface():
    axes, turn = np.array([30.0, 20.0, 12.0]), Rotation.from_euler("zyx", [20, 40, 60], True)
    points, normals = surface_points([5, 6, 7], turn.as_matrix(), axes, 2.0)
    local = turn.inv().apply(points - [5, 6, 7])
    np.testing.assert_allclose(np.sum((local / axes) ** 2, axis=1), 1)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)
    gradient = turn.apply(local / axes**2)
    gradient /= np.linalg.norm(gradient, axis=1, keepdims=True)
    np.testing.assert_allclose(normals, gradient, atol=1e-12)
    sphere, _ = surface_points([0, 0, 0], np.eye(3), [20, 20, 20], 2.0)
    assert len(sphere) == pytest.approx(4 * np.pi * 400 / 4, rel=0.02)


def test_radii_of_nothing_are_refused():
    with pytest.raises(InputError, match="radii"):
        next(ball_planes(SHAPE, [[1, 1, 1]], [1], [0.0]))
