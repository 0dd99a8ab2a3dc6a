"""The filter that a reconstruction gave the rows of its images, found in their reprojections.

Programs filter across the tilt axis only: by |kx|, by less at high frequencies, or as SIRT does.
The noise of images depends on |k| only. So where noise exceeds the specimen, the power of a
reprojection is

    P(kx, ky) = kx² overlap(kx) · A(kx) · B(|k|),

with the overlap of the tilts (:mod:`faket.reconstruction.tilt_overlap`). A, but for a constant, is
what the reconstruction did to the rows beside the ramp |kx|, interpolation included; B is the noise
of the images.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from faket.data import AnyArray, DoubleArray
from faket.rings import hann, mirror_weight, ring_frequencies

CORNER = 0.7072  # cycles per voxel, √½ rounded up: the corner of Fourier space
RINGS = 96  # of B, up to the corner; chosen, because noise is smooth
COLUMNS = 128  # of A, up to Nyquist; chosen, because filters are smooth
_SMOOTH = 1.5  # columns; chosen, as smooth as filters are
_GAUGE = (0.06, 0.2)  # kx; chosen, because above programs cut off, and interpolation weakens
_NEIGHBOURS = 1.5  # tilts; chosen, because over 5° interpolation changes little
_FITTED_TO = 0.6  # abs k; chosen, because programs cut or interpolate away the corners
_APART = 0.1  # kx; chosen: tilts of 3° that are 200 voxels thick overlap below
_ROUNDING = 1e-14  # of power; chosen, because float32 has 7 digits
_ITERATIONS = 60  # chosen, because the last changes a factor by less than 1e-4
# Power of a Hann window at its own frequency and its neighbours.
_LEAK = np.array([1.0, 4.0, 1.0]) / 6


@dataclass(frozen=True, eq=False)
class PowerTable:
    """Power of images in cells of kx and |k|, over the power of the ramp and of the overlap.

    Attributes
    ----------
    power : ndarray, shape (COLUMNS, RINGS), float64
        Mean of the cell; 0 where it is empty.
    number : ndarray, shape (COLUMNS, RINGS), float64
        Fourier coefficients in the cell.
    """

    power: DoubleArray
    number: DoubleArray


@dataclass(frozen=True, eq=False)
class RowFilter:
    """The two factors of the power of a reprojection's noise.

    Attributes
    ----------
    row : ndarray, shape (COLUMNS,), float64
        A at kx = (i + ½) / 256 cycles per voxel; its mean logarithm is 0 from 0.06 to 0.2.
    noise : ndarray, shape (RINGS,), float64
        B in rings of equal width up to the corner; carried down below ``from_ring``.
    from_ring : int
        First ring whose power was taken for that of noise.
    """

    row: DoubleArray
    noise: DoubleArray
    from_ring: int


def power_table(image: AnyArray, overlap: DoubleArray) -> PowerTable:
    """Measure an image [y, x] whose rows hold the overlap [x // 2 + 1] and a ramp."""
    window = hann((image.shape[0], image.shape[1]))
    values = (image - np.vdot(window, image) / window.sum()) * window
    kx, ky = fft.rfftfreq(image.shape[1]), fft.fftfreq(image.shape[0])[:, None]
    # [y, x] → [y, x // 2 + 1]
    power = np.abs(fft.rfft2(values)) ** 2 / np.vdot(window, window) / leaked(kx**2 * overlap)
    column = np.minimum((2 * COLUMNS * kx).astype(np.intp), COLUMNS - 1)
    ring = np.minimum((RINGS / CORNER * np.hypot(kx, ky)).astype(np.intp), RINGS - 1)
    cell = (column * RINGS + ring).ravel()
    weight = np.broadcast_to(mirror_weight(image.shape[1]), power.shape).ravel()
    number = np.bincount(cell, weight, COLUMNS * RINGS).astype(np.float64)
    total = np.bincount(cell, weight * power.ravel(), COLUMNS * RINGS)
    # Of what a filter removed, rounding is left.
    mean = np.where(number > 0, np.maximum(total, _ROUNDING * total.max()), 0) / np.maximum(
        number, 1
    )
    return PowerTable(mean.reshape(COLUMNS, RINGS), number.reshape(COLUMNS, RINGS))


def leaked(power: DoubleArray) -> DoubleArray:
    """Return what a Hann window makes of the power at frequencies from 0 to Nyquist."""
    return np.asarray(np.convolve(np.pad(power, 1, mode="reflect"), _LEAK, mode="valid"))


def fit_row_filters(
    tables: list[PowerTable], on_grid: NDArray[np.bool_], from_frequency: float
) -> list[RowFilter]:
    """Split the power of each tilt into A(kx) and B(|k|).

    All tilts together give the shape of B; A is that of a tilt and of those beside it, because
    interpolation depends on the angle.

    Parameters
    ----------
    tables : list of PowerTable
        In the order of the angles.
    on_grid : ndarray of bool, shape (tilts,)
        Tilts whose rays meet the voxels' centres: they need no interpolation, and are not averaged
        with the others.
    from_frequency : float
        Where noise begins, cycles per voxel.
    """
    middle = ring_frequencies(RINGS, CORNER)
    from_ring = int(np.searchsorted(middle, from_frequency))
    levels = np.array([_level(table, from_ring) for table in tables])
    power = np.array([table.power for table in tables]) / levels[:, None, None]
    number = np.array([table.number for table in tables])
    noise = _separate(_pooled(power, number, np.ones(len(tables))), from_ring)[1]
    found = []
    for tilt, level in enumerate(levels):
        near = np.exp(-0.5 * ((np.arange(len(tables)) - tilt) / _NEIGHBOURS) ** 2)
        near *= (on_grid == on_grid[tilt]) & (near > 0.01)
        row = _row(_pooled(power, number, near), noise, from_ring)
        row = _smoothed(row)
        gain = float(np.exp(np.log(row[_gauge()]).mean()))
        found.append(RowFilter(row / gain, level * gain * noise, from_ring))
    return found


def _smoothed(row: DoubleArray) -> DoubleArray:
    """Return A [COLUMNS] smoothed: at each column a line through logarithms over that of kx.

    What linear interpolation adds rises as a high power of 1 / kx, and lines through powers leave
    them as they are; a mean of neighbours would be too large.
    """
    place, values = np.arange(COLUMNS), np.log(row)
    kx = np.log(ring_frequencies(COLUMNS))
    # [column, neighbour]
    weight = np.exp(-0.5 * ((place - place[:, None]) / _SMOOTH) ** 2)
    weight /= weight.sum(axis=1, keepdims=True)
    mean, middle = weight @ values, weight @ kx
    slope = (weight @ (kx * values) - middle * mean) / (weight @ kx**2 - middle**2)
    return np.asarray(np.exp(mean + slope * (kx - middle)))


def between_columns(kx: DoubleArray, values: DoubleArray) -> DoubleArray:
    """Return positive values of the columns at any kx > 0: powers between two columns."""
    columns = np.log(ring_frequencies(COLUMNS))
    return np.asarray(np.exp(np.interp(np.log(kx), columns, np.log(values))))


def _level(table: PowerTable, from_ring: int) -> float:
    """Mean power of noise where the row filter is near its maximum."""
    weight = table.number.copy()
    weight[:, :from_ring] = 0
    weight[~_gauge()] = 0
    return float(np.average(table.power, weights=weight))


def _gauge() -> NDArray[np.bool_]:
    kx = ring_frequencies(COLUMNS)
    return np.asarray((kx >= _GAUGE[0]) & (kx <= _GAUGE[1]))


def _pooled(power: DoubleArray, number: DoubleArray, weight: DoubleArray) -> PowerTable:
    """Return the weighted mean of tables [tilt, column, ring]."""
    numbers = weight[:, None, None] * number
    whole = numbers.sum(0)
    return PowerTable((numbers * power).sum(0) / np.maximum(whole, 1e-9), whole)


def _separate(table: PowerTable, from_ring: int) -> tuple[DoubleArray, DoubleArray]:
    """Return A and B of a table.

    Fourier power of noise is exponentially distributed; the product's likelihood is greatest where
    every A and every B is the mean of what the other leaves.
    """
    number = np.where(np.arange(RINGS) >= from_ring, table.number, 0.0)
    row, noise = np.ones(COLUMNS), np.ones(RINGS)
    for _ in range(_ITERATIONS):
        row = _row(table, noise, from_ring)
        left = np.minimum(table.power / row[:, None], noise * _limit(number))
        noise = _mean(left.T, number.T)
    return row, _carried_down(noise, row, table, from_ring)


def _carried_down(
    noise: DoubleArray, row: DoubleArray, table: PowerTable, from_ring: int
) -> DoubleArray:
    """Return B with the rings of the specimen on the line of the others' logarithm.

    The noise of detectors falls slowly and evenly. It is no more than all power, as measured where
    the tilts do not overlap.
    """
    middle = ring_frequencies(RINGS, CORNER)
    fitted = (middle <= _FITTED_TO) & (np.arange(RINGS) >= from_ring)
    line = np.polynomial.Polynomial.fit(
        middle[fitted], np.log(noise[fitted]), 1, w=np.sqrt(table.number.sum(0)[fitted])
    )
    slope = min(float(line.deriv()(0.0)), 0.0)
    centre = float(np.average(middle[fitted], weights=table.number.sum(0)[fitted]))
    carried = np.exp(float(line(centre)) + slope * (middle - centre))
    apart = np.where(ring_frequencies(COLUMNS)[:, None] > _APART, table.number, 0.0)
    whole = _mean((table.power / row[:, None]).T, apart.T)
    return np.asarray(np.where(middle >= middle[from_ring], noise, np.minimum(carried, whole)))


def _row(table: PowerTable, noise: DoubleArray, from_ring: int) -> DoubleArray:
    """Return A if B is known."""
    number = np.where(np.arange(RINGS) >= from_ring, table.number, 0.0)
    left, limit = table.power / noise, _limit(number)
    row = _mean(left, number)
    for _ in range(3):  # bright cells raise the mean less each time
        row = _mean(np.minimum(left, row[:, None] * limit), number)
    return row


def _mean(values: DoubleArray, number: DoubleArray) -> DoubleArray:
    """Return the mean of each line of a table; that of the lines beside it where there is none."""
    total = number.sum(1)
    mean = (number * values).sum(1) / np.maximum(total, 1e-9)
    places, known = np.log(np.arange(len(mean)) + 0.5), total > 0
    return np.asarray(np.exp(np.interp(places, places[known], np.log(mean[known]))))


def _limit(number: DoubleArray) -> DoubleArray:
    """Return how far above its expectation a cell's mean may be: five standard deviations.

    A coefficient and its mirror image are one value, and a Hann window makes 3.8 neighbours alike.
    """
    return np.asarray(1 + 5 / np.sqrt(np.maximum(number / (2 * 3.8), 1)))
