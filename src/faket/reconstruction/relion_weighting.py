"""RELION 5's weighting of a back-projection: a Wiener filter of the whole tomogram.

What ``relion_tomo_reconstruct_tomogram`` does unless Fourier inversion is asked for
(reconstruct_tomogram.cpp, real_backprojection.h and reconstruction.h of 5.0): every voxel is the
mean of the tilts that cover it, and the tomogram's transform is divided by |P| + 1 / SNR, P the
transform of what one point becomes. Both transforms are divided by the root of the number of
voxels, so that the filter depends on the size of the box: in a large one it is nearly flat.
"""

import numpy as np
from scipy import fft

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.interpolation import keys_weights
from faket.threads import in_threads

_SNR = 10.0  # its default
_ROWS = 16  # of y at once; chosen: short enough for the cache, long enough for the disk
_PLACES = 64  # between two samples, over which an interpolation's response is averaged


def weight_as_relion(volume: FloatArray, angles_deg: DoubleArray) -> None:
    """Turn the sum of back-projected images into RELION's tomogram, in place.

    Parameters
    ----------
    volume : ndarray, shape (z, y, x), float32
    angles_deg : ndarray, shape (tilts,)
    """
    depth, height, width = volume.shape
    point, covering = _point_and_covering(angles_deg, depth, width)
    # The same in all planes of y, so P does not depend on ky.
    transform = np.abs(fft.rfft2(point)) / np.sqrt(volume.size)
    wiener = (1 / (transform + 1 / _SNR)).astype(np.float32)[:, None]
    share = (1 / np.maximum(covering, 1)).astype(np.float32)[:, None]

    def weight(start: int) -> None:
        rows = np.s_[:, start : start + _ROWS]
        # [z, y, x] → [kz, y, kx] → [z, y, x]
        spectrum = fft.rfft2(volume[rows] * share, axes=(0, 2))
        spectrum *= wiener
        volume[rows] = fft.irfft2(spectrum, s=(depth, width), axes=(0, 2))

    in_threads(weight, range(0, height, _ROWS), pixels=_ROWS * depth * width)


def _point_and_covering(
    angles_deg: DoubleArray, depth: int, width: int
) -> tuple[DoubleArray, DoubleArray]:
    """Return what a point in the middle becomes, and how many tilts cover a voxel, [z, x]."""
    x, z = np.arange(width) - width // 2, np.arange(depth)[:, None] - depth // 2
    point, covering = np.zeros((depth, width)), np.zeros((depth, width))
    for angle in np.radians(angles_deg):
        across = x * np.cos(angle) + z * np.sin(angle)
        point += np.maximum(1 - np.abs(across), 0)
        covering += (across >= -(width // 2)) & (across < width - width // 2)
    return point, covering


def linear_over_cubic(frequency: AnyArray) -> DoubleArray:
    """Return the response of linear interpolation over that of ours, on average between samples.

    Parameters
    ----------
    frequency : ndarray
        Cycles per sample, up to 0.5.
    """
    place = (np.arange(_PLACES) + 0.5) / _PLACES
    weights = np.array(keys_weights(place))  # of the samples at -1, 0, 1 and 2
    off = np.arange(-1.0, 3.0)[:, None] - place
    waves = np.cos(2 * np.pi * np.multiply.outer(frequency, off))
    cubic = np.einsum("kij,ij->k", waves, weights) / _PLACES
    return np.asarray(np.sinc(frequency) ** 2 / cubic)
