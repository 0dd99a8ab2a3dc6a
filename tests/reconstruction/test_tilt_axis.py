"""The tilt axis from images alone: right where it is certain, and honest where it is not."""

import numpy as np
import pytest
from scipy import ndimage

from faket.errors import InputError
from faket.reconstruction import tilt_axis
from tilted_points import Scene, imaged

ANGLES = np.arange(-60.0, 61.0, 6.0)


def series(seed=0, angles=ANGLES, size=200, **scene):
    scene = {"axis_deg": 84.7, "particles": 250, "thickness": 50.0, "snr": 1.0} | scene
    return imaged(Scene(angles, size=size, **scene), np.random.default_rng(seed))[0]


def test_the_axis_is_found_in_raw_images():
    """Shifts of 8 pixels; opposite directions are the same."""
    found = tilt_axis(series(axis_deg=-95.0), ANGLES)
    assert found.certain
    assert found.angle_deg == pytest.approx(85.0, abs=1.0)
    assert found.sigma_deg < 0.5
    assert found.verdict.startswith("tilt axis at ")


@pytest.mark.parametrize("axis_deg", [84.7, 178.0])
def test_what_is_fixed_to_the_camera_is_no_axis(axis_deg):
    """Gain lines of rows and columns, black borders, gradients, gold and a dead corner."""
    images = series(
        axis_deg=axis_deg, gain=0.05, gradient=0.3, border=12, gold=4, shift=2.0, size=256
    )
    images[:, :30, :40] = 0.0
    found = tilt_axis(images, ANGLES)
    assert found.certain
    assert found.away_from(axis_deg) < 1.0


def test_lines_alone_are_no_axis():
    found = tilt_axis(series(snr=1e-6, gain=0.05, size=128), ANGLES)
    assert not found.certain
    assert "no direction stands out" in found.verdict


def test_an_aligned_stack_has_its_axis_along_y():
    """Gain lines were turned with the images, and are 5° from the axis."""
    images = series(axis_deg=84.7, shift=0.0, gain=0.03, size=256)
    turned = np.stack([ndimage.rotate(i, 84.7, reshape=False, order=1, cval=20.0) for i in images])
    found = tilt_axis(turned, ANGLES)
    assert found.certain
    assert found.away_from(0.0) < 1.0


def test_contrast_scale_order_and_shape_do_not_matter(tmp_path):
    """A memory map, inverted, in the order of the acquisition, blank tilts, NaN, not square."""
    order = np.argsort(abs(ANGLES), kind="stable")
    images = (1e4 - 6 * series())[order, 30:180]
    images[3] = 7.0
    images[8] = np.nan
    images[:, 5, 7] = np.nan
    np.save(tmp_path / "images.npy", images.astype(np.float32))
    found = tilt_axis(np.load(tmp_path / "images.npy", mmap_mode="r"), ANGLES[order])
    assert found.certain
    assert found.away_from(84.7) < 1.0


@pytest.mark.parametrize(
    ("angles", "reason"),
    [
        (None, "angles are not known"),
        (np.zeros(21), "span 0 degrees"),
        (np.linspace(-5, 5, 21), "span 10 degrees"),
        (np.where(np.arange(21) < 11, -60.0, 70.0), "too few tilts are"),
    ],
)
def test_angles_that_tell_nothing(angles, reason):
    found = tilt_axis(np.zeros((21, 8, 8)) + np.arange(64).reshape(8, 8) % 7, angles)
    assert not found.certain
    assert reason in found.verdict
    assert np.isnan(found.angle_deg)


def test_blank_images_tell_nothing():
    assert "0 usable tilts" in tilt_axis(np.ones((21, 64, 64), np.int16), ANGLES).verdict


def test_the_same_images_give_the_same_answer():
    images = series(angles=ANGLES[::2], size=128)
    assert tilt_axis(images, ANGLES[::2]) == tilt_axis(images, ANGLES[::2])


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match=r"expected \[tilt, y, x\]"):
        tilt_axis(np.zeros((64, 64)), ANGLES)
    with pytest.raises(InputError, match="each of 5"):
        tilt_axis(np.zeros((5, 64, 64)), ANGLES)
