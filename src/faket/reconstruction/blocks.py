"""VolumeBlocks of a volume under a window, for spectra of volumes of any size."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from faket.data import AnyArray, DoubleArray, FloatArray

_SIZE = 96  # voxels; chosen, because 1 / 96 cycles per voxel are 1.5° where wedges are measured
_PER_AXIS = 3  # at most; chosen, because 27 blocks give every angle its mean to 1 %
_SHELLS = 32  # up to Nyquist; chosen, three coefficients of a block wide
_USUAL = (0.08, 0.14)  # cycles per voxel; chosen, because filters that leave less leave nothing
# Power at the band's end over the usual; chosen: noise of a tomogram has 0.3 to 10 at Nyquist.
_HELD = 0.02


@dataclass(frozen=True, eq=False)
class VolumeBlocks:
    """VolumeBlocks evenly spread over a volume.

    Attributes
    ----------
    volume : ndarray, 3 axes
    window : ndarray, float32
        Of Hann, of the shape of a block.
    starts : tuple of ndarray of int
        Where blocks begin, for each axis.
    """

    volume: AnyArray
    window: FloatArray
    starts: tuple[NDArray[np.intp], ...]

    def spectra(self) -> Iterator[AnyArray]:
        """Give the Fourier transform (of the last axis half) of each block, without its mean."""
        for corner in product(*self.starts):
            inside = tuple(
                slice(start, start + size)
                for start, size in zip(corner, self.window.shape, strict=True)
            )
            block = self.volume[inside].astype(np.float32)
            block -= np.vdot(self.window, block) / self.window.sum()
            yield fft.rfftn(block * self.window)

    def frequencies(self) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
        """Return the frequencies of each axis, cycles per voxel."""
        first, second, third = self.window.shape
        return fft.fftfreq(first), fft.fftfreq(second), fft.rfftfreq(third)

    def radius(self) -> FloatArray:
        """Return the frequency of each Fourier coefficient, cycles per voxel."""
        first, second, third = (axis.astype(np.float32) for axis in self.frequencies())
        return np.asarray(np.sqrt(first[:, None, None] ** 2 + second[:, None] ** 2 + third**2))


def blocks_of(volume: AnyArray) -> VolumeBlocks:
    """Divide a volume [3 axes] into at most 27 blocks of at most 96 voxels a side."""
    sizes = [min(size, _SIZE) for size in volume.shape]
    window = np.ones(())
    for size in sizes:
        window = np.multiply.outer(window, np.hanning(size + 2)[1:-1])
    starts = tuple(
        np.unique(np.linspace(0, n - b, min(_PER_AXIS, -(-n // b))).astype(np.intp))
        for n, b in zip(volume.shape, sizes, strict=True)
    )
    return VolumeBlocks(volume, window.astype(np.float32), starts)


def mean_power(blocks: VolumeBlocks) -> AnyArray:
    """Return the mean power of the blocks, half of Fourier space."""
    total: AnyArray = np.zeros((), np.float32)
    for spectrum in blocks.spectra():
        total = total + (spectrum.real**2 + spectrum.imag**2)
    return total


def band_limit(power: AnyArray, radius: FloatArray) -> float:
    """Return up to which frequency (cycles per voxel) a volume has power; 0.5 if to Nyquist.

    Parameters
    ----------
    power, radius : ndarray
        Of :func:`mean_power` and :meth:`VolumeBlocks.radius`.
    """
    shell = np.minimum((radius * _SHELLS / 0.5).astype(np.intp), _SHELLS).ravel()
    number = np.bincount(shell, minlength=_SHELLS + 1)
    means = np.bincount(shell, power.ravel(), _SHELLS + 1) / np.maximum(number, 1)
    middle = 0.5 * (np.arange(_SHELLS) + 0.5) / _SHELLS
    usual = means[:_SHELLS][(middle > _USUAL[0]) & (middle < _USUAL[1])].mean()
    held = np.flatnonzero(means[:_SHELLS] > _HELD * usual)
    return 0.5 * float(held[-1] + 1) / _SHELLS
