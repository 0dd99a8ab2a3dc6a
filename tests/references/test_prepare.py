"""A reference of any finer pixel size comes to the pixels of the data, with the same specimen."""

from pathlib import Path

import numpy as np
import pytest

from faket.data import TiltGeometry, TiltSeries
from faket.errors import InputError
from faket.references.prepare import at_pixel_size

WHERE = Path("a.mrc")


def waves(pixel_size_A, width, wavelength_A=50.0):
    """Waves along x, a crest at the centre."""
    x = (np.arange(width) - width // 2) * pixel_size_A
    image = np.cos(2 * np.pi * x / wavelength_A)
    return np.tile(image, (1, width, 1)).astype(np.float32)


def series(pixel_size_A, width=240, shift_A=0.0):
    geometry = TiltGeometry(np.zeros(1), pixel_size_A, np.array([[shift_A, 0.0]]))
    return TiltSeries(waves(pixel_size_A, width), geometry)


@pytest.mark.parametrize("pixel_size_A", [3.3, 4.37, 5.0, 9.4, 10.0])
def test_a_length_stays_that_length(pixel_size_A):
    made, small, said = at_pixel_size(series(pixel_size_A), waves(pixel_size_A, 240), 10.0, WHERE)
    width = made.images.shape[2]
    assert width == int(240 * pixel_size_A / 10.0 + 1e-6)
    assert made.geometry.pixel_size_A == 10.0
    middle = (0, slice(width // 4, -width // 4), slice(width // 4, -width // 4))
    expected = waves(10.0, width)[middle]
    np.testing.assert_allclose(made.images[middle], expected, atol=0.05)
    np.testing.assert_allclose(small[middle], expected, atol=0.05)
    assert bool(said) == (pixel_size_A != 10.0)


def test_shifts_are_undone_on_the_way():
    """Content imaged 7 Å too far right: the crest is 7 Å left of where it was seen."""
    made, small, _ = at_pixel_size(series(4.37, shift_A=7.0), waves(4.37, 240), 10.0, WHERE)
    width = made.images.shape[2]
    x = (np.arange(width) - width // 2) * 10.0
    inner = slice(width // 4, -width // 4)
    np.testing.assert_allclose(
        made.images[0, width // 2, inner], np.cos(2 * np.pi * (x + 7.0) / 50)[inner], atol=0.05
    )
    np.testing.assert_allclose(
        small[0, width // 2, inner], np.cos(2 * np.pi * x / 50)[inner], atol=0.05
    )


def test_a_reference_of_larger_pixels_is_refused_but_for_rounding():
    with pytest.raises(InputError, match=r"at most 10 Å.* found 10\.4 Å"):
        at_pixel_size(series(10.4), None, 10.0, WHERE)
    same, _, said = at_pixel_size(series(10.012), None, 10.0, WHERE)
    np.testing.assert_array_equal(same.images, series(10.012).images)
    assert said == []
