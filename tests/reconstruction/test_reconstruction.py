"""Reconstruction against analytic phantoms, closed forms and scikit-image."""

import numpy as np
import pytest
from skimage.transform import iradon

from faket.data import TiltGeometry, TiltSeries
from faket.errors import InputError
from faket.projection import project
from faket.reconstruction import (
    align,
    binned_offset,
    fourier_crop,
    ramp,
    reconstruct,
    shrec_filter,
)

FULL = np.arange(-90.0, 89.0, 2.0)


def series_of(images, angles, pixel_size_A=1.0, **geometry):
    images = np.asarray(images, np.float32)
    return TiltSeries(images, TiltGeometry(np.asarray(angles, float), pixel_size_A, **geometry))


def phantom(shape=(48, 6, 96)):
    """Three Gaussians off centre, so that every mirror image is another phantom."""
    z, y, x = np.meshgrid(*(np.arange(n) - n // 2 for n in shape), indexing="ij", sparse=True)
    total = np.zeros(shape, np.float32)
    for cx, cy, cz, s, w in [(-20, 1, 6, 4, 1.0), (8, -1, -9, 3, 2.0), (25, 0, 2, 5, -0.8)]:
        total += w * np.exp(-((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2) / (2 * s * s))
    return total


def test_full_tilt_range_gives_back_the_phantom():
    truth = phantom()
    series = series_of(project(truth, FULL, device="cpu"), FULL)
    back = reconstruct(series, depth=48, normalize="none", device="cpu").data
    assert np.abs(back - truth).max() < 0.03 * truth.max()


def test_agrees_with_iradon_on_the_same_slices():
    truth = phantom((96, 4, 96))
    stack = project(truth, FULL, device="cpu")
    ours = reconstruct(series_of(stack, FULL), depth=96, normalize="none", device="cpu").data
    for y in range(4):
        # iradon's rows run against our z.
        theirs = iradon(stack[:, y].T.astype(float), FULL, filter_name="ramp", circle=True)
        theirs = np.roll(theirs[::-1], 1, axis=0)
        inside = np.hypot(*np.mgrid[-48:48, -48:48]) < 44
        assert np.abs(ours[:, y] - theirs)[inside].max() < 0.03 * truth.max()


def test_limited_tilt_range_keeps_place_and_sign():
    angles = np.arange(-60.0, 61.0, 2.0)
    series = series_of(-project(phantom(), angles, device="cpu"), angles, 5.0)
    for filter in ("ramp", "hamming", "shrec"):
        volume = reconstruct(series, depth=48, filter=filter, device="cpu")
        z, y, x = np.unravel_index(volume.data.argmin(), volume.data.shape)
        assert (abs(x - 48 - 8), abs(y - 3 + 1), abs(z - 24 + 9)) <= (1, 1, 1), filter
        assert volume.voxel_size_A == 5.0


@pytest.mark.parametrize("shape", [(48, 24, 96), (47, 23, 95), (46, 26, 90)])
def test_binned_reconstruction_is_the_reconstruction_at_the_binned_samples(shape):
    angles = np.arange(-60.0, 61.0, 2.0)
    series = series_of(project(phantom(shape), angles, device="cpu"), angles, 5.0)
    full = reconstruct(series, depth=shape[0], normalize="none", device="cpu").data
    half = reconstruct(series, depth=shape[0] // 2, binning=2, normalize="none", device="cpu")
    sampled = full[tuple(slice(binned_offset(n, 2), None, 2) for n in shape)]
    sampled = sampled[: shape[0] // 2, : shape[1] // 2, : shape[2] // 2]
    inner = (slice(None), slice(2, -2), slice(4, -4))
    scale = np.abs(full).max()
    assert np.abs(half.data - sampled)[inner].max() < 0.08 * scale
    assert half.voxel_size_A == 10.0


@pytest.mark.parametrize("size", [24, 23, 26, 27])
@pytest.mark.parametrize("binning", [2, 3])
def test_fourier_crop_samples_a_band_limited_signal(size, binning):
    new = size // binning
    start = min(binned_offset(size, binning), size - binning * new)
    t = 2 * np.pi * (np.arange(size) - start) / (binning * new)  # periodic on the kept window
    signal = 2 + np.cos(t + 0.3) - 0.5 * np.sin(2 * t)
    cropped = fourier_crop(signal, binning, axes=(0,))
    expected = signal[binned_offset(size, binning) :: binning][:new]
    inside = slice(1, -1)
    np.testing.assert_allclose(cropped[inside], expected[inside], atol=1e-5)
    assert binned_offset(size, binning) + binning * (new // 2) == size // 2


def test_fourier_crop_kills_what_would_alias():
    x = np.arange(64)
    assert np.abs(fourier_crop(np.cos(2 * np.pi * 25 / 64 * x), 2, axes=(0,))).max() < 1e-5


def test_ramp_is_the_frequency():
    np.testing.assert_allclose(ramp(4096), np.fft.rfftfreq(4096), atol=2e-4)
    assert ramp(4096)[0] > 0


def test_shrec_filter_has_the_published_values():
    weights = shrec_filter(512, 512)
    assert weights.max() == 1
    assert (weights[:, 0] == 0).all()
    assert weights[0, 256] > 0
    assert weights[2, 256 - 1] > 0
    assert weights[100, 250] == 0  # r = 269
    ratio = weights[0, 156] / weights[0, 78]
    gauss = lambda k: np.exp(-0.5 * (k / 174) ** 2) + 0.33  # noqa: E731
    assert ratio == pytest.approx(2 * gauss(156) / gauss(78), rel=1e-12)


def test_alignment_undoes_shift_and_rotation():
    from scipy import ndimage

    rng = np.random.default_rng(0)
    ideal = ndimage.gaussian_filter(rng.standard_normal((64, 64)), 3)
    moved = ndimage.shift(ideal, (-2.5, 4.0), order=5, mode="grid-wrap")
    geometry = {"shifts_A": np.array([[8.0, -5.0]])}
    series = series_of(moved[None], [0.0], 2.0, **geometry)
    back = align(series.images, series.geometry)[0]
    assert np.abs(back - ideal)[12:-12, 12:-12].max() < 0.01 * np.abs(ideal).max()

    point = np.zeros((1, 41, 41), np.float32)
    point[0, 20 + 10, 20] = 1  # on the y axis
    turned = align(point, TiltGeometry(np.zeros(1), 1.0, tilt_axis_deg=-90.0))[0]
    assert np.unravel_index(turned.argmax(), turned.shape) == (20, 20 - 10)


def test_tilt_axis_is_put_on_y():
    """A line along an axis at +30° from y (counter-clockwise, x to the right, y up) ends on y."""
    size, angle = 65, 30.0
    y, x = np.mgrid[:size, :size] - size // 2
    along = -np.sin(np.radians(angle)) * x + np.cos(np.radians(angle)) * y
    across = np.cos(np.radians(angle)) * x + np.sin(np.radians(angle)) * y
    line = np.exp(-(across**2) / 4 - along**2 / 200)[None].astype(np.float32)
    upright = align(line, TiltGeometry(np.zeros(1), 1.0, tilt_axis_deg=angle))[0]
    spread = [float((upright * c**2).sum() / upright.sum()) for c in (x, y)]
    assert spread[0] < 4
    assert spread[1] > 50


@pytest.mark.parametrize(
    "change",
    [
        {"depth": 0},
        {"binning": 0},
        {"binning": 99},
        {"filter": "sharp"},
        {"method": "art"},
        {"normalize": "contrast"},
    ],
)
def test_bad_input_is_one_line(change):
    series = series_of(-np.ones((2, 8, 8)), [0.0, 3.0])
    with pytest.raises(InputError) as error:
        reconstruct(series, **{"depth": 4, **change})
    assert "\n" not in str(error.value)


def test_nan_is_found_and_placed():
    images = np.zeros((3, 8, 8), np.float32)
    images[1, 2, 3] = np.nan
    with pytest.raises(InputError, match="tilt 1"):
        reconstruct(series_of(images, [0.0, 1.0, 2.0]), depth=4)
