"""Handedness of what a network is trained on."""

import itertools
from dataclasses import asdict, replace

import numpy as np
import pytest

from faket.picking import TRAINING_PRESETS, LabelledTomogram, TrainingSettings, cluster
from faket.picking.necks import _flood
from faket.picking.networks.patches import cut_batch, draw_epoch

HALF_TURNS = {  # [z, y, x] axes that a half turn about an axis reverses
    "none": [()],
    "y": [(), (0, 2)],
    "xyz": [(), (0, 2), (0, 1), (1, 2)],
}


@pytest.mark.parametrize("rotations", ["none", "y", "xyz"])
def test_every_row_of_the_table_is_a_rotation(rotations):
    """A mirror would reverse one axis or three, and make left hands of right ones."""
    labels = np.random.default_rng(0).integers(0, 200, (8, 8, 8)).astype(np.uint8)
    tomogram = LabelledTomogram(labels.astype(np.float32), labels, np.array([[4, 4, 4]]))
    draws = draw_epoch([1], batch=1, max_shift=0, rotations=rotations, seed=0, epoch=0)
    for turn, axes in enumerate(HALF_TURNS[rotations]):
        turned = replace(draws, turns=np.array([turn]))
        _, found = cut_batch([tomogram], turned, slice(0, 1), patch=8, rotations=rotations)
        expected = np.rot90(labels, 2, axes) if axes else labels
        np.testing.assert_array_equal(found[0], expected)
    drawn = draw_epoch([400], batch=1, max_shift=0, rotations=rotations, seed=0, epoch=0).turns
    assert set(drawn) == set(range(len(HALF_TURNS[rotations])))


def test_the_default_is_the_published_half_turn_about_the_tilt_axis():
    assert TrainingSettings().rotations == "y"


def test_the_published_training_and_the_quick_one():
    """Adam at 1e-4, 25 patches of 56³, moved by up to 13 voxels, 110 epochs; nothing else."""
    published = {
        "picker": "deepfinder", "epochs": 110, "batch": 25, "patch": 56, "width": 1.0,
        "learning_rate": 1e-4,
        "warm_up_steps": 0, "schedule": "constant", "average_steps": 0, "max_shift": None,
        "cross_entropy": 0.0, "rotations": "y", "augment": None,
        "mixed_precision": True, "validate_every": 1,
    }  # fmt: skip
    quick = {
        "batch": 8, "patch": 24, "width": 0.25, "learning_rate": 2e-3, "warm_up_steps": 200,
        "schedule": "linear", "average_steps": 100, "cross_entropy": 1.0,
    }  # fmt: skip
    assert asdict(TrainingSettings()) == published
    assert {name: asdict(row) for name, row in TRAINING_PRESETS.items()} == {
        "published": published,
        "quick": published | quick,
    }
    assert [row.shift for row in TRAINING_PRESETS.values()] == [13, 5]


def test_the_rate_rises_to_its_full_value_and_falls_to_nothing_after_the_last_step():
    rising = TrainingSettings(learning_rate=0.5, warm_up_steps=4)
    assert [rising.rate(step, 10) for step in (0, 1, 3, 4, 9)] == [0.125, 0.25, 0.5, 0.5, 0.5]
    falling = TrainingSettings(learning_rate=0.5, schedule="linear")
    assert [falling.rate(step, 10) for step in (0, 5)] == [0.5, 0.25]
    assert falling.rate(9, 10) == pytest.approx(0.05)


def test_epochs_of_so_many_steps():
    """100 objects in batches of 25 are 4 steps an epoch; a checkpoint's epochs come before."""
    assert TrainingSettings().for_steps(40, 100).epochs == 10
    assert TrainingSettings().for_steps(40, 100, before=7).epochs == 17
    assert TrainingSettings().for_steps(1, 100).epochs == 1
    assert TrainingSettings().for_steps(40, 10).epochs == 40


def test_picks_are_x_y_z_in_angstroms_and_in_the_middle_of_their_binned_voxels():
    """A voxel (z y x) of a segmentation binned twice covers 2i and 2i + 1: its middle is 2i + ½."""
    labels = np.zeros((8, 9, 10), np.uint8)
    labels[2, 3, 5] = 1
    for binning, place in ((1, (2, 3, 5)), (2, (4.5, 6.5, 10.5)), (4, (9.5, 13.5, 21.5))):
        found = cluster(labels, binning=binning, method="meanshift")
        np.testing.assert_allclose(found.centres, [place])
        picks = found.to_particles(("background", "a"), 10.0)
        np.testing.assert_allclose(picks.positions_A, [10.0 * np.array(place[::-1])])
        assert picks.species == ("a",)


def test_a_single_missing_voxel_makes_no_neck():
    """A bar of 3 x 3 voxels with a hole in its axis is one particle; a real neck makes two."""
    labels = np.zeros((9, 9, 24), np.uint8)
    labels[3:6, 3:6, 3:20] = 1
    labels[4, 4, 11] = 0
    assert len(cluster(labels)) == 1
    labels[2:7, 2:7, 3:20] = 1
    labels[:, :, 11] = 0
    labels[4, 4, 11] = 1
    assert len(cluster(labels)) == 2


def test_basins_meet_at_corners_and_not_beyond():
    """Two voxels are one basin if they share a face, an edge or a corner: z y x alike."""
    first = np.array((3, 4, 5))
    for offset in itertools.product(range(-2, 3), repeat=3):
        if not any(offset):
            continue
        depth, order = np.zeros((7, 9, 11), np.float32), []
        for place, value in ((first, 2.0), (first + offset, 1.0)):
            depth[tuple(place)] = value
            order.append(np.ravel_multi_index(tuple(place), depth.shape))
        basins, found, _ = _flood(depth, np.array(order), np.float32(0.5), np.float32(1.0))
        expected = [1, 1] if max(np.abs(offset)) == 1 else [1, 2]
        assert sorted(basins[basins > 0]) == expected, offset
        assert found == max(expected)
