"""A tomogram alone as a reference: its images have the power of those it was made from."""

import numpy as np
import pytest
from scipy import fft

from faket.data import TiltGeometry, TiltSeries
from faket.errors import InputError
from faket.projection import back_project, project
from faket.reconstruction import reconstruct, tomogram_series
from faket.reconstruction.reprojection import reproject, without_padding
from faket.reconstruction.tilt_overlap import coherent_gain, tilt_overlap
from faket.rings import equal_rings, frequencies, hann

ANGLES = np.arange(-60.0, 61.0, 3.0)
SIZE, DEPTH = 128, 64


def ring_power(stack, rings=24):
    window = hann(stack.shape[1:])
    power = np.abs(fft.rfft2((stack - stack.mean((1, 2), keepdims=True)) * window)) ** 2
    return equal_rings(stack.shape[1:], rings, with_mean=False).mean(power.mean(0))


def coloured_noise(rng, shape):
    """Noise whose power falls to a third at the corner, like that of a detector."""
    white = fft.rfft2(rng.standard_normal(shape))
    return fft.irfft2(white * np.exp(-0.8 * frequencies(shape[1:])), s=shape[1:])


def make_series(signal=0.0, grain=0.05, seed=1):
    """Noise, and a slab of grains that is wider than the images."""
    rng = np.random.default_rng(seed)
    images = coloured_noise(rng, (len(ANGLES), SIZE, SIZE))
    if signal:
        grains = rng.standard_normal((DEPTH, SIZE, 3 * SIZE)).astype(np.float32)
        grains = fft.irfftn(
            fft.rfftn(grains) * np.exp(-((frequencies(grains.shape) / grain) ** 2)),
            s=grains.shape,
        )
        seen = project(grains.astype(np.float32), ANGLES)[:, :, SIZE : 2 * SIZE]
        images += signal * seen / seen.std()
    return TiltSeries(images.astype(np.float32), TiltGeometry(ANGLES, 10.0))


@pytest.fixture(scope="module")
def grains():
    """The images of grains and noise, and their tomogram."""
    series = make_series(signal=2.0, grain=0.1)
    return series, reconstruct(series, depth=DEPTH, device="cpu").data


def relative(made, truth):
    """Power per ring over the truth's, 1 in the middle."""
    ratio = ring_power(made) / ring_power(truth)
    return ratio / np.median(ratio[8:20])


@pytest.mark.parametrize("filter", ["ramp", "hamming"])
def test_a_tomogram_of_noise_gives_noise_of_the_same_colour(filter):
    series = make_series()
    volume = reconstruct(series, depth=DEPTH, filter=filter, device="cpu").data
    found = tomogram_series(volume, 10.0, ANGLES, device="cpu")
    assert found.angles_source == "given"
    assert found.notices == ()
    assert found.wedge.axes == (0, 1, 2)
    assert found.series.geometry.pixel_size_A == 10.0
    np.testing.assert_allclose(relative(found.series.images, series.images)[1:22], 1, atol=0.12)
    # The tilts' shares are equal, too.
    sigma = found.series.images.std(axis=(1, 2)) / series.images.std(axis=(1, 2))
    np.testing.assert_allclose(sigma / np.median(sigma), 1, atol=0.08)


def test_the_signal_is_as_strong_against_the_noise_as_in_the_images():
    """Low rings hold signal only, the others noise; plain reprojections are further off.

    In the mean of specimens, without the lowest two of 24 rings: in so small an image they hold a
    few coefficients.
    """
    found, plain = [], []
    for seed in (1, 2, 3):
        series = make_series(signal=2.0, grain=0.1, seed=seed)
        volume = reconstruct(series, depth=DEPTH, device="cpu").data
        made = tomogram_series(volume, 10.0, ANGLES, device="cpu").series.images
        found.append(relative(made, series.images)[2:22])
        plain.append(relative(reproject(volume, ANGLES).images, series.images)[2:22])
    np.testing.assert_allclose(np.mean(found, axis=0), 1, atol=0.15)
    assert np.ptp(np.mean(plain, axis=0)) > 2 * np.ptp(np.mean(found, axis=0))


def linear_back_projection(images, row_filter):
    """As most programs do it; the ends of rows are prolonged."""
    padded = 2 * SIZE
    rows = fft.rfft(images - images.mean((1, 2), keepdims=True), padded, axis=2)
    rows = fft.irfft(rows * row_filter(fft.rfftfreq(padded)), padded, axis=2)[..., :SIZE]
    x = np.arange(SIZE) - SIZE // 2
    z = np.arange(DEPTH)[:, None] - DEPTH // 2
    volume = np.zeros((DEPTH, SIZE, SIZE), np.float32)
    for image, angle in zip(rows, np.radians(ANGLES), strict=True):
        u = x * np.cos(angle) + z * np.sin(angle) + SIZE // 2
        left = np.clip(np.floor(u).astype(int), 0, SIZE - 2)
        part = np.clip(u - left, 0, 1)
        # [y, z, x] → [z, y, x]
        volume += (image[:, left] * (1 - part) + image[:, left + 1] * part).transpose(1, 0, 2)
    return volume


@pytest.mark.parametrize("iterations", [np.inf, 30])
def test_noise_that_linear_interpolation_adds_is_told_from_filters(iterations):
    """In the mean of specimens: one of so small an image differs by as much in single rings."""

    def row_filter(k):
        k = np.maximum(k, 1e-6)
        return k * (1 - np.maximum(1 - 0.004 / k, 0) ** iterations)

    found = []
    for seed in (1, 2, 3):
        images = make_series(signal=1.5, grain=0.1, seed=seed).images
        volume = linear_back_projection(images, row_filter)
        made = tomogram_series(volume, 10.0, ANGLES, device="cpu").series.images
        found.append(relative(made, images)[2:22])
    np.testing.assert_allclose(np.mean(found, axis=0), 1, atol=0.15)


def test_grey_scale_and_sign_change_only_a_factor(grains):
    volume = grains[1]
    plain = tomogram_series(volume, 10.0, ANGLES, device="cpu").series.images
    other = tomogram_series(100 - 3 * volume, 10.0, ANGLES, device="cpu").series.images
    np.testing.assert_allclose(ring_power(other) / ring_power(plain), 9, rtol=0.15)
    middle = slice(48, 80)
    alike = np.corrcoef(plain[20, :, middle].ravel(), other[20, :, middle].ravel())[0, 1]
    assert alike < -0.4  # the noise that was drawn anew is the same


def test_usual_angles_are_assumed_and_the_same_seed_draws_the_same():
    volume = np.random.default_rng(0).standard_normal((24, 48, 48)).astype(np.float32)
    first, again = (tomogram_series(volume, 10.0, device="cpu") for _ in range(2))
    assert first.angles_source == "assumed"
    assert first.notices[:2] == (
        "tomogram: its missing wedge does not show; axis 0 of the array (from 0) is taken for the "
        "beam's, axis 1 for the tilt axis",
        "tomogram: tilt angles of -60° to 60° by 3° are assumed",
    )
    assert first.notices[2] == first.noise.words  # without a wedge it is taken for denoised
    np.testing.assert_array_equal(first.series.geometry.angles_deg, ANGLES)
    np.testing.assert_array_equal(first.series.images, again.series.images)


@pytest.fixture(scope="module")
def lopsided():
    """A tomogram of noise and its angles, -36° to 51°."""
    angles = np.arange(-36.0, 52.0, 3.0)
    noise = np.random.default_rng(2).standard_normal((len(angles), 64, 64)).astype(np.float32)
    series = TiltSeries(noise, TiltGeometry(angles, 10.0))
    return reconstruct(series, depth=48, filter="hamming", device="cpu").data, angles


def test_angles_are_measured_by_the_wedge(lopsided):
    volume, angles = lopsided
    found = tomogram_series(volume.transpose(1, 0, 2), 10.0, device="cpu")
    assert found.angles_source == "measured"
    assert found.wedge.axes == (1, 0, 2)
    np.testing.assert_allclose(found.series.geometry.angles_deg[[0, -1]], angles[[0, -1]], atol=2)
    np.testing.assert_allclose(np.diff(found.series.geometry.angles_deg), 3)
    assert "shows tilts of -3" in found.notices[0]


def test_angles_of_the_other_sign_reverse_z_and_others_are_noticed(lopsided):
    volume, angles = lopsided
    plain = tomogram_series(volume, 10.0, angles, device="cpu")
    turned = tomogram_series(volume, 10.0, -angles[::-1], device="cpu")
    assert plain.notices == turned.notices == ()
    other = tomogram_series(volume[::-1], 10.0, -angles[::-1], device="cpu")
    np.testing.assert_array_equal(turned.series.images, other.series.images)
    (notice,) = tomogram_series(volume, 10.0, ANGLES, device="cpu").notices
    assert notice.startswith("tomogram: the tilt angles given are -60° to 60°, but its missing")


def test_the_mean_along_a_ray_is_the_image_that_was_back_projected():
    """Of one tilt, smooth enough for interpolation; what the volume does not show is mirrored."""
    y, x = np.indices((64, 64))
    image = (np.cos(2 * np.pi * x / 16) * np.cos(2 * np.pi * y / 32)).astype(np.float32)
    for angle in (0.0, 24.0, -50.0):
        volume = back_project(image[None], [angle], depth=20, device="cpu")
        seen = reproject(volume, np.array([angle]), device="cpu")
        first, end = seen.columns[0]
        inside = slice(first + 4, end - 4)
        np.testing.assert_allclose(seen.images[0][:, inside], image[:, inside], atol=0.03)
        np.testing.assert_array_equal(
            seen.images[0][:, end:], seen.images[0][:, end - 1 : 2 * end - 65 : -1]
        )
        assert seen.on_grid[0] == (angle == 0)


def test_overlap_of_tilts_has_its_limits():
    """No frequency: all tilts alike; a high one: each alone; a whole slab's gain is its overlap."""
    none, high = np.zeros(1), np.array([0.45])
    share = (1 / np.cos(np.radians(ANGLES)) ** 4).sum()
    assert tilt_overlap(ANGLES, 20, none, depth=100) == pytest.approx(share)
    assert tilt_overlap(ANGLES, 20, high, depth=2000) == pytest.approx(1, abs=0.01)
    equal = np.zeros(7)
    assert coherent_gain(equal, 3, high, depth=50, thickness=50) == pytest.approx(7)
    assert coherent_gain(ANGLES, 20, high, depth=2000, thickness=2000) == pytest.approx(1, abs=0.02)
    # In all 1 / (D q Δθ) tilts act as one.
    low, dense = np.array([0.02]), np.arange(-70, 70.5, 0.5)
    expected = 1 / (200 * 0.02 * np.radians(0.5))
    assert coherent_gain(dense, 140, low, depth=200, thickness=200) == pytest.approx(
        expected, rel=0.1
    )
    # A specimen twice as thick as the crop has half the signal.
    assert coherent_gain(dense, 140, low, depth=200, thickness=400) == pytest.approx(
        expected / 2, rel=0.1
    )


def test_padding_is_cut_off():
    volume = np.zeros((12, 40, 40), np.float32)
    volume[2:9, 3:, :38] = np.random.default_rng(0).standard_normal((7, 37, 38))
    assert without_padding(volume + 5).shape == (7, 37, 38)
    assert without_padding(volume[2:9, 3:, :38]).shape == (7, 37, 38)


@pytest.mark.parametrize(
    ("volume", "words"),
    [
        (np.zeros((4, 40, 40)), "with contrast, found 0 to 0"),
        (np.full((4, 40, 40), np.nan), "finite values"),
        (np.zeros((40, 8, 8)), "at least 32 voxels"),
        (np.zeros((40, 40)), "shape \\(40, 40\\)"),
    ],
)
def test_what_is_no_tomogram_is_refused_in_one_line(volume, words):
    with pytest.raises(InputError, match=words) as refused:
        tomogram_series(volume, 10.0)
    assert "\n" not in str(refused.value)
