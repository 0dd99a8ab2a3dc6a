import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faket.interpolation import keys_weights, parabola_top


def test_keys_kernel_reproduces_every_polynomial_of_second_degree():
    f = np.linspace(0, 1, 11)
    weights, taps = np.stack(keys_weights(f), axis=1), np.arange(-1, 3)
    for power in (0, 1, 2):
        np.testing.assert_allclose(weights @ taps.astype(float) ** power, f**power, atol=1e-14)
    np.testing.assert_allclose(weights[5], [-1 / 16, 9 / 16, 9 / 16, -1 / 16])


@given(top=st.floats(-0.9, 0.9), height=st.floats(0.1, 100), level=st.floats(-100, 100))
def test_the_top_of_a_parabola_is_found(top, height, level):
    three = [level - height * (place - top) ** 2 for place in (-1, 0, 1)]
    assert parabola_top(three) == pytest.approx(top, abs=1e-9)
    assert parabola_top([-value for value in three]) == 0
    assert parabola_top([-np.inf, three[1], three[2]]) == 0
