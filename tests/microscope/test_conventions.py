"""Signs, units and weights of the microscope, each in a case that has one exact answer."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.signal.windows import tukey

from faket.data import TiltGeometry
from faket.microscope import Microscope, draw_acquisition, ring_amplitudes
from faket.microscope.amplitudes import RING_PX
from faket.microscope.ctf_estimate import CtfEstimate
from faket.microscope.grid import Grid
from faket.microscope.ice import IceField
from faket.microscope.lens import place_image
from faket.microscope.slicing import plan_slices, slab_path_A
from faket.microscope.thon import power_spectrum, tapered_spectrum


def record_of(**changes):
    return draw_acquisition(Microscope(**changes), TiltGeometry(np.zeros(1), 5.0), seed=0)


def test_optics_of_a_record_in_angstroms_and_radians():
    """Cs = Cc = 2.7 mm, 0.7 eV of 300 keV: 2.7e7 Å · 0.7 / 3e5 = 63 Å; 0.02 mrad; 90°; 3 µm."""
    optics = record_of(
        phase_plate_deg=90.0, defocus_um=(3.0, 3.0), defocus_jitter_um=0.0, astigmatism_um=0.0
    ).optics(0)
    assert optics.wavelength_A == pytest.approx(0.019687, rel=1e-4)
    assert optics.defocus_A == pytest.approx(30_000)
    assert optics.spherical_aberration_A == pytest.approx(2.7e7)
    assert optics.focal_spread_A == pytest.approx(63.0)
    assert optics.semi_angle_rad == pytest.approx(2e-5)
    assert optics.phase_plate_rad == pytest.approx(np.pi / 2)
    assert optics.astigmatism_A == 0


def test_spread_of_astigmatism_in_angstroms():
    tilts = TiltGeometry(np.linspace(-60, 60, 2000), 5.0)
    record = draw_acquisition(Microscope(astigmatism_um=0.1), tilts, seed=0)
    assert np.std(record.astigmatism_A) == pytest.approx(1000, rel=0.05)


def test_optics_of_an_estimate_in_angstroms_and_radians():
    known = CtfEstimate(
        np.zeros(1), np.array([3.2]), (3.0, 3.4), True, "metadata", phase_plate_deg=90.0
    )
    optics = known.optics(0)
    assert optics.defocus_A == pytest.approx(32_000)
    assert optics.spherical_aberration_A == pytest.approx(2.7e7)
    assert optics.phase_plate_rad == pytest.approx(np.pi / 2)
    assert optics.wavelength_A == pytest.approx(0.019687, rel=1e-4)


@pytest.mark.parametrize("angle_deg", [30.0, -30.0])
def test_a_tilted_slab_lies_nearer_to_the_source_where_x_and_angle_have_one_sign(angle_deg):
    """The middle of the slab is at z' = −x' tan θ: at x' = 1000 Å and 30°, −577 Å."""
    middle = -1000 * np.tan(np.radians(angle_deg))
    there = slab_path_A(np.array([1000.0, -1000.0]), (middle - 50, middle + 50), 800.0, angle_deg)
    np.testing.assert_allclose(there, [100.0, 0.0])


@pytest.mark.parametrize("angle_deg", [55.0, -55.0])
def test_coarse_and_fine_ice_lie_in_the_same_columns(angle_deg):
    """What a group of slices holds is 0 where the slab does not reach into it."""
    grid, depth_A = Grid((60, 240), (60, 240), 5.0, "cpu"), 300.0
    slicing = plan_slices(angle_deg, (depth_A, grid.length_A[1]), grid.length_A[1], 100.0, 100.0)
    ice = IceField(grid, depth_A, 2, 60.0)
    ice.expose(angle_deg, slicing, 0.0, np.random.default_rng(0))
    x_A = (np.arange(240) - 120) * 5.0
    for group in range(slicing.groups):
        path = slab_path_A(x_A, slicing.group_edges_A(group), depth_A, angle_deg)
        inside = path == path.max()
        beyond = np.convolve(path > 0, np.ones(17), "same") == 0  # the coarse part rings a little
        image = ice.group(group)
        if beyond.any() and path.max() > 0:
            assert image[:, beyond].std() < 0.1 * image[:, inside].std()


def test_motion_blur_is_the_standard_deviation_of_each_axis():
    grid = Grid((64, 64), (64, 64), 5.0, "cpu")
    record = replace(record_of(motion_blur_A=8.0), shifts_A=((0.0, 0.0),))
    point = torch.zeros(64, 64)
    point[32, 32] = 1.0
    spread = place_image(grid, point, record, 0).numpy().astype(float)
    along = (np.arange(64) - 32) * 5.0
    assert spread.sum() == pytest.approx(1.0, abs=1e-4)
    assert (spread.sum(axis=0) * along**2).sum() == pytest.approx(64.0, rel=1e-2)
    assert (spread.sum(axis=1) * along**2).sum() == pytest.approx(64.0, rel=1e-2)


def test_the_edges_of_an_image_leak_into_no_fine_ring():
    """Under a Hann window a ramp's power falls as k⁻⁶; a Hamming window would leave k⁻²."""
    ramp = np.broadcast_to(np.linspace(-1, 1, 256), (256, 256))
    _, power = power_spectrum(ramp, 5.0)
    assert power[40:].max() < 1e-7 * power[:3].max()


def whole_plane(image, window):
    """Power of all frequencies of an image, and their radius in cycles per pixel."""
    spectrum = np.fft.fft2((image - np.average(image, weights=window)) * window)
    radius = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, image.shape), indexing="ij"))
    return np.abs(spectrum) ** 2 / (window**2).sum(), radius


def test_rings_of_a_tapered_spectrum_are_means_over_the_whole_plane():
    """Column 0 of a real FFT holds both of each pair of frequencies, the others one."""
    image = np.random.default_rng(0).standard_normal((48, 40))
    image += 3 * np.random.default_rng(1).standard_normal((48, 1))  # strong in column 0
    power, radius = whole_plane(image, np.outer(*(tukey(n + 2, 0.6)[1:-1] for n in (48, 40))))
    frequency, rings, modes = tapered_spectrum(image, 5.0, 12)
    ring = (24 * radius).astype(int)
    expected = [power[ring == i].mean() for i in range(12)]
    np.testing.assert_allclose(rings, expected, rtol=1e-4)
    number = np.bincount(ring.ravel())[:12]
    np.testing.assert_allclose(modes / modes[0], number / number[0])
    np.testing.assert_allclose(frequency, (np.arange(12) + 0.5) / 24 / 5.0)


@pytest.mark.parametrize("shape", [(24, 20), (24, 21)])
def test_ring_amplitudes_are_means_over_the_whole_plane(shape):
    image = np.random.default_rng(0).standard_normal(shape)
    image += 3 * np.random.default_rng(1).standard_normal((shape[0], 1))
    image += 2 * (-1.0) ** np.arange(shape[1])  # strong in the last column, too
    amplitude = np.abs(np.fft.fft2(image)) / image.size
    radius = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, shape), indexing="ij")) * min(shape)
    ring = np.minimum(radius / RING_PX, (min(shape) // 2 - 1) // RING_PX).astype(int)
    expected = np.array(
        [amplitude[(ring == i) & (radius > 0)].mean() for i in range(ring.max() + 1)]
    )
    np.testing.assert_allclose(ring_amplitudes(image[None])[0], expected, rtol=1e-6)
