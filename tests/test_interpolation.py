import numpy as np

from faket.interpolation import keys_weights


def test_keys_kernel_reproduces_every_polynomial_of_second_degree():
    f = np.linspace(0, 1, 11)
    weights, taps = np.stack(keys_weights(f), axis=1), np.arange(-1, 3)
    for power in (0, 1, 2):
        np.testing.assert_allclose(weights @ taps.astype(float) ** power, f**power, atol=1e-14)
    np.testing.assert_allclose(weights[5], [-1 / 16, 9 / 16, 9 / 16, -1 / 16])
