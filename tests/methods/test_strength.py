"""How many electrons made an image: by counts with and without an offset, or by the exposure."""

import numpy as np
import pytest

from faket.methods.strength import detected_electrons, grey_offset

ANGLES = np.radians(np.arange(-60.0, 61.0, 3.0))
COUNTED = 30 * np.exp(-0.3 / np.cos(ANGLES))  # electrons per pixel behind tilted ice
PIXEL_A, GAIN = 4.0, 7.0
DOSE = np.full(len(ANGLES), 3.0)


def floors(scatter=0.0, rings=128):
    rng = np.random.default_rng(0)
    by_tilt = GAIN**2 * COUNTED * np.exp(scatter * rng.standard_normal(len(ANGLES)))
    return np.tile(by_tilt[:, None], (1, rings))


def found(mean, power, given=True):
    return detected_electrons(mean, power, DOSE, given, PIXEL_A)


@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_counts_tell_their_number_whatever_the_gain_and_the_offset(offset):
    strength = found(GAIN * COUNTED + offset, floors(0.01))
    assert strength.source == "mean"
    np.testing.assert_allclose(strength.electrons, COUNTED, rtol=0.1)
    assert strength.sigma == pytest.approx(0.7, abs=0.1)


def test_an_offset_is_taken_only_if_the_tilts_tell_it():
    mean = GAIN * COUNTED
    assert grey_offset(mean, COUNTED) == pytest.approx((0.0, 0.0), abs=1e-6)
    value, error = grey_offset(mean + 100, floors(0.02)[:, 0])
    assert abs(value - 100) < 4 * error < 100
    # As uneven as by interpolation of shifted images: nothing can be told.
    assert grey_offset(mean + 20, floors(0.3)[:, 0]) == (0.0, 0.0)
    # One thickness at all tilts, or few tilts.
    assert grey_offset(np.full(20, 400.0), np.full(20, 3.0)) == (0.0, 0.0)
    assert grey_offset(mean[:5] + 100, floors()[:5, 0]) == (0.0, 0.0)


def test_grey_values_around_zero_leave_it_to_the_exposure():
    for mean, given in ((np.zeros(len(ANGLES)), True), (None, False)):
        strength = found(mean, floors(), given)
        assert strength.source == "dose"
        np.testing.assert_allclose(strength.electrons, 0.45 * DOSE * PIXEL_A**2)
        assert strength.sigma == (0.5 if given else 0.8)
