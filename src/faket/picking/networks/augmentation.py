"""Random changes of training patches, so that a picker bears other reconstructions and noise."""

import numpy as np
from scipy import fft
from scipy.interpolate import CubicSpline

from faket.data import FloatArray
from faket.rings import frequencies

# Natural logarithm of the filter's amplitude at the knots, standard deviation; chosen, because the
# filters of usual programs differ by a factor of 2 in amplitude (see faket.picking.spectrum).
_FILTER = 0.7
_KNOTS = (0.0, 1 / 6, 1 / 3, 1 / 2)  # cycles per voxel; chosen: usual filters have no finer shape
_NOISE = 0.5  # largest σ of added noise, in σ of the patch; chosen, so that signal remains
# Standard deviations of contrast (a factor) and brightness, in σ; chosen, because patches and
# tomograms are scaled by their own σ and mean, which differ by about as much.
_CONTRAST, _BRIGHTNESS = 0.1, 0.1


def augmented(image: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return a patch with more noise, another filter, and another contrast and brightness.

    Noise is added before the filter, because a reconstruction filters it too.

    Parameters
    ----------
    image : ndarray, shape (z, y, x)
        Of mean 0 and standard deviation 1; so is the result but for contrast and brightness.
    rng : numpy Generator
        Of this patch.
    """
    level = rng.uniform(0, _NOISE)
    noise = rng.standard_normal(image.shape, np.float32)
    curve = CubicSpline(_KNOTS, rng.normal(0, _FILTER, len(_KNOTS)))
    contrast, brightness = np.exp(rng.normal(0, _CONTRAST)), rng.normal(0, _BRIGHTNESS)
    reach = np.minimum(frequencies(image.shape), _KNOTS[-1])  # corners as Nyquist
    spectrum = fft.rfftn(image + np.float32(level) * noise)  # [z, y, x // 2 + 1]
    filtered = fft.irfftn(spectrum * np.exp(curve(reach)).astype(np.float32), image.shape)
    spread = float(filtered.std())
    filtered = (filtered - filtered.mean()) / (spread if spread > 0 else 1.0)
    return np.asarray(contrast * filtered + brightness, np.float32)
