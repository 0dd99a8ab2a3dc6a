"""Molecules of maps: bright or dark, noisy, masked, of any scale; noise alone is none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from faket.errors import InputError
from faket.structures.contour import find_contour
from faket.structures.maps import species_from_map

N = 40
Z, Y, X = np.mgrid[:N, :N, :N] - N / 2
DISTANCE = np.sqrt(X**2 + Y**2 + Z**2)


def ball(radius=9.0):
    return ndimage.gaussian_filter((radius > DISTANCE).astype(float), 1)


def solvent_noise(blur=0.0, seed=0):
    noise = np.random.default_rng(seed).normal(size=(N, N, N))
    noise = ndimage.gaussian_filter(noise, blur) if blur else noise
    return noise / noise.std()


def dice_coefficient(found, radius=9.0):
    true = radius > DISTANCE
    return 2 * np.sum(found.mask & true) / (found.mask.sum() + true.sum())


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("height", "blur", "radius"),
    [(20, 0, 9), (8, 0, 9), (3, 0, 9), (1.5, 0, 9), (8, 1, 9), (4, 1, 9), (8, 2, 9), (10, 1, 4)],
)
def test_the_molecule_is_found_in_noise(sign, height, blur, radius):
    """On the right side of the solvent, in its right place; of any offset."""
    values = sign * (height * ball(radius) + solvent_noise(blur)) + 57
    found = find_contour(values.astype(np.float32), "m")
    assert found.sign == sign
    assert found.solvent == pytest.approx(57, abs=0.2)
    assert dice_coefficient(found, radius) > 0.85


@pytest.mark.parametrize("sign", [1, -1])
def test_masked_and_cut_maps(sign):
    """Solvent set to 0 beyond a sphere; and a filament that leaves the box."""
    sphere = DISTANCE < 17
    values = sign * (4 * ball() + solvent_noise()) * sphere
    assert dice_coefficient(find_contour(values.astype(np.float32), "m")) > 0.85
    rod = np.hypot(X, Y) < 9
    values = sign * (6 * ndimage.gaussian_filter(rod.astype(float), 1) + solvent_noise())
    found = find_contour(values.astype(np.float32), "m")
    assert found.sign == sign
    assert np.mean(found.mask == rod) > 0.97


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0, 0.7, 1]), st.booleans())
def test_noise_alone_is_no_molecule(seed, blur, masked):
    values = solvent_noise(blur, seed) * ((DISTANCE < 17) if masked else 1)
    with pytest.raises(InputError, match="stands out of the solvent's noise"):
        find_contour(values.astype(np.float32), "m")


def test_an_inverted_map_gives_the_same_species_and_a_notice():
    values = (10 * ball() + solvent_noise()).astype(np.float32)
    bright, dark = (
        species_from_map(sign * values, 5.0, voxel_size_A=10.0, name="m") for sign in (1, -1)
    )
    np.testing.assert_array_equal(bright.potential, dark.potential)
    np.testing.assert_array_equal(bright.envelope, dark.envelope)
    assert not bright.report.notices
    assert dark.report.notices == ("protein is dark in the map: inverted",)


@pytest.mark.parametrize("scale", [1e-37, 1e-30, 1e-12, 1e12, 1e30, 1e37])
def test_maps_of_any_scale(scale):
    values = (10 * ball() + solvent_noise()).astype(np.float32)
    plain = species_from_map(values, 5.0, voxel_size_A=10.0, name="m")
    scaled = species_from_map(values * np.float32(scale), 5.0, voxel_size_A=10.0, name="m")
    np.testing.assert_allclose(scaled.potential, plain.potential, atol=1e-3)
    contour = scaled.report.facts["contour"]
    assert contour == pytest.approx(scale * plain.report.facts["contour"], rel=1e-3)
    again = species_from_map(
        values * np.float32(scale), 5.0, voxel_size_A=10.0, name="m", contour=contour
    )
    np.testing.assert_allclose(again.potential, plain.potential, atol=1e-2)


@pytest.mark.parametrize(
    "values", [(0.0, 1e-45), (1.0, np.nextafter(np.float32(1), 2)), (-3e38, 3e38)]
)
def test_two_values_of_the_narrowest_and_the_widest_range(values):
    low, high = (np.float32(value) for value in values)
    box = np.where(DISTANCE < 9, high, low)
    found = species_from_map(box, 5.0, voxel_size_A=10.0, name="m")
    volume_A3 = (found.envelope >= 0.5).sum() * 1e3
    assert volume_A3 == pytest.approx((DISTANCE < 9).sum() * 125, rel=0.1)


def test_three_close_values():
    """A histogram of single precision has no room for 256 bins here."""
    step = np.float32(2.0**-23)
    box = np.where(DISTANCE < 9, 1 + step, np.float32(0))
    box[DISTANCE < 5] = 1 + 2 * step
    assert find_contour(box.astype(np.float32), "m").mask.any()


@pytest.mark.parametrize(
    ("contour", "words"),
    [
        (1e9, "between"),
        (-1e9, "between"),
        (float("nan"), "between"),
        (float("inf"), "between"),
        (0.0, "more on the other side"),  # below the solvent's 0.5 of a bright map
    ],
)
def test_contours_outside_the_map(contour, words):
    values = (10 * ball() + 0.5).astype(np.float32) + solvent_noise().astype(np.float32) * 0.1
    values[..., 0] -= 2
    with pytest.raises(InputError, match=words) as error:
        species_from_map(values, 5.0, voxel_size_A=10.0, name="m", contour=contour)
    assert "\n" not in str(error.value)


def test_a_given_contour_may_lie_below_the_solvent_or_in_its_noise():
    values = (10 * ball() + solvent_noise()).astype(np.float32)
    dark = species_from_map(-values, 5.0, voxel_size_A=10.0, name="m", contour=-5.0)
    bright = species_from_map(values, 5.0, voxel_size_A=10.0, name="m", contour=5.0)
    np.testing.assert_array_equal(dark.potential, bright.potential)
    low = species_from_map(values, 5.0, voxel_size_A=10.0, name="m", contour=1.0)
    assert "noise, too, goes beyond the contour 1" in low.report.notices[0]


def test_the_report_tells_the_mass_that_the_contour_implies():
    """A ball of 45 Å holds 382 000 Å3, at 1.23 Å3/Da 310 kDa of protein."""
    facts = species_from_map(ball(), 5.0, voxel_size_A=5.0, name="m").report.facts
    assert facts["contour"] == pytest.approx(0.5, abs=0.1)
    assert facts["contour_volume_A3"] == pytest.approx(4 / 3 * np.pi * 45**3, rel=0.08)
    assert facts["contour_implies_protein_kDa"] == pytest.approx(310, rel=0.08)
    assert facts["envelope_volume_A3"] == pytest.approx(facts["contour_volume_A3"], rel=0.05)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_no_numbers(bad):
    values = ball()
    values[3, 3, 3] = bad
    with pytest.raises(InputError, match="finite"):
        species_from_map(values, 5.0, voxel_size_A=5.0, name="m")
