"""References as users have them: blank tilts, scaled grey values, and the notices about them."""

import numpy as np
import pytest
from scipy import ndimage

from faket.data import TiltGeometry, TiltSeries
from faket.errors import InputError
from faket.methods.look_like import noise_like
from faket.methods.measurement import measure_reference
from faket.methods.usable import is_scaled, usable_reference

TILTS, N = 6, 64
ANGLES = np.linspace(-50, 50, TILTS)


def counts(mean=90.0, seed=0):
    """Counted electrons behind a specimen that takes a tenth of them."""
    rng = np.random.default_rng(seed)
    specimen = ndimage.gaussian_filter(rng.normal(size=(TILTS, N, N)), (0, 4, 4))
    beam = mean * (1 + 0.05 * specimen / specimen.std())
    return rng.poisson(np.maximum(beam, 0)).astype(np.float32)


def series(images, **geometry):
    return TiltSeries(images, TiltGeometry(ANGLES, 10.0, **geometry))


def to_bytes(images, low=0.0, high=255.0):
    return np.round(low + (images - images.min()) / np.ptp(images) * (high - low))


def test_a_good_reference_is_left_alone():
    given = series(counts())
    found = usable_reference(given)
    assert found.series.images is given.images
    assert found.series.geometry == given.geometry
    assert (found.scaled, found.left_out, found.notice, found.faults) == (False, {}, "", ())
    assert found.kept == tuple(range(TILTS))


def test_an_inverted_reference_is_turned_before_gold_is_distinguished_from_x_rays():
    images = counts(gold := 300.0)
    images[:, 20:25, 30:35] -= gold
    turned = usable_reference(series(-images), invert=True)
    np.testing.assert_array_equal(turned.series.images, images)
    assert not turned.left_out
    images[:, 3, 3] = 20 * gold
    turned = usable_reference(series(-images), invert=True)
    assert turned.left_out == {"hot_or_dead_pixels": TILTS}
    assert turned.series.images.max() < 2 * gold


def test_blank_tilts_go_with_their_geometry():
    images, projected = counts(), counts(seed=1)
    images[1] = 3
    images[4] = np.random.default_rng(0).normal(1, 0.5, (N, N))
    order = np.array([5, 3, 1, 0, 2, 4])
    dose = np.arange(TILTS) + 1.0
    shifts = np.arange(2.0 * TILTS).reshape(TILTS, 2)
    found = usable_reference(
        series(images, shifts_A=shifts, dose_e_per_A2=dose, order=order), projected
    )
    kept = [0, 2, 3, 5]
    geometry = found.series.geometry
    np.testing.assert_array_equal(found.series.images, images[kept])
    np.testing.assert_array_equal(found.noise_free, projected[kept])
    np.testing.assert_array_equal(geometry.angles_deg, ANGLES[kept])
    np.testing.assert_array_equal(geometry.shifts_A, shifts[kept])
    np.testing.assert_array_equal(geometry.dose_e_per_A2, dose[kept])
    np.testing.assert_array_equal(geometry.order, [3, 1, 0, 2])
    assert found.left_out == {"blank_tilts": [1, 4]}
    assert "blank tilts 1, 4 (from 0)" in found.notice


def test_tilts_of_other_grey_values_go_and_are_named_as_given():
    """Numbers of tilts are those of the stack that was given, though a blank one goes before."""
    images = counts()
    images[0] = 0
    images[2] *= 7
    images[4] = images[3]
    found = usable_reference(series(images))
    assert found.kept == (1, 3, 5)
    np.testing.assert_array_equal(found.series.images, images[[1, 3, 5]])
    np.testing.assert_array_equal(found.series.geometry.angles_deg, ANGLES[[1, 3, 5]])
    assert found.left_out == {"blank_tilts": [0], "unlike_tilts": [2, 4]}
    assert [(fault.severity, fault.tilts) for fault in found.faults] == [
        ("exclude", (2,)), ("exclude", (4,))
    ]  # fmt: skip
    images[3] = images[5] = images[1]
    with pytest.raises(InputError, match="images of one kind in most of 6 tilts, found 2"):
        usable_reference(series(images))


@pytest.mark.parametrize("bad", ["blank", "nan", "scale"])
def test_what_cannot_be_repaired_is_one_line(bad):
    images = counts()
    if bad == "blank":
        images[1:] = 0
    elif bad == "nan":
        images[2, 3, 4] = np.nan
    else:
        images *= np.float32(1e20)
    with pytest.raises(InputError, match="expected") as error:
        usable_reference(series(images))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("images", "scaled"),
    [
        (counts(), False),
        (counts(3.0), False),
        (counts(0.2), False),
        (counts() * 37.5, False),
        (counts() * 100, False),
        (to_bytes(counts()), True),
        (to_bytes(counts(), 12, 244), True),
        (to_bytes(counts(), 100, 130), True),
        (to_bytes(counts(), 0, 65535), True),
        (to_bytes(counts(), 0, 32767), True),
        (to_bytes(counts(), -32768, 32767), True),
    ],
)
def test_scaled_grey_values_are_no_counts(images, scaled):
    assert is_scaled(images) == scaled


def test_scaling_to_bytes_leaves_the_strength_of_the_signal(monkeypatch):
    """As images whose offset was taken away, whose strength follows from the exposure as well."""
    images = counts()
    scaled = to_bytes(images, 30, 240)
    assert is_scaled(scaled)
    model = measure_reference(images - images.mean(), ANGLES, 10.0)
    found = measure_reference(scaled, ANGLES, 10.0, counted=False)
    assert found.strength_source == model.strength_source == "dose"
    np.testing.assert_allclose(found.electrons, model.electrons, rtol=1e-3)
    assert measure_reference(scaled, ANGLES, 10.0).strength_source == "mean"  # what must not be


def test_scaled_grey_values_give_a_notice_where_they_matter():
    noise_free = series(-50 * np.random.default_rng(0).random((TILTS, N, N)).astype(np.float32))
    reference, notices = series(to_bytes(counts())), []
    found = noise_like("spectral", noise_free, reference, counted=False, say=notices.append)
    assert "are no electron counts" in notices[0]
    assert found[1]["strength_source"] == "dose"
    notices.clear()
    noise_like("noisy", noise_free, reference, counted=False, say=notices.append)
    assert not notices


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_noiseless_tilts_that_are_none_are_refused(value):
    noise_free = np.zeros((TILTS, N, N), np.float32)
    noise_free[0, 0, 0] = value
    for method in ("spectral", "noisy") if not np.isfinite(value) else ("spectral",):
        with pytest.raises(InputError, match="noise-free projections: expected"):
            noise_like(method, series(noise_free), series(counts()))
