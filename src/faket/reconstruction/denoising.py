"""Whether a tomogram still has the noise of its images, or was denoised or filtered.

A reconstruction is a weighted sum of images, and so is what linear filters make of it: its noise is
Gaussian, and its missing wedge is empty. Whatever looks at its surroundings before it smooths
(median, bilateral, non-local means, total variation, networks) mixes frequencies and so puts power
into the wedge, or leaves noise in some places and none in others.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import fft

from faket.data import AnyArray
from faket.reconstruction.blocks import blocks_of
from faket.reconstruction.wedge import MissingWedge

_BAND = (0.6, 0.8)  # of the frequencies a tomogram has; chosen: there noise exceeds the specimen
_TAIL = 0.02  # of the voxels; chosen, because gold fills less
_GAUSSIAN_TAILS = 3.0450  # normal quantiles 0.98 over 0.75
# Band limits (cycles per voxel) from which on, tails above which, and contrasts of the wedge below
# which, a tomogram was denoised. Chosen: plain tomograms have tails of 1.00 to 1.04, with a
# low-pass filter up to 1.2 because more of the specimen remains, and contrasts of 70 and more even
# in a few grey levels; denoised ones (scripts/measure_tomogram_reference.py) have higher tails, or
# contrasts of 1 to 24.
_LIMITS = ((0.45, 1.07, 25.0), (0.25, 1.18, 25.0), (0.0, np.inf, 15.0))
_LIMITED = 0.45  # cycles per voxel; chosen, as noise is measured from 0.38 on

Verdict = Literal["plain", "band-limited", "denoised"]


@dataclass(frozen=True)
class NoiseVerdict:
    """Whether noise can be measured on a tomogram.

    Attributes
    ----------
    verdict : {"plain", "band-limited", "denoised"}
    tails : float
        How far apart the outer 4 % of high-passed voxels are, over that of Gaussian noise.
    words : str
        One line on what is wrong and what is needed; empty for a plain one.
    """

    verdict: Verdict
    tails: float
    words: str


def judge_noise(volume: AnyArray, wedge: MissingWedge) -> NoiseVerdict:
    """Judge a tomogram [3 axes] whose missing wedge was looked for."""
    tails = _tails(volume, wedge.band_limit)
    heavy, filled = next(rest for limit, *rest in _LIMITS if wedge.band_limit >= limit)
    if tails > heavy or wedge.contrast < filled:
        why = "it differs from place to place" if tails > heavy else "the missing wedge is filled"
        return NoiseVerdict(
            "denoised",
            tails,
            f"tomogram: expected the noise of its images, found a denoised one ({why}): noise "
            "cannot be measured; give the raw tomogram, its tilt-series or half tomograms",
        )
    if wedge.band_limit < _LIMITED:
        return NoiseVerdict(
            "band-limited",
            tails,
            "tomogram: expected noise up to Nyquist, found none above "
            f"{wedge.band_limit:.2f} cycles per voxel; give it without the low-pass filter, or bin "
            f"it {0.5 / wedge.band_limit:.2g} times",
        )
    return NoiseVerdict("plain", tails, "")


def _tails(volume: AnyArray, limit: float) -> float:
    """Return the median over blocks of the spread of tails over that of quartiles."""
    blocks = blocks_of(volume)
    radius = blocks.radius()
    band = (radius >= _BAND[0] * limit) & (radius < _BAND[1] * limit)
    shape = blocks.window.shape
    inside = tuple(slice(size // 4, size - size // 4) for size in shape)
    ratios = []
    for spectrum in blocks.spectra():
        # Half of Fourier space → the block under its window → its middle
        passed = fft.irfftn(spectrum * band, s=shape)[inside] / blocks.window[inside]
        low, first, third, high = np.quantile(passed, (_TAIL, 0.25, 0.75, 1 - _TAIL))
        ratios.append((high - low) / max(third - first, 1e-30))
    return float(np.median(ratios) / _GAUSSIAN_TAILS)
