"""The power of a tomogram by frequency, by which a picker notices another reconstruction.

A picker learns with the filter of its training tomograms. Another program's filter changes the
power of the frequencies, and may cost more than half of the picker's score without any other sign.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import ArrayLike
from scipy import fft

from faket.data import DoubleArray, FloatArray
from faket.rings import equal_rings

SHELLS = 12  # chosen, because filters are smooth, and in every shell are coefficients of any block
# Differences of power of which a user is told, a factor: root mean square over the shells of log2.
# Measured: 1.2 (400 x 400 x 100 voxels) to 1.6 (96 x 96 x 40) at most between tomograms of one
# microscope and filter, whose defocus and specimens differ; at least 2.3 between Hamming's filter
# and a ramp, IMOD's default or a SIRT-like one. Filters that hardly differ from Hamming's
# (AreTomo's, Warp's, SHREC'21's: 1.1 to 1.9) are not told from the microscope's own changes.
NOTICED = 2.0
_LEAST = 1e-9  # share of a shell that a filter has emptied; chosen, far below any noise
_BLOCK = 64  # voxels a side, chosen: a block takes little memory, and low frequencies are seen
_MOST_BLOCKS = 4  # along an axis; chosen, because more hardly change the mean


def radial_spectrum(volume: FloatArray) -> DoubleArray:
    """Return the share of each shell of Fourier space in the variance of a tomogram.

    Scale and mean of the grey values make no difference, as they make none to a picker.

    Parameters
    ----------
    volume : ndarray, shape (z, y, x)
        May be a memory map.

    Returns
    -------
    ndarray, shape (SHELLS,), float64
        Mean power of the shells from frequency 0 to Nyquist, over their sum.
    """
    sides = [min(_BLOCK, size) for size in volume.shape]
    starts = [_starts(size, side) for size, side in zip(volume.shape, sides, strict=True)]
    taper = np.ones(())
    for side in sides:  # () → [z, y, x]
        taper = np.multiply.outer(taper, np.hanning(side + 2)[1:-1])
    rings = equal_rings(tuple(sides), SHELLS, with_mean=False)
    total = np.zeros(SHELLS)
    for place in product(*starts):
        block = volume[tuple(slice(s, s + n) for s, n in zip(place, sides, strict=True))]
        block = np.asarray(block, np.float32)
        power = np.abs(fft.rfftn((block - block.mean()) * taper)) ** 2
        total += rings.mean(power, empty=0.0)
    whole = total.sum()
    return total / whole if whole > 0 else total


def mean_spectrum(volumes: Sequence[FloatArray]) -> DoubleArray:
    """Return the mean :func:`radial_spectrum` of tomograms."""
    mean: DoubleArray = np.mean([radial_spectrum(volume) for volume in volumes], axis=0)
    return mean


def difference(spectrum: ArrayLike, expected: ArrayLike) -> tuple[float, int]:
    """Return by which factor power differs, and the shell where it differs most.

    Parameters
    ----------
    spectrum, expected : array_like, shape (SHELLS,)

    Returns
    -------
    float
        2 to the root mean square over the shells of log2 of the ratio: at least 1.
    int
    """
    both = (np.maximum(np.asarray(part, np.float64), _LEAST) for part in (spectrum, expected))
    ratios = np.subtract(*map(np.log2, both))
    return float(2 ** np.sqrt(np.square(ratios).mean())), int(np.abs(ratios).argmax())


def spectrum_notice(
    volume: FloatArray, expected: ArrayLike | None, voxel_size_A: float
) -> str | None:
    """Return a line if a tomogram was reconstructed differently from those of a training.

    Parameters
    ----------
    volume : ndarray, shape (z, y, x)
    expected : array_like, shape (SHELLS,), or None
        The :func:`mean_spectrum` of the training; None if the checkpoint has none.
    voxel_size_A : float
    """
    if expected is None:
        return None
    found = radial_spectrum(volume)
    factor, shell = difference(found, expected)
    if factor < NOTICED:
        return None
    most = max(found[shell], _LEAST) / max(np.asarray(expected)[shell], _LEAST)
    length_A = voxel_size_A * 2 * SHELLS / (shell + 0.5)
    return (
        f"expected the spectrum of the training tomograms, found power that differs by a factor of "
        f"{factor:.1f} (at {length_A:.0f} Å it is {most:.2g} times theirs), so the picker may miss "
        "much; reconstruct both with the same program and filter, make training data with "
        "reconstruction.like, or train with `augment`"
    )


def _starts(size: int, side: int) -> list[int]:
    """Return where blocks begin along an axis: evenly spaced, the first and last at its ends."""
    count = min(_MOST_BLOCKS, -(-size // side))
    return [round(i * (size - side) / max(1, count - 1)) for i in range(count)]
