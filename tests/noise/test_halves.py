"""Signal and noise of halves: closed forms, the sum rule, unequal halves, tomograms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.errors import InputError
from faket.noise import (
    coloured_noise,
    difference,
    estimate_noise,
    half_spectra,
    half_tomogram_spectra,
    ring_cross_power,
    ring_power,
)
from made_up_halves import counted, halves

COLOUR = np.linspace(1.0, 0.3, 96)


def banded(values, width=16):
    """Averages of neighbouring rings over all images, which scatter less: by the coefficients."""
    mean, count = values.mean(axis=0).reshape(-1, width), np.arange(96).reshape(-1, width) + 0.5
    return (mean * count).sum(axis=1) / count.sum(axis=1)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(8, 61), st.integers(8, 61), st.integers(3, 40), st.integers(0, 99),
    st.sampled_from([(1.0, 1.0), (0.5, 0.5), (0.3, 1.7)]),
)  # fmt: skip
def test_signal_and_noise_are_the_power_of_the_full_image(ny, nx, rings, seed, weights):
    """At any size, odd or even, for any halves: |αA + βB|², ring by ring."""
    first, second = np.random.default_rng(seed).normal(3, [[[2.0]], [[5.0]]], (2, ny, nx))
    first += second / 2
    full = weights[0] * first + weights[1] * second
    found = half_spectra(first[None], second[None], full=full[None], rings=rings)
    np.testing.assert_allclose(found.weights, [weights], rtol=1e-5, atol=1e-5)
    power = ring_power(full, rings)
    np.testing.assert_allclose(
        (found.signal + found.noise)[0], power, rtol=1e-3, atol=1e-4 * power.max()
    )
    cross = ring_cross_power(first, second, rings)
    np.testing.assert_allclose(found.cross[0], cross, rtol=1e-4, atol=1e-4 * power.max())


@pytest.mark.parametrize(("full", "of_one"), [("sum", 2.0), ("mean", 0.5)])
def test_white_noise_and_a_known_signal_in_closed_form(full, of_one):
    """Noise v in each half: 2 v in their sum and v / 2 in their average; the signal 4 s and s."""
    first, second, signal = halves(images=6, side=192, noise=(3.0, 3.0))
    found = half_spectra(first, second, full=full)
    np.testing.assert_allclose(banded(found.noise), 3.0 * of_one, rtol=0.1)
    known = banded(np.array([ring_power(image) for image in signal]))
    np.testing.assert_allclose(banded(found.signal) / (2 * of_one), known, rtol=0.08, atol=0.1)
    np.testing.assert_allclose(banded(found.correlation), known / (known + 3.0), atol=0.05)
    part = banded(found.noise_fraction)[2:]
    np.testing.assert_allclose(part, 1 / (1 + 2 * known[2:] / 3), atol=0.04)
    inner = np.s_[:, 8:24]
    np.testing.assert_allclose(
        found.signal_to_noise[inner], 1 / found.noise_fraction[inner] - 1, rtol=1e-6
    )


@pytest.mark.parametrize(
    ("r", "noise"),
    [(1.0, (1.0, 1.0)), (4 / 3, (4 / 7, 3 / 7)), (1.0, (3 / 7, 4 / 7)), (5.0, (25.0, 1.0)),
     (0.2, (1.0, 25.0))],
    ids=["equal", "sums of 4 and 3 frames", "their averages", "other units", "the reverse"],
)  # fmt: skip
def test_unequal_halves(r, noise):
    """The strength of the signal is found, and none of it is left in the noise."""
    first, second, signal = halves(images=4, side=192, r=r, noise=noise, colour=COLOUR)
    found = half_spectra(first, second)
    assert found.ratio_known.all()
    np.testing.assert_allclose(found.ratio, r, rtol=0.05)
    expected = sum(noise) * banded(COLOUR[None])
    np.testing.assert_allclose(banded(found.noise), expected, rtol=0.12)
    known = banded(np.array([ring_power(image) for image in signal]))
    amplitude = np.sqrt(r) + 1 / np.sqrt(r)
    np.testing.assert_allclose(banded(found.signal)[0], amplitude**2 * known[0], rtol=0.1)
    rest = difference(first[0], second[0], float(found.ratio[0]))
    assert abs(np.corrcoef(rest.ravel(), signal[0].ravel())[0, 1]) < 0.05


@pytest.mark.parametrize("p", [0.5, 0.6, 1 / 3])
def test_a_fraction_of_the_dose(p):
    """Counts: the noise of the sum is its mean, however the electrons were divided."""
    first, second = counted(side=192, p=p)
    found = half_spectra(first, second)
    assert np.median(found.ratio) == pytest.approx(p / (1 - p), rel=0.06)
    np.testing.assert_allclose(banded(found.noise), (first + second).mean(), rtol=0.15)


def test_without_a_signal_nothing_is_invented():
    first, second, _ = halves(images=12, strength=0.0, noise=(2.0, 2.0), side=192)
    found = half_spectra(first, second)
    assert not found.ratio_known.any()
    np.testing.assert_allclose(found.ratio, 1.0, atol=0.03)
    assert np.abs(banded(found.signal)[1:]).max() < 0.2
    # [image, ring] → [image, band, ring]: the scatter of bands is what `modes` says
    modes, noise = (v.reshape(*v.shape[:-1], -1, 8) for v in (found.modes, found.noise))
    bands = (noise * modes).sum(axis=-1) / modes.sum(axis=-1)
    scatter = (bands / 4 - 1) * np.sqrt(modes.sum(axis=-1) / 2)
    assert scatter.std() == pytest.approx(1.0, rel=0.15)


def test_a_fixed_pattern_counts_as_signal():
    first, second, _ = halves(strength=0.0)
    pattern = coloured_noise(77, 0, first[0].shape, np.ones(96))
    found = half_spectra(first + pattern, second + pattern)
    assert found.signal.mean() == pytest.approx(4.0, rel=0.15)
    assert found.noise.mean() == pytest.approx(2.0, rel=0.1)


def test_half_tomograms_shell_by_shell(monkeypatch):
    """White noise and a body; odd sizes; cubes that do not fill the volume evenly."""
    monkeypatch.setattr("faket.noise.halves._CUBE", 32)
    rng = np.random.default_rng(0)
    body = np.zeros((40, 65, 70))
    body[10:30, 20:45, 20:45] = 5
    first, second = (body + rng.normal(0, 2, body.shape) for _ in range(2))
    found = half_tomogram_spectra(first, second, full=(first + second) / 2)
    np.testing.assert_allclose(found.weights, 0.5, rtol=1e-4)
    np.testing.assert_allclose(found.noise[0, 8:], 2.0, rtol=0.2)
    assert found.noise[0, 8:].mean() == pytest.approx(2.0, rel=0.03)
    assert found.correlation[0, 0] > 0.95
    assert abs(found.correlation[0, -10:].mean()) < 0.05


def test_a_reference_with_halves_needs_no_white_noise():
    """r² = var(signal) / var(image), whatever their spectra are."""
    first, second, signal = halves(images=3, side=192, colour=np.linspace(4, 0.1, 96))
    images = first + second
    found = estimate_noise(images, halves=(first, second))
    assert found.estimate == "halves"
    expected = (2 * signal).var(axis=(1, 2)) / images.var(axis=(1, 2))
    np.testing.assert_allclose(found.signal_std**2, expected, atol=0.06)
    blind = estimate_noise(images)
    assert np.abs(blind.signal_std**2 - expected).min() > 0.1


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (((3, 16, 16), (2, 16, 16)), "of one shape"),
        (((3, 16, 16), (3, 16, 18)), "aligned and binned alike"),
        (((16, 16), (16, 16)), "of one shape"),
        (((0, 16, 16), (0, 16, 16)), "of one shape"),
    ],
)
def test_halves_of_other_sizes_are_refused(shapes, words):
    first, second = (np.zeros(shape) for shape in shapes)
    for function in (half_spectra, half_tomogram_spectra):
        with pytest.raises(InputError, match=words) as error:
            function(first, second)
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="sum, mean"):
        half_spectra(np.zeros((1, 8, 8)), np.zeros((1, 8, 8)), full="product")
