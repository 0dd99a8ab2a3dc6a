import numpy as np
import pytest

from faket.errors import InputError
from faket.tilts import angular_weights, checked_angles, nearest_tilts


def test_angular_weights_sum_to_the_range():
    np.testing.assert_allclose(angular_weights(np.array([0.0, 2.0, 4.0])), np.radians(2))
    np.testing.assert_allclose(angular_weights(np.array([4.0, 0.0, 1.0])), np.radians([3, 1, 2]))
    np.testing.assert_allclose(angular_weights(np.array([2.0, 0.0, 2.0])), np.radians([1, 2, 1]))
    np.testing.assert_allclose(angular_weights(np.array([5.0, 5.0])), np.pi / 2)


def test_the_nearest_tilt_keeps_its_sign_and_of_two_alike_the_first_is_taken():
    assert nearest_tilts([-59.0, 1.4, 61.0], [-60, 0, 3, 60]).tolist() == [0, 1, 3]
    assert nearest_tilts(1.0, [2.0, 0.0]).tolist() == [0]


@pytest.mark.parametrize("angles", [[], [[0.0]], [0.0, np.nan], [0.0, 90.1], [0.0, np.inf]])
def test_angles_that_are_none_are_refused(angles):
    with pytest.raises(InputError, match="tilt angles: expected a list of numbers from -90 to 90"):
        checked_angles(angles, largest_deg=90.0)


def test_the_number_of_angles_is_checked():
    assert checked_angles([0, 3], 2).dtype == np.float64
    with pytest.raises(InputError, match=r"stack: expected one finite number for each of 3 tilts"):
        checked_angles([0, 3], 3, name="stack")
