"""Noise of counted electrons, with the colour and the skewness of a reference's."""

import numpy as np
from scipy import fft

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.methods.reference_properties import CORNER, ReferenceProperties
from faket.noise import anisotropic_filter
from faket.noise.moire import lattice
from faket.seeds import generator

DARKEST = 0.02  # of the beam; chosen, because no image is darker


def counting_noise(
    contrast: AnyArray,
    white: AnyArray,
    electrons: float,
    skewness: float,
    power: DoubleArray,
    anisotropy: DoubleArray,
    local: AnyArray | None = None,
) -> FloatArray:
    """Return the noise of an image: its deviation from the expected one.

    Parameters
    ----------
    contrast : ndarray, shape (y, x)
        Of the expected image, relative to its mean.
    white : ndarray, shape (y, x)
        N(0, 1).
    electrons : float
        Per pixel.
    skewness : float
        Over that of a Poisson distribution, 1 / √electrons.
    power : ndarray, shape (rings,)
        Of the noise where the contrast is 0, in rings up to the corner.
    anisotropy : ndarray, shape (3, rings)
    local : ndarray, shape (y, x), optional
        How the power differs from place to place, of mean 1 (:func:`local_power`).

    Returns
    -------
    ndarray, shape (y, x), float32
        Of mean 0.
    """
    shape = (contrast.shape[0], contrast.shape[1])
    expected = electrons * np.maximum(1 + contrast, DARKEST)
    # Cornish and Fisher (1938): √λ z + (z² − 1) / 6 has the variance λ and the skewness 1 / √λ.
    deviation = np.sqrt(expected) * white + (skewness / 6) * (white * white - 1)
    if local is not None:
        deviation *= np.sqrt(local)
    spectrum = fft.rfft2((deviation / np.sqrt(electrons)).astype(np.float32))
    spectrum *= anisotropic_filter(power, anisotropy, shape, limit=CORNER)
    spectrum[0, 0] = 0
    return np.asarray(fft.irfft2(spectrum, s=shape), np.float32)  # [y, x // 2 + 1] → [y, x]


def local_power(
    properties: ReferenceProperties, tilt: int, shape: tuple[int, int], seed: int
) -> FloatArray | None:
    """Return how the power of a tilt's noise differs from place to place; None if it does not.

    It has the reference's lattice of interpolation; where that lies is drawn.
    """
    if properties.moire is None or not properties.moire[tilt].any():
        return None
    phases_rad = generator(seed, "moire", tilt).uniform(0, 2 * np.pi, 2)
    return lattice(shape, properties.moire[tilt], phases_rad)
