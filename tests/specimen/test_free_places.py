"""What rules places out early never rules out one that is free."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from faket.data import Species
from faket.specimen.free_places import STEP, Glance, balls_inside, first_fit, ruled_out
from faket.specimen.molecules import scan_molecule
from faket.specimen.shapes import prepare_shape
from made_up_boxes import SHAPES, box


@given(st.integers(0, 1000), st.tuples(*[st.floats(-3, 70)] * 3), st.floats(0.1, 4))
def test_a_ball_is_ruled_out_by_the_kept_voxel_nearest_to_its_centre(seed, centre, radius):
    occupied = box(seed % 7, 0.4, (61, 50, 67))
    glance = Glance(occupied)
    glance.refresh()
    nearest = STEP * np.floor(np.array(centre) / STEP + 0.5).astype(int)
    there = (nearest >= 0).all() and (nearest < occupied.shape[::-1]).all()
    expected = there and occupied[tuple(nearest[::-1])]
    expected = expected and ((nearest - centre) ** 2).sum() < radius**2
    assert ruled_out(glance.bits, *centre, radius) == expected


def test_bits_are_taken_again_when_a_hundredth_more_is_occupied():
    occupied = np.zeros((20, 20, 40), bool)
    glance = Glance(occupied)
    assert not len(glance.bits)
    glance.refresh()
    assert not glance.bits.any()
    occupied[:] = True
    glance.occupied(150)
    glance.refresh()
    assert not glance.bits.any()
    glance.occupied(50)
    glance.refresh()
    rows = glance.bits.transpose(0, 3, 1, 4, 2).reshape(16, 16, 3)[:10, :10]
    assert np.unpackbits(rows, axis=2, count=20).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_balls_lie_inside_the_envelope(shape):
    grid, balls = shape.envelope, shape.balls
    assert len(balls) > 3
    rng = np.random.default_rng(1)
    turn = Rotation.from_quat(rng.normal(size=4)).as_matrix()
    alone = np.zeros((80, 80, 80), bool)
    centre = np.array([40.3, 39.8, 40.1])
    assert scan_molecule(alone, centre, turn, grid, True) > 0
    z, y, x = np.indices(alone.shape)
    for *place, radius in balls:
        px, py, pz = centre + turn @ np.array(place)
        own = (x - px) ** 2 + (y - py) ** 2 + (z - pz) ** 2 < radius**2
        assert alone[own].all()
    # Wholly inside: a thin sheet has no ball.
    sheet = np.zeros((9, 9, 9), np.float32)
    sheet[4] = 1
    assert len(balls_inside(prepare_shape(Species("a", sheet, sheet, 5.0)).envelope)) == 0


@settings(max_examples=40)
@given(
    seed=st.integers(0, 1000), share=st.floats(0, 0.5), kind=st.integers(0, 2),
    later=st.booleans(),
)  # fmt: skip
def test_the_same_place_is_found_with_and_without(seed, share, kind, later):
    """Also when more is occupied than when the bits were taken."""
    shape, rng = SHAPES[kind], np.random.default_rng(seed)
    known = box(seed, share)
    occupied = known | box(seed + 1, 0.1) if later else known
    turn = Rotation.from_quat(rng.normal(size=4)).as_matrix()
    centres = rng.random((600, 3)) * np.array([90, 80, 70])
    balls = np.hstack([shape.balls[:, :3] @ turn.T, shape.balls[:, 3:]])
    pose = centres, turn, shape.points @ turn.T, shape.envelope
    plain = occupied.copy()
    free = [scan_molecule(occupied, c, turn, shape.envelope, False) == 0 for c in centres]
    expected = first_fit(plain, *pose)
    assert expected == (free.index(True) if any(free) else -1)
    glance = Glance(known)
    glance.refresh()
    own = occupied.copy()
    assert first_fit(own, *pose, glance.bits, balls) == expected
    np.testing.assert_array_equal(own, plain)
