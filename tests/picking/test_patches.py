"""Patches: every object once, in place, turned only as a missing wedge allows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faket.errors import InputError
from faket.picking import LabelledTomogram, TrainingSettings
from faket.picking.networks.patches import (
    check_tomograms,
    cut_batch,
    draw_epoch,
    patch_place,
    standardised,
)

SHAPE = (20, 28, 36)  # three different sides: swapped axes cannot go unseen


def tomogram(centres=((4, 20, 30), (15, 5, 8)), shape=SHAPE):
    z, y, x = np.indices(shape, dtype=np.float32)
    labels = np.zeros(shape, np.uint8)
    for c, place in enumerate(centres, start=1):
        labels[tuple(place)] = c
    return LabelledTomogram(z * 10_000 + y * 100 + x, labels, np.array(centres))


def drawn(counts=(7, 5), **options):
    settings = {"batch": 4, "max_shift": 3, "rotations": "y", "seed": 1, "epoch": 1} | options
    return draw_epoch(list(counts), **settings)


def test_every_object_comes_once_in_another_order():
    first, second = drawn(batch=3), drawn(batch=3, epoch=2)
    pairs = [list(zip(d.tomograms, d.objects, strict=True)) for d in (first, second)]
    expected = [(0, i) for i in range(7)] + [(1, i) for i in range(5)]
    assert sorted(pairs[0]) == sorted(pairs[1]) == expected
    assert pairs[0] != pairs[1]


def test_an_epoch_is_cut_to_whole_batches_and_follows_from_seed_and_number_only():
    assert len(drawn(batch=5)) == 10
    one, again = drawn(epoch=9), drawn(epoch=9)
    assert all(np.array_equal(getattr(one, n), getattr(again, n)) for n in vars(one))


def test_shifts_fill_their_range_and_half_of_the_patches_are_turned():
    draws = drawn(counts=(4000,), batch=1, max_shift=13)
    assert set(np.unique(draws.shifts)) == set(range(-13, 14))
    assert draws.turns.mean() == pytest.approx(0.5, abs=0.03)
    assert set(drawn(counts=(99,), rotations="xyz").turns) == {0, 1, 2, 3}
    assert set(drawn(counts=(99,), rotations="none").turns) == {0}


@given(
    st.tuples(*(st.integers(0, n - 1) for n in SHAPE)),
    st.tuples(*(st.integers(-15, 15) for _ in SHAPE)),
    st.integers(8, 20),
)
def test_a_patch_lies_inside_and_as_near_as_it_can(centre, shift, patch):
    place = patch_place(np.array(centre) + shift, patch, SHAPE)
    for axis, part in enumerate(place):
        assert part.stop - part.start == patch
        assert 0 <= part.start <= part.stop <= SHAPE[axis]
        wanted = centre[axis] + shift[axis] - patch // 2
        assert part.start == min(max(wanted, 0), SHAPE[axis] - patch)


def test_a_patch_holds_its_object_where_it_should():
    volume, patch = tomogram(), 16
    draws = drawn(counts=(2,), batch=2, rotations="none", max_shift=0)
    images, labels = cut_batch([volume], draws, slice(0, 2), patch=patch, rotations="none")
    for image, label, which in zip(images[:, 0], labels, draws.objects, strict=True):
        place = patch_place(volume.centres[which], patch, SHAPE)
        np.testing.assert_allclose(image, standardised(volume.volume[place]))
        here = np.argwhere(label == which + 1)[0] + [s.start for s in place]
        assert tuple(here) == tuple(volume.centres[which])


@pytest.mark.parametrize(
    ("turn", "axes"), [(0, ()), (1, (0, 2)), (2, (0, 1)), (3, (1, 2))]
)  # none; about y, x, z: the other two axes are reversed
def test_half_turns_reverse_the_two_other_axes_of_image_and_label(turn, axes):
    volume = tomogram()
    draws = drawn(counts=(2,), batch=2, rotations="none", max_shift=0)
    draws.turns[:] = turn
    images, labels = cut_batch([volume], draws, slice(0, 2), patch=16, rotations="xyz")
    place = patch_place(volume.centres[draws.objects[0]], 16, SHAPE)
    np.testing.assert_allclose(images[0, 0], standardised(np.flip(volume.volume[place], axes)))
    np.testing.assert_array_equal(labels[0], np.flip(volume.labels[place], axes))
    if turn == 1:
        twice = np.rot90(volume.volume[place], 2, axes=(0, 2))
        np.testing.assert_allclose(images[0, 0], standardised(twice))


def test_patches_are_standardised_and_flat_ones_are_zero():
    image = standardised(np.random.default_rng(0).normal(5e4, 3, (9, 9, 9)).astype(np.float32))
    assert abs(image.mean()) < 1e-3  # the last bit of 50 000 is 0.004, the spread is 3
    assert image.std() == pytest.approx(1, abs=1e-3)
    assert not standardised(np.full((4, 4, 4), 7, np.float32)).any()


def test_the_default_shift_is_the_published_one_for_the_published_patch():
    assert TrainingSettings().shift == 13
    assert TrainingSettings(patch=28).shift == 6
    assert TrainingSettings(max_shift=2).shift == 2


def fails(make, *words):
    with pytest.raises(InputError) as caught:
        make()
    text = str(caught.value)
    assert "\n" not in text
    assert all(word in text for word in words), text


def test_bad_input_is_one_line():
    volume = tomogram()
    other = np.zeros((20, 28, 35), np.uint8)
    fails(lambda: LabelledTomogram(volume.volume, other, volume.centres), "(20, 28, 35)", "mask")
    fails(lambda: tomogram(centres=()), "found none")
    outside = np.array([[4, 30, 10]])
    fails(lambda: LabelledTomogram(volume.volume, volume.labels, outside), "outside")
    fails(lambda: check_tomograms([volume], 24, 5), "24", "smaller `patch`")
    fails(lambda: check_tomograms([volume], 8, 2), "below 2", "found 2")
    fails(lambda: check_tomograms([], 8, 2), "found none")
    fails(lambda: drawn(counts=(3,)), "batch of 4", "found 3")
    fails(lambda: TrainingSettings(patch=30), "multiple of 4", "28")
    fails(lambda: TrainingSettings(patch=16, max_shift=9), "half a patch")
    fails(lambda: TrainingSettings(rotations="z"), "rotations")
    fails(lambda: TrainingSettings(schedule="cosine"), "schedule", "linear")
    fails(lambda: TrainingSettings(learning_rate=0.0), "learning_rate")


def test_augmentation_changes_images_by_smooth_filters_and_nothing_else():
    tomogram = LabelledTomogram(
        np.random.default_rng(0).normal(size=(24, 28, 32)).astype(np.float32),
        np.random.default_rng(1).integers(0, 3, (24, 28, 32)).astype(np.uint8),
        np.array([[12, 12, 12], [10, 14, 20]]),
    )
    draw = {"batch": 2, "max_shift": 3, "rotations": "y", "seed": 4, "epoch": 2}
    plain, changed = (draw_epoch([2], **draw, augment=wanted) for wanted in (False, True))
    cut = {"patch": 16, "rotations": "y"}
    before, labels = cut_batch([tomogram], plain, slice(0, 2), **cut)
    after, same = cut_batch([tomogram], changed, slice(0, 2), **cut)
    np.testing.assert_array_equal(labels, same)
    again, _ = cut_batch([tomogram], changed, slice(1, 2), **cut)  # alone, as on another worker
    np.testing.assert_array_equal(after[1:], again)
    for one, other in zip(before[:, 0], after[:, 0], strict=True):
        assert 0.3 < np.corrcoef(one.ravel(), other.ravel())[0, 1] < 0.999
        assert abs(other.mean()) < 0.5
        assert 0.6 < other.std() < 1.6


def test_augmentation_is_off_as_published_and_on_for_the_unet():
    assert not TrainingSettings().augmented
    assert TrainingSettings(picker="unet").augmented
    assert TrainingSettings(augment=True).augmented
    assert not TrainingSettings(picker="unet", augment=False).augmented
