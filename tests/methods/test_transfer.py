"""Signal and noise that are measured on a reference, whatever its microscope did to both."""

from dataclasses import replace

import numpy as np
import pytest

from faket.constants import electron_wavelength_A, interaction_constant_rad_per_V_A
from faket.data import TiltGeometry, TiltSeries
from faket.methods import known
from faket.methods.measurement import ctf_by_pairs, measure_reference
from faket.methods.notices import reference_notices
from faket.methods.reference_properties import CORNER, RINGS, UNKNOWN
from faket.methods.signal_fit import fit_correction
from faket.methods.spectral import spectral_images
from faket.methods.transfer import reference_transfer
from faket.microscope.ctf_estimate import CtfEstimate
from faket.microscope.ctf_estimation import estimate_ctf
from faket.noise import ring_power
from faket.rings import ring_frequencies
from slabs import slab_series

ANGLES = np.arange(-44.0, 45.0, 4.0)
PIXEL_A, DEFOCUS_UM, SIDE = 6.0, 3.0, 192


def colour(k):
    """A smooth filter of the finished image, signal and noise alike."""
    return 0.2 + 0.8 * np.exp(-((k / 0.25) ** 2)) + np.exp(-((k / 0.06) ** 2))


def imaged(noise_free, seed):
    """Return images and signal: a weak phase object in closed form, grey values in no unit."""
    rng = np.random.default_rng(seed)
    k = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE))
    chi = np.pi * electron_wavelength_A(300.0) * DEFOCUS_UM * 1e4 * (k / PIXEL_A) ** 2
    transfer = 2 * np.sin(chi + 0.07) * np.exp(-300 / 4 * (k / PIXEL_A) ** 2) * colour(k)
    transfer[0, 0] = 0
    sigma = interaction_constant_rad_per_V_A(300.0)
    signal = np.array(
        [np.fft.irfft2(np.fft.rfft2(sigma * image) * transfer) for image in noise_free]
    )
    white = rng.standard_normal(signal.shape) / np.sqrt(40.0)
    low = 3 * np.exp(-((k / 0.03) ** 2))
    noise = np.array([np.fft.irfft2(np.fft.rfft2(one) * (colour(k) + low)) for one in white])
    return (signal + noise).astype(np.float32), signal


def powers(images, rings=16):
    return np.array([ring_power(image, rings) for image in images])


@pytest.fixture(scope="module")
def trial():
    """Reference and truth: two specimens under one microscope, of which only angles are known."""
    specimens = [
        700 * slab_series(ANGLES, side=SIDE, thickness=70, seed=seed, radius=1.0, density=8e-5)
        for seed in (1, 2)
    ]
    reference, _ = imaged(specimens[0], 3)
    truth, signal = imaged(specimens[1], 4)
    known = CtfEstimate(ANGLES, np.full(len(ANGLES), DEFOCUS_UM), (3.0, 3.0), True, "metadata")
    return reference, truth, signal, specimens[1], known


def test_images_have_the_power_of_the_reference_and_the_signal_of_the_truth(trial):
    reference, truth, signal, noise_free, known = trial
    properties = measure_reference(reference, ANGLES, PIXEL_A, ctf=known)
    assert properties.fraction_source == "tilts"
    made = spectral_images(noise_free, properties, ANGLES, seed=0)
    bare = spectral_images(noise_free, properties, ANGLES, seed=0, amount=0.0)
    power = powers(made).mean(axis=0) / powers(reference).mean(axis=0)
    np.testing.assert_allclose(power[2:], 1.0, atol=0.15)
    true = powers(signal).mean(axis=0) / powers(truth - signal).mean(axis=0)
    found = powers(bare).mean(axis=0) / powers(made - bare).mean(axis=0)
    strong = (true > 0.3) & (np.arange(16) > 1)
    assert strong.sum() >= 4
    np.testing.assert_allclose(np.log(found / true)[strong], 0.0, atol=np.log(1.5))


def test_the_defocus_is_seen_in_what_tilts_share(trial):
    reference, *_ = trial
    properties = measure_reference(reference, ANGLES, PIXEL_A)
    alone = ctf_by_pairs(reference, PIXEL_A, estimate_ctf(reference, PIXEL_A, ANGLES))
    np.testing.assert_array_equal(alone.defocus_um, properties.ctf.defocus_um)
    low, high = properties.ctf.interval_um
    assert low - 0.2 <= DEFOCUS_UM <= high + 0.2
    assert properties.ctf.defocus_um.mean() == pytest.approx(DEFOCUS_UM, rel=0.2)


def test_the_best_ctf_of_a_stack_is_the_one_that_is_measured_on_a_reference(trial, monkeypatch):
    reference, *_ = trial
    series = TiltSeries(reference, TiltGeometry(ANGLES, PIXEL_A))
    measured = measure_reference(reference, ANGLES, PIXEL_A).ctf
    np.testing.assert_array_equal(known.best_ctf(series).defocus_um, measured.defocus_um)
    np.testing.assert_array_equal(known.best_ctf(series, 2.0).defocus_um, 2.0)
    monkeypatch.setattr(known, "_SIDE_PX", SIDE // 2)  # pairs of binned images
    binned = known.best_ctf(series)
    assert not np.array_equal(binned.defocus_um, measured.defocus_um)
    assert binned.defocus_um.mean() == pytest.approx(DEFOCUS_UM, rel=0.25)


@pytest.mark.parametrize(("given_um", "doubted"), [(DEFOCUS_UM, False), (1.5, True), (6.0, True)])
def test_a_given_defocus_stays_and_is_doubted_if_the_images_rule_it_out(trial, given_um, doubted):
    reference, *_ = trial
    series = TiltSeries(reference, TiltGeometry(ANGLES, PIXEL_A))
    best = known.best_ctf(series, given_um)
    measured = measure_reference(reference, ANGLES, PIXEL_A, ctf=known.known_ctf(series, given_um))
    for found in (best, measured.ctf):
        np.testing.assert_array_equal(found.defocus_um, given_um)
        assert found.is_doubted is doubted
    alone = measure_reference(reference, ANGLES, PIXEL_A).ctf
    assert measured.ctf.interval_um == best.interval_um == alone.interval_um
    said = [
        line
        for line in reference_notices(measured, dose=np.ones(len(ANGLES)))
        if "is given as" in line
    ]
    assert len(said) == doubted
    assert all(f"{given_um:.2f} µm, but its images allow" in line for line in said)
    small = TiltSeries(reference[:, :24, :24], series.geometry)
    assert not known.best_ctf(small, given_um).is_doubted  # they show nothing


def test_other_units_give_other_units(trial):
    reference, _, _, noise_free, known = trial
    one, other = (
        measure_reference(images, ANGLES, PIXEL_A, ctf=known)
        for images in (reference, 50 * reference - 7)
    )
    first, second = (reference_transfer(p, noise_free) for p in (one, other))
    np.testing.assert_allclose(second.noise_power, 2500 * first.noise_power, rtol=1e-3)
    np.testing.assert_allclose(second.amplitude, 50 * first.amplitude, rtol=1e-3)


def test_of_reprojections_only_physics_tells_the_signal(trial):
    reference, _, _, _, known = trial
    found = measure_reference(reference, ANGLES, PIXEL_A, ctf=known, independent=False)
    assert found.fraction_source == "none"
    assert (found.signal_fraction_sigma == UNKNOWN).all()


def correction(fraction, sigma, expected):
    return fit_correction(fraction, sigma, expected, ANGLES, limit=CORNER, level_sigma=0.5)


def test_what_was_measured_corrects_what_was_expected():
    """A smooth factor of 3 at low and 1 / 2 at high frequencies is found where signal is seen."""
    middle = ring_frequencies(RINGS, CORNER)
    expected = np.tile(5 * np.exp(-middle / 0.1), (len(ANGLES), 1))
    ratio = np.tile(np.log(3) - middle / 0.35 * np.log(6), (len(ANGLES), 1))
    true = expected * np.exp(ratio)
    found = correction(true / (1 + true), np.full(true.shape, 0.01), expected)
    seen = middle < 0.3
    np.testing.assert_allclose(found.log_ratio[:, seen], ratio[:, seen], atol=0.15)
    assert (found.sigma[:, -1] > found.sigma[:, 20]).all()


@pytest.mark.parametrize("order", ["dose-symmetric", "continuous"])
def test_damage_beyond_what_is_expected_is_found(order):
    """Signal falls as exposure rises: with |angle|, or from one end to the other."""
    middle = ring_frequencies(RINGS, CORNER)
    expected = np.tile(0.8 * np.exp(-middle / 0.1), (len(ANGLES), 1))
    exposed = np.abs(ANGLES) / 44 if order == "dose-symmetric" else (ANGLES + 44) / 88
    ratio = np.tile(-1.6 * exposed[:, None], (1, RINGS))
    true = expected * np.exp(ratio)
    found = correction(true / (1 + true), np.full(true.shape, 0.01), expected)
    seen = (middle > 0.01) & (middle < 0.15)
    np.testing.assert_allclose(found.log_ratio[:, seen], ratio[:, seen], atol=0.12)


def test_where_nothing_is_measured_physics_is_believed():
    expected = np.full((len(ANGLES), RINGS), 0.5)
    found = correction(np.zeros_like(expected), np.full(expected.shape, UNKNOWN), expected)
    assert np.abs(found.log_ratio).max() < 0.05
    assert abs(found.level) < 0.05


def test_a_specimen_far_denser_than_ours_makes_ours_only_so_much_stronger(trial):
    """A reference that scatters 100 times more is not one of 100 times the exposure."""
    reference, _, _, noise_free, known = trial
    properties = measure_reference(reference, ANGLES, PIXEL_A, ctf=known)
    sure = replace(properties, strength_sigma=0.3)
    thin = reference_transfer(sure, 0.1 * noise_free)
    usual = reference_transfer(sure, noise_free)
    middle = slice(10, 40)
    stronger = (thin.amplitude / usual.amplitude)[:, middle].mean()
    assert stronger < 4  # and not 10
