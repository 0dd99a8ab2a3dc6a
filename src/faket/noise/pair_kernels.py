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
    turn = 2 * np.pi
    waves = np.exp(1j * turn * kx * moved[0])
    for row in range(first.shape[0]):
        ky = row / height
        if ky >= band:
            break
        wave = np.exp(1j * turn * ky * moved[1])
        for m in range(kx.size):
            k = np.sqrt(kx[m] * kx[m] + ky * ky)
            if k >= band or k * height < _LOWEST:
                continue
            ring = min(int(k * per_cycle), scale.size - 1)
            at = scale[ring]
            if at <= 0 or trust[ring] <= 0:
                continue
            weight = agreeing[m] * trust[ring] / at * (0.5 if row == 0 else 1.0)
            c = first[row, m] * second[row, m].conjugate() * waves[m] * wave
            slope[0] -= turn * weight * kx[m] * c.imag
            slope[1] -= turn * weight * ky * c.imag
            bend[0, 0] += turn * turn * weight * kx[m] * kx[m] * c.real
            bend[0, 1] += turn * turn * weight * kx[m] * ky * c.real
            bend[1, 1] += turn * turn * weight * ky * ky * c.real
            scatter[0] += 0.5 * (turn * weight * at * kx[m]) ** 2
            scatter[1] += 0.5 * (turn * weight * at * ky) ** 2
    bend[1, 0] = bend[0, 1]
    return slope, bend, scatter


@kernel(nogil=True)
def turn_back(spectrum, step):  # type: ignore[no-untyped-def]  # compiled  # pragma: no cover
    """Multiply row n of a spectrum [ky, x] by the n-th power of a phase [x]."""
    phase = np.ones_like(step)
    for row in range(spectrum.shape[0]):
        for x in range(step.size):
            spectrum[row, x] *= phase[x]
            phase[x] *= step[x]


@kernel(nogil=True)
def growing(  # type: ignore[no-untyped-def]  # compiled
    first, second, kx, height, per_cycle, agreeing, scale, trust, band, moved, size, step
):  # pragma: no cover
    """Return slope and bend of the pair's correlation, and the slope's noise, at no growth.

    Displaced along the axis is what lies off the middle of an axis of this size, the more the
    farther: ``step`` is (0, 1) for x, a turn (rad), and (1, 0) for y, a magnification less 1. What
    both images share does not count as noise.

    Columns are 1 / size apart, so that of an image times s(x) = size / 2π sin(2π x / size),
    which is x in the middle, they are differences between those on either side. So are rows.
    """
    slope, bend, scatter, own_a, own_b = 0.0, 0.0, 0.0, 0.0, 0.0
    turn = 2 * np.pi
    dy, dx = step
    waves = np.exp(1j * turn * kx * moved[0])
    lever = size / turn / 2j
    for row in range(dy, first.shape[0] - dy):
        ky = row / height
        if ky >= band:
            break
        wave = np.exp(1j * turn * ky * moved[1])
        near = np.exp(1j * turn * dy / height * moved[1])
        for m in range(dx, kx.size - dx):
            k = np.sqrt(kx[m] * kx[m] + ky * ky)
            if k >= band or k * height < _LOWEST:
                continue
            ring = min(int(k * per_cycle), scale.size - 1)
            at = scale[ring]
            if at <= 0 or trust[ring] <= 0:
                continue
            weight = agreeing[m] * trust[ring] / at * (0.5 if row == 0 else 1.0)
            a = first[row, m] * waves[m] * wave
            b = second[row, m].conjugate()
            below = first[row - dy, m - dx] * waves[m - dx] * near.conjugate()
            above = first[row + dy, m + dx] * waves[m + dx] * near
            off_a = lever * (below - above) * wave
            off_b = (lever * (second[row - dy, m - dx] - second[row + dy, m + dx])).conjugate()
            part = turn * ky * weight
            slope -= part * 0.5 * (off_a * b + a * off_b).imag
            bend += turn * ky * part * (off_a * off_b).real
            own_a += turn * ky * part * abs(off_a) ** 2
            own_b += turn * ky * part * abs(off_b) ** 2
            scatter += 0.5 * part * part * abs(off_a * b) ** 2
    if bend <= 0:
        return slope, bend, scatter
    return slope, bend, scatter * max(1 - bend * bend / (own_a * own_b), 0.0)


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
