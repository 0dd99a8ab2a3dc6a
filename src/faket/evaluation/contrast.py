"""Whether protein is dark in a stack, as it should be, or bright."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import fft

from faket.data import AnyArray
from faket.errors import InputError
from faket.evaluation.tilts import checked_stack
from faket.threads import in_threads

_SCALES_PX = (3.0, 6.0, 12.0)
_HOT_SIGMA = 8.0
_MOST_TILTS = 21  # chosen, because all show the same specimen and more add nothing
_SIGNIFICANT = 5.0
# Counting noise alone gives smoothed images a skewness of +0.376 / (scale √electrons per pixel),
# at most +0.13 if there is one electron a pixel or more. Molecules that fill over a third of the
# volume give +0.25. Neither must be taken for bright protein.
_SMALLEST_SKEWNESS = 0.3


@dataclass(frozen=True)
class ContrastSign:
    """The sign of a stack's contrast.

    Attributes
    ----------
    sign : {"normal", "inverted", "cannot tell"}
        Normal: protein and gold are dark.
    skewness : float
        Of the smoothed images, averaged over (at most 21) tilts: negative if compact objects are
        dark.
    significance : float
        Magnitude of the skewness in standard errors.
    """

    sign: Literal["normal", "inverted", "cannot tell"]
    skewness: float
    significance: float


def contrast_sign(stack: AnyArray) -> ContrastSign:
    """Find from the skewness of the images whether compact, dense objects are dark or bright.

    Gold, molecules and membranes fill a small part of an image and are all darker, or all
    brighter, than the ice, so the grey values have a long tail on that side. Noise has hardly any
    skewness once it is smoothed. Each tilt is band-passed (difference of Gaussians with σ of 3, 6
    or 12 pixels and four times that) after gradients have been removed and single hot pixels
    limited; the scale with the most significant skewness is used.

    Parameters
    ----------
    stack : ndarray, shape (tilt, y, x)

    Returns
    -------
    ContrastSign
        "cannot tell" if the skewness is below 5 standard errors of a single tilt (all tilts show
        the same specimen) or below 0.3, as for pure ice, or for molecules in more than about a
        quarter of the volume and no gold. Grey level and contrast do not matter. Large bright
        holes in carbon, or edges of a lamella, look like bright protein: leave such images out.

    Raises
    ------
    InputError
        If a tilt is constant or not finite, or the images are smaller than 32 pixels.
    """
    checked_stack(stack, "stack")
    bands = [_band(stack.shape[1:], scale) for scale in _SCALES_PX]
    chosen = np.unique(np.linspace(0, len(stack) - 1, _MOST_TILTS).round().astype(int))
    each = in_threads(lambda tilt: _skewness(stack[tilt], bands), chosen, pixels=stack[0].size)
    skewness = np.mean(each, axis=0)  # [scale]
    # Variance of the skewness of white noise: 6 / n times the sum of its cubed autocorrelation,
    # which for a Gaussian of σ pixels is 4 π σ² / 3.
    error = np.sqrt(8 * math.pi / stack[0].size) * np.array(_SCALES_PX)
    significance = np.abs(skewness) / error
    best = int(significance.argmax())
    value, strength = float(skewness[best]), float(significance[best])
    if strength < _SIGNIFICANT or abs(value) < _SMALLEST_SKEWNESS:
        return ContrastSign("cannot tell", value, strength)
    return ContrastSign("normal" if value < 0 else "inverted", value, strength)


def check_contrast(stack: AnyArray, name: str = "reference") -> ContrastSign:
    """Refuse a stack whose contrast is inverted.

    Parameters
    ----------
    stack : ndarray, shape (tilt, y, x)
    name : str
        Name of the stack in the error.

    Returns
    -------
    ContrastSign
        "normal" or "cannot tell".

    Raises
    ------
    InputError
        If the contrast is inverted, and as :func:`contrast_sign`.
    """
    found = contrast_sign(stack)
    if found.sign == "inverted":
        raise InputError(
            f"{name}: expected dark protein, found bright (skewness {found.skewness:+.2f}, "
            f"{found.significance:.0f} standard errors); multiply the stack by -1"
        )
    return found


def _band(shape: tuple[int, int], scale_px: float) -> AnyArray:
    """Difference of Gaussians on the low frequencies of a cosine transform (borders mirror).

    Frequencies above 0.75 / scale have weights below 1e-4 and are left out, which also makes the
    filtered image smaller.
    """
    ky, kx = (np.arange(math.ceil(1.5 * n / scale_px)) / (2 * n) for n in shape)
    narrow = np.exp(-2 * (math.pi * scale_px) ** 2 * (ky[:, None] ** 2 + kx**2))
    return np.asarray(narrow - narrow**16, np.float32)  # the 16th power has four times the σ


def _skewness(image: AnyArray, bands: list[AnyArray]) -> list[float]:
    values = _flattened(_without_hot_pixels(image)).astype(np.float32)
    spectrum = fft.dctn(values, overwrite_x=True)
    return [_skewness_of(fft.idctn(spectrum[: len(b), : b.shape[1]] * b)) for b in bands]


def _without_hot_pixels(image: AnyArray) -> AnyArray:
    values = np.asarray(image, np.float64)
    for _ in range(3):  # hot pixels raise σ less each time
        values = (values - values.mean()) / values.std()
        values = np.clip(values, -_HOT_SIGMA, _HOT_SIGMA)
    return values


def _flattened(values: AnyArray) -> AnyArray:
    """Subtract a cubic along y and one along x: ice may be thicker on one side."""
    for axis in (0, 1):
        profile = values.mean(axis=1 - axis)
        place = np.linspace(-1, 1, len(profile))
        trend = np.polynomial.Polynomial.fit(place, profile, 3, domain=[-1, 1])(place)
        values = values - np.expand_dims(trend, 1 - axis)
    return values


def _skewness_of(values: AnyArray) -> float:
    centred = values - values.mean()
    spread = math.sqrt(float(np.mean(centred * centred)))
    return 0.0 if spread < 1e-12 else float(np.mean(np.power(centred / spread, 3)))
