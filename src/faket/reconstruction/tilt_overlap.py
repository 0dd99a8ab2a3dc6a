"""What the tilts of a reconstruction share: a slab of finite thickness cannot keep them apart.

In the Fourier transform of a slab of thickness D every tilt is a slice that is as thick as
sinc(D kz). Reprojected at tilt i, the frequency q across the tilt axis is the sum over all tilts j
of their filtered images, each at its own frequency q cos θi / cos θj, with the weights

    a_ij = (cos θi / cos θj)² sinc(D q cos θi (tan θj − tan θi)).

One cos comes from the projection of a frequency, the other from the ramp, which is larger at the
higher frequency. Noise differs between tilts, so that its power is multiplied by Σj a². The
specimen is the same, but the tilts of a thick one agree at low frequencies only: at thickness T the
power of its signal is multiplied by Σjk a_ij a_ik sinc(T q cos θi (tan θj − tan θk)).
"""

import numpy as np

from faket.data import DoubleArray

_LEAST = 0.003  # of a weight; chosen, because hundreds of such tilts change a sum by 1 %


def tilt_overlap(
    angles_deg: DoubleArray, tilt: int, frequency: DoubleArray, *, depth: float
) -> DoubleArray:
    """Return by what the power of noise is greater in a reprojection than in a filtered image.

    Parameters
    ----------
    angles_deg : ndarray, shape (tilts,)
        Of the reconstruction.
    tilt : int
        The one that is reprojected.
    frequency : ndarray, shape (n,)
        Across the tilt axis, cycles per voxel.
    depth : float
        Thickness of the tomogram, voxels.

    Returns
    -------
    ndarray, shape (n,)
        1 at high frequencies.
    """
    return np.asarray((_weights(angles_deg, tilt, frequency, depth) ** 2).sum(axis=1))


def coherent_gain(
    angles_deg: DoubleArray, tilt: int, frequency: DoubleArray, *, depth: float, thickness: float
) -> DoubleArray:
    """Return the signal-to-noise ratio of a reprojection over that of a single image.

    Parameters
    ----------
    angles_deg, tilt, frequency, depth
        As for :func:`tilt_overlap`.
    thickness : float
        Of the specimen, voxels; more than ``depth`` if the tomogram is cropped.

    Returns
    -------
    ndarray, shape (n,)
        Of powers; at least 1.
    """
    weights = _weights(angles_deg, tilt, frequency, depth)
    theta = np.radians(angles_deg)
    along_x = frequency * np.cos(theta[tilt])
    gain = np.empty(len(frequency))
    for n, (row, kx) in enumerate(zip(weights, along_x, strict=True)):
        held = np.flatnonzero(np.abs(row) > _LEAST)
        tangent = np.tan(theta[held])
        alike = np.sinc(thickness * kx * (tangent[:, None] - tangent))
        gain[n] = row[held] @ alike @ row[held] / np.vdot(row, row)
    return np.maximum(gain, 1)


def _weights(
    angles_deg: DoubleArray, tilt: int, frequency: DoubleArray, depth: float
) -> DoubleArray:
    """Return a_ij of one tilt i, shape (frequencies, tilts)."""
    theta = np.radians(angles_deg)
    along_x = frequency * np.cos(theta[tilt])
    apart = np.tan(theta) - np.tan(theta[tilt])
    longer = (np.cos(theta[tilt]) / np.cos(theta)) ** 2
    return np.asarray(longer * np.sinc(depth * along_x[:, None] * apart))
