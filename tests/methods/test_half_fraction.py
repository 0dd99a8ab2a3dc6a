"""Signal and noise from two halves: the microscope's, at every frequency."""

import numpy as np
import pytest

from faket import load_species
from faket.data import TiltGeometry, TiltSeries
from faket.errors import InputError
from faket.methods.half_fraction import half_fraction
from faket.methods.look_like import look_like, noise_like, reference_properties
from faket.methods.measurement import measure_reference
from faket.methods.reference_properties import CORNER, RINGS, UNKNOWN
from faket.methods.transfer import reference_transfer
from faket.microscope import Microscope, draw_acquisition, expose
from faket.microscope.detector import detector_curves
from faket.noise import ring_filter
from faket.projection import noise_free_projections
from faket.rings import ring_frequencies
from faket.specimen import SpecimenConfig, build_specimen
from made_up_halves import counted, halves

PIXEL_A = 10.0


@pytest.fixture(scope="module")
def exposure():
    """Two halves of the microscope's counts, on a camera whose noise has a colour."""
    library = [load_species(f"synthetic:{name}", voxel_size_A=PIXEL_A) for name in ("syn-ring",)]
    config = SpecimenConfig(
        size_voxels=(256, 256, 40), voxel_size_A=PIXEL_A, particles=(60, 60), vesicles=(0, 0),
        gold=(1, 1),
    )  # fmt: skip
    specimen = build_specimen(config, library, seed=1)
    microscope = Microscope(
        defocus_um=(4.0, 4.0), dose_e_per_A2=(30.0, 30.0), shift_A=(0.0, 0.0), detector="K3",
        detector_pixel_A=PIXEL_A,
    )  # fmt: skip
    geometry = TiltGeometry(np.arange(-50.0, 51.0, 10.0), PIXEL_A)
    taken = expose(specimen, draw_acquisition(microscope, geometry, seed=7), halves=True)
    return taken, noise_free_projections(specimen, geometry.angles_deg).images


def truth(images):
    """Power of counted electrons: their number times MTF² / DQE."""
    mtf, dqe = detector_curves("K3", 2 * ring_frequencies(RINGS, CORNER))
    return images.mean(axis=(1, 2))[:, None] * mtf**2 / dqe


def test_the_noise_is_the_cameras_at_all_frequencies(exposure):
    """Near the truth in every ring, where the specimen is stronger than the noise, too."""
    series, projected = exposure
    images = series.series.images
    pair = tuple(half.images for half in series.halves)
    options = {"defocus_um": 4.0, "dose_e_per_A2": 30.0}
    found = reference_properties(series.series, **options, halves=pair)
    assert found.noise.estimate == found.fraction_source == "halves"
    assert found.strength_source == "mean"
    noise = reference_transfer(found, projected).noise_power
    # Beyond Nyquist the camera's curve ends, and rings are incomplete.
    inner = ring_frequencies(RINGS, CORNER) < 0.5
    ratio = (noise / truth(images))[:, inner]
    np.testing.assert_allclose(ratio.mean(axis=0)[2:], 1.0, atol=0.08)
    np.testing.assert_allclose(ratio[:, 2:], 1.0, atol=0.2)


def test_halves_may_be_sums_or_averages(exposure):
    series, _ = exposure
    images = series.series.images
    pair = tuple(half.images for half in series.halves)
    fraction, sigma, anisotropy = half_fraction(images, pair)
    assert np.abs(anisotropy.mean(axis=0)).max() < 0.1
    again = half_fraction(images / 2, tuple(half / 2 for half in pair))
    np.testing.assert_allclose(again[0], fraction, atol=1e-4)
    np.testing.assert_allclose(half_fraction(images / 2, pair)[0], fraction, atol=1e-4)
    assert (sigma < UNKNOWN).all()


def test_images_are_made_with_what_halves_tell(exposure):
    series, projected = exposure
    pair = tuple(half.images for half in series.halves)
    options = {"defocus_um": 4.0, "dose_e_per_A2": 30.0, "halves": pair}
    given = TiltSeries(projected, series.series.geometry)
    made, record = noise_like("spectral", given, series.series, **options)
    assert record["fraction_source"] == "halves"
    again = look_like(given, series.series, method="spectral", **options)
    np.testing.assert_array_equal(again.images, made)


def test_the_direction_of_the_noise_is_measured_where_the_signal_is_strong():
    """Noise that is low-passed along x only, under a signal 100 times as strong."""
    first, second, signal = halves(images=3, side=192, strength=60.0)
    rows = np.cos(np.pi * np.fft.rfftfreq(192)).astype(np.float32)  # [x // 2 + 1]
    noise = [np.fft.irfft2(np.fft.rfft2(half - signal) * rows) for half in (first, second)]
    *_, anisotropy = half_fraction(sum(noise) + 2 * signal, tuple(own + signal for own in noise))
    middle = ring_frequencies(RINGS, CORNER)
    for k in (0.15, 0.25, 0.35, 0.45):
        phi = np.linspace(0, 2 * np.pi, 400, endpoint=False)
        power = np.cos(np.pi * k * np.cos(phi)) ** 2
        a = 2 * np.mean(power * np.cos(2 * phi)) / power.mean()
        assert np.interp(k, middle, anisotropy[:, 0].mean(axis=0)) == pytest.approx(a, abs=0.08)
    assert ring_filter(anisotropy[0, 0], (8, 8)).shape == (8, 5)


def test_of_tilts_without_good_halves_nothing_is_known():
    first, second, _ = halves(images=5, side=192, colour=np.linspace(1, 0.4, 96))
    images = first + second
    second[1] = 0
    first[3] = second[3]
    _, sigma, anisotropy = half_fraction(images, (first, second))
    assert (sigma[[1, 3]] == UNKNOWN).all()
    assert (sigma[[0, 2, 4]][:, 5:] < UNKNOWN).all()
    assert np.isfinite(anisotropy).all()


def test_broken_halves_are_refused_in_one_line():
    first, second = counted()
    angles = np.linspace(-40, 40, 5)
    for pair, words in (((first, first), "scaled copy"), ((first, second[:3]), "of one shape"),
                        ((first, 0 * second), "constant")):  # fmt: skip
        with pytest.raises(InputError, match=words) as error:
            measure_reference(first + second, angles, PIXEL_A, halves=pair)
        assert "\n" not in str(error.value)
