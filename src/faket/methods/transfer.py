"""How a reference's microscope transfers a specimen: amplitude of signal, power of noise, by rings.

What was measured on the reference is joined with what physics expects of the specimen to be imaged.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faket.data import AnyArray, DoubleArray
from faket.methods.contrast import expected_contrast, filtered
from faket.methods.contrast_power import contrast_power
from faket.methods.counts import counting_noise
from faket.methods.gold_strength import gold_strength
from faket.methods.reference_properties import ReferenceProperties
from faket.methods.signal_curves import Curves, fitted_curves
from faket.noise import detail_moments, white_noise
from faket.noise.grey_steps import less_rounding

if TYPE_CHECKING:
    from faket.methods.gpu import SpectralImager

_SKEWED_TILTS = 5  # chosen: 5 tilts of 400² pixels tell skewness to 0.003
_LEAST_SKEWNESS, _MOST_SKEWED = 0.01, 4.0  # chosen: less is not told, more is an artefact


@dataclass(frozen=True, eq=False)
class Transfer(Curves):
    """All that images to be made need beside the contrast that is expected of the specimen.

    Attributes
    ----------
    skewness : float
        Of the noise, over that of counted electrons.
    gold : float
        Factor on the expected contrast of gold.
    """

    skewness: float
    gold: float


def reference_transfer(
    properties: ReferenceProperties, noise_free: AnyArray, imager: "SpectralImager | None" = None
) -> Transfer:
    """Return the transfer of a reference's microscope for a specimen.

    Parameters
    ----------
    properties : ReferenceProperties
        At the angles of the projections.
    noise_free : ndarray, shape (tilt, y, x)
        Minus line integrals, V·Å, of a specimen like the reference's.
    imager : SpectralImager, optional
        Of both, to compute with torch.

    Returns
    -------
    Transfer
    """
    power = properties.contrast_power
    if power is None:
        power = contrast_power(properties, noise_free, imager)
    curves = fitted_curves(properties, power)
    amplitude = curves.amplitude
    noise = less_rounding(curves.noise_power, properties.grey_steps)
    skewness = _noise_skewness(properties, noise_free, amplitude, noise, imager)
    gold = gold_strength(properties, curves)
    return Transfer(amplitude, noise, curves.correction, curves.ice_power, skewness, gold)


def _noise_skewness(
    properties: ReferenceProperties,
    noise_free: AnyArray,
    amplitude: DoubleArray,
    noise: DoubleArray,
    imager: "SpectralImager | None",
) -> float:
    """Return the skewness of the noise with which images are as skewed as the reference's."""
    if properties.skewness is None:
        return 1.0
    found = []
    chosen = np.unique(np.linspace(0, len(noise_free) - 1, _SKEWED_TILTS).round().astype(int))
    for tilt in (int(place) for place in chosen):
        if imager is not None:
            without, with_it = imager.skewness(tilt, amplitude[tilt], noise[tilt], (0.0, 1.0))
        else:
            without, with_it = _skewness_of(properties, tilt, noise_free[tilt], amplitude, noise)
        if with_it - without > _LEAST_SKEWNESS:
            found.append((properties.skewness[tilt] - without) / (with_it - without))
    return float(np.clip(np.median(found), 0, _MOST_SKEWED)) if found else 1.0


def _skewness_of(
    properties: ReferenceProperties,
    tilt: int,
    noise_free: AnyArray,
    amplitude: DoubleArray,
    noise: DoubleArray,
) -> list[float]:
    """Return the skewness of a tilt without and with that of counted electrons."""
    contrast = expected_contrast(properties, tilt, noise_free)
    signal = filtered(contrast, amplitude[tilt])
    white = white_noise(0, tilt, signal.shape)
    electrons = float(properties.electrons[tilt])
    curves = noise[tilt], properties.anisotropy[tilt]
    return [
        _skewness(signal + counting_noise(contrast, white, electrons, skewness, *curves))
        for skewness in (0.0, 1.0)
    ]


def _skewness(image: AnyArray) -> float:
    variance, third = detail_moments(image)
    return third / variance**1.5 if variance > 0 else 0.0
