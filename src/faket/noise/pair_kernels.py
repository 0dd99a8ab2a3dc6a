"""Compiled sums over the Fourier coefficients of two tilts, for :mod:`faket.noise.tilt_pairs`.

``first`` and ``second`` are coefficients [ky, K], ``kx`` the frequency across the axis of each
column, ``height`` the rows of the images, ``per_cycle`` the rings in one cycle per pixel, ``trust``
the weight of each ring.
"""

import numpy as np

from faket.compiling import kernel

_LOWEST = 0.7  # cycles per image: below is the mean


@kernel(nogil=True)
def slopes(  # type: ignore[no-untyped-def]  # compiled
    first, second, kx, height, per_cycle, agreeing, scale, trust, band, moved
):  # pragma: no cover
    """Return slope and bend of the pair's correlation at a displacement, and the slope's noise."""
    slope, bend, scatter = np.zeros(2), np.zeros((2, 2)), np.zeros(2)
    per_power = _weights(scale, trust)
    waves = np.exp(2j * np.pi * kx * moved[0])
    lowest, highest = (_LOWEST / height) ** 2, band * band
    for row in range(min(first.shape[0], int(np.ceil(band * height)))):
        ky = row / height
        wave = np.exp(2j * np.pi * ky * moved[1])
        half = 0.5 if row == 0 else 1.0
        imag, imag_x, real, real_x, real_xx, noise, noise_xx = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for m in range(kx.size):
            x = kx[m]
            square = x * x + ky * ky
            if square >= highest or square < lowest:
                continue
            ring = min(int(np.sqrt(square) * per_cycle), scale.size - 1)
            if per_power[ring] == 0:
                continue
            weight = half * agreeing[m]
            c = first[row, m] * second[row, m].conjugate() * waves[m] * wave
            c = c * (weight * per_power[ring])
            trusted = (weight * trust[ring]) ** 2
            imag += c.imag
            imag_x += x * c.imag
            real += c.real
            real_x += x * c.real
            real_xx += x * x * c.real
            noise += trusted
            noise_xx += x * x * trusted
        slope -= np.array([imag_x, ky * imag])
        bend += np.array([[real_xx, ky * real_x], [ky * real_x, ky * ky * real]])
        scatter += np.array([noise_xx, ky * ky * noise]) / 2
    turn = 2 * np.pi
    return slope * turn, bend * turn**2, scatter * turn**2


@kernel(nogil=True)
def _weights(scale, trust):  # type: ignore[no-untyped-def]  # compiled  # pragma: no cover
    """Return the trust in each ring over its power, 0 where it has none."""
    weights = np.zeros(scale.size)
    for ring in range(scale.size):
        if scale[ring] > 0:
            weights[ring] = max(trust[ring], 0.0) / scale[ring]
    return weights


@kernel(nogil=True)
def turn_back(spectrum, step):  # type: ignore[no-untyped-def]  # compiled  # pragma: no cover
    """Multiply row n of a spectrum [ky, x] by the n-th power of a phase [x]."""
    phase = np.ones_like(step)
    for row in range(spectrum.shape[0]):
        for x in range(step.size):
            spectrum[row, x] *= phase[x]
            phase[x] *= step[x]


@kernel(nogil=True)
def _add_growth(  # type: ignore[no-untyped-def]  # compiled
    sums, ky, weight, a, b, between_a, between_b, size
):  # pragma: no cover
    """Add what a coefficient of both images and the differences of its neighbours tell."""
    lever, turn = size / (4j * np.pi), 2 * np.pi * ky
    off_a, off_b = lever * between_a, (lever * between_b).conjugate()
    own_a = off_a.real * off_a.real + off_a.imag * off_a.imag
    own_b = off_b.real * off_b.real + off_b.imag * off_b.imag
    part = turn * weight
    sums[0] -= part * 0.5 * (off_a * b + a * off_b).imag
    sums[1] += turn * part * (off_a * off_b).real
    sums[2] += 0.5 * part * part * own_a * (b.real * b.real + b.imag * b.imag)
    sums[3] += turn * part * own_a
    sums[4] += turn * part * own_b


@kernel(nogil=True)
def growing(  # type: ignore[no-untyped-def]  # compiled
    first, second, kx, height, per_cycle, agreeing, scale, trust, bands, moved, sizes
):  # pragma: no cover
    """Return sums [axis, band, 5] that tell how the displacement along the tilt axis grows.

    Over x, a turn (rad), and over y, a magnification less 1; ``sizes`` are those of the images
    along x and y. A band goes from the one before up to its frequency. The five are slope and bend
    of the pair's correlation at no growth, the slope's noise, and the bend of either image alone.

    Columns are 1 / size apart, so that of an image times s(x) = size / 2π sin(2π x / size),
    which is x in the middle, they are differences between those on either side. So are rows.
    """
    sums = np.zeros((2, len(bands), 5))
    waves = np.exp(2j * np.pi * kx * moved[0])
    on = np.exp(2j * np.pi / height * moved[1])  # from row to row
    rows, columns = first.shape
    for row in range(1, rows):  # 0 does not tell of what is displaced along it
        ky = row / height
        if ky >= bands[-1]:
            break
        wave = np.exp(2j * np.pi * ky * moved[1])
        for m in range(columns):
            k = np.sqrt(kx[m] * kx[m] + ky * ky)
            if k >= bands[-1] or k * height < _LOWEST:
                continue
            ring = min(int(k * per_cycle), scale.size - 1)
            at = scale[ring]
            if at <= 0 or trust[ring] <= 0:
                continue
            band = 0
            while k >= bands[band]:
                band += 1
            weight = agreeing[m] * trust[ring] / at
            a, b = first[row, m] * waves[m] * wave, second[row, m].conjugate()
            if 0 < m < columns - 1:
                off = first[row, m - 1] * waves[m - 1] - first[row, m + 1] * waves[m + 1]
                other = second[row, m - 1] - second[row, m + 1]
                _add_growth(sums[0, band], ky, weight, a, b, off * wave, other, sizes[0])
            if row < rows - 1:
                off = first[row - 1, m] * on.conjugate() - first[row + 1, m] * on
                other = second[row - 1, m] - second[row + 1, m]
                off = off * waves[m] * wave
                _add_growth(sums[1, band], ky, weight, a, b, off, other, sizes[1])
    return sums


@kernel(nogil=True)
def add_products(  # type: ignore[no-untyped-def]  # compiled
    first, second, kx, height, per_cycle, bins, moved, limit, sums, own, number
):  # pragma: no cover
    """Add products of a pair, and each one's power, to rings and bins of K (tan θ1 − tan θ2)."""
    waves = np.exp(2j * np.pi * kx * moved[0])
    for row in range(first.shape[0]):
        ky = row / height
        wave = np.exp(2j * np.pi * ky * moved[1])
        weight = 0.5 if row == 0 else 1.0
        for m in range(kx.size):
            k = np.sqrt(kx[m] * kx[m] + ky * ky)
            ring = int(k * per_cycle)
            if k >= 0.5 or k * height < _LOWEST or ring >= sums.shape[0]:
                continue
            a, b = first[row, m], second[row, m]
            c = a * b.conjugate() * waves[m] * wave
            sums[ring, bins[m]] += weight * c.real
            own[0, ring, bins[m]] += weight * (a.real * a.real + a.imag * a.imag)
            own[1, ring, bins[m]] += weight * (b.real * b.real + b.imag * b.imag)
            number[ring, bins[m]] += weight
