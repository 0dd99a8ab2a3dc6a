"""The travelling wave against plain two-dimensional transforms."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.microscope.travel import TravellingWave


def random_wave(seed, shape):
    rng = np.random.default_rng(seed)
    wave = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    return torch.from_numpy(wave.astype(np.complex64))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.integers(2, 300), st.integers(2, 300), st.data())
def test_free_space_and_slices_are_those_of_plain_transforms(seed, ny, nx, data):
    wave, propagator = random_wave(seed, (ny, nx)), random_wave(seed + 1, (ny, nx))
    first = data.draw(st.integers(0, nx))
    last = data.draw(st.integers(first, nx))
    factor = random_wave(seed + 2, (ny, nx))

    def act(part, column):
        part.mul_(factor[:, column : column + part.shape[1]])

    travelling = TravellingWave(wave)
    travelling.advance(propagator)
    travelling.scatter(first, last, act)
    travelling.advance(propagator)
    expected = torch.fft.ifft2(torch.fft.fft2(wave.to(torch.complex128)) * propagator)
    expected[:, first:last] *= factor[:, first:last]
    expected = torch.fft.ifft2(torch.fft.fft2(expected) * propagator)
    error = (travelling.in_pixels() - expected).abs().max() / expected.abs().max()
    assert error < 2e-6


def test_what_a_slice_raises_is_not_lost():
    def act(part, column):
        raise ValueError(f"column {column}")

    with pytest.raises(ValueError, match="column 0"):
        TravellingWave(random_wave(0, (8, 8))).scatter(0, 8, act)
