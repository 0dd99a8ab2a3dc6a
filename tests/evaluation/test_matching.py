"""Picks hit what SHREC'21 says they hit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from scipy.spatial.transform import Rotation

from faket.data import Particles
from faket.errors import InputError
from faket.evaluation import Picks, Truth, match_picks
from faket.evaluation.matching import dilated_ids, resolve_names

VOXEL_A = 10.52


def particles(species, ids=None):
    n = len(species)
    return Particles(
        ids=np.arange(1, n + 1) if ids is None else np.asarray(ids),
        species=tuple(species),
        positions_A=np.zeros((n, 3)),
        rotations=Rotation.identity(n),
        semi_axes_A=np.full((n, 3), np.nan),
    )


def truth(mask, species, ids=None):
    return Truth(particles(species, ids), np.asarray(mask), VOXEL_A, tuple(sorted(set(species))))


def picks(voxels, species="a"):
    voxels = np.array(voxels, float).reshape(-1, 3)
    names = (species,) * len(voxels) if isinstance(species, str) else tuple(species)
    return Picks(names, voxels * VOXEL_A)


@given(arrays(np.uint16, (4, 5, 6), elements=st.integers(0, 9)))
def test_dilation_is_scipys_grey_dilation_with_a_cross(mask):
    cross = ndimage.generate_binary_structure(3, 1)
    expected = ndimage.grey_dilation(mask, footprint=cross)
    z, y, x = np.indices(mask.shape).reshape(3, -1)
    ids = dilated_ids(mask, np.stack([x, y, z], axis=1))
    np.testing.assert_array_equal(ids.reshape(mask.shape), expected)


def test_larger_id_wins_between_two_objects():
    mask = np.zeros((3, 3, 5), np.uint16)
    mask[1, 1, 1], mask[1, 1, 3] = 2, 1
    assert match_picks(picks([[2, 1, 1]]), truth(mask, "ab")).objects.tolist() == [1]


def test_dilation_reaches_one_voxel_along_axes_only():
    mask = np.zeros((5, 5, 5), np.uint16)
    mask[2, 2, 2] = 1
    near = [[3, 2, 2], [2, 1, 2], [2, 2, 3]]
    far = [[3, 3, 2], [4, 2, 2], [1, 2, 1]]
    assert match_picks(picks(near + far), truth(mask, "a")).objects.tolist() == [0] * 3 + [-1] * 3


def test_first_pick_in_order_speaks_for_the_object():
    mask = np.ones((3, 3, 3), np.uint16)
    result = match_picks(picks([[0, 0, 0], [1, 1, 1], [2, 2, 2]]), truth(mask, "ab"))
    assert result.first_picks.tolist() == [0, -1]
    assert result.hits.tolist() == [3, 0]


def test_halves_are_rounded_to_even_also_after_the_way_through_angstroms():
    mask = np.zeros((1, 1, 40), np.uint16)
    mask[0, 0, :] = np.arange(1, 41)
    places = np.arange(38) + 0.5
    found = match_picks(picks([[x, 0, 0] for x in places]), truth(mask, ["a"] * 40)).objects
    # Dilation gives the next voxel's larger id.
    assert found.tolist() == [round(x) + 1 for x in places]


def test_picks_outside_are_put_to_the_border_and_counted():
    mask = np.zeros((4, 5, 6), np.uint16)
    mask[0, 0, 0], mask[3, 4, 5] = 1, 2
    result = match_picks(
        picks([[-50, -3, -0.6], [1e9, 99, 99], [-0.4, 0, 0], [5.4, 4, 3]]), truth(mask, "ab")
    )
    assert result.objects.tolist() == [0, 1, 0, 1]
    assert result.outside == 2


def test_no_picks_and_no_particles():
    mask = np.zeros((2, 2, 2), np.uint16)
    assert len(match_picks(picks([]), truth(mask, "a")).objects) == 0
    empty = match_picks(picks([[0, 0, 0]]), Truth(particles(""), mask, 1.0, ()))
    assert empty.objects.tolist() == [-1]
    assert len(empty.hits) == 0


def test_centre_of_a_ring_is_background_unless_tolerated():
    mask = np.zeros((1, 9, 9), np.uint16)
    mask[0, [1, 7], 1:8] = mask[0, 1:8, [1, 7]] = 1
    ring = truth(mask, ["a", "vesicle"])
    ring.particles.positions_A[:] = [[4 * VOXEL_A, 4 * VOXEL_A, 0], [0, 0, 500]]
    near, far, vesicle = [4.5, 4, 0], [4, 4, 3], [0, 0, 500 / VOXEL_A]
    some = picks([near, far, vesicle], ("a", "a", "a"))
    # The last two are put to the nearest slice: into the ring's hole, and beside the ring.
    assert match_picks(some, ring).objects.tolist() == [-1, -1, -1]
    assert match_picks(some, ring, tolerance_A=20).objects.tolist() == [0, -1, -1]
    assert match_picks(some, ring, tolerance_A=40).objects.tolist() == [0, 0, -1]
    assert match_picks(picks([]), ring, tolerance_A=40).objects.tolist() == []
    with pytest.raises(InputError, match="tolerance"):
        match_picks(some, ring, tolerance_A=-1)


def test_tolerance_leaves_hits_as_they_are():
    mask = np.zeros((1, 1, 6), np.uint16)
    mask[0, 0, 0:2] = 1
    two = truth(mask, "ab")
    two.particles.positions_A[1] = [2 * VOXEL_A, 0, 0]
    result = match_picks(picks([[2, 0, 0], [3, 0, 0]]), two, tolerance_A=30)
    assert result.objects.tolist() == [0, 1]


@given(st.permutations([3, 70, 9, 12]))
def test_ids_may_have_any_order_and_gaps(ids):
    mask = np.zeros((1, 1, 12), np.uint16)
    mask[0, 0, [1, 4, 7, 10]] = ids
    result = match_picks(picks([[1, 0, 0], [4, 0, 0], [7, 0, 0], [10, 0, 0]]),
                         truth(mask, "abcd", ids))  # fmt: skip
    assert result.objects.tolist() == [0, 1, 2, 3]


def test_mask_of_other_particles_is_refused():
    with pytest.raises(InputError, match="ids of particles only, found 7"):
        match_picks(picks([[0, 0, 0]]), truth(np.full((1, 1, 1), 7, np.uint16), "ab"))


@settings(max_examples=30)
@given(st.sampled_from(["4cr2", "4CR2", "4Cr2"]), st.sampled_from(["fiducial", "gold", "FIDUCIAL"]))
def test_names_match_without_case_and_fiducial_is_gold(protein, bead):
    assert resolve_names([protein, bead], ["4CR2", "gold"], "picks") == ("4CR2", "gold")
    assert resolve_names([protein, bead], ["4CR2", "fiducial"], "picks") == ("4CR2", "fiducial")


def test_exact_spelling_wins_over_case():
    assert resolve_names(["ab", "AB", "Ab"], ["AB", "ab"], "picks") == ("ab", "AB", "AB")


def test_unknown_class_is_one_line_with_the_known_ones():
    with pytest.raises(InputError, match=r"a, b, found 'x' \(2 of 3 have unknown") as error:
        resolve_names(["a", "x", "y"], ["a", "b"], "picks")
    assert "\n" not in str(error.value)


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="finite positions"):
        Picks(("a",), np.full((1, 3), np.nan))
    with pytest.raises(InputError, match="finite positions"):
        Picks(("a", "b"), np.zeros((1, 3)))
    with pytest.raises(InputError, match="scores"):
        Picks(("a",), np.zeros((1, 3)), scores=np.zeros(2))
    with pytest.raises(InputError, match="rotations"):
        Picks(("a",), np.zeros((1, 3)), Rotation.identity(2))
    with pytest.raises(InputError, match=r"\[z, y, x\]"):
        truth(np.zeros((2, 2)), "a")
    with pytest.raises(InputError, match="voxel size"):
        Truth(particles("a"), np.zeros((1, 1, 1), np.uint16), 0.0, ("a",))
