"""Displacements from images alone: of the right size and sign, with what cannot be known."""

import numpy as np
import pytest

from faket.errors import InputError
from faket.reconstruction import residual_shifts
from faket.reconstruction.resampling import in_plane_rotation
from slabs import slab_series
from tilted_points import Scene, imaged

ANGLES = np.arange(-60.0, 61.0, 6.0)


def series(seed=0, axis_deg=0.0, shift=6.0, **scene):
    scene = {"particles": 250, "thickness": 40.0, "size": 200, "snr": 0.3} | scene
    made = Scene(ANGLES, axis_deg=axis_deg, shift=shift, **scene)
    return imaged(made, np.random.default_rng(seed))


def knowable(shifts, axis_deg):
    """Displacements across the axis, without what depth may be, and along it, without the mean."""
    across, along = (shifts @ in_plane_rotation(axis_deg)).T
    fit = np.polynomial.Polynomial.fit(ANGLES, across, 5)(ANGLES)
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


def slab(angles_deg=ANGLES, side=192, thickness=68, noise=3.0, seed=0, **more):
    """A slab a third as thick as wide, unless given, under noise of so many times its σ."""
    images = slab_series(angles_deg, side=side, thickness=thickness, seed=seed, **more)
    rng = np.random.default_rng(seed)
    return images + noise * images.std() * rng.standard_normal(images.shape)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_thick_slab_is_aligned(seed):
    """Its bodies fit at other displacements each; what most of them fit at drifts over tilts."""
    assert residual_shifts(slab(seed=seed), ANGLES).is_aligned


@pytest.mark.parametrize(("side", "tilts"), [(48, 3), (64, 5), (96, 13)])
def test_an_aligned_slab_is_not_refused_at_any_size(side, tilts):
    angles = np.linspace(-60, 60, tilts)
    for noise in (0.0, 1.0):
        found = residual_shifts(slab(angles, side, 32, noise, density=1e-4, seed=3), angles)
        assert found.is_aligned or not found.certain, found.verdict


def test_scatter_is_refused_whatever_the_thickness():
    shifts = np.random.default_rng(1).normal(scale=4.0, size=(len(ANGLES), 2))
    found = residual_shifts(slab(shifts=shifts), ANGLES)
    assert found.certain
    assert not found.is_aligned
    off = knowable(found.shifts_px, 0.0) - knowable(shifts, 0.0)
    assert np.median(np.abs(off)) < 0.4


@pytest.mark.parametrize(
    ("scatter_px", "verdict"), [(0.6, "aligned"), (1.35, "cannot tell"), (3.0, "not aligned")]
)
def test_small_images_are_not_refused_for_parts_of_a_pixel(scatter_px, verdict):
    shifts = np.random.default_rng(1).normal(scale=scatter_px, size=(len(ANGLES), 2))
    images = slab(side=96, thickness=16, noise=1.0, density=4e-4, shifts=shifts)
    assert residual_shifts(images, ANGLES).verdict.startswith(f"shifts: {verdict}, ")


def test_smooth_drift_is_told_along_the_axis_alone():
    """Across it, a specimen whose parts lie at different heights looks the same."""
    drift = 12 * np.radians(ANGLES) ** 3
    still = np.zeros_like(drift)
    along = residual_shifts(slab(shifts=np.stack([still, drift], 1)), ANGLES)
    across = residual_shifts(slab(shifts=np.stack([drift, still], 1)), ANGLES)
    assert along.certain
    assert not along.is_aligned
    assert across.is_aligned


def test_noise_is_neither_aligned_nor_not():
    images, _ = series(snr=1e-6)
    found = residual_shifts(images, ANGLES)
    assert not found.certain
    assert not found.is_aligned
    assert "cannot tell, 0% of the pairs" in found.verdict


@pytest.mark.parametrize("tilts", [2, 11])
def test_few_tilts_or_no_angles_tell_nothing(tilts):
    images, _ = series()
    assert f"{tilts} usable tilts" in residual_shifts(images[:tilts], ANGLES[:tilts]).verdict
    assert "not known" in residual_shifts(images[:2], None).verdict


def test_an_axis_that_is_no_number_is_refused():
    with pytest.raises(InputError, match="tilt_axis_deg"):
        residual_shifts(np.zeros((5, 16, 16)), np.arange(5), float("nan"))
