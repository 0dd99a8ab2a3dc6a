"""Two scales of a spectrum, none negative: as a solver of least squares finds them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls

from faket.microscope.ctf_fit import _SIGNAL_ERROR, TiltSpectra, two_scales_misfits


@given(st.integers(0, 10_000), st.floats(-3, 3), st.floats(-3, 3))
def test_the_best_scales_are_those_of_least_squares(seed, first, second):
    rng = np.random.default_rng(seed)
    signals, noise = rng.random((3, 20)), rng.random(20)
    power = first * signals[1] + second * noise + 0.1 * rng.standard_normal(20)
    modes = rng.uniform(5, 50, 20)
    rings = TiltSpectra(np.arange(20.0), power[None], modes)
    found = two_scales_misfits(rings, power, signals, noise)
    for misfit, signal in zip(found, signals, strict=True):
        whole = signal + noise
        error = whole * np.sqrt(1 / modes + (_SIGNAL_ERROR * signal / whole) ** 2)
        _, norm = nnls(np.column_stack([signal, noise]) / error[:, None], power / error)
        np.testing.assert_allclose(misfit, norm**2, rtol=1e-6, atol=1e-9)


def test_a_signal_that_is_a_multiple_of_the_noise_is_one_scale():
    noise = np.linspace(1, 2, 20)
    rings = TiltSpectra(np.arange(20.0), noise[None], np.full(20, 10.0))
    found = two_scales_misfits(rings, 3 * noise, np.array([0 * noise, 2 * noise]), noise)
    np.testing.assert_allclose(found, 0, atol=1e-6)
