"""Averaging fine grids over voxels, and the soft envelope whose 0.5 level is the label."""

import numpy as np
from scipy import ndimage

from faket.data import AnyArray, FloatArray

_SOFT_A = 4.0  # sigma of the envelope's edge: hides clefts narrower than a side chain or two


def block_mean(fine: AnyArray, factor: int) -> FloatArray:
    """Average blocks of factor³ samples; sizes must be multiples of ``factor``."""
    nz, ny, nx = (n // factor for n in fine.shape)
    blocks = fine.reshape(nz, factor, ny, factor, nx, factor)
    return np.ascontiguousarray(blocks.mean(axis=(1, 3, 5), dtype=np.float64), np.float32)


def envelope_of(mask: FloatArray, voxel_size_A: float) -> FloatArray:
    """Smooth a molecular mask so that its 0.5 level encloses the mask's own volume.

    Parameters
    ----------
    mask : ndarray, shape (z, y, x), float32
        Fraction of each voxel that is inside the molecule.
    voxel_size_A : float

    Returns
    -------
    ndarray, shape (z, y, x), float32
        In [0, 1]; blurred by 4 Å and stretched about its level of equal volume, 0 at the border.
    """
    smooth = ndimage.gaussian_filter(mask, _SOFT_A / voxel_size_A)
    voxels = max(1, round(float(mask.sum(dtype=np.float64))))
    level = np.partition(smooth.ravel(), -voxels)[-voxels]
    envelope: FloatArray = np.clip(smooth * (0.5 / max(level, 1e-3)), 0, 1).astype(np.float32)
    envelope[envelope < 0.01] = 0
    for axis in range(3):
        edge = np.moveaxis(envelope, axis, 0)
        edge[0] = edge[-1] = 0
    return envelope
