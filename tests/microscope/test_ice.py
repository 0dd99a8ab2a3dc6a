"""The ice: its power, its motion, and that it turns with the specimen."""

import numpy as np
import pytest

from faket.microscope.grid import WorkingGrid
from faket.microscope.ice import (
    IceField,
    coarse_factor,
    ice_power_V2_A3,
    keys_power,
    motion_correlation,
)
from faket.microscope.slicing import plan_slices
from faket.projection import project

DEPTH_A = 600.0


def total(ice, slicing):
    return sum(g.numpy() for g in map(ice.group, range(slicing.groups)) if g is not None)


def photograph(ice, grid, angle, dose, seed, depth_A=DEPTH_A):
    extent = (depth_A, grid.length_A[1])
    slicing = plan_slices(angle, extent, grid.length_A[1], 200.0, 200.0)
    ice.expose(angle, slicing, dose, np.random.default_rng(seed))
    return total(ice, slicing)


def test_potential_noise_of_published_size():
    """σ_V ≈ 0.56 V in voxels of 5 Å and 0.20 V in voxels of 10 Å: variance ∝ 1 / volume."""
    assert np.sqrt(ice_power_V2_A3() / 5**3) == pytest.approx(0.56, abs=0.005)
    assert np.sqrt(ice_power_V2_A3() / 10**3) == pytest.approx(0.20, abs=0.002)


@pytest.mark.parametrize(
    ("factor", "angle"), [(1, 0.0), (1, 50.0), (3, 0.0), (3, 37.0), (3, 60.0), (5, 60.0)]
)
def test_power_is_flat_and_follows_the_path(factor, angle):
    """S · t / cos θ per area, at low and at high frequency, whatever the coarse grid."""
    grid = WorkingGrid((120, 120), (120, 120), 5.0, "cpu")
    depth_A = 150.0 if factor == 1 else DEPTH_A
    images = []
    for seed in range(12):
        ice = IceField(grid, depth_A, factor, 60.0)
        images.append(photograph(ice, grid, angle, 1.0, seed, depth_A))
    power = np.mean([np.abs(np.fft.fft2(image)) ** 2 for image in images], axis=0)
    power *= 5.0**2 / images[0].size  # V² Å² per 1/Å²
    expected = ice_power_V2_A3() * depth_A / np.cos(np.radians(angle))
    k = np.hypot(*np.meshgrid(np.fft.fftfreq(120, 5.0), np.fft.fftfreq(120, 5.0)))
    for low, high in ((0.004, 0.02), (0.02, 0.05), (0.05, 0.1)):
        ring = power[(k > low) & (k <= high)]
        error = 3 / np.sqrt(6 * ring.size)
        assert ring.mean() == pytest.approx(expected, rel=error + 0.03)


def test_variance_goes_as_one_over_the_pixel():
    """The same ice in pixels twice as wide has a quarter of the projected variance."""
    variances = []
    for pixel, n in ((5.0, 120), (10.0, 60)):
        grid = WorkingGrid((n, n), (n, n), pixel, "cpu")
        images = [
            photograph(IceField(grid, DEPTH_A, 3 if n == 120 else 2, 30.0), grid, 20.0, 0.0, seed)
            for seed in range(8)
        ]
        variances.append(np.var(images))
    assert variances[0] / variances[1] == pytest.approx(4.0, rel=0.05)


def test_motion_decorrelates_as_published():
    """ρ ≈ .97 at 1/20 1/Å and .89 at 1/10 1/Å for 1.6 e/Å²."""
    rho = motion_correlation(np.array([1 / 20, 1 / 10]) ** 2, 1.6)
    np.testing.assert_allclose(rho, [0.97, 0.89], atol=0.005)


def test_correlation_between_exposures_of_one_angle():
    """Two exposures without tilt share the ice, frequency by frequency, as ρ(k) says."""
    grid, dose = WorkingGrid((120, 120), (120, 120), 5.0, "cpu"), 20.0
    k = np.hypot(*np.meshgrid(np.fft.fftfreq(120, 5.0), np.fft.fftfreq(120, 5.0)))
    cross, power = np.zeros(k.shape), np.zeros(k.shape)
    for seed in range(20):
        ice = IceField(grid, 100.0, 1, 0.0)
        first = np.fft.fft2(photograph(ice, grid, 0.0, 5.0, (seed, 1), 100.0))
        second = np.fft.fft2(photograph(ice, grid, 0.0, 5.0 + dose, (seed, 2), 100.0))
        cross += (first * second.conj()).real
        power += (np.abs(first) ** 2 + np.abs(second) ** 2) / 2
    for low, high in ((0.005, 0.02), (0.02, 0.03), (0.03, 0.04), (0.05, 0.06)):
        ring = (k > low) & (k <= high) & (k < 0.099)
        # In three dimensions a coefficient also has a kz; at no tilt the image holds kz = 0.
        expected = motion_correlation(k[ring] ** 2, dose).mean()
        assert cross[ring].sum() / power[ring].sum() == pytest.approx(expected, abs=0.03)


def test_ice_turns_with_the_specimen():
    """Neighbouring tilts agree below 1 / (t Δθ) and on the tilt axis, and not above."""
    grid = WorkingGrid((120, 120), (120, 120), 5.0, "cpu")
    step = np.radians(3.0)
    kx, ky = np.meshgrid(np.fft.fftfreq(120, 5.0), np.fft.fftfreq(120, 5.0))
    near = (np.abs(kx) < 0.15 / (DEPTH_A * step)) & (np.hypot(kx, ky) < 0.03) & (ky != 0)
    far = (np.abs(kx) > 1.5 / (DEPTH_A * step)) & (np.hypot(kx, ky) < 0.1)
    correlation = {"near": [], "far": []}
    for seed in range(12):
        ice = IceField(grid, DEPTH_A, 3, 3.0)
        first = np.fft.fft2(photograph(ice, grid, 0.0, 0.0, (seed, 1)))
        second = np.fft.fft2(photograph(ice, grid, 3.0, 0.0, (seed, 2)))
        for name, part in (("near", near), ("far", far)):
            a, b = first[part], second[part]
            correlation[name].append(
                np.vdot(a, b).real / np.sqrt(np.vdot(a, a).real * np.vdot(b, b).real)
            )
    assert np.mean(correlation["near"]) > 0.85
    assert abs(np.mean(correlation["far"])) < 0.05


def test_splitting_keeps_the_power_that_is_made_up_for():
    """keys_power against the spectrum of projected white noise."""
    shape, angle = (21, 96), 33.0
    noise = np.random.default_rng(0).standard_normal((21, 600, 96), dtype=np.float32)
    image = project(noise, [angle], width=64, device="cpu")[0]
    power = np.mean(np.abs(np.fft.rfft(image, axis=1)) ** 2, axis=0) / 64
    voxels_per_pixel = 21 / np.cos(np.radians(angle))
    expected = voxels_per_pixel * keys_power(np.fft.rfftfreq(64), angle, shape)
    np.testing.assert_allclose(power[1:-1], expected[1:-1], rtol=0.2)
    assert power[1:-1].mean() == pytest.approx(expected[1:-1].mean(), rel=0.03)
    np.testing.assert_allclose(keys_power(np.linspace(0, 0.5, 9), 0.0, shape), 1.0)


def test_coarse_grid_reaches_what_tilts_share():
    angles = np.arange(-60.0, 61.0, 2.0)
    assert coarse_factor(5.0, 1800.0, angles, 5120.0**2) == 6
    assert coarse_factor(10.0, 1800.0, angles, 5120.0**2) == 3
    assert coarse_factor(5.0, 500.0, angles, 1000.0**2) == 2
    assert coarse_factor(5.0, 500.0, [0.0, 0.0], 500.0**2) == 1
    assert coarse_factor(5.0, 1800.0, [0.0, 0.0], 5120.0**2) == 4, "2^23 voxels at most"
