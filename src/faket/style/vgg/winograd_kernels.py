"""Numba kernels of Winograd's F(4 × 4, 3 × 3) convolution (Lavin and Gray, arXiv 1509.09308).

An output tile of 4 × 4 pixels comes from an input patch d of 6 × 6 as Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A:
36 products for 144. The products of all patches and channels are 36 matrix products, made
between these kernels; here are the sums before (Bᵀ d B) and after them (Aᵀ m A).

Layout and manner are those of :mod:`faket.style.kernels`. Threads own disjoint tiles: the result
does not depend on their number.
"""

import numpy as np
from numba import njit, prange, uint64

from faket.compiling import kernel
from faket.data import AnyArray, FloatArray
from faket.style.kernels import LANES, NOTHING

_TWO, _FOUR, _FIVE, _EIGHT = (np.float32(v) for v in (2, 4, 5, 8))
_SIX, _TWELVE, _TWENTYFOUR = (np.float32(v) for v in (6, 12, 24))
_ZERO = np.float32(0)


@njit(inline="always")
def _before(d, base, step):  # type: ignore[no-untyped-def]
    """Replace six numbers that lie ``step`` apart by Bᵀ times them."""
    for c in range(LANES):
        i0 = uint64(base + c)
        i1, i2, i3 = i0 + uint64(step), i0 + uint64(2 * step), i0 + uint64(3 * step)
        i4, i5 = i0 + uint64(4 * step), i0 + uint64(5 * step)
        a0, a1, a2, a3, a4, a5 = d[i0], d[i1], d[i2], d[i3], d[i4], d[i5]
        even, odd = a4 - _FOUR * a2, a3 - _FOUR * a1
        even2, odd2 = a4 - a2, _TWO * (a3 - a1)
        d[i0] = _FOUR * a0 - _FIVE * a2 + a4
        d[i1] = even + odd
        d[i2] = even - odd
        d[i3] = even2 + odd2
        d[i4] = even2 - odd2
        d[i5] = _FOUR * a1 - _FIVE * a3 + a5


@njit(inline="always")
def _after(d, base, step):  # type: ignore[no-untyped-def]
    """Replace the first four of six numbers that lie ``step`` apart by Aᵀ times the six."""
    for c in range(LANES):
        i0 = uint64(base + c)
        i1, i2, i3 = i0 + uint64(step), i0 + uint64(2 * step), i0 + uint64(3 * step)
        i4, i5 = i0 + uint64(4 * step), i0 + uint64(5 * step)
        m0, m1, m2, m3, m4, m5 = d[i0], d[i1], d[i2], d[i3], d[i4], d[i5]
        sum12, difference12 = m1 + m2, m1 - m2
        sum34, difference34 = m3 + m4, m3 - m4
        d[i0] = m0 + sum12 + sum34
        d[i1] = difference12 + _TWO * difference34
        d[i2] = sum12 + _FOUR * sum34
        d[i3] = difference12 + _EIGHT * difference34 + m5


@njit(inline="always")
def _transform_in(d, patches, t, tiles, channels, c0):  # type: ignore[no-untyped-def]
    """Bᵀ d B, written to patch ``t`` of [36, tiles, channels]."""
    for j in range(6):
        _before(d, j * LANES, 6 * LANES)
    for i in range(6):
        _before(d, i * 6 * LANES, LANES)
    for k in range(36):
        to, of = uint64((k * tiles + t) * channels + c0), uint64(k * LANES)
        for c in range(LANES):
            patches[to + uint64(c)] = d[of + uint64(c)]


@njit(inline="always")
def _transform_out(products, d, t, tiles, channels, c0):  # type: ignore[no-untyped-def]
    """Aᵀ m A of product ``t`` of [36, tiles, channels], in the rows and columns 0 to 3 of d."""
    for k in range(36):
        of, to = uint64((k * tiles + t) * channels + c0), uint64(k * LANES)
        for c in range(LANES):
            d[to + uint64(c)] = products[of + uint64(c)]
    for j in range(6):
        _after(d, j * LANES, 6 * LANES)
    for i in range(4):
        _after(d, i * 6 * LANES, LANES)


@njit(inline="always")
def _filter(a, b, c):  # type: ignore[no-untyped-def]
    """G times three numbers."""
    even, odd = (a + c) / _SIX, b / _SIX
    even2, odd2 = a / _TWENTYFOUR + c / _SIX, b / _TWELVE
    return a / _FOUR, -even - odd, odd - even, even2 + odd2, even2 - odd2, c


@kernel(parallel=True)
def transform_filters(taps: FloatArray, filters: FloatArray) -> None:
    """Write G g Gᵀ of ``taps`` [3, 3, in, out], any layout, into ``filters`` [36, in, out]."""
    _, inputs, outputs = filters.shape
    flat = filters.reshape(-1)
    for i in prange(inputs):
        g = np.empty(9 * LANES, np.float32)
        half = np.empty(18 * LANES, np.float32)
        for o in range(0, outputs, LANES):
            for c in range(LANES):
                for k in range(9):
                    g[uint64(k * LANES + c)] = taps[k // 3, k % 3, i, o + c]
            for k in range(3):  # columns
                for c in range(LANES):
                    at = uint64(k * LANES + c)
                    six = _filter(g[at], g[at + uint64(3 * LANES)], g[at + uint64(6 * LANES)])
                    for r in range(6):
                        half[at + uint64(r * 3 * LANES)] = six[r]
            for r in range(6):
                for c in range(LANES):
                    at = uint64(r * 3 * LANES + c)
                    six = _filter(half[at], half[at + uint64(LANES)], half[at + uint64(2 * LANES)])
                    for s in range(6):
                        to = uint64(((r * 6 + s) * inputs + i) * outputs + o)
                        flat[to + uint64(c)] = six[s]


@kernel(parallel=True)
def image_to_patches(
    image: FloatArray, top: int, left: int, row: int, columns: int, patches: FloatArray, parts: int
) -> None:
    """Transform the patches of some rows of tiles.

    ``image`` [y, x, channel] counts as zero outside; the patch of tile (0, 0) begins at pixel
    (top, left); ``row`` is the first row of tiles. ``patches`` [36, tiles, channel] are filled.
    """
    height, width, channels = image.shape
    tiles = patches.shape[1]
    flat, out = image.reshape(-1), patches.reshape(-1)
    for part in prange(parts):
        d = np.empty(36 * LANES, np.float32)
        for t in range(part * tiles // parts, (part + 1) * tiles // parts):
            y0, x0 = (row + t // columns) * 4 + top, (t % columns) * 4 + left
            for c0 in range(0, channels, LANES):
                for i in range(6):
                    for j in range(6):
                        y, x = y0 + i, x0 + j
                        to = uint64((i * 6 + j) * LANES)
                        if y < 0 or y >= height or x < 0 or x >= width:
                            for c in range(LANES):
                                d[to + uint64(c)] = _ZERO
                        else:
                            of = uint64((y * width + x) * channels + c0)
                            for c in range(LANES):
                                d[to + uint64(c)] = flat[of + uint64(c)]
                _transform_in(d, out, t, tiles, channels, c0)


@kernel(parallel=True)
def pooled_to_patches(
    pooled: FloatArray,
    winner: AnyArray,
    top: int,
    left: int,
    row: int,
    columns: int,
    patches: FloatArray,
    parts: int,
) -> None:
    """Do as :func:`image_to_patches` with the image whose pooling's gradient is ``pooled``.

    Its values stand where ``winner`` says, zeros elsewhere: the image is never written out.
    """
    height, width, channels = pooled.shape[0] * 2, pooled.shape[1] * 2, pooled.shape[2]
    tiles = patches.shape[1]
    flat, won, out = pooled.reshape(-1), winner.reshape(-1), patches.reshape(-1)
    for part in prange(parts):
        d = np.empty(36 * LANES, np.float32)
        for t in range(part * tiles // parts, (part + 1) * tiles // parts):
            y0, x0 = (row + t // columns) * 4 + top, (t % columns) * 4 + left
            for c0 in range(0, channels, LANES):
                for i in range(6):
                    for j in range(6):
                        y, x = y0 + i, x0 + j
                        to = uint64((i * 6 + j) * LANES)
                        if y < 0 or y >= height or x < 0 or x >= width:
                            for c in range(LANES):
                                d[to + uint64(c)] = _ZERO
                        else:
                            of = uint64(((y // 2) * (width // 2) + x // 2) * channels + c0)
                            corner = np.uint8((y % 2) * 2 + x % 2)
                            for c in range(LANES):
                                hit = won[of + uint64(c)] == corner
                                d[to + uint64(c)] = flat[of + uint64(c)] if hit else _ZERO
                _transform_in(d, out, t, tiles, channels, c0)


@kernel(parallel=True)
def products_to_image(
    products: FloatArray,
    bias: FloatArray,
    lowest: float,
    top: int,
    left: int,
    row: int,
    columns: int,
    image: FloatArray,
    parts: int,
) -> None:
    """Write max(Aᵀ m A + bias, lowest) of some rows of tiles into ``image`` [y, x, channel].

    Tile (0, 0) begins at pixel (top, left), which may lie outside.
    """
    height, width, channels = image.shape
    tiles = products.shape[1]
    flat, out, floor = products.reshape(-1), image.reshape(-1), np.float32(lowest)
    for part in prange(parts):
        d = np.empty(36 * LANES, np.float32)
        for t in range(part * tiles // parts, (part + 1) * tiles // parts):
            y0, x0 = (row + t // columns) * 4 + top, (t % columns) * 4 + left
            for c0 in range(0, channels, LANES):
                _transform_out(flat, d, t, tiles, channels, c0)
                for i in range(max(0, -y0), min(4, height - y0)):
                    for j in range(max(0, -x0), min(4, width - x0)):
                        of = uint64((i * 6 + j) * LANES)
                        to = uint64(((y0 + i) * width + x0 + j) * channels + c0)
                        for c in range(LANES):
                            value = d[of + uint64(c)] + bias[uint64(c0) + uint64(c)]
                            out[to + uint64(c)] = max(value, floor)


@kernel(parallel=True)
def products_to_pooled(
    products: FloatArray,
    bias: FloatArray,
    top: int,
    left: int,
    row: int,
    columns: int,
    pooled: FloatArray,
    winner: AnyArray,
    parts: int,
) -> None:
    """Write the 2 × 2 maximum of max(Aᵀ m A + bias, 0), and which pixel it was.

    The windows of tile (0, 0) begin at pooled pixel (top, left), which may lie outside.
    """
    height, width, channels = pooled.shape
    tiles = products.shape[1]
    flat, out, won = products.reshape(-1), pooled.reshape(-1), winner.reshape(-1)
    for part in prange(parts):
        d = np.empty(36 * LANES, np.float32)
        for t in range(part * tiles // parts, (part + 1) * tiles // parts):
            y0, x0 = (row + t // columns) * 2 + top, (t % columns) * 2 + left
            for c0 in range(0, channels, LANES):
                _transform_out(flat, d, t, tiles, channels, c0)
                for i in range(max(0, -y0), min(2, height - y0)):
                    for j in range(max(0, -x0), min(2, width - x0)):
                        first = uint64((i * 12 + j * 2) * LANES)
                        to = uint64(((y0 + i) * width + x0 + j) * channels + c0)
                        for c in range(LANES):
                            a = d[first + uint64(c)]
                            best, corner = a, 0
                            a = d[first + uint64(LANES + c)]
                            corner = 1 if a > best else corner
                            best = max(a, best)
                            a = d[first + uint64(6 * LANES + c)]
                            corner = 2 if a > best else corner
                            best = max(a, best)
                            a = d[first + uint64(7 * LANES + c)]
                            corner = 3 if a > best else corner
                            best = max(a, best) + bias[uint64(c0) + uint64(c)]
                            won[to + uint64(c)] = corner if best > _ZERO else NOTHING
                            out[to + uint64(c)] = max(best, _ZERO)
