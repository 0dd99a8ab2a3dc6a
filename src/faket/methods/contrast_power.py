"""Power of the contrast that is expected of a specimen, without gold, as a reference's curves are.

Gold is left out wherever it is, because that of the reference is, too, if its tilts together show
it (:mod:`faket.methods.gold_places`).
"""

from typing import TYPE_CHECKING

import numpy as np

from faket.data import AnyArray, DoubleArray
from faket.methods.contrast import expected_contrast
from faket.methods.gold_masks import kept_beside, power_of_kept
from faket.methods.gold_scaling import weight_of_gold
from faket.methods.reference_properties import ReferenceProperties
from faket.noise import background_image, trend
from faket.threads import in_threads

if TYPE_CHECKING:
    from faket.methods.gpu import SpectralImager


def contrast_power(
    properties: ReferenceProperties, noise_free: AnyArray, imager: "SpectralImager | None" = None
) -> DoubleArray:
    """Return the power of the expected contrast of every tilt without gold.

    Parameters
    ----------
    properties : ReferenceProperties
        At the angles of the projections.
    noise_free : ndarray, shape (tilt, y, x)
        Minus line integrals, V·Å.
    imager : SpectralImager, optional
        Of both, to compute with torch.

    Returns
    -------
    ndarray, shape (tilts, rings), float64
        Relative to the intensity squared.
    """
    if imager is not None:
        return np.array(imager.powers())

    def measure(tilt: int) -> DoubleArray:
        contrast = expected_contrast(properties, tilt, noise_free[tilt])
        kept = kept_beside(weight_of_gold(noise_free[tilt], properties.pixel_size_A))
        if properties.background is not None:  # the reference's curves are without it
            contrast = contrast - background_image(trend(contrast, kept), contrast.shape)
        return power_of_kept(contrast, kept, properties.power.shape[1])

    return np.array(in_threads(measure, range(len(noise_free)), pixels=noise_free[0].size))
