"""Displacements from images alone: of the right size and sign, with what cannot be known."""

import numpy as np
import pytest

from faket.errors import InputError
from faket.reconstruction import residual_shifts
from faket.reconstruction.resampling import in_plane_rotation
from tilted_points import Scene, imaged

ANGLES = np.arange(-60.0, 61.0, 6.0)


def series(seed=0, axis_deg=0.0, shift=6.0, **scene):
    scene = {"particles": 250, "thickness": 40.0, "size": 200, "snr": 0.3} | scene
    made = Scene(ANGLES, axis_deg=axis_deg, shift=shift, **scene)
    return imaged(made, np.random.default_rng(seed))


def knowable(shifts, axis_deg):
    """Displacements across and along the axis without those of the specimen and of its height."""
    across, along = (shifts @ in_plane_rotation(axis_deg)).T
    terms = np.stack([np.cos(np.radians(ANGLES)), np.sin(np.radians(ANGLES))], axis=1)
    fit = terms @ np.linalg.lstsq(terms, across, rcond=None)[0]
    return np.stack([across - fit, along - along.mean()], axis=1)


@pytest.mark.parametrize("axis_deg", [0.0, 84.7])
def test_displacements_are_those_of_the_content(axis_deg):
    images, shifts = series(axis_deg=axis_deg)
    found = residual_shifts(images, ANGLES, axis_deg)
    off = knowable(found.shifts_px, axis_deg) - knowable(shifts, axis_deg)
    assert np.abs(off).max() < 1.5
    assert off.std(axis=0).max() < 0.6
    assert found.certain
    assert not found.is_aligned
    assert found.verdict.startswith("shifts: not aligned, displaced by ")
    assert found.typical_px == pytest.approx(6.0, rel=0.4)


def test_small_displacements_are_aligned():
    """As in SHREC'21: 3 Å of images 2000 Å wide; a height of the specimen is none."""
    images, _ = series(shift=0.3)
    high = np.stack(
        [
            np.roll(image, round(15 * np.sin(np.radians(angle))), axis=1)
            for image, angle in zip(images, ANGLES, strict=True)
        ]
    )
    for stack in (images, high):
        found = residual_shifts(stack, ANGLES)
        assert found.is_aligned
        assert found.displaced == ()


def test_one_displaced_and_one_blank_tilt_do_not_spoil_the_others():
    images, _ = series(shift=0.3)
    images[10] = np.roll(images[10], (12, -9), axis=(0, 1))
    images[20] = 0.0
    found = residual_shifts(images, ANGLES)
    assert found.is_aligned
    assert found.displaced == (10,)
    assert found.shifts_px[10] == pytest.approx([-9.0, 12.0], abs=1.5)
    assert np.isnan(found.shifts_px[20]).all()
    assert np.isinf(found.sigma_px[20]).all()


def test_noise_is_neither_aligned_nor_not():
    images, _ = series(snr=1e-6)
    found = residual_shifts(images, ANGLES)
    assert not found.certain
    assert not found.is_aligned
    assert "cannot tell, 0% of the pairs" in found.verdict


def test_two_tilts_or_no_angles_tell_nothing():
    images, _ = series()
    assert "2 usable tilts" in residual_shifts(images[:2], ANGLES[:2]).verdict
    assert "not known" in residual_shifts(images[:2], None).verdict


def test_an_axis_that_is_no_number_is_refused():
    with pytest.raises(InputError, match="tilt_axis_deg"):
        residual_shifts(np.zeros((5, 16, 16)), np.arange(5), float("nan"))
