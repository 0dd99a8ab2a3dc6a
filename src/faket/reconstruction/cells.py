"""Cells of a tomogram's Fourier space, narrow at low frequencies, where filters change most.

A cell holds frequencies of about one |kz|, |ky| and |kx|, with the sign of kz kx, which is that of
the tilt. Values of cells are found again at any frequency by interpolation.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import map_coordinates

from faket.data import AnyArray, DoubleArray

CELLS = 32  # from 0 to Nyquist; chosen, 0.03 cycles per voxel wide at Nyquist, 0.005 at 1 / 32
SHELLS = 192  # of |k| up to a volume's corner; chosen, ten in the narrowest zone of a usual CTF
CORNER = 0.8661  # cycles per voxel, √¾ rounded up: the corner of a volume's Fourier space
SHAPE = (2 * CELLS, CELLS, CELLS)  # kz of either sign, |ky|, |kx|


def place(frequency: AnyArray) -> DoubleArray:
    """Return where frequencies (cycles per voxel) lie among the cells of their axis."""
    return np.asarray(np.sign(frequency) * CELLS * np.sqrt(2 * np.abs(frequency)))


@dataclass(frozen=True)
class CellSums:
    """Sums over the coefficients of a spectrum in each cell, in each shell and in all.

    Attributes
    ----------
    cells : ndarray, shape (2 CELLS, CELLS, CELLS), float64
    shells : ndarray, shape (SHELLS,), float64
    """

    cells: DoubleArray
    shells: DoubleArray


def sum_up(
    values: AnyArray, shape: tuple[int, ...], *, factor: DoubleArray | None = None
) -> CellSums:
    """Sum real values over cells and shells.

    Parameters
    ----------
    values : ndarray, shape (z, y, x // 2 + 1)
        One for each coefficient of the spectrum of a volume.
    shape : (int, int, int)
        z, y, x of the volume.
    factor : ndarray, shape (SHELLS,), optional
        By which values are multiplied first, as :func:`at_radii` gives it.
    """
    kz, ky, kx = fft.fftfreq(shape[0]), fft.fftfreq(shape[1]), fft.rfftfreq(shape[2])
    along_z = np.clip(np.floor(place(kz)).astype(np.intp) + CELLS, 0, 2 * CELLS - 1)
    along_y, along_x = (_inside(np.abs(axis)) for axis in (ky, kx))
    plane = (along_y[:, None] * CELLS + along_x).ravel()
    across = np.hypot(ky[:, None], kx).ravel()
    cells, shells = np.zeros((2 * CELLS, CELLS * CELLS)), np.zeros(SHELLS)
    for layer, frequency, cell in zip(values, kz, along_z, strict=True):
        radius, weighted = np.hypot(across, frequency), layer.ravel()
        if factor is not None:
            weighted = weighted * at_radii(factor, radius)
        cells[cell] += np.bincount(plane, weighted, CELLS * CELLS)
        shell = (radius * (SHELLS / CORNER)).astype(np.intp)
        shells += np.bincount(shell, weighted, SHELLS)
    return CellSums(cells.reshape(SHAPE), shells)


def _inside(frequency: AnyArray) -> NDArray[np.intp]:
    return np.minimum(place(frequency).astype(np.intp), CELLS - 1)


def at_frequencies(cells: AnyArray, kz: AnyArray, ky: AnyArray, kx: AnyArray) -> DoubleArray:
    """Return the values of cells at frequencies of a real signal, kx >= 0, broadcast together."""
    where = np.broadcast_arrays(place(kz) + CELLS, place(np.abs(ky)), place(kx))
    return np.asarray(
        map_coordinates(cells, np.array(where) - 0.5, order=1, mode="nearest"), np.float64
    )


def at_radii(shells: DoubleArray, radius: AnyArray) -> DoubleArray:
    """Return the values of shells at frequencies, cycles per voxel."""
    middle = (np.arange(SHELLS) + 0.5) * (CORNER / SHELLS)
    return np.interp(radius, middle, shells)
