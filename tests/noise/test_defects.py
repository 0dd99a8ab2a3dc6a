"""Defects of a reference: found, filled and reported; images without them stay the same object."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from faket.errors import InputError
from faket.noise import baseline, estimate_noise, noisy, repair

N, TILTS, MEAN, SIGMA = 96, 3, 500.0, 35.0


def reference(seed=0, blur=0.0, gold=True, tilts=TILTS):
    """Counts with some specimen, and gold that is 20 σ dark."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(tilts, N, N))
    if blur:
        noise = np.array([ndimage.gaussian_filter(image, blur) for image in noise])
        noise /= noise.std()
    specimen = ndimage.gaussian_filter(rng.normal(size=(tilts, N, N)), (0, 4, 4))
    images = MEAN + SIGMA * (noise + 0.3 * specimen / specimen.std())
    if gold:
        y, x = np.mgrid[:N, :N]
        images -= 400 * (np.hypot(y - 60, x - 30) < 3.5)
    return images.astype(np.float32)


def hot(images):
    images[:, 40, 50] = images[:, 11, 90] = 20 * MEAN


def cold(images):
    images[:, 40, 50] = images[:, 11, 90] = -10 * MEAN


def xray(images):
    images[2, 30:34, 20:24] += 60 * SIGMA


def interpolated_hot(images):
    spike = np.zeros((N, N))
    spike[40, 50] = 20 * MEAN
    images += ndimage.shift(spike, (0.4, 0.3), order=3).astype(np.float32)


def dead_last_lines(images):
    images[:, :, -1] -= 4 * SIGMA
    images[:, -1] -= 4 * SIGMA


def dead_line(images):
    images[:, 33] = 0


def zero_bands(images):
    images[:, :, :9] = 0
    images[:, -5:] = 0


def mean_band(images):
    images[:, :7] = MEAN


def triangles(images):
    y, x = np.mgrid[:N, :N]
    images[:, y + 2 * x < 30] = 0
    images[:, y + 3 * x > 3 * N + 40] = 0


def repeated_edges(images):
    images[:, :, :8] = images[:, :, 8:9]
    images[:, -6:] = images[:, -7:-6]


def repeated_triangle(images):
    for y in range(30):
        images[:, y, : 31 - y] = images[:, y, 31 - y : 32 - y]


def means_of_tilts(images):
    y, x = np.mgrid[:N, :N]
    for image in images:
        image[y + 2 * x < 30] = image.mean()


def half_empty(images):
    images[:, :, N // 2 :] = 0


DEFECTS = [
    hot, cold, xray, interpolated_hot, dead_last_lines, dead_line, zero_bands, mean_band, triangles,
    repeated_edges, repeated_triangle, means_of_tilts, half_empty,
]  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__)
@pytest.mark.parametrize("blur", [0, 0.8])
def test_a_reference_with_defects_measures_as_without(defect, blur):
    """Mean, σ, strength and spectrum of the noise, by the paper's methods and the coloured one."""
    half = defect is half_empty  # whose other half shows twice: half as much is known
    right = reference(blur=blur, gold=not half)
    wrong = right.copy()
    defect(wrong)
    before = wrong.copy()
    a, b = estimate_noise(right), estimate_noise(wrong)
    np.testing.assert_array_equal(wrong, before)
    np.testing.assert_allclose(b.sigma, a.sigma, rtol=0.1 if half else 0.03)
    np.testing.assert_allclose(b.mean, a.mean, rtol=0.01)
    np.testing.assert_allclose(b.noise_std, a.noise_std, atol=0.2 if half else 0.06)
    spectra = [p.spectrum.mean(axis=0)[4:92].reshape(11, 8).mean(axis=1) for p in (a, b)]
    np.testing.assert_allclose(spectra[1], spectra[0], rtol=0.4 if half else 0.3)
    left_out = repair(wrong).left_out
    assert left_out
    assert repair(wrong).notice().startswith("left out of all measurements: ")
    noise_free = ndimage.gaussian_filter(
        np.random.default_rng(3).normal(size=right.shape), (0, 4, 4)
    )
    for method in (noisy, baseline):
        made = [method(noise_free, profile, seed=1) for profile in (a, b)]
        assert made[1].std() == pytest.approx(made[0].std(), rel=0.1 if half else 0.03)


@pytest.mark.parametrize("part", [0.002, 0.02, 0.08])
def test_any_number_of_hot_pixels(part):
    """One in a hundred and more cannot hide behind the σ that they make."""
    right = reference(gold=False)
    wrong = right.copy()
    wrong[np.random.default_rng(5).random(right.shape) < part] = 20 * MEAN
    found = repair(wrong)
    assert found.images.max() < 2 * MEAN
    np.testing.assert_allclose(found.images.std((1, 2)), right.std((1, 2)), rtol=0.1)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.02, 8), st.integers(0, 10**6), st.integers(16, 90))
@example(1.09375, 39, 39)
def test_few_electrons_have_no_defects(mean_count, seed, side):
    """Neither a median that is a whole number, nor single electrons, are defects."""
    images = np.random.default_rng(seed).poisson(mean_count, (1, side, side)).astype(np.float32)
    if np.ptp(images):
        assert repair(images).images is images


def test_short_lines_of_few_electrons_are_not_dead():
    images = np.random.default_rng(0).poisson(0.25, (250, 24, 24)).astype(np.float32)
    assert repair(images).lines == 0


@pytest.mark.parametrize("mean_count", [0.03, 0.1, 0.3, 1, 3, 30, 300])
def test_counted_electrons_have_no_defects(mean_count):
    images = np.random.default_rng(0).poisson(mean_count, (4, 256, 256)).astype(np.float32)
    assert repair(images).images is images
    images = (images * 37).astype(np.float32)  # another gain
    assert not repair(images).left_out


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0, 1, 3]), st.booleans())
def test_images_without_defects_are_left_alone(seed, blur, quantised):
    images = reference(seed, blur)
    if quantised:
        images = np.round((images - images.min()) / np.ptp(images) * 255)
    found = repair(images)
    assert found.images is images
    assert found.notice() == ""


def test_repairing_twice_changes_nothing():
    images = reference()
    for defect in (hot, zero_bands, dead_last_lines, repeated_edges):
        defect(images)
    once = repair(images)
    assert repair(once.images).images is once.images


def test_noise_free_projections_are_filled_at_the_same_places():
    images, noise_free = reference(gold=False), reference(1)
    zero_bands(images)
    found = repair(images)
    filled = found.applied_to(noise_free)
    changed = np.any(filled != noise_free, axis=0)
    np.testing.assert_array_equal(changed, found.masks[0])
    assert repair(reference()).applied_to(noise_free) is noise_free


def test_blank_tilts_are_distinguished_from_faint_ones():
    images = reference(tilts=6)
    images[1] = 7
    images[3] = np.random.default_rng(0).normal(3, 1, (N, N))
    images[4, :, 10:] = 0
    found = repair(images)
    assert found.blank == (1, 4)
    assert found.faint == (3,)
    assert found.left_out["blank_tilts"] == [1, 3, 4]
    with pytest.raises(InputError, match="tilt 1 constant"):
        estimate_noise(images)


@pytest.mark.parametrize("scale", [1e-30, 1e-20, 1e12, 1e20, 1e30])
def test_grey_values_out_of_all_scale_are_refused(scale):
    images = (reference() * scale).astype(np.float32)
    with pytest.raises(InputError, match="expected grey values of 1e-10 to 1e\\+10"):
        estimate_noise(images)


def test_images_that_changed_are_looked_at_again():
    images = reference(seed=5)
    assert not repair(images).masks
    hot(images)
    found, again = repair(images), repair(images.copy())
    assert found.pixels == again.pixels == 2 * TILTS
    np.testing.assert_array_equal(found.images, again.images)
    assert set(found.masks) == set(range(TILTS))
