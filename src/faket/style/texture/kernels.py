"""Numba kernels of the ``texture`` network, for float32 on the CPU.

Images are planes [channel, y, x]. The seven taps of a filter's row are written out so that rows of
pixels are vectorised; indices are unsigned because signed ones, which may count from the end, are
not. Threads own disjoint rows.
"""

import numpy as np
from numba import njit, prange, uint64

from faket.compiling import kernel
from faket.data import FloatArray

TAPS = 7
_ZERO = np.float32(0)
_QUARTER = np.float32(0.25)
_SPAN = 256  # pixels whose sums stay in the nearest cache


@njit(inline="always")
def _add_row(total: FloatArray, row: FloatArray, taps: FloatArray, start: int, count: int) -> None:
    """Add to ``total`` the correlation of seven taps with a row from ``start`` on."""
    t0, t1, t2, t3, t4, t5, t6 = taps[0], taps[1], taps[2], taps[3], taps[4], taps[5], taps[6]
    for pixel in range(count):
        x = uint64(start + pixel)
        total[uint64(pixel)] += (
            t0 * row[x]
            + t1 * row[x + uint64(1)]
            + t2 * row[x + uint64(2)]
            + t3 * row[x + uint64(3)]
            + t4 * row[x + uint64(4)]
            + t5 * row[x + uint64(5)]
            + t6 * row[x + uint64(6)]
        )


@kernel(parallel=True, fastmath={"contract"})
def filter_image(image: FloatArray, taps: FloatArray, bias: FloatArray, out: FloatArray) -> None:
    """Write ReLU(image * taps + bias).

    ``image`` [y + 6, x + 6], ``taps`` [channel, 7, 7], ``out`` [channel, y, x].
    """
    channels, height, width = out.shape
    for y in prange(height):
        total = np.empty(_SPAN, np.float32)
        for channel in range(channels):
            for start in range(0, width, _SPAN):
                count = min(_SPAN, width - start)
                total[:] = bias[channel]
                for i in range(TAPS):
                    _add_row(total, image[y + i], taps[channel, i], start, count)
                for pixel in range(count):
                    out[channel, y, uint64(start + pixel)] = max(total[uint64(pixel)], _ZERO)


@kernel(parallel=True, fastmath={"contract"})
def filter_back(gradients: FloatArray, taps: FloatArray, out: FloatArray) -> None:
    """Write the sum over channels of each one's full convolution with its taps.

    ``gradients`` [channel, y, x], ``taps`` [channel, 7, 7], ``out`` [y + 6, x + 6].
    """
    channels, height, width = gradients.shape
    reversed_taps = np.ascontiguousarray(taps[:, :, ::-1])
    for y in prange(out.shape[0]):
        total = np.zeros(width + TAPS - 1, np.float32)
        row = np.zeros(width + 2 * TAPS - 2, np.float32)
        for channel in range(channels):
            for i in range(max(0, y - height + 1), min(TAPS, y + 1)):
                source = gradients[channel, y - i]
                for x in range(width):
                    row[uint64(x + TAPS - 1)] = source[uint64(x)]
                _add_row(total, row, reversed_taps[channel, i], 0, width + TAPS - 1)
        out[y] = total


@kernel(parallel=True)
def spread_where_positive(halved: FloatArray, found: FloatArray, gradient: FloatArray) -> None:
    """Add a quarter of every pixel to its 2 x 2 pixels of ``gradient``; 0 where none was found.

    ``halved`` [channel, y // 2, x // 2], ``found`` and ``gradient`` [channel, y, x].
    """
    channels, height, width = gradient.shape
    rows, columns = halved.shape[1:]
    for job in prange(channels * height):
        channel, y = uint64(job // height), uint64(job % height)
        row, positive = gradient[channel, y], found[channel, y]
        if y // uint64(2) < rows:
            source = halved[channel, y // uint64(2)]
            for x in range(columns):
                value = source[uint64(x)] * _QUARTER
                row[uint64(2 * x)] += value
                row[uint64(2 * x + 1)] += value
        for x in range(width):
            u = uint64(x)
            row[u] = row[u] if positive[u] > _ZERO else _ZERO
