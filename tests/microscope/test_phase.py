"""Phase shifts of a wave against complex exponentials in double precision."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.microscope.phase import advance_phase


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(-3, 3), st.sampled_from([0.01, 1.0, 30.0]))
def test_window_is_turned_and_the_rest_is_not(seed, scale, spread):
    rng = np.random.default_rng(seed)
    wave = (rng.normal(size=(9, 23)) + 1j * rng.normal(size=(9, 23))).astype(np.complex64)
    phase = rng.normal(0, spread, (5, 17)).astype(np.float32)
    expected = wave.astype(complex)
    angle = (phase * np.float32(scale)).astype(float)
    expected[3:8, 4:21] *= np.exp(1j * angle)
    turned = torch.from_numpy(wave.copy())
    advance_phase(turned, torch.from_numpy(phase), scale, (3, 4))
    np.testing.assert_allclose(turned.numpy(), expected, atol=3e-6)


def test_series_is_exact_to_rounding_around_the_circle():
    angle = np.linspace(-20, 20, 100001, dtype=np.float32).reshape(1, -1)
    wave = torch.ones(angle.shape, dtype=torch.complex64)
    advance_phase(wave, torch.from_numpy(angle), 1.0)
    assert np.abs(wave.numpy() - np.exp(1j * angle.astype(float))).max() < 3e-7
