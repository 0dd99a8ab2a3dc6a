"""Resampled images: waves keep amplitude and phase, noise stays white, signs are right."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.data import TiltGeometry
from faket.errors import InputError
from faket.reconstruction.resampling import align, resample


def geometry(axis=0.0, shift=(0.0, 0.0), pixel=2.0):
    return TiltGeometry(np.zeros(1), pixel, np.array([shift], float), axis)


def from_centre(shape):
    """x and y of every pixel, from sample N // 2."""
    y, x = np.indices(shape)
    return x - shape[1] // 2, y - shape[0] // 2


def turned(x, y, degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return c * x - s * y, s * x + c * y


@settings(max_examples=25)
@given(
    axis=st.floats(-180, 180),
    shift=st.tuples(st.floats(-15, 15), st.floats(-15, 15)),
    ratio=st.floats(1, 3.5),
    shape=st.tuples(st.integers(180, 210), st.integers(180, 210)),
    direction=st.floats(0, 360),
    part=st.floats(0.05, 0.85),
)
def test_a_wave_below_the_new_nyquist_is_that_wave(axis, shift, ratio, shape, direction, part):
    """q from the new centre shows the image at R (ratio q) + shift; shifts are in Å."""
    kx, ky = turned(0.5 * part / ratio, 0.0, direction)
    x, y = from_centre(shape)
    image = np.cos(2 * np.pi * (kx * x + ky * y) + 0.4).astype(np.float32)
    made = resample(image[None], geometry(axis, shift), pixel_size_A=2.0 * ratio)[0]
    x, y = turned(*(ratio * q for q in from_centre(made.shape)), axis)
    x, y = x + shift[0] / 2.0, y + shift[1] / 2.0
    inner = (abs(x) < shape[1] // 2 - 50) & (abs(y) < shape[0] // 2 - 50)
    expected = np.cos(2 * np.pi * (kx * x + ky * y) + 0.4)
    assert inner.any()
    # Where the image ends, a wave holds all frequencies: cutting some of them is felt around.
    assert np.abs(made - expected)[inner].max() < 0.1


def ring_power(image):
    power = abs(np.fft.fft2(image - image.mean())) ** 2 / image.size
    ky, kx = np.fft.fftfreq(image.shape[0])[:, None], np.fft.fftfreq(image.shape[1])[None]
    rings = (np.hypot(ky, kx) * 20).astype(int)  # ten rings up to Nyquist
    return np.bincount(rings.ravel(), power.ravel())[:10] / np.bincount(rings.ravel())[:10]


@pytest.mark.parametrize(
    ("axis", "shift", "ratio"),
    [(0.0, (1.3, 0.7), 1.0), (84.2, (2.0, -3.0), 1.0), (-30.0, (0.0, 0.0), 1.37), (3.0, (0, 0), 2)],
)
def test_white_noise_stays_white(axis, shift, ratio):
    """Up to Nyquist, where cubic splines alone lose power; a pixel stands for ratio² pixels."""
    noise = np.random.default_rng(0).standard_normal((1, 700, 700)).astype(np.float32)
    made = resample(noise, geometry(axis, shift), pixel_size_A=2.0 * ratio)[0]
    inner = made[made.shape[0] // 6 : -made.shape[0] // 6, made.shape[1] // 6 : -made.shape[1] // 6]
    np.testing.assert_allclose(ring_power(inner)[1:] * ratio**2, 1.0, atol=0.05)


def test_what_larger_pixels_cannot_show_is_gone():
    x, y = from_centre((200, 200))
    wave = np.cos(2 * np.pi * (0.3 * x + 0.1 * y))[None].astype(np.float32)  # 0.316 of a cycle
    made = resample(wave, geometry(), pixel_size_A=2.0 * 2.0)[0]
    assert np.abs(made[25:-25, 25:-25]).max() < 0.03
    assert np.abs(resample(wave, geometry())[0] - wave[0]).max() < 0.05


def test_the_way_there_and_back_is_none():
    """Turned by 25° and shifted by (6, -4) Å; p = R' (r - shift), so back by -25° and -R' shift."""
    rng = np.random.default_rng(1)
    x, y = from_centre((160, 160))
    image = sum(
        np.cos(2 * np.pi * (kx * x + ky * y) + p) for kx, ky, p in rng.uniform(-0.3, 0.3, (9, 3))
    )[None].astype(np.float32)
    there = resample(image, geometry(25.0, (6.0, -4.0)))
    back = resample(there, geometry(-25.0, [-v for v in turned(6.0, -4.0, -25.0)]))
    middle = (0, slice(50, -50), slice(50, -50))
    np.testing.assert_allclose(back[middle], image[middle], atol=0.06)


def test_a_mark_lands_where_the_geometry_says():
    """On the detector a spot at (30, 10) px, axis at 90°: R takes x to y, y to -x."""
    x, y = from_centre((121, 121))
    spot = np.exp(-((x - 30) ** 2 + (y - 10) ** 2) / 18.0)[None].astype(np.float32)
    made = resample(spot, geometry(90.0, (4.0, 0.0)))[0]
    row, column = np.unravel_index(made.argmax(), made.shape)
    assert (column - 60, row - 60) == (10, -28)  # r - shift = (28, 10) = R (10, -28)
    assert made.max() == pytest.approx(1.0, abs=0.01)


def test_nothing_to_undo_costs_nothing():
    images = np.ones((1, 8, 8), np.float32)
    assert align(images, geometry()) is images
    np.testing.assert_allclose(align(images, geometry(30.0, (1.0, 2.0))), 1.0, atol=1e-5)


@pytest.mark.parametrize(("pixel", "words"), [(1.9, "at least 2 Å"), (99.0, "smaller than")])
def test_pixels_that_are_too_small_or_too_large(pixel, words):
    with pytest.raises(InputError, match=words):
        resample(np.ones((1, 40, 40)), geometry(), pixel_size_A=pixel)


@pytest.mark.parametrize("axis", [1, 2])
def test_the_nyquist_frequency_itself_stays(axis):
    """200 pixels with their margins, an even number: +1, -1, +1, ... along one axis."""
    image = (1.0 - 2 * (np.indices((1, 136, 136))[axis] % 2)).astype(np.float32)
    made = resample(image, geometry())
    np.testing.assert_allclose(made[0, 40:-40, 40:-40], image[0, 40:-40, 40:-40], atol=0.03)


def test_each_image_has_a_matrix_of_its_own():
    """R of a rotation is the tilt axis; a magnification in it is undone, too."""
    x, y = from_centre((160, 150))
    turns, growth = (20.0, -75.0), (1.0, 1.04)
    wave = np.cos(2 * np.pi * (0.05 * x + 0.03 * y))
    images, matrices = [], []
    for degrees, g in zip(turns, growth, strict=True):
        back_x, back_y = turned(x / g, y / g, -degrees)
        images.append(np.cos(2 * np.pi * (0.05 * back_x + 0.03 * back_y)))
        columns = np.array([turned(g, 0.0, degrees), turned(0.0, g, degrees)])
        matrices.append(columns.T)
    own = TiltGeometry(np.zeros(2), 2.0, matrices=np.array(matrices))
    np.testing.assert_allclose(own.axes_deg(), turns)
    made = align(np.array(images, np.float32), own)
    inner = np.hypot(x, y) < 40
    for image in made:
        assert np.abs(image - wave)[inner].max() < 0.04


def test_the_direction_of_astigmatism_turns_with_the_image():
    """Aligning turns the image back by the axis' angle, and what was at φ lies at φ - axis."""
    raw = TiltGeometry(
        np.zeros(1), 2.0, np.ones((1, 2)), 30.0, astigmatism_deg=np.array([50.0]),
        defocus_um=np.array([3.0]),
    )  # fmt: skip
    done = raw.aligned(4.0)
    assert (done.tilt_axis_deg, done.pixel_size_A, done.defocus_um) == (0.0, 4.0, [3.0])
    assert not done.shifts_A.any()
    np.testing.assert_allclose(done.astigmatism_deg, 20.0)


def test_of_tilts_keeps_what_belongs_to_an_image():
    every = TiltGeometry(
        np.array([-3.0, 0.0, 3.0]), 2.0, dose_e_per_A2=np.array([1.0, 2.0, 3.0]),
        order=np.array([2, 0, 1]), matrices=np.array([np.eye(2) * n for n in (1, 2, 3)]),
    )  # fmt: skip
    some = every.of_tilts(np.array([0, 2]))
    np.testing.assert_array_equal(some.angles_deg, [-3, 3])
    np.testing.assert_array_equal(some.order, [1, 0])
    np.testing.assert_array_equal(some.dose_e_per_A2, [1, 3])
    np.testing.assert_array_equal(some.matrices[:, 0, 0], [1, 3])
    assert some.defocus_um is None
