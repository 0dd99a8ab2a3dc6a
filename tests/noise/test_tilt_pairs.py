"""What neighbouring tilts share: signal without noise, whatever coloured both."""

import numpy as np
import pytest

from faket.noise import ring_power, tilt_pairs
from faket.noise.pair_lines import lines_near_axis
from slabs import slab_series

ANGLES = np.arange(-45.0, 46.0, 3.0)
RINGS = 32


def low_noise(rng, shape):
    """Noise that is strong at low frequencies only, as of a flickering beam."""
    spectrum = np.fft.rfft2(rng.standard_normal(shape))
    k = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1]))
    return np.fft.irfft2(spectrum * (1 + 6 * np.exp(-((k / 0.06) ** 2))), s=shape)


def powers(images):
    return np.array([ring_power(image, RINGS) for image in images])


@pytest.fixture(scope="module")
def seen():
    """A slab 120 pixels thick, coloured noise, tilts displaced by 0.5 pixels."""
    rng = np.random.default_rng(3)
    shifts = 0.5 * rng.standard_normal((len(ANGLES), 2))
    signal = slab_series(ANGLES, side=256, thickness=120, shifts=shifts)
    signal /= signal.std()
    noise = np.array([low_noise(rng, image.shape) for image in signal])
    images = (signal + noise).astype(np.float32)
    return signal, noise, shifts, tilt_pairs(images, ANGLES, 10.0, rings=RINGS)


def test_the_shared_part_is_the_signal_at_every_ring(seen):
    signal, noise, _, pairs = seen
    fraction, sigma = pairs.fraction()
    true = powers(signal) / (powers(signal) + powers(noise))
    found = (fraction * pairs.power).mean(axis=0) / powers(signal).mean(axis=0)
    strong = true.mean(axis=0) > 0.25
    assert strong[1:8].all()
    np.testing.assert_allclose(found[1:][strong[1:]], 1.0, atol=0.15)
    off = (fraction - true)[:, 2:] / np.hypot(sigma, 0.1 * true)[:, 2:]
    assert np.mean(off**2) < 2.0


def test_noise_shares_nothing_and_its_scatter_is_what_sigma_says():
    rng = np.random.default_rng(0)
    noise = np.array([low_noise(rng, (160, 160)) for _ in ANGLES], np.float32)
    fraction, sigma = tilt_pairs(noise, ANGLES, 10.0, rings=RINGS).fraction()
    scaled = (fraction / sigma)[:, 2:]
    assert abs(scaled.mean()) < 0.15
    assert 0.5 < scaled.std() < 1.5


def test_noise_above_the_signal_s_frequencies_is_not_taken_for_signal():
    rng = np.random.default_rng(11)
    signal = slab_series(ANGLES, side=256, thickness=120)
    k = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.rfftfreq(256))
    signal = np.fft.irfft2(np.fft.rfft2(signal) * (k < 0.1), s=(256, 256))
    signal *= 1.5 / signal.std()
    above = []
    for _ in range(3):
        images = (signal + rng.standard_normal(signal.shape)).astype(np.float32)
        fraction, _ = tilt_pairs(images, ANGLES, 10.0, rings=RINGS).fraction()
        above.append(fraction[:, (RINGS // 4) : (RINGS // 2)].mean())
    # Of 31 tilts and 8 rings the standard error is 0.004.
    assert abs(np.mean(above)) < 0.01


def test_thickness_and_displacements_are_found(seen):
    _, _, shifts, pairs = seen
    assert pairs.thickness_A == pytest.approx(1200, rel=0.15)
    first, second = pairs.tilts.T
    near = second - first == 1
    off = pairs.displacement_px[:, 1] - (shifts[first, 1] - shifts[second, 1])
    assert off[near].std() < 0.2
    assert np.mean((off[near] / pairs.displacement_sigma_px[near, 1]) ** 2) < 6
    assert pairs.misalignment_px() == pytest.approx(np.diff(shifts[:, 1]).std() / 2**0.5, rel=0.25)


def test_order_of_tilts_and_grey_values_do_not_matter(seen):
    signal, noise, _, pairs = seen
    order = np.random.default_rng(1).permutation(len(ANGLES))
    images = (7 * (signal + noise)[order] + 300).astype(np.float32)
    again = tilt_pairs(images, ANGLES[order], 10.0, rings=RINGS)
    np.testing.assert_allclose(again.fraction()[0], pairs.fraction()[0][order], atol=2e-3)
    assert again.misalignment_px() == pytest.approx(pairs.misalignment_px(), rel=0.02)


def test_one_tilt_has_no_neighbours():
    image = np.random.default_rng(0).standard_normal((1, 64, 64))
    pairs = tilt_pairs(image, [0.0], 10.0, rings=RINGS)
    fraction, sigma = pairs.fraction()
    assert not np.isfinite(sigma).any()
    assert not fraction.any()
    assert pairs.misalignment_px() == 0.0


def test_signal_alone_is_shared_whole():
    """All tilts see the same few coefficients, which have more or less power than their ring."""
    signal = slab_series(ANGLES, side=192, thickness=100, seed=5).astype(np.float32)
    fraction, _ = tilt_pairs(signal, ANGLES, 10.0, rings=RINGS).fraction()
    strong = powers(signal).mean(axis=0) > 1e-6 * powers(signal).mean()
    np.testing.assert_allclose(fraction.mean(axis=0)[1:][strong[1:]], 1.0, atol=0.05)


@pytest.fixture(scope="module")
def turned():
    """Tilts turned in their plane by 0.25° and displaced, with noise and without."""
    rng = np.random.default_rng(8)
    turns, shifts = 0.25 * rng.standard_normal(len(ANGLES)), rng.normal(0, 0.4, (len(ANGLES), 2))
    signal = slab_series(
        ANGLES, side=256, thickness=120, shifts=shifts, turns_deg=turns, radius=1.2
    )
    signal /= signal.std()
    images = (signal + 0.5 * rng.standard_normal(signal.shape)).astype(np.float32)
    return turns, signal, images


def test_turns_in_the_plane_are_found(turned):
    turns, _, images = turned
    pairs = tilt_pairs(images, ANGLES, 10.0, rings=RINGS)
    assert pairs.turning_deg == pytest.approx(turns.std(), rel=0.25)
    off = np.diff(pairs.turns_deg) - np.diff(turns)
    assert off.std() < 0.2 * np.diff(turns).std()
    slope = np.polyfit(np.diff(turns), np.diff(pairs.turns_deg), 1)[0]
    assert 0.8 < slope < 1.08  # somewhat less than 1, because noise may have turned them too


def test_what_turned_images_share_is_not_lost(turned):
    """Without turning them back, a tenth to a third is, at these rings."""
    _, signal, images = turned
    pairs = tilt_pairs(images, ANGLES, 10.0, rings=RINGS)
    found = (pairs.fraction()[0] * pairs.power).mean(axis=0) / powers(signal).mean(axis=0)
    np.testing.assert_allclose(found[8:20], 1.0, atol=0.06)


@pytest.fixture(scope="module")
def magnified():
    """Tilts of other magnifications, σ 0.5 %, turned and displaced, with noise and without."""
    rng = np.random.default_rng(9)
    growths = 0.005 * rng.standard_normal(len(ANGLES))
    turns, shifts = 0.15 * rng.standard_normal(len(ANGLES)), rng.normal(0, 0.4, (len(ANGLES), 2))
    signal = slab_series(
        ANGLES, side=256, thickness=120, shifts=shifts, turns_deg=turns, radius=1.2,
        magnification=1 + growths,
    )  # fmt: skip
    signal /= signal.std()
    images = (signal + 0.5 * rng.standard_normal(signal.shape)).astype(np.float32)
    return growths, turns, signal, images, tilt_pairs(images, ANGLES, 10.0, rings=RINGS)


def test_magnifications_are_found_beside_turns(magnified):
    growths, turns, _, _, pairs = magnified
    assert pairs.magnification_error == pytest.approx(growths.std(), rel=0.25)
    assert pairs.turning_deg == pytest.approx(turns.std(), rel=0.35)
    off = np.diff(pairs.magnification) - np.diff(growths)
    assert off.std() < 0.25 * np.diff(growths).std()


@pytest.mark.parametrize("part", [np.s_[:, 32:224], np.s_[:, :, 32:224]])
def test_images_need_not_be_square(magnified, part):
    growths, turns, _, images, _ = magnified
    pairs = tilt_pairs(images[part], ANGLES, 10.0, rings=RINGS)
    slope = np.polyfit(np.diff(growths), np.diff(pairs.magnification), 1)[0]
    assert slope == pytest.approx(1, abs=0.12)  # 4/3 or 3/4 if width is taken for height
    slope = np.polyfit(np.diff(turns), np.diff(pairs.turns_deg), 1)[0]
    assert 0.78 < slope < 1.08


def test_what_magnified_images_share_is_not_lost(magnified):
    """Left magnified, up to a tenth is, at these rings."""
    _, _, signal, _, pairs = magnified
    found = (pairs.fraction()[0] * pairs.power).mean(axis=0) / powers(signal).mean(axis=0)
    np.testing.assert_allclose(found[8:18], 1.0, atol=0.04)


@pytest.mark.parametrize("noise", [0.0, 0.5, 30.0])
def test_where_nothing_is_turned_nothing_is_found(noise):
    signal = slab_series(ANGLES, side=192, thickness=100, seed=2)
    rng = np.random.default_rng(4)
    images = signal / signal.std() + noise * rng.standard_normal(signal.shape)
    pairs = tilt_pairs(images.astype(np.float32), ANGLES, 10.0, rings=RINGS)
    assert pairs.turning_deg < 0.04
    assert not pairs.turns_deg.any()
    assert pairs.magnification_error < 0.0007
    assert np.all(pairs.magnification == 1)


@pytest.mark.parametrize(("turn", "growth"), [(0.0, 0.0), (0.02, 0.0), (0.02, -0.01)])
@pytest.mark.parametrize("width", [8, 9])
def test_lines_are_fourier_coefficients_counted_from_the_axis(width, turn, growth):
    images, angles = np.random.default_rng(0).random((2, 6, width)), np.radians([0.0, 40.0])
    across = np.arange(-3, 4.0) / width
    found = lines_near_axis(images, angles, across, np.array([0.0, turn]), np.array([0.0, growth]))
    window = np.outer(np.hanning(8)[1:-1], np.hanning(width + 2)[1:-1])
    y, x = np.arange(6) - 3, np.arange(width) - width // 2
    undone = [(0.0, 0.0), (turn, growth)]
    for image, angle, (back, m), lines in zip(images, angles, undone, found, strict=True):
        values = (image - np.average(image, weights=window)) * window
        ky = np.fft.rfftfreq(6)
        rows = np.exp(-2j * np.pi * np.outer(ky, y / (1 + m))) @ values
        rows *= np.exp(2j * np.pi * back * np.outer(ky, x))
        expected = rows @ np.exp(-2j * np.pi * np.outer(x, across / np.cos(angle)))
        np.testing.assert_allclose(lines, expected / np.sqrt((window**2).sum()), atol=1e-6)
