"""Waves through the slab against closed forms and limits."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar

from faket.constants import (
    ICE_POTENTIAL_V,
    electron_wavelength_A,
    interaction_constant_rad_per_V_A,
)
from faket.data import TiltGeometry
from faket.microscope import Optics, contrast_transfer, draw_acquisition
from faket.microscope.absorption import absorptive_potential_V, mean_free_path_A
from faket.microscope.column import Column
from faket.microscope.dose import critical_dose
from faket.microscope.grid import WorkingGrid
from faket.microscope.lens import form_image, fresnel_propagator
from faket.projection import project

SIGMA = interaction_constant_rad_per_V_A(300.0)
WAVELENGTH = electron_wavelength_A(300.0)
SHAPE = (40, 64, 64)


def random_potential(shape=SHAPE, seed=0):
    return np.random.default_rng(seed).normal(0, 2.0, shape).astype(np.float32)


def spectrum_of(image):
    return np.fft.rfft2(image)


def frequencies(shape, pixel=5.0):
    return np.fft.rfftfreq(shape[1], pixel)[None, :], np.fft.fftfreq(shape[0], pixel)[:, None]


def column_of(specimen, microscope, angles=(0.0,)):
    geometry = TiltGeometry(np.array(angles, float), specimen.potential.voxel_size_A)
    return Column(specimen, draw_acquisition(microscope, geometry, seed=0), "cpu")


@pytest.mark.parametrize("angle", [0.0, 48.0])
def test_wave_keeps_its_norm_without_absorption(make_specimen, ideal, angle):
    specimen = make_specimen(60 * random_potential())
    column = column_of(specimen, replace(ideal, slice_thickness_A=10.0, ice=True), [angle])
    wave, _ = column.exit_wave(column.load(0))
    norm = torch.sum(wave.abs().double() ** 2).item()
    assert norm == pytest.approx(wave.numel(), rel=1e-5)
    assert torch.std(wave.abs()).item() > 0.01, "and it did scatter"


def test_propagators_compose():
    grid = WorkingGrid((48, 60), (48, 60), 3.0, "cpu")
    a, b, both = (fresnel_propagator(grid, WAVELENGTH, z) for z in (120.0, 333.0, 453.0))
    torch.testing.assert_close(a * b, both, atol=2e-6, rtol=0)


def test_one_slice_is_the_projection(make_specimen, shoot):
    """ψ = exp(iσ ∫V), in both senses of one slice."""
    potential = random_potential((6, 32, 32))
    specimen = make_specimen(potential)
    phase = SIGMA * 5.0 * project(potential, [0.0], device="cpu")[0]
    for changes in ({"model": "phase-grating"}, {"slice_thickness_A": 1000.0}):
        kept = shoot(specimen, expose_with={"keep": ["exit_wave", "potential"]}, **changes).stages
        np.testing.assert_allclose(kept["potential"][0] * SIGMA, phase, atol=1e-5)
        np.testing.assert_allclose(kept["exit_wave"][0], np.exp(1j * phase), atol=1e-5)


def test_phase_grating_of_a_tilted_slab_is_its_projection(make_specimen, shoot, blob):
    potential = blob(SHAPE, (4, 3, -5), height=20.0)
    kept = shoot(
        make_specimen(potential), [40.0], model="phase-grating", expose_with={"keep": ["exit_wave"]}
    ).stages
    phase = SIGMA * 5.0 * project(potential, [40.0], device="cpu")[0]
    np.testing.assert_allclose(kept["exit_wave"][0], np.exp(1j * phase), atol=1e-5)


def test_halving_the_slices_converges(make_specimen, shoot):
    specimen = make_specimen(5 * random_potential())
    waves = [
        shoot(
            specimen,
            [30.0],
            slice_thickness_A=thickness,
            expose_with={"keep": ["exit_wave"]},
        ).stages["exit_wave"][0]
        for thickness in (160.0, 80.0, 40.0, 20.0, 10.0)
    ]
    steps = [np.abs(a - b).max() for a, b in pairwise(waves)]
    assert all(later < 0.75 * earlier for earlier, later in pairwise(steps))
    assert steps[-1] < 0.2 * steps[0]


def test_automatic_slices_are_fine_enough(make_specimen, shoot, blob):
    """Against slices of 10 Å, the automatic 323 Å change an image of molecules by a percent."""
    shape = (180, 96, 96)
    potential = sum(
        blob(shape, centre, sigma=4.0, height=4.0)
        for centre in np.random.default_rng(0).uniform((-70, -35, -35), (70, 35, 35), (25, 3))
    )
    images = [
        shoot(
            make_specimen(potential),
            [50.0],
            slice_thickness_A=thickness,
            expose_with={"keep": ["intensity"]},
        ).stages["intensity"][0]
        for thickness in (0.0, 10.0)
    ]
    assert np.std(images[0] - images[1]) < 0.02 * np.std(images[1])


@pytest.mark.parametrize("angle", [0.0, 60.0, -35.0])
@pytest.mark.parametrize("centre", [(0.0, 2.0, 3.0), (24.0, 0.0, -11.0), (-20.0, 5.0, 14.0)])
def test_height_changes_defocus(make_specimen, shoot, blob, angle, centre):
    """A weak point at beam coordinate z' is seen at defocus Δf + z', with its sign."""
    shape = (64, 160, 160)
    plus, minus = (
        shoot(
            make_specimen(blob(shape, centre, sigma=1.2, height=height)),
            [angle],
            slice_thickness_A=5.0,
            expose_with={"keep": ["intensity", "potential"]},
        ).stages
        for height in (2.0, -2.0)  # their difference is free of second order
    )
    kx, ky = frequencies(shape[1:])
    used = (np.hypot(kx, ky) > 0.01) & (np.hypot(kx, ky) < 0.08)
    contrast = spectrum_of((plus["intensity"][0] - minus["intensity"][0]) / 2)[used]
    source = 2 * SIGMA * spectrum_of(plus["potential"][0])[used]

    def misfit(defocus):
        ctf = contrast_transfer(kx, ky, Optics(WAVELENGTH, defocus))[used]
        return np.sum(np.abs(contrast - source * ctf) ** 2)

    height = 5.0 * (centre[0] * np.cos(np.radians(angle)) - centre[2] * np.sin(np.radians(angle)))
    found = minimize_scalar(misfit, bounds=(29000, 31000), method="bounded").x
    assert found == pytest.approx(30000 + height, abs=25.0)
    assert misfit(found) < 1e-3 * np.sum(np.abs(contrast) ** 2)


def test_weak_object_follows_the_transfer_function(make_specimen, ideal):
    """I = 1 + 2 F⁻¹[CTF · F(σV)], with Cs, astigmatism and both envelopes."""
    potential = 0.01 * random_potential((1, 64, 64))
    changes = {
        "spherical_aberration_mm": 2.7,
        "astigmatism_um": 0.4,
        "energy_spread_eV": 3.0,
        "beam_semi_angle_mrad": 0.05,
    }
    specimen = make_specimen(potential)
    geometry = TiltGeometry(np.zeros(1), 5.0)
    record = draw_acquisition(replace(ideal, **changes), geometry, seed=0)
    column = Column(specimen, record, "cpu")
    grid = column.grid
    found = form_image(grid, *column.exit_wave(column.load(0)), record, 0).numpy() - 1
    full = np.zeros(grid.shape)
    full[grid.window((64, 64))] = SIGMA * 5.0 * potential[0]
    ctf = contrast_transfer(*frequencies(grid.shape), record.optics(0))
    inside = np.s_[: grid.shape[0] // 2, 1:-1]  # Nyquist has no sign, so no astigmatism
    expected = 2 * (ctf * np.fft.rfft2(full))[inside]
    assert np.std(np.fft.rfft2(found)[inside] - expected) < 0.005 * np.std(expected)


def test_weak_absorbing_object_follows_the_transfer_function(make_specimen, shoot):
    """I = 1 + 2σ(V_r sin χ − V_im cos χ): V_im of a material in place of ice."""
    shape = (1, 64, 64)
    labels = np.zeros(shape, np.uint8)
    labels[0, 28:36, 24:40] = 1
    exposure = shoot(
        make_specimen(np.zeros(shape), labels=labels),
        absorption=True,
        spherical_aberration_mm=2.7,
        expose_with={"keep": ["intensity"]},
    )
    imaginary = absorptive_potential_V("protein", 300.0, SIGMA) - absorptive_potential_V(
        "ice", 300.0, SIGMA
    )
    kx, ky = frequencies(shape[1:])
    source = spectrum_of(5.0 * imaginary * (labels[0] > 0))
    cosine = contrast_transfer(kx, ky, exposure.record.optics(0), amplitude_contrast=1.0)
    expected = 2 * SIGMA * np.fft.irfft2(cosine * source, s=shape[1:])
    found = exposure.stages["intensity"][0] - 1
    assert np.std(found - expected) < 0.03 * np.std(expected)


def test_phase_plate_makes_the_mean_of_an_object_dark(make_specimen, shoot, blob):
    """At focus and with a quarter wave, I − 1 = −2σV."""
    potential = blob((1, 64, 64), (0, 0, 0), sigma=3.0, height=0.5)
    found = shoot(
        make_specimen(potential),
        defocus_um=(0.0, 0.0),
        phase_plate_deg=90.0,
        expose_with={"keep": ["intensity"]},
    ).stages["intensity"][0]
    expected = -2 * SIGMA * 5.0 * potential[0]
    expected -= expected.mean()
    np.testing.assert_allclose(found - found.mean(), expected, atol=0.01 * np.ptp(expected))


@pytest.mark.parametrize("angle", [0.0, 60.0])
def test_slab_attenuates_by_beer_lambert(make_specimen, shoot, angle):
    """Mean intensity exp(−t / (Λ cos θ))."""
    specimen = make_specimen(np.zeros((60, 32, 32)))
    found = shoot(
        specimen, [angle], ice=True, absorption=True, expose_with={"keep": ["intensity"]}
    ).stages["intensity"][0]
    path = 60 * 5.0 / np.cos(np.radians(angle))
    expected = np.exp(-path / mean_free_path_A("ice", 300.0))
    assert found.mean() == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize(("label", "material"), [(1, "protein"), (2, "membrane"), (3, "gold")])
@pytest.mark.parametrize("angle", [0.0, 60.0])
def test_materials_attenuate_by_beer_lambert(make_specimen, shoot, label, material, angle):
    """A full layer of a material in place of ice: exp(−path (1/Λ − 1/Λ_ice))."""
    labels = np.zeros((40, 32, 128), np.uint8)
    labels[12:28] = label
    kept = shoot(
        make_specimen(np.zeros(labels.shape), labels=labels),
        [angle],
        absorption=True,
        model="phase-grating",
        expose_with={"keep": ["exit_wave"]},
    ).stages
    path = 16 * 5.0 / np.cos(np.radians(angle))
    excess = 1 / mean_free_path_A(material, 300.0) - 1 / mean_free_path_A("ice", 300.0)
    middle = np.abs(kept["exit_wave"][0, :, 54:74]) ** 2
    assert middle.mean() == pytest.approx(np.exp(-path * excess), rel=1e-4)


def test_published_attenuation():
    """t = 180 nm, Λ = 350 nm: 0.598 without tilt, 0.358 at 60°; ours is 375 nm for ice."""
    assert mean_free_path_A("ice", 300.0) == 3750.0
    assert mean_free_path_A("protein", 200.0) == pytest.approx(1630, rel=0.04)
    assert absorptive_potential_V("protein", 300.0, SIGMA) == pytest.approx(
        1 / (2 * SIGMA * 1970), rel=1e-12
    )


def wave_contrast(exposure, tilt, k_column):
    phase = np.angle(exposure.stages["exit_wave"][tilt]).mean(axis=0) * np.hanning(256)
    return np.abs(np.fft.rfft(phase)[k_column])


@pytest.mark.parametrize("thickness", [0.0, 10.0])
def test_damage_fades_by_the_dose_before(make_specimen, shoot, thickness):
    """Two tilts of one angle: the ratio of contrasts is exp(−ΔD / 2N_e(k))."""
    n, column = 256, 32
    wave = np.cos(2 * np.pi * column * np.arange(n) / n)
    potential = np.broadcast_to(0.5 * wave, (20, 64, n)).astype(np.float32)
    exposure = shoot(
        make_specimen(potential),
        [0.0, 0.0, 0.0],
        dose=[4.0, 9.0, 4.0],
        order=[0, 1, 2],
        damage=True,
        slice_thickness_A=thickness,
        defocus_um=(0.0, 0.0),
        expose_with={"keep": ["exit_wave"]},
    )
    ratio = wave_contrast(exposure, 2, column) / wave_contrast(exposure, 0, column)
    critical = critical_dose(np.array([column / (n * 5.0)]), 300.0)[0]
    assert ratio == pytest.approx(np.exp(-13.0 / (2 * critical)), rel=5e-3)


def test_gold_does_not_fade(make_specimen, shoot):
    labels = np.zeros((20, 64, 64), np.uint8)
    labels[8:14, 28:36, 28:36] = 3
    potential = np.where(labels == 3, 25.3699, 0.0)
    exposure = shoot(
        make_specimen(potential, labels=labels),
        [0.0, 0.0],
        dose=[50.0, 50.0],
        order=[0, 1],
        damage=True,
        expose_with={"keep": ["exit_wave"]},
    )
    first, last = exposure.stages["exit_wave"]
    np.testing.assert_allclose(last, first, atol=1e-4)


def half_empty(make_specimen):
    """A slab of 200 Å whose upper half is vacuum."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[20:] = 4
    return make_specimen(np.where(labels == 4, -ICE_POTENTIAL_V, 0.0), labels=labels)


@pytest.mark.parametrize("angle", [0.0, 40.0])
def test_vacuum_absorbs_nothing(make_specimen, ideal, angle):
    column = column_of(
        half_empty(make_specimen), replace(ideal, ice=True, absorption=True), [angle]
    )
    wave, _ = column.exit_wave(column.load(0))
    middle = column.grid.crop(wave)[:, 28:36].abs() ** 2
    path_A = 100 / np.cos(np.radians(angle))
    expected = np.exp(-path_A / mean_free_path_A("ice", 300.0))
    assert middle.mean().item() == pytest.approx(expected, rel=2e-3)


def test_ice_has_its_texture_where_it_is(make_specimen, ideal):
    """Half as much ice, half the variance."""
    variances = []
    for specimen in (make_specimen(np.zeros(SHAPE)), half_empty(make_specimen)):
        column = column_of(specimen, replace(ideal, ice=True, slice_thickness_A=0.0))
        phase = torch.angle(column.exit_wave(column.load(0))[0])
        variances.append(column.grid.crop(phase).var().item())
    assert variances[1] / variances[0] == pytest.approx(0.5, rel=0.02)


def test_vacuum_does_not_fade(make_specimen, shoot):
    exposure = shoot(
        half_empty(make_specimen),
        [0.0, 0.0],
        dose=[50.0, 50.0],
        order=[0, 1],
        damage=True,
        expose_with={"keep": ["exit_wave"]},
    )
    first, last = exposure.stages["exit_wave"]
    np.testing.assert_allclose(last, first, atol=1e-4)


def test_protein_is_dark(make_specimen, shoot, blob):
    potential = blob((20, 64, 64), (0, 0, 0), sigma=6.0, height=3.0)
    image = shoot(make_specimen(potential), dose=[1000.0]).series.images[0]
    assert image[29:36, 29:36].mean() < image.mean() - 3 * image.std() / 7
