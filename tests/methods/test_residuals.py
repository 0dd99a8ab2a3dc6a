"""Shifts, turns and magnifications of images to be made: those of the reference, drawn anew."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from faket.errors import InputError
from faket.io.records import read_record, write_record
from faket.methods.contrast import expected_contrast
from faket.methods.reference_properties import ReferenceProperties
from faket.methods.residuals import residual_places, residual_shifts_px, residual_turns_deg
from faket.methods.turned import magnified, turned
from faket.microscope.grid import rotate
from made_up_properties import properties


def test_they_are_as_large_as_measured_and_another_for_every_seed():
    there = properties(known=True)
    shifts, turns = residual_shifts_px(there, 3), residual_turns_deg(there, 3)
    assert shifts.shape == (len(turns), 2)
    np.testing.assert_allclose(shifts.std(axis=0), 4.0 / 5.0)
    np.testing.assert_allclose(shifts.mean(axis=0), 0, atol=1e-12)
    assert turns.std() == pytest.approx(0.6)
    assert np.abs(turns - residual_turns_deg(there, 4)).max() > 0.01
    places = residual_places(there, 3)
    assert [place.turn_deg for place in places] == turns.tolist()
    assert np.std([place.magnification for place in places]) == pytest.approx(0.002)
    assert np.mean([place.magnification for place in places]) == pytest.approx(1)
    assert not residual_turns_deg(replace(there, rotation_error_deg=0.0), 3).any()


def test_a_single_tilt_is_off_its_place_too():
    one = properties(known=True).at([10.0])
    assert np.abs(residual_shifts_px(one, 0)).min() > 0
    assert np.isfinite(residual_turns_deg(one, 0)).all()


@pytest.mark.parametrize("shape", [(40, 61), (61, 40), (64, 64)])
@pytest.mark.parametrize("angle_deg", [0.3, -2.0])
def test_images_are_turned_as_the_microscope_turns_them(shape, angle_deg):
    image = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    expected = rotate(torch.from_numpy(image), angle_deg).numpy()
    np.testing.assert_allclose(turned(image, angle_deg), expected, atol=2e-5)


def test_x_goes_towards_y():
    y, x = np.mgrid[:64, :64] - 32.0
    spot = np.exp(-((x - 20) ** 2 + y**2) / 8)
    found = turned(spot, 3.0)
    assert (found * y).sum() / found.sum() == pytest.approx(20 * np.sin(np.radians(3)), abs=1e-3)
    assert (found * x).sum() / found.sum() == pytest.approx(20 * np.cos(np.radians(3)), abs=1e-3)


@pytest.mark.parametrize("shape", [(64, 64), (61, 72)])
def test_images_are_magnified_about_their_middle(shape):
    y, x = np.mgrid[: shape[0], : shape[1]] - np.array(shape)[:, None, None] // 2

    def spot(m):
        return np.exp(-((x - 15 * m) ** 2 + (y + 10 * m) ** 2) / (4 * m) ** 2)

    found, expected = magnified(spot(1), 1.01), spot(1.01)
    np.testing.assert_allclose(found, expected, atol=2e-4)
    np.testing.assert_allclose(magnified(np.ones(shape), 1.01), 1, atol=1e-6)


def test_the_content_is_turned_before_it_is_shifted():
    there = properties(known=True)
    image = -300 * np.random.default_rng(1).standard_normal((48, 48)).cumsum(axis=0)
    both = expected_contrast(there, 1, image, (2.0, -1.0), 1.5)
    apart = expected_contrast(there, 1, turned(image, 1.5), (2.0, -1.0))
    np.testing.assert_allclose(both, apart, atol=1e-5 * apart.std())
    assert np.abs(both - expected_contrast(there, 1, image, (2.0, -1.0))).max() > 0.1 * both.std()
    both = expected_contrast(there, 1, image, (2.0, -1.0), 0.0, 1.004)
    apart = expected_contrast(there, 1, magnified(image, 1.004), (2.0, -1.0))
    np.testing.assert_allclose(both, apart, atol=1e-5 * apart.std())


@pytest.mark.parametrize("name", ["rotation_error_deg", "magnification_error"])
@pytest.mark.parametrize("wrong", [-0.1, np.nan, np.inf])
def test_an_error_that_is_none_is_refused(wrong, name):
    with pytest.raises(InputError, match="a rotation error and a magnification error >= 0"):
        replace(properties(known=True), **{name: wrong})


def test_older_files_tell_of_no_turns_and_magnifications(tmp_path):
    path = tmp_path / "reference_model.json"
    write_record(path, properties(known=True))
    values = json.loads(path.read_text())
    assert values.pop("rotation_error_deg") == 0.6
    assert values.pop("magnification_error") == 0.002
    path.write_text(json.dumps(values))
    found = read_record(path, ReferenceProperties, what="a model", remedy="make it again")
    assert found.rotation_error_deg == found.magnification_error == 0.0
    assert found.alignment_error_A == 4.0
