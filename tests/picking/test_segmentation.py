"""Segmentation: tiles cover once, and do not show in the result."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.errors import InputError
from faket.picking import segment
from faket.picking.networks.choose import build_network
from faket.picking.networks.segmentation import predict
from faket.picking.networks.tiling import cover, padded_shape

SEES = 36  # voxels to each side, rounded up to the pooling's stride


@pytest.fixture(scope="module")
def network():
    return build_network(4, width=0.25, seed=2)


@settings(deadline=None)
@given(
    st.tuples(*(st.integers(2, 40).map(lambda n: 4 * n) for _ in range(3))),
    st.integers(20, 70),
    st.integers(0, 12),
)
def test_cores_cover_every_voxel_once_and_lie_in_the_middle_of_their_tiles(shape, tile, margin):
    tile = max(tile, 2 * (margin + 3) + 8)
    seen = np.zeros(shape, np.uint8)
    for part in cover(shape, tile=tile, margin=margin):
        seen[part.place] += 1
        for axis in range(3):
            box, core, place = part.box[axis], part.core[axis], part.place[axis]
            assert 0 <= box.start <= box.stop <= shape[axis]
            assert box.stop - box.start <= tile
            assert box.start % 4 == 0 == box.stop % 4
            assert box.start + core.start == place.start
            assert box.start + core.stop == place.stop
            assert place.start % 2 == 0 == place.stop % 2
            assert place.start == 0 or core.start >= margin // 4 * 4
            assert place.stop == shape[axis] or box.stop - place.stop >= margin // 4 * 4
    assert (seen == 1).all()


def test_the_result_does_not_depend_on_the_tiles(network):
    volume = np.random.default_rng(0).normal(3, 2, (12, 16, 168)).astype(np.float32)
    whole = segment(volume, network, tile=168, device="cpu")
    tiled = segment(volume, network, tile=104, margin=SEES, device="cpu")
    np.testing.assert_allclose(tiled.scores, whole.scores, atol=1e-5)
    assert (tiled.labels == whole.labels).mean() > 0.999  # but for ties to the last bit


def test_labels_are_the_argmax_of_scores_averaged_over_eight_voxels(network):
    volume = np.random.default_rng(1).normal(size=(12, 20, 16)).astype(np.float32)
    z_scored = (volume - volume.mean()) / volume.std()
    with torch.no_grad():
        scores = network(torch.from_numpy(z_scored)[None, None])[0].softmax(0).numpy()
    binned = scores.reshape(4, 6, 2, 10, 2, 8, 2).mean(axis=(2, 4, 6))
    found = segment(volume, network, device="cpu")
    assert found.binning == 2
    np.testing.assert_array_equal(found.labels, binned.argmax(0))
    np.testing.assert_allclose(found.scores, binned.max(0), atol=1e-5)
    full = segment(volume, network, binning=1, device="cpu")
    np.testing.assert_array_equal(full.labels, scores.argmax(0))


def test_scale_and_offset_of_the_volume_do_not_matter(network):
    volume = np.random.default_rng(2).normal(size=(8, 12, 16)).astype(np.float32)
    one, two = (segment(v, network, device="cpu") for v in (volume, 1000 - 0 + 50 * volume))
    np.testing.assert_allclose(one.scores, two.scores, atol=1e-3)


def test_odd_sides_are_padded_and_cut_again(network):
    volume = np.random.default_rng(3).normal(size=(9, 11, 14)).astype(np.float32)
    assert padded_shape(volume.shape) == (12, 12, 16)
    assert segment(volume, network, binning=1, device="cpu").labels.shape == volume.shape
    assert segment(volume, network, device="cpu").labels.shape == (4, 5, 7)


def test_scores_are_probabilities_and_progress_counts_the_tiles(network):
    told = []
    volume = np.zeros((8, 8, 64), np.float32)  # flat: no division by its spread
    parts = predict(
        volume, network, tile=40, margin=8, device="cpu", progress=lambda *a: told.append(a)
    )
    for _, scores in parts:
        torch.testing.assert_close(scores.sum(0), torch.ones_like(scores[0]))
    assert told == [(1, 2), (2, 2)]


def test_bad_input_is_one_line(network):
    with pytest.raises(InputError, match="at least 8 voxels"):
        segment(np.zeros((4, 20, 20), np.float32), network, device="cpu")
    with pytest.raises(InputError, match="larger `tile`"):
        segment(np.zeros((20, 20, 20), np.float32), network, tile=60, device="cpu")
    with pytest.raises(InputError, match="finite"):
        segment(np.full((20, 20, 20), np.nan, np.float32), network, device="cpu")
    with pytest.raises(InputError, match="binning of 1 or 2"):
        segment(np.zeros((20, 20, 20), np.float32), network, binning=3, device="cpu")
