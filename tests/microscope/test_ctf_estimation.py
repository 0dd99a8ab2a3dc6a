"""The defocus of a stack from its spectra: right, or marked as uncertain."""

import json
from dataclasses import replace

import numpy as np
import pytest

from faket.constants import electron_wavelength_A
from faket.data import plain_record
from faket.errors import InputError
from faket.io.records import parse_record
from faket.microscope import Optics, contrast_transfer
from faket.microscope.ctf_estimate import CtfEstimate
from faket.microscope.ctf_estimation import estimate_ctf
from faket.microscope.thon import mean_squared_ctf, tapered_spectrum

OPTICS = Optics(electron_wavelength_A(300.0), 30000.0, spherical_aberration_A=2.7e7)
ANGLES = np.linspace(-50, 50, 9)


def images(
    defocus_um, pixel_A, *, side=256, seed=0, specimen=30.0, ice=1.0, jitter_um=0.0, tilts=9
):
    """Specimen (steep spectrum) and ice (white) through the CTF, then white noise."""
    rng = np.random.default_rng(seed)
    ky, kx = np.fft.fftfreq(side, pixel_A)[:, None], np.fft.rfftfreq(side, pixel_A)
    amplitude = np.sqrt(ice + specimen * np.exp(-np.hypot(kx, ky) / 0.006))
    defoci = defocus_um + jitter_um * rng.standard_normal(tilts)
    stack = []
    for defocus in defoci:
        transfer = contrast_transfer(
            kx, ky, replace(OPTICS, defocus_A=1e4 * defocus), amplitude_contrast=0.055
        )
        field = np.fft.rfft2(rng.standard_normal((side, side))) * amplitude * transfer
        stack.append(np.fft.irfft2(field) + rng.standard_normal((side, side)))
    return np.array(stack), defoci


@pytest.mark.parametrize("pixel_A", [2.5, 5.0, 10.0])
@pytest.mark.parametrize("defocus_um", [1.0, 2.0, 3.5, 6.0])
@pytest.mark.parametrize("ice", [0.05, 0.4])
def test_right_within_3_percent_or_cannot_tell(defocus_um, pixel_A, ice):
    stack, _ = images(defocus_um, pixel_A, ice=ice)
    found = estimate_ctf(stack, pixel_A, 0 * ANGLES)
    error = abs(found.defocus_um.mean() / defocus_um - 1)
    assert error < 0.03 or not found.confident


@pytest.mark.parametrize(("defocus_um", "pixel_A"), [(2.0, 5.0), (3.5, 5.0), (6.0, 10.0)])
def test_confident_where_rings_are_plain_to_see(defocus_um, pixel_A):
    stack, _ = images(defocus_um, pixel_A)
    found = estimate_ctf(stack, pixel_A, 0 * ANGLES)
    assert found.confident
    assert found.source == "spectra"
    assert found.defocus_um.mean() == pytest.approx(defocus_um, rel=0.02)
    assert found.interval_um[0] < defocus_um < found.interval_um[1]


def test_grey_values_and_the_sign_of_contrast_do_not_matter():
    stack, _ = images(3.5, 5.0)
    found = estimate_ctf(stack, 5.0, 0 * ANGLES)
    again = estimate_ctf(500 - 20 * stack, 5.0, 0 * ANGLES)
    np.testing.assert_allclose(again.defocus_um, found.defocus_um, rtol=0.005)


def test_each_tilt_gets_its_own_defocus_where_the_common_one_is_sure():
    stack, defoci = images(3.5, 5.0, jitter_um=0.25)
    found = estimate_ctf(stack, 5.0, 0 * ANGLES)
    assert found.confident
    own = np.sqrt(np.mean((found.defocus_um - defoci) ** 2))
    common = np.sqrt(np.mean((defoci.mean() - defoci) ** 2))
    assert own < 0.5 * common


def test_a_tilts_own_background_is_not_taken_for_its_ctf():
    stack, defoci = images(3.5, 5.0, jitter_um=0.1, ice=0.1, specimen=10.0, tilts=25)
    rng = np.random.default_rng(1)
    k = np.hypot(np.fft.fftfreq(256, 5.0)[:, None], np.fft.rfftfreq(256, 5.0))
    for image in stack:  # slow noise of another strength in each
        cloud = np.fft.rfft2(rng.standard_normal(image.shape)) * np.exp(-k / 0.01)
        image += 5 * rng.lognormal(0.0, 0.4) * np.fft.irfft2(cloud)
    found = estimate_ctf(stack, 5.0, np.zeros(len(stack)))
    assert found.confident
    own = np.sqrt(np.mean((found.defocus_um - defoci) ** 2))
    assert own < 0.8 * np.std(defoci)


@pytest.mark.parametrize("pixel_A", [5.0, 10.0])
def test_no_defocus_is_certain_from_noise_or_from_a_specimen_without_a_ctf(pixel_A):
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((9, 128, 128))
    k = np.hypot(np.fft.fftfreq(128, pixel_A)[:, None], np.fft.rfftfreq(128, pixel_A))
    smooth = np.fft.irfft2(np.fft.rfft2(noise) * np.exp(-k / 0.01)) * 5
    for stack in (noise, smooth + rng.standard_normal(noise.shape)):
        found = estimate_ctf(stack, pixel_A, ANGLES)
        assert not found.confident
        assert np.isfinite(found.defocus_um).all()


def test_images_of_the_simulator(make_specimen, shoot):
    """Ice, multislice, tilted field: what the formula of the rings leaves out."""
    series = shoot(
        make_specimen(np.zeros((40, 256, 256))),
        [-40.0, -20.0, 0.0, 20.0, 40.0],
        ice=True,
        spherical_aberration_mm=2.7,
        dose=[200.0] * 5,
    ).series
    found = estimate_ctf(series.images, 5.0, series.geometry.angles_deg, amplitude_contrast=0.0)
    assert found.confident
    assert found.defocus_um.mean() == pytest.approx(3.0, rel=0.03)


def test_what_the_user_knows_wins():
    stack, _ = images(3.5, 5.0)
    known = estimate_ctf(stack, 5.0, ANGLES, defocus_um=2.0, voltage_kV=200.0)
    assert known.source == "metadata"
    assert known.confident
    np.testing.assert_array_equal(known.defocus_um, np.full(9, 2.0))
    assert known.optics(3).wavelength_A == electron_wavelength_A(200.0)
    each = estimate_ctf(stack, 5.0, ANGLES, defocus_um=np.arange(1.0, 10.0))
    assert each.optics(2).defocus_A == pytest.approx(3e4)
    np.testing.assert_array_equal(each.at([-60.0, 49.0]).defocus_um, [1.0, 9.0])


def read_back(values):
    text = json.dumps(values, default=np.ndarray.tolist)
    return parse_record(text, CtfEstimate, "a.json", what="a record", remedy="make it again")


def test_round_trip_through_json():
    one = CtfEstimate(ANGLES, ANGLES / 100 + 3, (2.9, 3.2), True, "spectra", 200.0, 1.4, 0.1, 90.0)
    again = read_back(plain_record(one))
    assert plain_record(again) == plain_record(one)
    with pytest.raises(InputError, match="'rumour' as source"):
        read_back({**plain_record(one), "source": "rumour"})


def test_averaged_ctf_is_the_average_over_defoci():
    k = np.linspace(0.01, 0.09, 50)
    rng = np.random.default_rng(0)
    n = 60000
    offsets = rng.uniform(-1500, 1500, n) + rng.uniform(-400, 400, n) + 700 * rng.standard_normal(n)
    expected = np.zeros(50)
    for offset in offsets[:: n // 3000]:
        expected += contrast_transfer(k, 0.0, replace(OPTICS, defocus_A=30000 + offset)) ** 2
    found = mean_squared_ctf(k, OPTICS, 1500.0, 800.0, 700.0)
    np.testing.assert_allclose(found, expected / 3000, atol=0.03)
    still = mean_squared_ctf(k, OPTICS, 0.0, 0.0, 0.0)
    np.testing.assert_allclose(still, contrast_transfer(k, 0.0, OPTICS) ** 2, atol=1e-12)


def test_scatter_of_a_ring_is_no_more_than_its_modes_say():
    rng = np.random.default_rng(1)
    spectra = [tapered_spectrum(rng.standard_normal((96, 96)), 5.0, 48) for _ in range(300)]
    power = np.array([one[1] for one in spectra])[:, 4:]
    np.testing.assert_allclose(power.mean(axis=0), 1.0, atol=0.06)
    ratio = power.std(axis=0) * np.sqrt(spectra[0][2][4:])
    assert 0.7 < ratio.mean() < 1.05


def test_bad_input_is_refused_in_one_line():
    stack, _ = images(3.5, 5.0, side=64)
    constant = stack.copy()
    constant[2] = 1.0
    cases = [
        (lambda: estimate_ctf(stack[0], 5.0, ANGLES), "tilt, y, x"),
        (lambda: estimate_ctf(stack, 5.0, ANGLES[:4]), "angles_deg"),
        (lambda: estimate_ctf(stack, 0.0, ANGLES), "pixel_size_A"),
        (lambda: estimate_ctf(stack, 5.0, ANGLES, search_um=(5.0, 2.0)), "search_um"),
        (lambda: estimate_ctf(constant, 5.0, ANGLES), "tilt 2"),
        (lambda: estimate_ctf(stack[:, :20], 5.0, ANGLES), "32 x 32"),
        (lambda: read_back({"source": "spectra"}), "no entry angles_deg"),
        (lambda: CtfEstimate(ANGLES, ANGLES[:3], (1, 2), True, "spectra"), "one defocus"),
        (lambda: CtfEstimate(ANGLES, ANGLES, (1, 2), True, "rumour"), "rumour"),
        (lambda: CtfEstimate(ANGLES, ANGLES * np.nan, (1, 2), True, "spectra"), "finite"),
    ]
    for call, word in cases:
        with pytest.raises(InputError, match=word) as error:
            call()
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("seed", [0, 1])
def test_an_uncertain_estimate_lies_in_its_interval(seed):
    """What is usual may outweigh coloured noise; then the interval reaches there."""
    rng = np.random.default_rng(seed)
    k = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.rfftfreq(128))
    colour = np.sqrt(1 + 30 * np.exp(-((k / 0.2) ** 2)))
    angles = np.arange(-60.0, 61.0, 10.0)
    noise = [np.fft.rfft2(rng.standard_normal((128, 128))) * colour for _ in angles]
    images = np.array([np.fft.irfft2(one, s=(128, 128)) for one in noise], np.float32)
    found = estimate_ctf(images, 3.2, angles)
    low, high = found.interval_um
    assert not found.confident
    assert low - 1e-6 <= found.defocus_um.mean() <= high + 1e-6
