"""Signs, units and weights of the microscope, each in a case that has one exact answer."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from scipy.signal.windows import tukey

from faket.data import ClassInfo, TiltGeometry
from faket.microscope import (
    PRESET_ANGLES,
    PRESETS,
    Microscope,
    draw_acquisition,
    ring_amplitudes,
)
from faket.microscope.absorption import label_losses, mean_free_path_A, slab_amplitude
from faket.microscope.ctf_estimate import CtfEstimate
from faket.microscope.ctf_estimation import estimate_ctf
from faket.microscope.detector import detector_curves
from faket.microscope.dose import critical_dose, split_dose, surviving_amplitude
from faket.microscope.grid import WorkingGrid
from faket.microscope.ice import IceField, coarse_factor, keys_power
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
    grid, depth_A = WorkingGrid((60, 240), (60, 240), 5.0, "cpu"), 300.0
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
    grid = WorkingGrid((64, 64), (64, 64), 5.0, "cpu")
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
    for along in (ramp, ramp.T):
        _, power = power_spectrum(along, 5.0)
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
    """In rings two Fourier pixels wide, as SHREC'21's."""
    image = np.random.default_rng(0).standard_normal(shape)
    image += 3 * np.random.default_rng(1).standard_normal((shape[0], 1))
    image += 2 * (-1.0) ** np.arange(shape[1])  # strong in the last column, too
    amplitude = np.abs(np.fft.fft2(image)) / image.size
    radius = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, shape), indexing="ij")) * min(shape)
    ring = np.minimum(radius / 2, (min(shape) // 2 - 1) // 2).astype(int)
    expected = np.array(
        [amplitude[(ring == i) & (radius > 0)].mean() for i in range(ring.max() + 1)]
    )
    np.testing.assert_allclose(ring_amplitudes(image[None])[0], expected, rtol=1e-6)


# SHREC'21 (Gubins et al. 2021 and its public code): 300 kV, Cs = Cc = 2.7 mm, 0.7 eV, 0.02 mrad,
# 2 to 5 µm, ± 60° in steps of 2°, 100 to 120 e/Å², a K2; and what every microscope has.
DEFAULTS = {
    "voltage_kV": 300.0, "spherical_aberration_mm": 2.7, "chromatic_aberration_mm": 2.7,
    "energy_spread_eV": 0.7, "beam_semi_angle_mrad": 0.02, "phase_plate_deg": 0.0,
    "defocus_um": (2.0, 5.0), "defocus_jitter_um": 0.2, "astigmatism_um": 0.1,
    "dose_e_per_A2": (100.0, 120.0), "dose_cosine_power": 0.0, "dose_scheme": "dose-symmetric",
    "shift_A": (3.0, 10.0), "alignment_error_A": (0.0, 0.0), "angle_error_deg": 0.006,
    "rotation_error_deg": 0.0, "tilt_axis_deg": (0.0, 0.0), "detector": "K2",
    "detector_pixel_A": 0.0, "motion_blur_A": 4.0, "model": "multislice",
    "slice_thickness_A": 0.0, "ice": True, "absorption": True, "damage": True,
}  # fmt: skip
ALIGNED = {  # a stack as alignment leaves it, and the camera's own pixel
    "defocus_um": (2.0, 5.0), "shift_A": (0.0, 0.0), "alignment_error_A": (2.0, 10.0),
    "angle_error_deg": 0.1, "rotation_error_deg": 0.2,
}  # fmt: skip
CHANGES = {
    "shrec21": {},
    "k3-60x3": ALIGNED
    | {"dose_e_per_A2": (100.0, 140.0), "detector": "K3", "detector_pixel_A": 2.5},
    "czii-45x3": ALIGNED
    | {"dose_e_per_A2": (60.0, 120.0), "detector": "generic", "detector_pixel_A": 1.54},
}


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_its_row(name):
    assert asdict(PRESETS[name]) == DEFAULTS | CHANGES[name]
    angles = np.array(PRESET_ANGLES[name])
    end, step = {"shrec21": (60, 2), "k3-60x3": (60, 3), "czii-45x3": (45, 3)}[name]
    assert (angles[0], angles[-1], set(np.diff(angles))) == (-end, end, {step})


def test_a_microscope_without_any_error_is_possible():
    """Zero is allowed wherever a real microscope can only come near it."""
    zeros = (
        "spherical_aberration_mm", "chromatic_aberration_mm", "energy_spread_eV",
        "beam_semi_angle_mrad", "defocus_jitter_um", "astigmatism_um", "dose_cosine_power",
        "angle_error_deg", "rotation_error_deg", "detector_pixel_A", "motion_blur_A",
        "slice_thickness_A",
    )  # fmt: skip
    ideal = Microscope(**dict.fromkeys(zeros, 0.0), shift_A=(0.0, 0.0), defocus_um=(0.0, 0.0))
    optics = draw_acquisition(ideal, TiltGeometry(np.zeros(1), 5.0), seed=0).optics(0)
    assert optics == replace(optics, defocus_A=0.0, spherical_aberration_A=0.0, focal_spread_A=0.0)


def test_the_generic_detector_has_the_mtf_of_a_square_pixel():
    """sin(πf/2) / (πf/2) at a fraction f of Nyquist; and the published curves of the K2 and K3."""
    fraction = np.array([0.25, 0.5, 0.75, 1.0])
    mtf, dqe = detector_curves("generic", fraction)
    np.testing.assert_allclose(mtf, np.sinc(fraction / 2), atol=1e-3)
    np.testing.assert_allclose(dqe[[1, 3]], [0.55, 0.26])
    (k2_mtf, k2_dqe), (k3_mtf, k3_dqe) = (detector_curves(name, fraction) for name in ("K2", "K3"))
    np.testing.assert_allclose(k2_mtf, [0.89, 0.79, 0.64, 0.48])
    np.testing.assert_allclose(k2_dqe, [0.71, 0.53, 0.34, 0.19])
    np.testing.assert_allclose(k3_mtf, [0.96, 0.89, 0.77, 0.64])
    np.testing.assert_allclose(k3_dqe[[1, 3]], [0.71, 0.32])
    for name, ends in {"K2": (0.793, 0.19), "K3": (0.95, 0.32), "perfect": (1, 1)}.items():
        assert detector_curves(name, np.array([0.0, 2.0]))[1].tolist() == list(ends)


def test_shifts_move_content_along_their_own_axes():
    """Content moves by +x and +y of its own shift, and not by the other's."""
    grid = WorkingGrid((64, 64), (64, 64), 5.0, "cpu")
    record = replace(record_of(motion_blur_A=0.0), shifts_A=((35.0, -20.0),))
    point = torch.zeros(64, 64)
    point[32, 32] = 1.0
    moved = place_image(grid, point, record, 0).numpy()
    assert np.unravel_index(moved.argmax(), moved.shape) == (32 - 4, 32 + 7)


def test_what_a_tilted_slab_leaves_of_the_beam():
    """exp(−t / 2Λ cos θ) of the amplitude: at 60° through twice the thickness."""
    flat, tilted = (slab_amplitude(1000.0, angle, 300.0) for angle in (0.0, 60.0))
    assert flat == pytest.approx(np.exp(-1000 / (2 * mean_free_path_A("ice", 300.0))))
    assert tilted == pytest.approx(flat**2)
    assert slab_amplitude(1000.0, -60.0, 300.0) == pytest.approx(tilted)


def test_losses_beyond_ice_per_voxel():
    """Half of voxel · (1/Λ − 1/Λ_ice), of the amplitude; nothing where there is no class."""
    classes = {3: ClassInfo("a", "protein"), 7: ClassInfo("fiducial", "gold")}
    losses = label_losses(classes, 300.0, 8.0)
    ice = mean_free_path_A("ice", 300.0)
    for label, material in ((3, "protein"), (7, "gold")):
        expected = 4.0 * (1 / mean_free_path_A(material, 300.0) - 1 / ice)
        assert losses[label] == pytest.approx(expected)
        assert losses[label] > 0
    assert np.count_nonzero(losses) == 2


def test_steep_tilts_get_more_of_the_dose():
    """∝ 1 / cosⁿ: at 60° twice that at 0° for n = 1, eight times for n = 3."""
    for power, ratio in ((1.0, 2.0), (3.0, 8.0)):
        dose = split_dose(np.array([-60.0, 0.0, 60.0]), 100.0, power)
        assert dose.sum() == pytest.approx(100)
        assert dose[0] == dose[2] == pytest.approx(ratio * dose[1])


def test_fading_by_the_critical_dose():
    """exp(−D / 2 N_e), averaged over the exposure; N_e = 0.245 k^−1.665 + 2.81."""
    critical = critical_dose(np.array([0.1]), 300.0)[0]
    assert critical == pytest.approx(0.245 * 0.1**-1.665 + 2.81)
    left = surviving_amplitude(np.array([0.0, 0.1]), 20.0, 5.0, 300.0)
    steps = np.linspace(20, 25, 100_001)
    assert left[0] == 1
    assert left[1] == pytest.approx(np.exp(-steps / (2 * critical)).mean(), rel=1e-6)


@pytest.mark.parametrize("angle_deg", [23.0, 36.869897645844])  # sines of 0.39 and 3 / 5
def test_white_noise_after_cubic_splitting_is_the_mean_over_all_voxels(angle_deg):
    """|Σ w(t) exp(−2πi f t)|² over the four taps of Keys' kernel, from each voxel's offset."""
    angle, (nz, nx) = np.radians(angle_deg), (14, 40)
    z, x = np.arange(nz)[:, None] - nz // 2, np.arange(nx) - nx // 2
    place = (x * np.cos(angle) + z * np.sin(angle)).ravel()
    frequency = np.linspace(0, 0.5, 9)
    expected = np.zeros(9)
    for u in place:
        taps = np.floor(u) + np.arange(-1, 3)
        t = np.abs(u - taps)
        near, far = 1.5 * t**3 - 2.5 * t**2 + 1, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
        weights = np.where(t <= 1, near, np.where(t < 2, far, 0.0))
        expected += np.abs(np.exp(-2j * np.pi * frequency[:, None] * taps) @ weights) ** 2
    found = keys_power(frequency, angle_deg, (nz, nx))
    np.testing.assert_allclose(found, expected / len(place), atol=1e-3)
    np.testing.assert_allclose(keys_power(frequency, 0.0, (nz, nx)), 1.0, atol=1e-12)


def test_an_estimate_takes_the_usual_microscope_for_granted():
    """300 kV, Cs = 2.7 mm, 0.055 of amplitude contrast, no phase plate; the defocus is given."""
    stack = np.random.default_rng(0).standard_normal((2, 64, 64))
    found = estimate_ctf(stack, 5.0, [0.0, 3.0], defocus_um=3.0)
    assert (found.voltage_kV, found.spherical_aberration_mm) == (300.0, 2.7)
    assert found.amplitude_contrast == 0.055
    assert not found.phase_plate_deg.any()
    assert not found.astigmatism_um.any()
    np.testing.assert_allclose(found.defocus_um, 3.0)


@pytest.mark.parametrize(
    ("depth_A", "step_deg", "area_A2", "factor"),
    [
        (100.0, 0.1, 1e4, 1),  # t Δθ / 2 = 0.09 Å: as fine as the pixel
        (1000.0, 2.0, 1e6, 4),  # 17.5 Å: 4 pixels of 5 Å are 0.9 of it and more
        (2000.0, 20.0, 1e6, 6),  # 1 / 60 Å⁻¹ at least: voxels of 30 Å
        (2000.0, 0.1, 3e8, 12),  # 2²³ voxels at most of 1.2e12 Å³ at 60°: 52 Å and more
    ],
)
def test_how_coarse_a_voxel_of_ice_may_be(depth_A, step_deg, area_A2, factor):
    angles = np.array([-60.0, 0.0, step_deg, 60.0])
    assert coarse_factor(5.0, depth_A, angles, area_A2) == factor
