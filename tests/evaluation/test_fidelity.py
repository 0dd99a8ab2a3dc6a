"""Likeness to a reference: closed forms, chance levels, and stacks of our own microscope."""

import math
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import fft, stats
from scipy.ndimage import gaussian_filter

from faket.data import TiltGeometry
from faket.errors import InputError
from faket.evaluation.classifier import _auc, _places
from faket.evaluation.features import patch_features
from faket.evaluation.fidelity import (
    check_contrast,
    content_correlation,
    contrast_sign,
    separability,
    spectrum_distance,
)
from faket.evaluation.tilts import matched_tilts
from faket.microscope import PRESETS, acquire
from faket.projection import project
from faket.reconstruction import align
from faket.specimen import SpecimenConfig, build_specimen
from faket.structures import synthetic_species

ANGLES = np.linspace(-60, 60, 11)


def white(seed, shape=(11, 256, 256)):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def filtered(stack, response):
    """Multiply spectra by a function of the frequency in cycles per pixel."""
    k = np.hypot(fft.fftfreq(stack.shape[1])[:, None], fft.rfftfreq(stack.shape[2]))
    spectra = fft.rfft2(stack, axes=(1, 2)) * response(k)
    return fft.irfft2(spectra, s=stack.shape[1:], axes=(1, 2)).astype(np.float32)


# --- spectra ---------------------------------------------------------------------------------


def test_distance_of_a_filter_is_the_mean_of_its_log():
    stack = white(0)
    slope = filtered(stack, lambda k: np.sqrt(1 + 3 * k))
    found = spectrum_distance(slope, stack, normalize=False)
    expected = np.log(1 + 3 * found.frequency)
    np.testing.assert_allclose(
        np.log(found.power / found.other_power).mean(axis=0), expected, atol=0.02
    )
    assert found.distance == pytest.approx(expected.mean(), rel=0.01)
    # Normalised, only the shape counts: the variance of the filtered noise is taken out.
    k = np.hypot(fft.fftfreq(256)[:, None], fft.fftfreq(256))
    shape = np.abs(expected - math.log((1 + 3 * k).mean())).mean()
    assert spectrum_distance(slope, stack).distance == pytest.approx(shape, rel=0.03)


def test_distance_of_a_factor_is_its_log_and_vanishes_when_normalised():
    stack = white(1)
    assert spectrum_distance(2 * stack, stack, normalize=False).per_tilt == pytest.approx(
        np.full(11, math.log(4))
    )
    assert spectrum_distance(2 * stack + 7, stack).distance == pytest.approx(0, abs=1e-5)


def test_equal_spectra_are_as_far_apart_as_chance_has_them():
    for shape in ((30, 256, 256), (30, 200, 320)):
        found = spectrum_distance(white(2, shape), white(3, shape))
        assert found.distance == pytest.approx(found.floor, rel=0.1)
    small, large = white(4, (30, 128, 128)), white(5, (30, 384, 256))
    found = spectrum_distance(small, large)
    assert found.distance == pytest.approx(found.floor, rel=0.1)


def test_power_is_the_variance_and_matches_a_naive_sum():
    stack = 3 * white(6, (4, 96, 128))
    found = spectrum_distance(stack, stack, normalize=False, rings=12)
    assert found.power.mean() == pytest.approx(9, rel=0.03)
    ny, nx = stack.shape[1:]
    taper = [np.minimum(1, (np.minimum(np.arange(n), np.arange(n)[::-1]) + 0.5) / (n / 8))
             for n in (ny, nx)]  # fmt: skip
    window = np.outer(*(np.sin(np.pi * t / 2) ** 2 for t in taper))
    mean = (stack[1] * window).sum() / window.sum()
    power = np.abs(np.fft.fft2((stack[1] - mean) * window)) ** 2 / (window**2).sum()
    k = np.hypot(np.fft.fftfreq(ny)[:, None], np.fft.fftfreq(nx))
    edges = np.linspace(0.02, 0.5, 13)
    for ring in range(11):
        inside = (k >= edges[ring]) & (k < edges[ring + 1])
        assert found.power[1, ring] == pytest.approx(power[inside].mean(), rel=1e-6)


def test_tilts_are_matched_by_angle_whatever_count_order_and_size():
    louder = np.linspace(1, 3, 11)  # each tilt has its own colour
    stack = np.concatenate(
        [filtered(white(i, (1, 256, 256)), lambda k, a=a: 1 + a * k) for i, a in enumerate(louder)]
    )
    order = np.random.default_rng(0).permutation(11)[:7]
    other = np.concatenate(
        [filtered(white(50 + i, (1, 320, 192)), lambda k, i=i: 1 + louder[i] * k) for i in order]
    )
    found = spectrum_distance(other, stack, angles_deg=ANGLES[order] + 0.5, other_angles_deg=ANGLES)
    np.testing.assert_array_equal(found.tilts, np.stack([np.arange(7), order], axis=1))
    # The slowest part of the ratio is what the colours would differ by if mismatched.
    assert found.distance < 1.1 * found.floor
    far = spectrum_distance(other, stack[order[::-1]])
    assert far.distance > 1.3 * far.floor


@settings(max_examples=20, deadline=None)
@given(
    scale=st.floats(0.01, 1e4),
    level=st.floats(-1e4, 1e4),
    n=st.integers(1, 5),
    side=st.integers(32, 70),
)
def test_measures_ignore_grey_level_and_contrast(scale, level, n, side):
    rng = np.random.default_rng(n)
    stack = rng.standard_normal((n, side, side + 3))
    other = gaussian_filter(rng.standard_normal((n, side, side + 3)), (0, 1, 1))
    changed = stack * scale + level
    for measure in (spectrum_distance, content_correlation):
        before, after = measure(stack, other), measure(changed, other)
        np.testing.assert_allclose(after.per_tilt, before.per_tilt, atol=1e-6)
    before, after = contrast_sign(other), contrast_sign(other * scale + level)
    assert after.sign == before.sign
    assert after.skewness == pytest.approx(before.skewness, abs=1e-3)


def test_pairs_are_nearest_in_angle_and_used_once_where_asked():
    first, second = [0.0, 1.0, 2.0, 30.0], [0.9, 40.0, 29.0]
    pairs = matched_tilts(4, 3, first, second, tolerance_deg=3.0)
    assert pairs.tolist() == [[0, 0], [1, 0], [2, 0], [3, 2]]
    once = matched_tilts(4, 3, first, second, tolerance_deg=3.0, one_to_one=True)
    assert once.tolist() == [[1, 0], [3, 2]]
    assert matched_tilts(2, 2, None, [9.0, 8.0], tolerance_deg=0.1).tolist() == [[0, 0], [1, 1]]


# --- content ---------------------------------------------------------------------------------


def test_correlation_is_pearsons_and_finds_the_mixed_in_amplitude():
    clean = gaussian_filter(white(7), (0, 3, 3))
    clean /= clean.std()
    noise = white(8)
    for ratio in (0.9, 0.4, 0.0):
        stack = ratio * clean + math.sqrt(1 - ratio**2) * noise
        found = content_correlation(5 * stack - 3, clean)
        naive = [np.corrcoef(a.ravel(), b.ravel())[0, 1]
                 for a, b in zip(stack, clean, strict=True)]  # fmt: skip
        np.testing.assert_allclose(found.per_tilt, naive, atol=1e-5)
        assert found.mean == pytest.approx(ratio, abs=0.01)
        assert content_correlation(-stack, clean).mean == pytest.approx(-found.mean, abs=1e-6)


def test_rings_tell_where_content_is_lost_and_where_its_sign_is_turned():
    clean = white(9)
    turned = filtered(clean, lambda k: np.where(k < 0.25, 1.0, -1.0))
    found = content_correlation(turned, clean)
    inner, outer = found.frequency < 0.22, found.frequency > 0.28
    assert found.by_ring[:, inner].min() > 0.99
    assert found.by_ring[:, outer].max() < -0.99
    # Ring by ring, amplitude 1 of signal under amplitude k / 0.25 of noise.
    noisy = clean + filtered(white(10), lambda k: k / 0.25)
    expected = 1 / np.sqrt(1 + (found.frequency / 0.25) ** 2)
    by_ring = content_correlation(noisy, clean).by_ring.mean(axis=0)
    np.testing.assert_allclose(by_ring, expected, atol=0.02)


def test_content_is_compared_at_the_same_angle_only():
    clean = gaussian_filter(white(11), (0, 2, 2))
    found = content_correlation(
        clean[::-2], clean, angles_deg=ANGLES[::-2] + 0.3, noise_free_angles_deg=ANGLES
    )
    assert found.per_tilt == pytest.approx(np.ones(6))
    with pytest.raises(InputError, match=r"0\.5°"):
        content_correlation(clean, clean, angles_deg=ANGLES + 5, noise_free_angles_deg=ANGLES)


# --- classifier ------------------------------------------------------------------------------


def test_one_thing_in_two_halves_cannot_be_told_apart():
    found = [separability(white(i), white(100 + i), seed=i) for i in range(4)]
    mean = np.mean([item.auc for item in found])
    assert mean == pytest.approx(0.5, abs=0.025)
    assert np.mean([item.balanced_accuracy for item in found]) == pytest.approx(0.5, abs=0.025)
    assert sum(low < 0.5 < high for low, high in (item.auc_interval for item in found)) >= 3
    same = separability(white(0), white(0))
    assert (same.auc, same.balanced_accuracy, same.d_prime) == (0.5, 0.5, 0.0)


def test_small_changes_of_colour_are_seen_and_larger_ones_better():
    shape = (21, 256, 256)
    stack, other = white(0, shape), white(1, shape)
    changed = [filtered(other, lambda k, c=c: np.sqrt(1 + 2 * c * k)) for c in (0.08, 0.16, 0.5)]
    found = [separability(item, stack) for item in changed]
    aucs = [item.auc for item in found]
    assert aucs[0] > 0.65
    assert found[0].auc_interval[0] > 0.55
    assert aucs == sorted(aucs)
    assert aucs[-1] > 0.99
    assert [item.d_prime for item in found] == sorted(item.d_prime for item in found)
    # A normal distribution of scores has AUC = Φ(d' / √2).
    assert aucs[1] == pytest.approx(stats.norm.cdf(found[1].d_prime / math.sqrt(2)), abs=0.02)
    # Both ways round it is the same question.
    assert separability(stack, changed[0]).auc == pytest.approx(aucs[0], abs=1e-9)
    strongest = found[-1].feature_names[np.abs(found[-1].feature_auc - 0.5).argmax()]
    assert "power" in strongest or "autocorrelation" in strongest


def test_what_has_the_same_spectrum_is_told_apart_by_other_features():
    shape = (8, 256, 256)
    stack = white(0, shape)
    heavy = np.random.default_rng(1).laplace(size=shape).astype(np.float32)
    assert separability(heavy, stack).auc > 0.99
    grid = np.tile([[0.3, 0.0], [0.0, 0.0]], (128, 128)).astype(np.float32)
    latticed = separability(white(2, shape) + grid, stack)
    assert latticed.auc > 0.95
    assert latticed.feature_names[latticed.feature_auc.argmax()] == "lattice of 2"
    patchy = white(3, shape) * np.repeat(np.repeat(1 + 0.5 * (white(4, (8, 16, 16)) > 0), 16, 1),
                                         16, 2)  # fmt: skip
    assert separability(patchy, stack).auc > 0.95


def test_a_tilt_or_an_area_is_no_fingerprint():
    """What a tilt or a place has of its own must not help: it is never in training and test."""
    aucs = []
    for trial in range(3):
        stacks = []
        for side in range(2):
            rng = np.random.default_rng([trial, side])
            colours = rng.uniform(0, 2, 12)  # each tilt its own, from one distribution
            tilts = [filtered(white([trial, side, i], (1, 256, 256)), lambda k, c=c: 1 + c * k)
                     for i, c in enumerate(colours)]  # fmt: skip
            place = gaussian_filter(rng.standard_normal((256, 256)), 2) * 4  # in all tilts
            stacks.append(np.concatenate(tilts) + place.astype(np.float32))
        aucs.append(separability(*stacks).auc)
    assert np.mean(aucs) == pytest.approx(0.5, abs=0.12)
    assert max(aucs) < 0.75


def test_result_depends_on_the_seed_alone():
    stack, other = white(0, (4, 512, 512)), white(1, (4, 512, 512))
    first, again = (separability(stack, other, seed=3, patches=200) for _ in range(2))
    assert first.auc == again.auc
    assert first.auc_interval == again.auc_interval
    assert first.patches <= 220
    assert separability(stack, other, seed=4, patches=200).auc != first.auc


def test_unequal_sizes_counts_and_orders_are_compared():
    stack, other = white(0, (11, 256, 256)), white(1, (5, 150, 400))
    found = separability(
        stack, other, angles_deg=ANGLES, other_angles_deg=ANGLES[[8, 2, 4, 6, 0]] + 1
    )
    assert found.tilts.tolist() == [[0, 4], [2, 1], [4, 2], [6, 3], [8, 0]]
    assert found.auc == pytest.approx(0.5, abs=0.15)
    assert len(found.auc_per_tilt) == 5


@settings(max_examples=100, deadline=None)
@given(st.integers(32, 1000), st.integers(16, 1000), st.sampled_from([16, 32, 64]))
def test_strips_share_no_pixel_and_each_holds_a_patch(height, width, patch_px):
    strips = min(4, height // patch_px)
    if strips < 2 or width < patch_px:
        return
    ends = []
    for strip in range(strips):
        places = _places((height, width), strip, strips, patch_px)
        assert places
        assert all(y % 8 == x % 8 == 0 for y, x in places)
        assert max(x for _, x in places) + patch_px <= width
        ends.append((min(y for y, _ in places), max(y for y, _ in places) + patch_px))
    assert ends[-1][1] <= height
    assert all(a[1] <= b[0] for a, b in pairwise(ends))


def test_auc_is_the_mann_whitney_statistic():
    values = np.random.default_rng(0).integers(0, 4, (2, 3, 2, 9, 1)).astype(float)
    found = _auc(values)[..., 0]
    for pair, strip in np.ndindex(2, 3):
        first, second = values[pair, strip, :, :, 0]
        expected = stats.mannwhitneyu(first, second, method="asymptotic").statistic / 81
        assert found[pair, strip] == pytest.approx(expected)


def test_features_ignore_level_and_contrast_and_have_known_values():
    patches = white(0, (50, 64, 64))
    features, names = patch_features(patches)
    changed, _ = patch_features(patches.astype(float) * 40 + 1e5)
    np.testing.assert_allclose(changed, features, atol=1e-3)
    assert len(set(names)) == len(names) == features.shape[1]
    mean = dict(zip(names, features.mean(axis=0), strict=True))
    assert mean["log kurtosis /1"] == pytest.approx(math.log(3), abs=0.01)
    assert mean["skewness /1"] == pytest.approx(0, abs=0.02)
    assert mean["autocorrelation x"] == pytest.approx(0, abs=0.01)
    assert mean["quantile 0.95"] == pytest.approx(stats.norm.ppf(0.95), abs=0.02)
    # White noise of σ 1: power = 64² · mean of the squared window.
    window = np.hanning(66)[1:-1] ** 2
    assert mean["power 0.38-0.42"] == pytest.approx(2 * math.log(window.sum()), abs=0.05)
    smooth, _ = patch_features(gaussian_filter(patches, (0, 2, 0)))
    assert dict(zip(names, smooth.mean(axis=0), strict=True))["power x - y 0.12-0.25"] > 1


# --- our own microscope ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def taken():
    """(gold, seed) → stack and noiseless projections of a small specimen, 5 tilts."""
    library = tuple(
        synthetic_species(name, voxel_size_A=10.0) for name in ("syn-ring", "syn-cage", "syn-hook")
    )
    angles = np.array([-60.0, -30.0, 0.0, 30.0, 60.0])
    microscope = replace(PRESETS["k3-60x3"], defocus_um=(3.0, 3.0), defocus_jitter_um=0.0,
                         alignment_error_A=(0.0, 0.0), rotation_error_deg=0.0)  # fmt: skip
    made = {}

    def make(gold, seed):
        if gold not in made:
            config = SpecimenConfig(
                size_voxels=(160, 160, 40), voxel_size_A=10.0, particles=(60, 60),
                vesicles=(0, 0), gold=(gold, gold),
            )  # fmt: skip
            made[gold] = build_specimen(config, library, seed=5)
        geometry = TiltGeometry(angles, 10.0)
        series = acquire(made[gold], geometry, microscope, seed=seed, device="cpu")
        clean = -10.0 * project(made[gold].potential.data, angles)
        return align(series.images, series.geometry), clean

    return make


@pytest.mark.parametrize("gold", [0, 3])
def test_contrast_of_the_microscope_is_normal_and_of_its_negative_inverted(taken, gold):
    images, clean = taken(gold, 1)
    for stack in (images, clean, images[2:3]):
        assert contrast_sign(stack).sign == "normal"
        assert contrast_sign(-stack).sign == "inverted"
        assert contrast_sign(-stack).skewness == pytest.approx(
            -contrast_sign(stack).skewness, abs=1e-3
        )
    hot = images.copy()
    hot[:, 80, 80] += 1000 * images.std()
    hot[:, 20, 33:35] -= 300 * images.std()
    assert contrast_sign(hot).sign == "normal"
    assert check_contrast(images).sign == "normal"
    with pytest.raises(InputError, match="dark protein"):
        check_contrast(-images, "real.mrc")


def test_another_exposure_is_near_and_white_noise_is_far(taken):
    (one, clean), (two, _) = taken(3, 1), taken(3, 2)
    white_noise = clean / clean.std() + 2 * white(0, clean.shape)
    near, far = spectrum_distance(two, one), spectrum_distance(white_noise, one)
    assert near.distance < 2 * near.floor
    assert far.distance > 4 * near.distance
    told = [separability(item, one, patch_px=40) for item in (two, white_noise)]
    assert told[0].auc < 0.7
    assert told[1].auc > 0.95
    content = [content_correlation(item, clean) for item in (one, two)]
    assert content[0].mean == pytest.approx(content[1].mean, rel=0.05)
    assert 0.2 < content[0].mean < 0.9


def test_no_contrast_is_made_up_of_noise_and_gradients():
    rng = np.random.default_rng(0)
    slope = np.linspace(0, 1, 512)
    for stack in (
        white(0, (5, 512, 512)),
        rng.poisson(1.0, (5, 512, 512)),
        rng.poisson(30.0, (5, 512, 512)),
        white(1, (5, 512, 512)) + np.exp(slope),
        white(1, (5, 512, 512)) - np.exp(slope)[:, None],
    ):
        found = contrast_sign(stack)
        assert found.sign == "cannot tell", found


# --- bad input -------------------------------------------------------------------------------


def spoiled(value):
    stack = white(0, (3, 64, 64))
    stack[1] = value
    return stack


@pytest.mark.parametrize(
    "measure", [spectrum_distance, content_correlation, partial(separability, patch_px=32)]
)
@pytest.mark.parametrize(
    ("stack", "words"),
    [
        (spoiled(np.nan), "tilt 1"),
        (spoiled(4.0), "tilt 1"),
        (white(0, (3, 64, 16)), "32 pixels"),
        (white(0, (64, 64)), r"\[tilt, y, x\]"),
        (white(0, (4, 64, 64)), "found"),
    ],
)
def test_bad_stacks_are_one_line(measure, stack, words):
    good = white(1, (3, 64, 64))
    for arguments in ((stack, good), (good, stack)):
        with pytest.raises(InputError, match=words) as error:
            measure(*arguments)
        assert "\n" not in str(error.value)


def test_bad_options_are_one_line():
    stack = white(0, (3, 64, 64))
    for call in (
        lambda: spectrum_distance(stack, stack, limits=(0.3, 0.2)),
        lambda: spectrum_distance(stack, stack, rings=0),
        lambda: spectrum_distance(stack, stack, angles_deg=[1, 2], other_angles_deg=[1, 2, 3]),
        lambda: spectrum_distance(
            stack, stack, angles_deg=[0, 1, 2], other_angles_deg=[50, 51, np.nan]
        ),
        lambda: spectrum_distance(
            stack, stack, angles_deg=[0, 1, 2], other_angles_deg=[50, 51, 52]
        ),
        lambda: separability(stack, stack, patch_px=20),
        lambda: separability(stack, stack, patch_px=64),
        lambda: separability(stack, stack, patch_px=32, patches=0),
        lambda: separability(stack[:1], stack[:1], patch_px=32),
        lambda: content_correlation(stack, stack[:, :, :40]),
    ):
        with pytest.raises(InputError) as error:
            call()
        assert "\n" not in str(error.value)
