"""Units, signs and weights of the methods, each in a case that has one exact answer."""

from dataclasses import replace

import numpy as np
import pytest

from faket.constants import electron_wavelength_A, interaction_constant_rad_per_V_A
from faket.data import TiltGeometry, TiltSeries, plain_record
from faket.errors import InputError
from faket.methods.contrast import expected_contrast
from faket.methods.known import known_dose
from faket.methods.look_like import look_like, noise_like, reference_properties
from faket.methods.measurement import measure_reference
from faket.methods.notices import coverage_notice, reference_notices
from faket.methods.reference_properties import CORNER, UNKNOWN, ReferenceProperties
from faket.methods.spectral import spectral_images
from faket.methods.transfer import reference_transfer
from faket.microscope.ctf_estimate import CtfEstimate
from faket.noise import (
    NoiseProfile,
    add_noise,
    baseline,
    coloured_noise,
    content,
    estimate_noise,
    noisy,
    ring_power,
)

PIXEL_A, BEAM, RINGS = 4.0, 50.0, 128
ANGLES = np.array([-20.0, 0.0, 20.0])


def model_of(*, beam=BEAM, floor=None, envelope=None, angles=ANGLES, **ctf):
    """Return the properties of a counting microscope, 50 electrons a pixel."""
    n = len(angles)
    flat = np.full(n, 0.5)
    mean = np.broadcast_to(np.asarray(beam, float), n)
    return ReferenceProperties(
        pixel_size_A=PIXEL_A,
        noise=NoiseProfile(flat, flat, mean, flat, "blind", angles),
        ctf=CtfEstimate(angles, np.full(n, 3.0), (2.9, 3.1), True, "metadata", **ctf),
        electrons=np.full(n, BEAM),
        envelope=np.ones((n, RINGS)) if envelope is None else np.tile(envelope, (n, 1)),
        power=np.tile(BEAM * (np.ones(RINGS) if floor is None else floor), (n, 1)),
        signal_fraction=np.zeros((n, RINGS)),
        signal_fraction_sigma=np.full((n, RINGS), UNKNOWN),
        anisotropy=np.zeros((n, 3, RINGS)),
        strength_source="mean",
        strength_sigma=0.5,
        fraction_source="none",
        contrast_power=np.zeros((n, RINGS)),  # all of the power is noise
    )


def projections(seed=0, rms=600.0, shape=(96, 80), n=3):
    """Smooth random content, V·Å, protein dark: phases of 0.4 rad."""
    fall = np.exp(-np.linspace(0, 14, 48))
    made = np.array([coloured_noise(seed, t, shape, fall) for t in range(n)], np.float64)
    return (-rms * made / made.std()).astype(np.float32)


def test_the_wave_behind_a_specimen_goes_through_the_whole_transfer():
    """|F⁻¹[exp(−iχ') F exp((i − w) φ)]|², written out; the unscattered beam misses the plate."""
    known = {"phase_plate_deg": 70.0, "amplitude_contrast": 0.1, "spherical_aberration_mm": 2.0}
    fall = np.exp(-np.linspace(0, 2, RINGS))
    properties = model_of(envelope=fall, **known)
    image = projections()[0] - 5000.0
    ky, kx = (np.fft.fftfreq(n)[:, None] for n in image.shape)
    k = np.hypot(ky, kx.T)
    middles = (np.arange(RINGS) + 0.5) * CORNER / RINGS
    filtered = np.fft.fft2(-interaction_constant_rad_per_V_A(300.0) * image.astype(float))
    filtered *= np.interp(k, middles, fall)
    filtered[0, 0] = 0
    wave = np.exp((1j - 0.1) * np.fft.ifft2(filtered).real)
    wavelength, k = electron_wavelength_A(300.0), k / PIXEL_A
    chi = 0.5 * np.pi * 2e7 * wavelength**3 * k**4 - np.pi * wavelength * k**2 * 3e4
    transfer = np.exp(-1j * (chi - np.radians(70.0)))
    transfer[0, 0] = 1
    intensity = np.abs(np.fft.ifft2(np.fft.fft2(wave) * transfer)) ** 2
    expected = intensity - intensity.mean()
    found = expected_contrast(properties, 0, image)
    np.testing.assert_allclose(found, expected, atol=2e-3 * expected.std())


def test_a_shift_moves_content_along_x_and_y():
    image = projections()[0]
    moved = expected_contrast(model_of(), 0, image, (5.0, -3.0))
    still = np.roll(expected_contrast(model_of(), 0, image), (-3, 5), axis=(0, 1))
    np.testing.assert_allclose(moved, still, atol=1e-3 * still.std())


def test_what_colours_the_noise_colours_the_signal():
    """A finished image that is filtered: the same filter in both, at every ring."""
    falling = 0.1 + np.linspace(1, 0, RINGS) ** 2 * 0.9
    images = projections(rms=60.0)
    plain, coloured = (
        spectral_images(images, model_of(floor=floor), ANGLES, seed=0, amount=0.0)
        for floor in (np.ones(RINGS), falling)
    )
    for one, other in zip(plain, coloured, strict=True):
        ratio = ring_power(other, 24) / ring_power(one, 24)
        middles = (np.arange(24) + 0.5) / 48
        expected = np.interp(middles, (np.arange(RINGS) + 0.5) * CORNER / RINGS, falling)
        np.testing.assert_allclose(ratio[2:], expected[2:], rtol=0.05)


def test_noise_free_projections_tell_shifts_and_strength():
    """Tilts moved by 0 and ± (2.4, −2.4) pixels: 1.4826 · 2.4 · 4 Å; the signal is 0.7 of it."""
    images = projections(shape=(128, 128), rms=300.0)
    properties = replace(model_of(), envelope=np.full((3, RINGS), 0.7))
    turns = np.fft.fftfreq(128)[:, None], np.fft.rfftfreq(128)
    moved = []
    for sign, image in zip((0, 1, -1), images, strict=True):
        phase = np.exp(-2j * np.pi * sign * 2.4 * (turns[1] - turns[0]))
        moved.append(np.fft.irfft2(np.fft.rfft2(image) * phase, s=image.shape))
    reference = spectral_images(np.array(moved), properties, ANGLES, seed=1, amount=0.3)
    found = measure_reference(
        reference, ANGLES, PIXEL_A, noise_free=images, ctf=properties.ctf, dose_e_per_A2=[1e-3] * 3
    )
    assert found.alignment_error_A == pytest.approx(1.4826 * 2.4 * PIXEL_A, rel=0.03)
    strength = (reference_transfer(found, images).amplitude * found.envelope / BEAM)[:, 2:8]
    middles = (np.arange(2, 8) + 0.5) * CORNER / RINGS
    np.testing.assert_allclose(strength / np.sinc(middles), 0.7, rtol=0.08)
    assert found.strength_source == "paired"


def measured_without_signal(pixel_size_A=PIXEL_A, **options):
    white = 5.0 * np.random.default_rng(0).standard_normal((3, 96, 96))
    known = CtfEstimate(ANGLES, np.full(3, 3.0), (2.9, 3.1), True, "metadata")
    return measure_reference(white, ANGLES, pixel_size_A, ctf=known, **options)


def test_the_usual_exposure_is_110_electrons_of_which_0_45_are_detected():
    """Electrons per pixel: 0.45 · 110 / 3 · pixel²."""
    found = measured_without_signal()
    np.testing.assert_allclose(found.electrons, 0.45 * 110 / 3 * PIXEL_A**2, rtol=1e-6)
    np.testing.assert_allclose(found.power[:, 20:80].mean(axis=1), 25.0, rtol=0.1)
    assert found.strength_source == "dose"


def test_what_motion_pixels_and_efficiency_leave_of_the_amplitude():
    """0.9 exp(−2π² (2 Å)² k²) sinc(f), without damage; a given motion instead of 2 Å."""
    f = (np.arange(RINGS) + 0.5) * CORNER / RINGS
    for options, motion_A in (({}, 2.0), ({"residual_motion_A": 7.0}, 7.0)):
        found = measured_without_signal(dose_e_per_A2=[1e-9] * 3, **options)
        expected = 0.9 * np.exp(-2 * np.pi**2 * (motion_A * f / PIXEL_A) ** 2) * np.sinc(f)
        np.testing.assert_allclose(found.envelope, np.tile(expected, (3, 1)), atol=1e-6)


@pytest.mark.parametrize(("pixel_size_A", "start"), [(4.0, 0.25), (9.0, 0.324), (20.0, 0.4)])
def test_below_a_first_ring_noise_has_no_direction(pixel_size_A, start):
    """0.036 / Å, but from 0.25 to 0.4 cycles per pixel: there specimens have directions."""
    found = measured_without_signal(pixel_size_A)
    beyond = np.flatnonzero(np.abs(found.anisotropy[0]).max(axis=0) > 1e-9)
    first = (beyond[0] + 0.5) * CORNER / RINGS
    assert start - 10 * CORNER / RINGS < first <= start + CORNER / RINGS


def test_a_later_tilt_is_more_damaged():
    dose, order = np.full(3, 40.0), np.array([2, 0, 1])
    found = measured_without_signal(dose_e_per_A2=dose, order=order)
    assert found.envelope[1, 40] > found.envelope[2, 40] > found.envelope[0, 40]
    usual = measured_without_signal(dose_e_per_A2=dose)  # dose-symmetric: 0°, then up, then down
    assert usual.envelope[1, 40] > usual.envelope[2, 40] > usual.envelope[0, 40]


def test_a_model_between_its_tilts_is_interpolated_entry_by_entry():
    rng = np.random.default_rng(0)
    properties = replace(
        model_of(),
        electrons=np.array([10.0, 20.0, 40.0]), skewness=rng.random(3),
        envelope=rng.random((3, RINGS)), power=rng.random((3, RINGS)),
        signal_fraction=rng.random((3, RINGS)), anisotropy=rng.random((3, 3, RINGS)),
    )  # fmt: skip
    there = properties.at([5.0, -40.0])
    for name in ("electrons", "skewness", "envelope", "power", "signal_fraction", "anisotropy"):
        values = getattr(properties, name)
        np.testing.assert_allclose(getattr(there, name)[0], 0.75 * values[1] + 0.25 * values[2])
        np.testing.assert_allclose(getattr(there, name)[1], values[0])


def series(images, pixel_size_A=10.0, angles=ANGLES):
    return TiltSeries(np.asarray(images, np.float32), TiltGeometry(angles, pixel_size_A))


def reference():
    rng = np.random.default_rng(1)
    return series(rng.poisson(80 + 5 * projections(seed=9, rms=1.0, shape=(64, 64))))


def test_every_start_is_the_function_of_its_name():
    images, ref = projections(shape=(64, 64)), reference()
    profile = estimate_noise(ref.images, angles_deg=ANGLES)
    expected = {
        "coloured": add_noise(images, profile, seed=3, spectrum="reference"),
        "noisy": noisy(images, profile, seed=3, angles_deg=ANGLES),
        "baseline": baseline(images, profile, seed=3, angles_deg=ANGLES),
        "content": content(images, profile, seed=3, angles_deg=ANGLES),
    }
    for method, made in expected.items():
        found, record = noise_like(method, series(images), ref, seed=3)
        np.testing.assert_array_equal(found, made)
        assert record == plain_record(profile)
        if method != "content":
            alike = look_like(series(images), ref, method=method, seed=3)
            np.testing.assert_array_equal(alike.images, made)
    properties = reference_properties(ref, defocus_um=3.0, dose_e_per_A2=90.0)
    known = {"defocus_um": 3.0, "dose_e_per_A2": 90.0}
    for method, amount in (("spectral", 1.0), ("spectral-content", 0.25)):
        found, record = noise_like(method, series(images), ref, seed=3, **known)
        made = spectral_images(images, properties, ANGLES, seed=3, amount=amount)
        np.testing.assert_array_equal(found, made)
        assert record == plain_record(properties)


def test_the_exposure_of_a_series_is_shared_by_its_tilts():
    """A third of 90 e/Å² each, 0.45 of it on pixels of 100 Å²; images without a mean."""
    ref = reference()
    found = reference_properties(series(ref.images - 80), dose_e_per_A2=90.0, defocus_um=2.5)
    np.testing.assert_allclose(found.electrons, 0.45 * 30 * 100, rtol=1e-6)
    np.testing.assert_allclose(found.ctf.defocus_um, 2.5)


@pytest.mark.parametrize("method", ["style", "faket", "benchmark", "noiseless", "spectra"])
def test_what_has_no_noise_of_a_reference_is_refused(method):
    with pytest.raises(InputError, match="expected one of spectral, coloured, noisy, baseline"):
        noise_like(method, series(projections()), reference())


def test_pixel_sizes_may_differ_by_a_fiftieth():
    images = projections(shape=(64, 64))
    for size_A, fits in ((10.15, True), (9.85, True), (10.3, False), (9.7, False)):
        given = series(images, size_A)
        if fits:
            assert look_like(given, reference(), method="noisy").geometry == given.geometry
        else:
            with pytest.raises(InputError, match="pixel size"):
                look_like(given, reference(), method="noisy")


def test_tilts_beyond_the_references_by_more_than_3_degrees_are_counted():
    assert coverage_notice(ANGLES, [-23.0, 0.0, 23.0]) == []
    (notice,) = coverage_notice(ANGLES, [-23.5, 0.0, 23.5, 60.0])
    assert notice.startswith("3 of 4 tilts (-23.5° to 60°)")
    assert coverage_notice(ANGLES, [-30.0, 0.0])[0].startswith("1 of 2 tilts")


def test_notices_say_the_share_of_a_tilt():
    (notice,) = reference_notices(model_of(), dose=None)
    assert "110 e/Å² in all, 36.7 a tilt" in notice
    known = np.full(len(model_of().noise), 30.0)
    assert reference_notices(model_of(), dose=known, order=np.arange(len(known))) == []
    (order,) = reference_notices(model_of(), dose=known)
    assert "dose-symmetric" in order


def test_exposures_of_the_geometry_are_used_a_total_divided_like_them():
    geometry = TiltGeometry(np.zeros(3), 5.0, dose_e_per_A2=np.array([1.0, 2.0, 1.0]))
    np.testing.assert_allclose(known_dose(geometry, None), [1, 2, 1])
    np.testing.assert_allclose(known_dose(geometry, 100.0), [25, 50, 25])
    assert known_dose(TiltGeometry(np.zeros(3), 5.0), None) is None
    np.testing.assert_allclose(known_dose(TiltGeometry(np.zeros(2), 5.0), 9.0), [4.5, 4.5])


def test_what_was_exposed_before_fades_the_signal_whatever_the_order():
    """Images that were left out were exposed: 30 more e/Å² before all, and order is not asked."""
    images = np.random.default_rng(0).normal(100, 10, (3, 64, 64)).astype(np.float32)
    known = {"dose_e_per_A2": [3.0] * 3, "order": [0, 1, 2]}
    near, far = (
        measure_reference(images, [-30.0, 0.0, 30.0], 5.0, **known, dose_before_e_per_A2=before)
        for before in ([0.0, 3.0, 6.0], [36.0, 33.0, 30.0])
    )
    same = measure_reference(images, [-30.0, 0.0, 30.0], 5.0, **known)
    np.testing.assert_array_equal(near.envelope, same.envelope)
    assert (far.envelope[:, 20:60] < near.envelope[:, 20:60]).all()
    assert (far.envelope[0, 20:60] < far.envelope[2, 20:60]).all()
