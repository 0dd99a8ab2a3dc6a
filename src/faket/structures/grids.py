"""Averages of fine grids over voxels, and the soft envelope whose 0.5 level is the label."""

import numpy as np
from scipy import ndimage, sparse

from faket.data import AnyArray, FloatArray
from faket.errors import InputError

_SOFT_A = 4.0  # σ of the envelope's edge; chosen: it fills clefts narrower than two side chains


def block_mean(fine: AnyArray, factor: int) -> FloatArray:
    """Average blocks of factor³ samples; sizes must be multiples of ``factor``."""
    nz, ny, nx = (n // factor for n in fine.shape)
    blocks = fine.reshape(nz, factor, ny, factor, nx, factor)  # → [z, ·, y, ·, x, ·]
    return np.ascontiguousarray(blocks.mean(axis=(1, 3, 5), dtype=np.float64), np.float32)


def average(
    fine: AnyArray, fine_A: float, shape: tuple[int, ...], voxel_size_A: float
) -> FloatArray:
    """Average samples of ``fine_A`` over voxels of any size; both grids begin at one corner.

    A sample that a voxel's edge cuts is weighted by its part inside.
    """
    averaged = np.asarray(fine, np.float32)
    for axis, n in enumerate(shape):
        moved = np.moveaxis(averaged, axis, 0)  # the axis to average comes first, then back
        weights = _overlaps(n, voxel_size_A, len(moved), fine_A)
        mean = weights @ moved.reshape(len(moved), -1)
        averaged = np.moveaxis(mean.reshape(n, *moved.shape[1:]), 0, axis)
    return np.ascontiguousarray(averaged, np.float32)


def _overlaps(n: int, voxel_size_A: float, samples: int, fine_A: float) -> sparse.csr_matrix:
    """Return the fraction of each voxel (rows) that each sample (columns) fills."""
    start, reach = np.arange(n) * voxel_size_A, int(np.ceil(voxel_size_A / fine_A)) + 1
    # [voxels, samples that may reach into it]
    columns = (start / fine_A).astype(int)[:, None] + np.arange(reach)
    low = np.maximum(start[:, None], columns * fine_A)
    high = np.minimum(start[:, None] + voxel_size_A, (columns + 1) * fine_A)
    parts = np.maximum(high - low, 0) / voxel_size_A
    rows = np.broadcast_to(np.arange(n)[:, None], columns.shape)
    kept = (columns < samples) & (parts > 0)
    entries = (parts[kept].astype(np.float32), (rows[kept], columns[kept]))
    return sparse.csr_matrix(entries, shape=(n, samples))


def check_extent(shape_A: AnyArray, samples: float, where: str) -> None:
    """Refuse a box of more than 5e8 samples: it needs about 10 GB, mostly due to a stray atom."""
    if not samples <= 5e8:
        size = " x ".join(f"{length:.0f}" for length in shape_A)
        raise InputError(
            f"{where}: expected a molecule of at most 5e8 samples, found {size} Å; "
            "remove stray atoms, split it, or ask for coarser voxels"
        )


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
        In [0, 1]; blurred by 4 Å and scaled so that the level of equal volume is 0.5; 0 at the
        border.
    """
    smooth = ndimage.gaussian_filter(mask, _SOFT_A / voxel_size_A)
    voxels = max(1, round(float(mask.sum(dtype=np.float64))))
    level = np.partition(smooth.ravel(), -voxels)[-voxels]
    envelope: FloatArray = np.clip(smooth * (0.5 / max(level, 1e-3)), 0, 1).astype(np.float32)
    envelope[envelope < 0.01] = 0
    for axis in range(3):
        edge = np.moveaxis(envelope, axis, 0)  # a view with this axis first
        edge[0] = edge[-1] = 0
    return envelope
