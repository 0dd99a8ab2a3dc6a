"""Numba kernels beside the convolutions of a feature network, for float32 on the CPU.

Images are [y, x, channel]. ``LANES`` channels travel together; indices are unsigned because
signed ones, which may count from the end, are not vectorised. Threads own disjoint rows.
"""

import numpy as np
from numba import prange, uint64

from faket.compiling import kernel
from faket.data import AnyArray, FloatArray

LANES = 16
NOTHING = 4  # a pooling window without a positive value has no winner

_ZERO = np.float32(0)
_QUARTER = np.float32(0.25)


@kernel(parallel=True)
def convolve_few(image: FloatArray, taps: FloatArray, bias: FloatArray, out: FloatArray) -> None:
    """Write ReLU(image * taps + bias) of an image with few channels, nothing padded.

    ``image`` [y + 2, x + 2, in], ``taps`` [9 in, out] in the order row, column, channel.
    """
    height, width, channels = out.shape
    few, stride = image.shape[2], image.shape[1] * image.shape[2]
    flat, weights, result = image.reshape(-1), taps.reshape(-1), out.reshape(-1)
    for y in prange(height):
        total = np.empty(LANES, np.float32)
        for x in range(width):
            for c0 in range(0, channels, LANES):
                for c in range(LANES):
                    total[uint64(c)] = bias[uint64(c0 + c)]
                for channel in range(few):
                    of = y * stride + x * few + channel
                    a, b, d = flat[uint64(of)], flat[uint64(of + few)], flat[uint64(of + 2 * few)]
                    of += stride
                    e, f, g = flat[uint64(of)], flat[uint64(of + few)], flat[uint64(of + 2 * few)]
                    of += stride
                    h, i, j = flat[uint64(of)], flat[uint64(of + few)], flat[uint64(of + 2 * few)]
                    w, step = uint64(channel * channels + c0), uint64(few * channels)
                    for c in range(LANES):
                        k = w + uint64(c)
                        top = a * weights[k] + b * weights[k + step]
                        k += step + step
                        top += d * weights[k] + e * weights[k + step]
                        k += step + step
                        middle = f * weights[k] + g * weights[k + step]
                        k += step + step
                        middle += h * weights[k] + i * weights[k + step]
                        total[uint64(c)] += top + (middle + j * weights[k + step + step])
                to = uint64((y * width + x) * channels + c0)
                for c in range(LANES):
                    result[to + uint64(c)] = max(total[uint64(c)], _ZERO)


@kernel(parallel=True)
def pool_image(image: FloatArray, pooled: FloatArray, winner: AnyArray) -> None:
    """Write the larger of 0 and every 2 × 2 pixels, and which pixel it was."""
    height, width, channels = pooled.shape
    stride = image.shape[1] * channels
    flat, out, won = image.reshape(-1), pooled.reshape(-1), winner.reshape(-1)
    for y in prange(height):
        for x in range(width):
            first = uint64(2 * y * stride + 2 * x * channels)
            below = uint64((2 * y + 1) * stride + 2 * x * channels)
            to, right = uint64((y * width + x) * channels), uint64(channels)
            for channel in range(channels):
                c = uint64(channel)
                a = flat[first + c]
                best, corner = a, 0
                a = flat[first + right + c]
                corner = 1 if a > best else corner
                best = max(a, best)
                a = flat[below + c]
                corner = 2 if a > best else corner
                best = max(a, best)
                a = flat[below + right + c]
                corner = 3 if a > best else corner
                best = max(a, best)
                won[to + c] = corner if best > _ZERO else NOTHING
                out[to + c] = max(best, _ZERO)


@kernel(parallel=True)
def unpool_image(pooled: FloatArray, winner: AnyArray, image: FloatArray) -> None:
    """Write ``pooled`` where ``winner`` says, zeros elsewhere; not the odd last row and column."""
    height, width, channels = pooled.shape
    stride = image.shape[1] * channels
    flat, won, out = pooled.reshape(-1), winner.reshape(-1), image.reshape(-1)
    for y in prange(height):
        for x in range(width):
            of = uint64((y * width + x) * channels)
            for corner in range(4):
                row, column = 2 * y + corner // 2, 2 * x + corner % 2
                to, code = uint64(row * stride + column * channels), np.uint8(corner)
                for channel in range(channels):
                    c = uint64(channel)
                    out[to + c] = flat[of + c] if won[of + c] == code else _ZERO


@kernel(parallel=True)
def halve_planes(images: FloatArray, out: FloatArray) -> None:
    """Write the mean of every 2 x 2 pixels of planes [n, y, x] to [n, y // 2, x // 2]."""
    planes, height, width = out.shape
    for job in prange(planes * height):
        plane, y = uint64(job // height), uint64(job % height)
        upper, lower = images[plane, 2 * y], images[plane, 2 * y + uint64(1)]
        row = out[plane, y]
        for x in range(width):
            left, right = uint64(2 * x), uint64(2 * x + 1)
            total = upper[left] + upper[right] + lower[left] + lower[right]
            row[uint64(x)] = total * _QUARTER


@kernel(parallel=True)
def spread_planes(halved: FloatArray, out: FloatArray) -> None:
    """Write a quarter of every pixel [n, y, x] to its 2 x 2 pixels [n, 2 y, 2 x], no others."""
    planes, height, width = halved.shape
    for job in prange(planes * height):
        plane, y = uint64(job // height), uint64(job % height)
        row, upper, lower = halved[plane, y], out[plane, 2 * y], out[plane, 2 * y + uint64(1)]
        for x in range(width):
            value = row[uint64(x)] * _QUARTER
            left, right = uint64(2 * x), uint64(2 * x + 1)
            upper[left] = value
            upper[right] = value
            lower[left] = value
            lower[right] = value
