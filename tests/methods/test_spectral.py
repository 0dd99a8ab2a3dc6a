"""The spectral method: limits in closed form, what it measures, and likeness to the simulator."""

import json
from dataclasses import replace

import numpy as np
import pytest

from faket import load_species
from faket.constants import interaction_constant_rad_per_V_A
from faket.data import TiltGeometry, plain_record
from faket.errors import InputError
from faket.evaluation import content_correlation, separability, spectrum_distance
from faket.io.records import parse_record
from faket.methods.measurement import measure_reference
from faket.methods.reference_properties import UNKNOWN, ReferenceProperties
from faket.methods.spectral import (
    signal_to_noise,
    spectral_content,
    spectral_images,
    spectral_pair,
)
from faket.methods.transfer import reference_transfer
from faket.microscope import Microscope, acquire, contrast_transfer
from faket.microscope.ctf_estimate import CtfEstimate
from faket.microscope.ctf_estimation import estimate_ctf
from faket.noise import (
    NoiseProfile,
    coloured_noise,
    detail_moments,
    estimate_noise,
    noisy,
    ring_power,
)
from faket.projection import noise_free_projections
from faket.reconstruction import align
from faket.specimen import SpecimenConfig, build_specimen

ANGLES = np.array([-30.0, 0.0, 30.0])
PIXEL_A = 5.0


def fabricated(*, electrons=40.0, floor=None, gain=1.0, alignment_error_A=0.0):
    """Properties of a counting microscope with a perfect detector."""
    rings = 64
    mean = np.full(3, gain * electrons)
    noise = NoiseProfile(*[np.full(3, 0.5)] * 2, mean, np.full(3, 9.0), "blind", ANGLES)
    ctf = CtfEstimate(ANGLES, np.array([3.0, 3.2, 2.9]), (2.9, 3.2), True, "metadata")
    floor = np.ones(rings) if floor is None else floor
    curves = np.zeros((3, rings))
    return ReferenceProperties(
        pixel_size_A=PIXEL_A,
        noise=noise,
        ctf=ctf,
        electrons=np.full(3, float(electrons)),
        envelope=np.tile(np.exp(-np.linspace(0, 1, rings)), (3, 1)),
        power=np.tile(gain**2 * electrons * floor, (3, 1)),
        signal_fraction=curves,
        signal_fraction_sigma=curves + UNKNOWN,
        anisotropy=np.zeros((3, 3, rings)),
        strength_source="mean",
        strength_sigma=0.5,
        fraction_source="none",
        alignment_error_A=alignment_error_A,
        contrast_power=curves,  # the reference shows nothing, so all its power is noise
    )


def projections(seed=0, strength=200.0, side=128):
    """Smooth random content, V·Å, protein dark."""
    fall = np.exp(-np.linspace(0, 12, 48))
    return np.array([-strength * coloured_noise(seed, t, (side, side), fall) for t in range(3)])


def test_nothing_but_counts_where_there_is_no_specimen():
    """Mean, variance and skewness of a Poisson distribution; the rings of the floor."""
    blank = np.zeros((3, 256, 256))
    made = spectral_images(blank, fabricated(), ANGLES, seed=1).astype(float)
    assert made.mean() == pytest.approx(40.0, rel=1e-5)
    assert made.var() == pytest.approx(40.0, rel=0.02)
    z = (made - 40) / made.std()
    assert (z**3).mean() == pytest.approx(40.0**-0.5, abs=0.02)
    falling = 0.3 + np.linspace(1, 0, 64) ** 2
    coloured = spectral_images(blank, fabricated(floor=falling), ANGLES, seed=1)
    found = np.mean([ring_power(image, 64, limit=0.7072) for image in coloured], axis=0)
    np.testing.assert_allclose(found[2:44] / (40 * falling[2:44]), 1.0, atol=0.25)
    assert (found / (40 * falling))[2:44].mean() == pytest.approx(1.0, abs=0.02)


def test_grey_values_are_near_to_the_steps_of_the_reference_and_as_scattered_as_its():
    counted = replace(fabricated(), grey_steps=np.tile([6.0, 1.0, 0.25], (3, 1)))
    blank = np.zeros((3, 256, 256))
    made = spectral_images(blank, counted, ANGLES, seed=1).astype(float)
    np.testing.assert_allclose((made / 6 - 0.25) % 1, 0.0, atol=1e-5)
    assert made.var() == pytest.approx(40.0, rel=0.02)
    content, full = spectral_pair(blank, counted, ANGLES, seed=1)
    np.testing.assert_array_equal(full, made)
    assert len(np.unique(content)) > 1000 > len(np.unique(full))
    each = np.array([[2.0, 1.0, 0.25], [0.0, 0.0, 0.0], [2.0, 0.5, 0.75]])
    there = replace(counted, grey_steps=each).at([ANGLES[2], ANGLES[0] + 0.1])
    np.testing.assert_array_equal(there.grey_steps, each[[2, 0]])


def test_a_weak_object_without_noise_is_the_contrast_transfer_of_it():
    properties, noise_free = fabricated(), projections(strength=1.0)
    made = spectral_images(noise_free, properties, ANGLES, seed=1, amount=0.0)
    sigma = interaction_constant_rad_per_V_A(300.0)
    f = np.fft.fftfreq(128)[:, None], np.fft.rfftfreq(128)
    middles = (np.arange(64) + 0.5) * 0.7072 / 64
    envelope = np.interp(np.hypot(*f), middles, np.exp(-np.linspace(0, 1, 64)))
    for tilt in range(3):
        transfer = contrast_transfer(
            f[1] / PIXEL_A, f[0] / PIXEL_A, properties.ctf.optics(tilt), amplitude_contrast=0.055
        )
        phase = np.fft.rfft2(-sigma * noise_free[tilt]) * envelope
        phase[0, 0] = 0
        expected = 80 * np.fft.irfft2(phase * transfer)
        error = made[tilt] - 40 - expected
        assert error.std() < 0.03 * expected.std()


def test_astigmatism_and_phase_plate_of_each_tilt_are_in_its_image():
    """A weak object again, with another defocus along each direction and in each tilt."""
    shifted = np.array([0.0, 90.0, 30.0])
    properties = fabricated()
    ctf = replace(
        properties.ctf, astigmatism_um=np.array([0.0, 0.4, 0.8]),
        astigmatism_deg=np.array([0.0, 25.0, -70.0]), phase_plate_deg=shifted,
    )  # fmt: skip
    properties = replace(properties, ctf=ctf)
    weak = 1e-3 * projections()
    made = spectral_images(weak, properties, ANGLES, seed=0, amount=0.0) - 40.0
    sigma = interaction_constant_rad_per_V_A(300.0)
    k = np.fft.fftfreq(128, PIXEL_A)
    for tilt in range(3):
        optics = ctf.optics(tilt)
        assert optics.phase_plate_rad == pytest.approx(np.radians(shifted[tilt]))
        transfer = contrast_transfer(
            k[None], k[:, None], optics, amplitude_contrast=ctf.amplitude_contrast
        )
        inner = np.hypot(k[None], k[:, None]) < 0.9 / (2 * PIXEL_A)
        fall = np.interp(
            np.hypot(k[None], k[:, None]) * PIXEL_A, np.linspace(0, 0.7072, 64),
            properties.envelope[tilt],
        )  # fmt: skip
        # The wave's exact w is tan of the function's arcsin w: equal to first order.
        expected = 2 * 40 * fall * transfer * np.fft.fft2(-sigma * weak[tilt])
        found = np.fft.fft2(made[tilt])
        expected[0, 0] = found[0, 0] = 0
        error = np.abs(found - expected)[inner].std() / np.abs(expected)[inner].std()
        assert error < 0.02


def test_protein_is_dark():
    noise_free = projections()
    made = spectral_images(noise_free, fabricated(), ANGLES, seed=1, amount=0.0)
    for tilt in range(3):
        assert np.corrcoef(made[tilt].ravel(), noise_free[tilt].ravel())[0, 1] > 0.2


def test_content_is_the_same_image_with_a_quarter_of_the_noise():
    properties, noise_free = fabricated(), projections()
    full, quarter, none = (
        spectral_images(noise_free, properties, ANGLES, seed=4, amount=amount)
        for amount in (1, 0.25, 0)
    )
    np.testing.assert_allclose(quarter - none, (full - none) / 4, atol=1e-3)
    np.testing.assert_array_equal(spectral_content(noise_free, properties, ANGLES, seed=4), quarter)
    assert spectral_images(noise_free, properties, ANGLES, seed=4).tobytes() == full.tobytes()
    assert not np.array_equal(spectral_images(noise_free, properties, ANGLES, seed=5), full)


def test_signal_to_noise_is_what_the_images_show():
    properties, noise_free = fabricated(), projections()
    found = signal_to_noise(noise_free, properties, ANGLES)
    none = spectral_images(noise_free, properties, ANGLES, seed=0, amount=0.0)
    signal = [ring_power(image, 64, limit=0.7072) for image in none]
    np.testing.assert_allclose(found, np.array(signal) / 40, rtol=1e-3, atol=1e-6)


def test_the_unit_of_grey_values_does_not_matter():
    noise_free = projections()
    one, other = fabricated(), fabricated(gain=17.0)
    made = spectral_images(noise_free, one, ANGLES, seed=2)
    np.testing.assert_allclose(
        spectral_images(noise_free, other, ANGLES, seed=2), 17 * made, rtol=1e-4, atol=1e-2
    )
    reference = made
    known = estimate_ctf(reference, PIXEL_A, ANGLES, defocus_um=3.0)
    first = measure_reference(reference, ANGLES, PIXEL_A, ctf=known)
    second = measure_reference(17 * reference, ANGLES, PIXEL_A, ctf=known)
    assert first.strength_source == second.strength_source == "mean"
    np.testing.assert_allclose(second.electrons, first.electrons, rtol=1e-5)
    np.testing.assert_allclose(second.power, 289 * first.power, rtol=1e-5)
    np.testing.assert_allclose(second.signal_fraction, first.signal_fraction, atol=1e-4)


def test_without_a_mean_the_exposure_tells_how_strong_the_signal_is():
    """0.45 of the dose is detected: 40 electrons a pixel are 3.56 e/Å² on pixels of 5 Å."""
    reference = spectral_images(projections(), fabricated(), ANGLES, seed=2)
    known = estimate_ctf(reference, PIXEL_A, ANGLES, defocus_um=3.0)
    dose = np.full(3, 40 / 25 / 0.45)
    plain = measure_reference(reference - 40, ANGLES, PIXEL_A, ctf=known, dose_e_per_A2=dose)
    assert plain.strength_source == "dose"
    np.testing.assert_allclose(plain.electrons, 40.0, rtol=0.05)
    far = measure_reference(reference + 4000, ANGLES, PIXEL_A, ctf=known, dose_e_per_A2=dose)
    assert far.strength_source == "dose"


def test_noise_free_projections_give_strength_blur_and_misalignment():
    """Images made with a known envelope and shifts give both back."""
    noise_free = projections(side=256, strength=400.0)
    properties = fabricated(electrons=400.0, alignment_error_A=6.0)
    k = (np.arange(64) + 0.5) * 0.7072 / 64 / PIXEL_A
    blurred = np.tile(0.8 * np.exp(-2 * (np.pi * 5.0 * k) ** 2) * np.sinc(k * PIXEL_A), (3, 1))
    properties = replace(properties, envelope=blurred)
    reference = spectral_images(noise_free, properties, ANGLES, seed=3)
    tiny = np.full(3, 1e-3)  # no radiation damage
    known = replace(properties.ctf, source="metadata")
    found = measure_reference(
        reference, ANGLES, PIXEL_A, noise_free=noise_free, ctf=known, dose_e_per_A2=tiny
    )
    assert found.strength_source == "paired"
    rings = (np.arange(128) + 0.5) * 0.7072 / 128 / PIXEL_A
    expected = 0.8 * np.exp(-2 * (np.pi * 5.0 * rings) ** 2) * np.sinc(rings * PIXEL_A)
    strength = reference_transfer(found, noise_free).amplitude / 400 * found.envelope
    # Rings below hold few coefficients of three images.
    inner = (rings > 0.005) & (rings < 0.02)
    np.testing.assert_allclose(strength[:, inner], np.tile(expected[inner], (3, 1)), atol=0.12)
    assert 1.0 < found.alignment_error_A < 12.0


def test_other_tilts_take_the_model_by_angle():
    properties = fabricated()
    properties = replace(properties, electrons=np.array([30.0, 40.0, 20.0]))
    there = properties.at([-60.0, 15.0, 0.0, 30.0])
    np.testing.assert_allclose(there.electrons, [30.0, 30.0, 40.0, 20.0])
    np.testing.assert_allclose(there.ctf.defocus_um[[0, 3]], [3.0, 2.9])
    assert there.power.shape == (4, 64)
    made = spectral_images(np.zeros((4, 64, 48)), properties, there.noise.angles_deg, seed=0)
    assert made.shape == (4, 64, 48)


def read_back(values):
    text = json.dumps(values, default=np.ndarray.tolist)
    return parse_record(
        text, ReferenceProperties, "a.json", what="a record", remedy="make it again"
    )


def test_round_trip_through_json():
    reference = spectral_images(projections(side=64), fabricated(), ANGLES, seed=2)
    properties = measure_reference(reference, ANGLES, PIXEL_A)
    again = read_back(plain_record(properties))
    assert plain_record(again) == plain_record(properties)


def test_closer_to_the_simulator_than_noisy():
    """Reference and truth: two specimens, one microscope with a detector and misalignments."""
    angles = np.arange(-30.0, 31.0, 10.0)
    geometry = TiltGeometry(angles, 10.0)
    microscope = Microscope(defocus_um=(4.0, 4.0), dose_e_per_A2=(30.0, 30.0))
    library = [
        load_species(f"synthetic:{name}", voxel_size_A=10.0) for name in ("syn-ring", "syn-barrel")
    ]
    config = SpecimenConfig(
        size_voxels=(160, 160, 60), voxel_size_A=10.0, particles=(80, 80), vesicles=(0, 0),
        gold=(1, 1),
    )  # fmt: skip
    stacks, projected = [], []
    for seed in (1, 2):
        specimen = build_specimen(config, library, seed=seed)
        series = acquire(specimen, geometry, microscope, seed=7, device="cpu")
        stacks.append(align(series.images, series.geometry))
        projected.append(noise_free_projections(specimen, angles).images)
    known = estimate_ctf(stacks[0], 10.0, angles, defocus_um=4.0)
    properties = measure_reference(
        stacks[0], angles, 10.0, ctf=known, dose_e_per_A2=np.full(7, 30 / 7)
    )
    made = spectral_images(projected[1], properties, angles, seed=0)
    plain = noisy(projected[1], estimate_noise(stacks[0], projected[0], angles_deg=angles), seed=0)
    truth = stacks[1]
    assert spectrum_distance(made, truth).distance < 0.5 * spectrum_distance(plain, truth).distance
    assert separability(made, truth, seed=0, patch_px=48).auc < (
        separability(plain, truth, seed=0, patch_px=48).auc - 0.05
    )
    kept = [content_correlation(stack, projected[1]).mean for stack in (made, truth)]
    assert kept[0] == pytest.approx(kept[1], rel=0.15)


def test_bad_input_is_refused_in_one_line():
    properties, noise_free = fabricated(), projections(side=64)
    constant = noise_free.copy()
    constant[1] = 3.0
    cases = [
        (lambda: spectral_images(noise_free, properties, ANGLES[:2], seed=0), "2 tilts"),
        (lambda: spectral_images(noise_free[0], properties, ANGLES, seed=0), "tilt, y, x"),
        (lambda: spectral_images(noise_free, properties, ANGLES, seed=0, amount=-1), "amount"),
        (lambda: measure_reference(constant, ANGLES, 5.0), "tilt 1"),
        (lambda: measure_reference(noise_free, ANGLES, 5.0, dose_e_per_A2=[1.0]), "dose"),
        (lambda: read_back({"power": []}), "no entry pixel_size_A"),
        (lambda: replace(properties, power=-properties.power), "power"),
        (lambda: replace(properties, pixel_size_A=0.0), "pixel size"),
        (lambda: replace(properties, electrons=np.ones(2)), "3 tilts"),
    ]
    for call, word in cases:
        with pytest.raises(InputError, match=word) as error:
            call()
        assert "\n" not in str(error.value)


def test_a_pair_is_its_two_parts():
    noise_free = projections()
    kept, full = spectral_pair(noise_free, fabricated(), ANGLES, seed=3)
    assert kept.tobytes() == spectral_content(noise_free, fabricated(), ANGLES, seed=3).tobytes()
    assert full.tobytes() == spectral_images(noise_free, fabricated(), ANGLES, seed=3).tobytes()


def test_noise_is_as_skewed_as_the_reference():
    """Counts of a camera whose noise is three times as skewed, or not at all."""
    noise_free, properties = projections(side=256, strength=50.0), fabricated()
    for skewness in (0.0, 3.0):
        white = np.random.default_rng(5).standard_normal((3, 256, 256))
        counts = 40 + np.sqrt(40.0) * white + skewness / 6 * (white**2 - 1)
        moments = [detail_moments(image) for image in counts]
        seen = np.array([third / variance**1.5 for variance, third in moments])
        found = reference_transfer(replace(properties, skewness=seen), noise_free).skewness
        assert found == pytest.approx(skewness, abs=0.3)
