"""Handedness of what a network is trained on."""

from dataclasses import replace

import numpy as np
import pytest

from faket.picking import LabelledTomogram, TrainingSettings
from faket.picking.deepfinder.patches import cut_batch, draw_epoch

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
    dice = draw_epoch([1], batch=1, max_shift=0, rotations=rotations, seed=0, epoch=0)
    for turn, axes in enumerate(HALF_TURNS[rotations]):
        turned = replace(dice, turns=np.array([turn]))
        _, found = cut_batch([tomogram], turned, slice(0, 1), patch=8, rotations=rotations)
        expected = np.rot90(labels, 2, axes) if axes else labels
        np.testing.assert_array_equal(found[0], expected)
    drawn = draw_epoch([400], batch=1, max_shift=0, rotations=rotations, seed=0, epoch=0).turns
    assert set(drawn) == set(range(len(HALF_TURNS[rotations])))


def test_the_default_is_the_published_half_turn_about_the_tilt_axis():
    assert TrainingSettings().rotations == "y"
