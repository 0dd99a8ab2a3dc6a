"""Kept parts of a search: read as they were written, and never when they are damaged."""

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.pickers.match import read_part
from faket.picking.template_matching import Candidates

SHAPE = (8, 9, 10)
KEPT = Candidates(
    name="ring",
    voxels=np.array([[1, 2, 3], [7, 8, 9]], np.int32),
    offsets=np.zeros((2, 3), np.float32),
    scores=np.array([0.5, 0.4], np.float32),
    quaternions=np.tile([0.0, 0, 0, 1], (2, 1)),
    sigma=0.05,
    cutoff=0.3,
    exclusion_voxels=2.5,
)


def written(kept):
    stream = io.BytesIO()
    np.savez(stream, **vars(kept))
    return stream.getvalue()


def test_a_part_comes_back(tmp_path):
    part = tmp_path / "p.npz"
    part.write_bytes(written(KEPT))
    found = read_part(part, SHAPE)
    for name, value in vars(KEPT).items():
        np.testing.assert_array_equal(getattr(found, name), value)
    assert read_part(tmp_path / "none.npz", SHAPE) is None


@pytest.mark.parametrize(
    "change",
    [
        {"voxels": KEPT.voxels + 1},  # outside
        {"voxels": -KEPT.voxels},
        {"scores": KEPT.scores[:1]},
        {"offsets": KEPT.offsets * np.nan},
        {"quaternions": KEPT.quaternions[:, :3]},
        {"sigma": float("nan")},
        {"cutoff": "high"},
        {"name": 3.0},
    ],
)
def test_a_part_that_does_not_fit_is_made_again(tmp_path, change):
    part = tmp_path / "p.npz"
    part.write_bytes(written(replace(KEPT, **change)))
    assert read_part(part, SHAPE) is None


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 2500), byte=st.integers(0, 255), end=st.integers(0, 2500))
def test_no_damage_is_a_traceback_or_another_result(tmp_path_factory, place, byte, end):
    content = bytearray(written(KEPT))
    content[place % len(content)] = byte
    content = content[: max(1, end)] if end % 3 == 0 else content
    part = tmp_path_factory.getbasetemp() / "damaged.npz"
    part.write_bytes(content)
    found = read_part(part, SHAPE)
    if found is not None:  # what is not part of the data may change
        for name, value in vars(KEPT).items():
            np.testing.assert_array_equal(getattr(found, name), value)
