"""The inverse that a GPU takes is numpy's, for spectra that no real signal has too."""

import numpy as np
import pytest
import torch

from faket.fourier import inverse_real, without_impossible


@pytest.mark.parametrize("shape", [(8,), (9,), (6, 10), (6, 9), (4, 6, 8), (3, 5, 7)])
def test_what_no_real_signal_has_is_ignored(shape):
    rng = np.random.default_rng(0)
    half = (*shape[:-1], shape[-1] // 2 + 1)
    parts = rng.standard_normal((2, 3, *half))
    spectrum = parts[0] + 1j * parts[1]
    expected = np.fft.irfftn(spectrum, shape, axes=range(-len(shape), 0))
    for inverse in (inverse_real, without_impossible):
        found = inverse(torch.from_numpy(spectrum.copy()), shape)
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-14)
