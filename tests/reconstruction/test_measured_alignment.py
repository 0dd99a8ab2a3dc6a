"""Aligned, rotated, shifted or not to be told: by images that do not share the projector."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from faket.data import TiltGeometry
from faket.errors import InputError
from faket.microscope import PRESETS, draw_acquisition, expose
from faket.reconstruction import measured_alignment
from faket.reconstruction.resampling import resample
from faket.specimen import SpecimenConfig, build_specimen
from faket.structures import synthetic_species
from tilted_points import Scene, imaged

ANGLES = np.arange(-60.0, 61.0, 6.0)
AXIS = 84.7


@pytest.fixture(scope="module")
def raw():
    made = Scene(ANGLES, axis_deg=AXIS, size=200, particles=250, thickness=30.0, shift=6.0, snr=1.0)
    return imaged(made, np.random.default_rng(4))


def test_raw_images_are_rotated_and_where_metadata_tell_the_axis_shifted(raw):
    found = measured_alignment(raw[0], ANGLES)
    assert found.verdict == "rotated"
    assert found.axis.away_from(AXIS) < 1.0
    assert found.shifts.certain  # about the measured axis
    assert measured_alignment(raw[0], ANGLES, AXIS).verdict == "shifted"


def test_the_wrong_sign_of_shifts_is_caught(raw):
    images, shifts = raw
    right, wrong = (
        measured_alignment(resample(images, TiltGeometry(ANGLES, 1.0, sign * shifts, AXIS)), ANGLES)
        for sign in (1, -1)
    )
    assert right.verdict == "aligned"
    assert right.is_aligned
    assert wrong.verdict == "shifted"
    assert not wrong.is_aligned
    assert wrong.shifts.typical_px == pytest.approx(12.0, rel=0.4)


def test_our_own_microscope_turned_and_displaced_by_scipy():
    species = [synthetic_species("syn-block", voxel_size_A=12.0)]
    config = SpecimenConfig(
        size_voxels=(192, 192, 30), voxel_size_A=12.0, particles=(100, 100), vesicles=(0, 0),
        gold=(2, 2),
    )  # fmt: skip
    geometry = TiltGeometry(ANGLES, 12.0)
    record = draw_acquisition(
        replace(PRESETS["shrec21"], model="phase-grating", ice=False), geometry, seed=1
    )
    images = expose(build_specimen(config, species, seed=1), record).series.images
    assert measured_alignment(images, ANGLES).verdict == "aligned"
    rng = np.random.default_rng(1)
    # scipy's rotate turns from the second axis to the first: rows are y, so clockwise in x y.
    raw = [
        ndimage.shift(ndimage.rotate(image, 30.0, reshape=False, mode="reflect"), shift)
        for image, shift in zip(images, rng.normal(scale=6, size=(len(images), 2)), strict=True)
    ]
    found = measured_alignment(np.stack(raw), ANGLES)
    assert found.verdict == "rotated"
    assert found.axis.away_from(-30.0) < 1.0


def test_four_real_tilts_without_angles_break_nothing(real_data):
    """Their headers lie behind 1024 bytes; angles are made up."""
    path = real_data / "real" / "vlp_tilts_no_header.mrc"
    images = np.memmap(path, np.float32, "r", 1024, (4, 240, 232))
    for angles in (np.zeros(4), np.array([-60.0, -20.0, 20.0, 60.0])):
        found = measured_alignment(images, angles)
        assert found.verdict == "cannot tell"
        assert "cannot tell" in found.axis.verdict


def test_an_axis_that_is_no_number_is_refused():
    with pytest.raises(InputError, match="tilt_axis_deg"):
        measured_alignment(np.zeros((5, 16, 16)), np.arange(5), float("inf"))
