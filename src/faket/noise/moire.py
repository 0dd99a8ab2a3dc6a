"""The moiré that interpolation leaves in noise.

An image that was turned by linear interpolation is sharp where its new pixels meet old ones, and
blunt between them. So the noise of the finest detail is stronger and weaker by turns, on a square
lattice whose period is 12 pixels for a turn of 5°. Its power spectrum does not show that, a map of
its local power does.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import fft

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.noise.spectrum import ring_filter
from faket.threads import in_threads

_SIDE = 256  # pixels in the middle of an image that are looked at; chosen
_SPIKE = 60.0  # of the local power, over its median: beyond is a broken pixel; chosen
_LONGEST = 1 / 50  # cycles per pixel; chosen: the local power of a specimen varies at lower ones
# Power of both waves of the lattice over that of noise. Of independent noise both exceed 15 in one
# of 10⁸ images.
_SEEN = 15.0
_LOBE = 2  # frequencies on either side, which have all the power of a wave under a Hann window
_DEEPEST = 0.95  # so that power is positive everywhere


def moire(images: AnyArray, power: DoubleArray, *, limit: float) -> DoubleArray:
    """Measure the lattice on which the noise of every image varies.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
    power : ndarray, shape (tilts, rings)
        Of the images, in rings of equal width.
    limit : float
        Where the last ring ends, cycles per pixel.

    Returns
    -------
    ndarray, shape (tilts, 3), float64
        Frequency of the lattice (x, y), cycles per pixel, and its depth, 0 to 0.95: white noise of
        the local power :func:`lattice`, given the colour of ``power``, varies as much as the image.
        Zeros of images that have none, and of all if fewer than half of them have one.
    """
    found = np.array(in_threads(_strongest, images, pixels=_SIDE**2))
    if np.count_nonzero(found[:, 2]) < len(found) / 2:
        return np.zeros_like(found)
    for row, own in zip(found, power, strict=True):
        row[2] = min(row[2] / _left(row[:2], own, limit), _DEEPEST)
    return found


def lattice(shape: tuple[int, int], row: DoubleArray, phases_rad: ArrayLike) -> FloatArray:
    """Return the local power of white noise on a lattice, of mean 1.

    Parameters
    ----------
    shape : (int, int)
        y, x.
    row : ndarray, shape (3,)
        Frequency (x, y) and depth, as :func:`moire` gives them.
    phases_rad : array_like, shape (2,)
        Of the waves along the frequency, and across.
    """
    kx, ky, depth = row
    made = np.ones(shape, np.float32)
    for (u, v), phase in zip(((kx, ky), (-ky, kx)), np.asarray(phases_rad), strict=True):
        along_y = np.exp(1j * (2 * np.pi * v * np.arange(shape[0]) + phase)).astype(np.complex64)
        along_x = np.exp(2j * np.pi * u * np.arange(shape[1])).astype(np.complex64)
        # The real part of their product, as one of two columns with two rows.
        columns = np.stack([along_y.real, -along_y.imag], axis=1)
        made *= 1 + np.float32(depth) * (columns @ np.stack([along_x.real, along_x.imag]))
    return made


def _strongest(image: AnyArray) -> tuple[float, float, float]:
    """Return frequency (x, y) and relative depth of the lattice in the local power of detail."""
    side = min(_SIDE, *image.shape)
    top, left = ((n - side) // 2 for n in image.shape)
    part = np.asarray(image[top : top + side, left : left + side], np.float64)
    n = side - 1
    local = (part[1:, 1:] - part[:-1, 1:] - part[1:, :-1] + part[:-1, :-1]) ** 2
    usual = float(np.median(local))
    if not usual > 0:
        return 0.0, 0.0, 0.0
    local = np.minimum(local, _SPIKE * usual)
    window = np.outer(np.hanning(n), np.hanning(n))
    waves = fft.fft2(window * (local / local.mean() - 1))
    power = np.abs(waves) ** 2
    turned = power[:, -np.arange(n) % n].T  # at (kx, ky) what power has at (-ky, kx)
    both = np.minimum(power, turned)
    k = fft.fftfreq(n)
    both[np.hypot(k, k[:, None]) < _LONGEST] = 0
    y, x = np.unravel_index(int(both.argmax()), both.shape)
    noise = float(np.median(power)) / np.log(2)  # the mean of an exponential law, without waves
    if both[y, x] < _SEEN * noise:
        return 0.0, 0.0, 0.0
    # A wave between two frequencies of the map has power in both, and under the window around them.
    lobe = np.arange(-_LOBE, _LOBE + 1)
    around = np.ix_((y + lobe) % n, (x + lobe) % n)
    own = (power + turned)[around].sum() / 2 - noise * lobe.size**2
    return float(k[x]), float(k[y]), float(2 * np.sqrt(max(own, 0) / (window**2).sum()) / n)


def _left(frequency: DoubleArray, power: DoubleArray, limit: float) -> float:
    """Return how much of a lattice's depth is left when white noise got a colour."""
    shape = (_SIDE, _SIDE)
    x, y = fft.rfftfreq(_SIDE), fft.fftfreq(_SIDE)[:, None]
    detail = (1 - np.exp(-2j * np.pi * x)) * (1 - np.exp(-2j * np.pi * y))
    kernel = fft.irfft2(ring_filter(np.sqrt(power), shape, limit=limit) * detail, s=shape) ** 2
    place = fft.fftfreq(_SIDE, 1 / _SIDE)
    wave = np.exp(-2j * np.pi * (frequency[0] * place + frequency[1] * place[:, None]))
    return float(np.abs(np.sum(kernel * wave)) / kernel.sum())
