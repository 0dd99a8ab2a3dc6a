"""Binned labels and potentials against naive implementations."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from faket.errors import InputError
from faket.specimen import bin_labels, bin_volume

DTYPES = [np.uint8, np.int16, np.uint16, np.int32, np.uint64]


def majority(block):
    counts = Counter(block.ravel().tolist())
    most = max(counts.values())
    tied = [label for label, n in counts.items() if n == most]
    return min(label for label in tied if label != 0) if tied != [0] else 0


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(DTYPES), st.integers(1, 3))
def test_labels_are_the_majority_of_each_block(data, dtype, factor):
    shape = data.draw(st.tuples(*[st.integers(factor, 7)] * 3))
    mask = data.draw(arrays(dtype, shape, elements=st.integers(0, 3)))
    binned = bin_labels(mask, factor)
    assert binned.dtype == dtype
    assert binned.shape == tuple(n // factor for n in shape)
    for z, y, x in np.ndindex(binned.shape):
        block = tuple(slice(i * factor, (i + 1) * factor) for i in (z, y, x))
        assert binned[z, y, x] == majority(mask[block])


def test_a_label_wins_a_tie_against_background():
    mask = np.zeros((2, 2, 2), np.uint16)
    mask[0] = 65535
    assert bin_labels(mask, 2).item() == 65535
    mask[0, 0, 0] = 0
    assert bin_labels(mask, 2).item() == 0


def test_large_labels_of_64_bits_survive():
    mask = np.full((2, 2, 2), 2**63 + 1, np.uint64)
    assert bin_labels(mask, 2).item() == 2**63 + 1


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_volumes_are_block_means(factor):
    volume = np.random.default_rng(0).normal(size=(9, 13, 8)).astype(np.float32)
    nz, ny, nx = (n // factor for n in volume.shape)
    cut = volume[: nz * factor, : ny * factor, : nx * factor].astype(float)
    expected = cut.reshape(nz, factor, ny, factor, nx, factor).mean(axis=(1, 3, 5))
    binned = bin_volume(volume, factor)
    assert binned.dtype == np.float32
    assert binned == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("factor", [0, -1, 6, 1.5, True])
def test_factors_that_leave_nothing_are_refused(factor):
    for call in (bin_labels, bin_volume):
        with pytest.raises(InputError, match="binning factor: expected"):
            call(np.zeros((5, 8, 8), np.uint8), factor)


def test_arrays_that_are_no_masks_are_refused():
    with pytest.raises(InputError, match="whole numbers, found float32"):
        bin_labels(np.zeros((4, 4, 4), np.float32), 2)
    with pytest.raises(InputError, match=r"expected \[z, y, x\]"):
        bin_volume(np.zeros((4, 4)), 2)
    with pytest.raises(InputError, match="expected numbers"):
        bin_volume(np.zeros((4, 4, 4), complex), 2)
