"""Power of the contrast that is expected of a specimen, without gold, as a reference's curves are.

Gold is what differs from the rest of an image by many of its standard deviations, so how much is
found depends on the noise, and on how strong the signal is. It is looked for in images as they
will be made. How strong their signal is depends in turn on the power that is sought; a few tilts
tell it well enough.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import fft

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.methods.contrast import expected_contrast
from faket.methods.gold_masks import GOLD_SIGMAS, power_of_kept
from faket.methods.gold_scaling import weight_of_gold
from faket.methods.reference_properties import CORNER, ReferenceProperties
from faket.methods.signal_curves import Curves, fitted_curves
from faket.microscope.gold import KEPT_AT_LEAST, gold_mask
from faket.noise import background_image, ring_filter, trend, white_noise
from faket.threads import in_threads

if TYPE_CHECKING:
    from faket.methods.gpu import SpectralImager

_PROBED = 3  # tilts that tell how strong the signal is; chosen
_ROUNDS = 3  # at most; chosen: two are usual
_SETTLED = 0.02  # relative change of the probed power; chosen


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
    look: Any = imager or _Host(properties, noise_free)
    tilts = len(noise_free)
    probed = np.unique(np.linspace(0, tilts - 1, _PROBED).round().astype(int)).tolist()
    held = {tilt: look.contrast(tilt) for tilt in probed}
    own = np.array(look.powers(probed, held=held))
    curves = fitted_curves(properties, _of_all(own, probed, properties.angles_deg))
    for _ in range(_ROUNDS):
        before, own = own, np.array(look.powers(probed, curves, held))
        curves = fitted_curves(properties, _of_all(own, probed, properties.angles_deg))
        if abs(own.sum() / max(before.sum(), 1e-300) - 1) < _SETTLED:
            break
    rest = [tilt for tilt in range(tilts) if tilt not in held]
    power = np.empty((tilts, own.shape[1]))
    power[probed] = own
    if rest:
        power[rest] = look.powers(rest, curves)
    return power


def shows_gold(properties: ReferenceProperties) -> bool:
    """Return whether beads were seen in a reference.

    Gold that is left in a specimen's power makes its signal weak, so that it is not seen. So all
    of it is left out at first where the reference shows gold, and none where it shows none.
    """
    return properties.gold is not None and len(properties.gold) > 0


def _of_all(power: DoubleArray, probed: Sequence[int], angles_deg: DoubleArray) -> DoubleArray:
    """Interpolate what a few tilts tell over the angles of all [tilt, ring]."""
    order = np.argsort(angles_deg[probed])
    known, logs = angles_deg[probed][order], np.log(np.maximum(power[order], 1e-300))
    # [ring, tilt] → [tilt, ring]
    return np.exp([np.interp(angles_deg, known, ring) for ring in logs.T]).T


class _Host:
    """What :class:`faket.methods.gpu.SpectralImager` measures, with numpy."""

    def __init__(self, properties: ReferenceProperties, noise_free: AnyArray) -> None:
        self._there, self._noise_free = properties, noise_free

    def contrast(self, tilt: int) -> FloatArray:
        return expected_contrast(self._there, tilt, self._noise_free[tilt])

    def powers(
        self,
        tilts: Sequence[int],
        curves: Curves | None = None,
        held: Mapping[int, Any] | None = None,
    ) -> list[DoubleArray]:
        """Return the power of tilts [ring] without gold: what is seen, or without curves all."""

        def measure(tilt: int) -> DoubleArray:
            contrast = self.contrast(tilt) if held is None else held[tilt]
            kept = self._kept(tilt, contrast, curves)
            if self._there.background is not None:  # the reference's curves are without it
                contrast = contrast - background_image(trend(contrast), contrast.shape)
            return power_of_kept(contrast, kept, self._there.power.shape[1])

        return in_threads(measure, tilts, pixels=self._noise_free[0].size)

    def _kept(self, tilt: int, contrast: FloatArray, curves: Curves | None) -> FloatArray | None:
        """Return the mask of gold in an image as it will be made."""
        shape = (contrast.shape[0], contrast.shape[1])
        if curves is None:
            weight = None
            if shows_gold(self._there):
                weight = weight_of_gold(self._noise_free[tilt], self._there.pixel_size_A)
            return None if weight is None or 1 - weight.mean() < KEPT_AT_LEAST else 1 - weight
        signal, noise = curves.amplitude[tilt], np.sqrt(curves.noise_power[tilt])
        spectrum = fft.rfft2(contrast) * ring_filter(signal, shape, limit=CORNER)
        spectrum += fft.rfft2(white_noise(0, tilt, shape)) * ring_filter(noise, shape, limit=CORNER)
        image = fft.irfft2(spectrum, s=shape)  # [y, x // 2 + 1] → [y, x]
        return gold_mask(image, self._there.pixel_size_A, sigmas=GOLD_SIGMAS)
