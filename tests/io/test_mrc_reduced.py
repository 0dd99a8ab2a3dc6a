"""Volumes, stacks and masks made smaller while they are read."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faket.data import Volume
from faket.errors import InputError
from faket.io.mrc import write_mask, write_stack, write_volume
from faket.io.mrc.reduced import count_labels, read_reduced, read_samples

_SIZES = st.integers(3, 9)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_SIZES, _SIZES, _SIZES, st.integers(1, 3))
def test_blocks(tmp_path, nz, ny, nx, f):
    data = np.random.default_rng(nz).normal(size=(nz, ny, nx)).astype(np.float32)
    path = tmp_path / "v.mrc"
    write_volume(path, Volume(data, 10.0))
    found = read_reduced(path, f)
    assert found.shape == (nz // f, ny // f, nx // f)
    k, j, i = (n - 1 for n in found.shape)  # the last block
    block = data[k * f : (k + 1) * f, j * f : (j + 1) * f, i * f : (i + 1) * f]
    assert found[k, j, i] == pytest.approx(block.mean(), abs=1e-5)
    write_stack(path, data, 10.0)
    images = read_reduced(path, f, stack=True)
    assert images.shape == (nz, ny // f, nx // f)
    assert images[-1, 0, 0] == pytest.approx(data[-1, :f, :f].mean(), abs=1e-5)
    labels = np.random.default_rng(nx).integers(0, 300, (nz, ny, nx)).astype(np.uint16)
    write_mask(path, labels, 10.0)
    samples = read_samples(path, f)
    assert samples.shape == found.shape
    middle = [n * f + f // 2 for n in (k, j, i)]
    assert samples[k, j, i] == labels[tuple(middle)]
    assert count_labels(path) == {
        int(label): int(n)
        for label, n in zip(*np.unique(labels[labels > 0], return_counts=True), strict=True)
    }


def test_what_is_no_mask_or_too_small_is_refused(tmp_path):
    path = tmp_path / "v.mrc"
    write_volume(path, Volume(np.full((4, 4, 4), 0.5, np.float32), 10.0))
    for read in (lambda: read_samples(path, 2), lambda: count_labels(path)):
        with pytest.raises(InputError, match="expected whole numbers"):
            read()
    with pytest.raises(InputError, match="at least 5 samples"):
        read_reduced(path, 5)
