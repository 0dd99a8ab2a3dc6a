"""The noise floor from two halves: the microscope's, at every frequency."""

import numpy as np
import pytest

from faket import load_species
from faket.data import TiltGeometry, TiltSeries
from faket.errors import InputError
from faket.methods.half_floor import half_floor
from faket.methods.look_like import look_like, noise_like, reference_properties
from faket.methods.measurement import measure_reference
from faket.methods.reference_properties import CORNER, RINGS
from faket.microscope import Microscope, draw_acquisition, expose
from faket.microscope.detector import detector_curves
from faket.noise import ring_filter
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
    return expose(specimen, draw_acquisition(microscope, geometry, seed=7), halves=True)


def truth(images):
    """Power of counted electrons: their number times MTF² / DQE."""
    mtf, dqe = detector_curves("K3", 2 * ring_frequencies(RINGS, CORNER))
    return images.mean(axis=(1, 2))[:, None] * mtf**2 / dqe


def test_the_floor_is_the_cameras_at_all_frequencies(exposure):
    """Within 5 % of the truth in every ring, where the specimen is stronger than the noise, too."""
    images = exposure.series.images
    pair = tuple(half.images for half in exposure.halves)
    floor, anisotropy = half_floor(images, pair)
    # Beyond Nyquist the camera's curve ends, and rings are incomplete.
    inner = ring_frequencies(RINGS, CORNER) < 0.5
    ratio = (floor / truth(images))[:, inner]
    np.testing.assert_allclose(ratio.mean(axis=0), 1.0, atol=0.05)
    np.testing.assert_allclose(ratio, 1.0, atol=0.12)
    assert np.abs(anisotropy.mean(axis=0)).max() < 0.1
    mean_floor, _ = half_floor(images / 2, tuple(half / 2 for half in pair))  # as averages
    np.testing.assert_allclose(mean_floor, floor / 4, rtol=1e-4)
    np.testing.assert_allclose(half_floor(images / 2, pair)[0], floor / 4, rtol=1e-4)


def test_the_reference_is_measured_with_its_halves(exposure):
    images, geometry = exposure.series.images, exposure.series.geometry
    pair = tuple(half.images for half in exposure.halves)
    options = {"defocus_um": 4.0, "dose_e_per_A2": 30.0}
    found = reference_properties(exposure.series, **options, halves=pair)
    blind = reference_properties(exposure.series, **options)
    low = slice(0, 30)
    wrong = [np.abs(p.floor / truth(images) - 1)[:, low].mean() for p in (found, blind)]
    assert wrong[0] < 0.6 * wrong[1]
    assert found.noise.estimate == "halves"
    assert found.strength_source == "mean"
    flat = TiltSeries(np.zeros_like(images), geometry)
    notices = []
    made, record = noise_like(
        "spectral", flat, exposure.series, halves=pair, say=notices.append, **options
    )
    np.testing.assert_allclose(record["floor"], found.floor)
    again = look_like(flat, exposure.series, method="spectral", halves=pair, **options)
    np.testing.assert_array_equal(again.images, made)


def test_the_direction_of_the_noise_is_measured_where_the_signal_is_strong():
    """Noise that is low-passed along x only, under a signal 100 times as strong."""
    first, second, signal = halves(images=3, side=192, strength=60.0)
    rows = np.cos(np.pi * np.fft.rfftfreq(192)).astype(np.float32)  # [x // 2 + 1]
    noise = [np.fft.irfft2(np.fft.rfft2(half - signal) * rows) for half in (first, second)]
    _, anisotropy = half_floor(sum(noise) + 2 * signal, tuple(own + signal for own in noise))
    middle = ring_frequencies(RINGS, CORNER)
    for k in (0.15, 0.25, 0.35, 0.45):
        phi = np.linspace(0, 2 * np.pi, 400, endpoint=False)
        power = np.cos(np.pi * k * np.cos(phi)) ** 2
        a = 2 * np.mean(power * np.cos(2 * phi)) / power.mean()
        assert np.interp(k, middle, anisotropy[:, 0].mean(axis=0)) == pytest.approx(a, abs=0.08)
    assert ring_filter(anisotropy[0, 0], (8, 8)).shape == (8, 5)


def test_tilts_without_good_halves_take_the_others_colour():
    first, second, _ = halves(images=5, side=192, colour=np.linspace(1, 0.4, 96))
    images = first + second
    right, _ = half_floor(images, (first, second))
    second[1] = 0
    first[3] = second[3]
    floor, anisotropy = half_floor(images, (first, second))
    np.testing.assert_allclose(floor, right, rtol=0.15)
    assert np.isfinite(anisotropy).all()


def test_broken_halves_are_refused_in_one_line():
    first, second = counted()
    angles = np.linspace(-40, 40, 5)
    for pair, words in (((first, first), "scaled copy"), ((first, second[:3]), "of one shape"),
                        ((first, 0 * second), "constant")):  # fmt: skip
        with pytest.raises(InputError, match=words) as error:
            measure_reference(first + second, angles, PIXEL_A, halves=pair)
        assert "\n" not in str(error.value)
