"""Masks and potentials on the larger voxels of a tomogram."""

import numpy as np
from numba import njit, prange

from faket.data import AnyArray, FloatArray
from faket.errors import InputError


def bin_labels(mask: AnyArray, factor: int) -> AnyArray:
    """Give each block of factor³ voxels the label that most of its voxels have.

    Parameters
    ----------
    mask : ndarray of any integer type, shape (z, y, x)
        0 is background.
    factor : int
        >= 1.

    Returns
    -------
    ndarray, same type, shape (z // factor, y // factor, x // factor)
        In a tie a label wins over background, and the smaller of two labels. Voxels beyond the
        last whole block are cut off. Binned voxel i has its centre at factor · i +
        (factor - 1) / 2 of the old voxels.

    Raises
    ------
    InputError
        If ``mask`` is no volume of whole numbers, or no whole block fits into it.
    """
    mask = np.asarray(mask)
    if mask.dtype.kind not in "iu":
        raise InputError(f"mask: expected whole numbers, found {mask.dtype}")
    binned = np.empty(_binned_shape(mask, "mask", factor), mask.dtype)
    _bin_labels(mask, factor, binned)
    return binned


def bin_volume(volume: AnyArray, factor: int) -> FloatArray:
    """Average blocks of factor³ voxels.

    Parameters
    ----------
    volume : ndarray, shape (z, y, x)
    factor : int
        >= 1.

    Returns
    -------
    ndarray, float32, shape (z // factor, y // factor, x // factor)
        Cut off and centred as in :func:`bin_labels`.

    Raises
    ------
    InputError
        If ``volume`` is no volume of numbers, or no whole block fits into it.
    """
    volume = np.asarray(volume)
    if volume.dtype.kind not in "iuf":
        raise InputError(f"volume: expected numbers, found {volume.dtype}")
    binned = np.empty(_binned_shape(volume, "volume", factor), np.float32)
    _bin_volume(volume, factor, binned)
    return binned


def _binned_shape(array: AnyArray, name: str, factor: int) -> tuple[int, ...]:
    if array.ndim != 3:
        raise InputError(f"{name}: expected [z, y, x], found an array of shape {array.shape}")
    if isinstance(factor, bool) or not isinstance(factor, int | np.integer) or factor < 1:
        raise InputError(f"binning factor: expected a whole number >= 1, found {factor!r}")
    if min(array.shape) < factor:
        raise InputError(
            f"binning factor: expected at most {min(array.shape)} for {name} of shape "
            f"{array.shape}, found {factor}"
        )
    return tuple(n // int(factor) for n in array.shape)


@njit(cache=True)
def _majority(block: AnyArray, labels: AnyArray, counts: AnyArray) -> int:
    """Return the most frequent label of a block; ``labels`` and ``counts`` are for scratch."""
    n = 0
    for value in block.flat:
        k = 0
        while k < n and labels[k] != value:
            k += 1
        if k == n:
            labels[n], counts[n] = value, 0
            n += 1
        counts[k] += 1
    best = 0
    for k in range(1, n):
        tied = counts[k] == counts[best]
        preferred = labels[best] == 0 or (labels[k] != 0 and labels[k] < labels[best])
        if counts[k] > counts[best] or (tied and preferred):
            best = k
    return labels[best]  # type: ignore[no-any-return]


@njit(parallel=True, cache=True)
def _bin_labels(mask: AnyArray, f: int, binned: AnyArray) -> None:
    nz, ny, nx = binned.shape
    for z in prange(nz):
        labels = np.empty(f * f * f, mask.dtype)
        counts = np.empty(f * f * f, np.int64)
        for y in range(ny):
            for x in range(nx):
                block = mask[z * f : z * f + f, y * f : y * f + f, x * f : x * f + f]
                binned[z, y, x] = _majority(block, labels, counts)


@njit(parallel=True, cache=True)
def _bin_volume(volume: AnyArray, f: int, binned: FloatArray) -> None:
    nz, ny, nx = binned.shape
    for z in prange(nz):
        for y in range(ny):
            for x in range(nx):
                total = 0.0
                for k in range(z * f, z * f + f):
                    for j in range(y * f, y * f + f):
                        for i in range(x * f, x * f + f):
                            total += volume[k, j, i]
                binned[z, y, x] = total / (f * f * f)
