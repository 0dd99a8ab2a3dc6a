"""Denoised tomograms are told from plain ones, and from those that a linear filter smoothed."""

import numpy as np
import pytest
from scipy import ndimage, signal

from faket.data import TiltGeometry, TiltSeries
from faket.reconstruction import find_wedge, judge_noise, reconstruct, tomogram_series

ANGLES = np.arange(-60.0, 61.0, 3.0)


@pytest.fixture(scope="module")
def tomogram():
    """Noise, and a few dark balls, as gold and molecules are."""
    rng = np.random.default_rng(4)
    images = rng.standard_normal((len(ANGLES), 96, 96)).astype(np.float32)
    for y, x in rng.integers(10, 86, (6, 2)):
        images[:, y - 2 : y + 2, x - 2 : x + 2] -= 3
    series = TiltSeries(images, TiltGeometry(ANGLES, 10.0))
    volume = reconstruct(series, depth=64, filter="hamming", device="cpu").data
    return volume / volume.std()


def judge(volume):
    return judge_noise(volume, find_wedge(volume))


def diffused(volume):
    """Anisotropic diffusion (Perona and Malik): smooths where there is no edge."""
    for _ in range(10):
        steps = [np.roll(volume, sign, axis) - volume for axis in range(3) for sign in (1, -1)]
        volume = volume + 0.14 * sum(step * np.exp(-((step / 1.5) ** 2)) for step in steps)
    return volume


PLAIN = {
    "as it is": lambda v: v,
    "other grey values": lambda v: 500 - 40 * v,
    "bytes": lambda v: np.clip(np.round(20 * v + 128), 0, 255).astype(np.uint8),
    "some 25 grey values": lambda v: np.round(4 * v).astype(np.int8),
    "half precision": lambda v: v.astype(np.float16),
    "thin": lambda v: v[24:40],
    "IMOD's order": lambda v: v.transpose(1, 0, 2),
}
DENOISED = {
    "median of 3": lambda v: ndimage.median_filter(v, 3),
    "median of 5": lambda v: ndimage.median_filter(v, 5),
    "Wiener's, of 5": lambda v: signal.wiener(v, 5),
    "diffusion": diffused,
    "rank": lambda v: ndimage.percentile_filter(v, 30, 3),
}


@pytest.mark.parametrize("what", PLAIN)
def test_a_plain_tomogram_is_plain_however_it_is_stored(tomogram, what):
    found = judge(PLAIN[what](tomogram))
    assert (found.verdict, found.words) == ("plain", "")
    assert found.tails == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("what", DENOISED)
def test_a_denoised_tomogram_is_recognised(tomogram, what):
    found = judge(DENOISED[what](tomogram))
    assert found.verdict == "denoised"
    assert "noise cannot be measured; give the raw tomogram" in found.words


@pytest.mark.parametrize("sigma", [1.0, 1.3])
def test_a_tomogram_that_was_smoothed_linearly_is_band_limited(tomogram, sigma):
    smooth = ndimage.gaussian_filter(tomogram, sigma)
    found = judge(smooth)
    assert found.verdict == "band-limited"
    assert "found none above 0." in found.words
    # Half the amplitude is left at 0.187 / sigma, a tenth at 0.34 / sigma.
    assert find_wedge(smooth).band_limit == pytest.approx(0.32 / sigma, abs=0.06)
    reference = tomogram_series(smooth, 10.0, ANGLES, device="cpu")
    assert reference.notices == (reference.noise.words,)
    assert np.isfinite(reference.series.images).all()
