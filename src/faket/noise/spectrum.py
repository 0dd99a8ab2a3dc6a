"""The colour of noise: radial power spectra of images, and white noise shaped to them.

Rings have equal width from 0 to Nyquist in cycles per pixel, so that a spectrum measured on one
image can be given to images of any size. The last ring includes frequencies beyond Nyquist (the
corners).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.errors import InputError
from faket.rings import equal_rings, frequencies, hann, ring_frequencies
from faket.seeds import generator

RINGS = 96  # chosen: images of 192 pixels and more fill every ring
LEAST_DIRECTION = (
    0.02  # of a ring's mean power, in every direction; chosen, so that no power is negative
)


def ring_power(image: AnyArray, rings: int = RINGS, *, limit: float = 0.5) -> DoubleArray:
    """Measure the rotationally averaged power spectrum of an image.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        It is multiplied by a Hann window, so that its edges do not leave a cross.
    rings : int
    limit : float
        Where the last ring ends, cycles per pixel: 0.5 is Nyquist, √½ the corner.

    Returns
    -------
    ndarray, shape (rings,), float64
        Mean squared amplitude per pixel: white noise of variance v has power v. In a small image,
        rings without any frequency are interpolated.
    """
    return ring_cross_power(image, image, rings, limit=limit)


def ring_cross_power(
    image: AnyArray, other: AnyArray, rings: int = RINGS, *, limit: float = 0.5
) -> DoubleArray:
    """Measure the cross-spectrum of two images, real part, rotationally averaged.

    Parameters
    ----------
    image, other : ndarray, shape (y, x)
    rings, limit
        As for :func:`ring_power`.

    Returns
    -------
    ndarray, shape (rings,), float64
        Summed over all modes, the covariance under the window; for equal images their power.
    """
    if rings < 1 or np.ndim(image) != 2 or np.shape(image) != np.shape(other):
        raise InputError(
            "image, rings: expected two images [y, x] of one shape and at least 1 ring, found "
            f"shapes {np.shape(image)} and {np.shape(other)} and {rings} rings"
        )
    shape = (image.shape[0], image.shape[1])
    first = windowed_spectrum(image)
    second = first if other is image else windowed_spectrum(other)
    means = ring_means(first.real * second.real + first.imag * second.imag, shape, rings, limit)
    if means is None:
        return np.full(rings, float(np.mean((image - image.mean()) * (other - other.mean()))))
    return means


def ring_means(
    power: AnyArray, shape: tuple[int, int], rings: int, limit: float
) -> DoubleArray | None:
    """Return the mean of each ring of values [y, x // 2 + 1]; None if no ring holds any."""
    layout = equal_rings(shape, rings, limit=limit, with_mean=False)
    held = layout.number > 0
    if not held.any():
        return None
    middle = ring_frequencies(rings, limit)
    return np.interp(middle, middle[held], layout.mean(power)[held])


def windowed_spectrum(image: AnyArray) -> AnyArray:
    """Return the real FFT [y, x // 2 + 1] under a Hann window, of unit power, without the mean.

    White noise of variance v has power v in every coefficient. A volume [z, y, x] gives
    [z, y, x // 2 + 1].
    """
    window = _window(tuple(image.shape))
    # A number of Python, so that images of single precision stay in it.
    values = np.asarray(image - float(np.mean(image, dtype=np.float64)), np.float32) * window
    values -= window * (values.sum() / window.sum())  # the mean must not leak into ring 0
    return np.asarray(fft.rfftn(values) / np.sqrt(np.sum(window**2)))


def ring_anisotropy(image: AnyArray, rings: int = RINGS, *, limit: float = 0.5) -> DoubleArray:
    """Measure how the power of each ring depends on the direction φ of the frequency.

    Interpolation, drift and astigmatism make it depend: interpolated images lack power in the
    corners, drift removes it along one direction.

    Parameters
    ----------
    image : ndarray, shape (y, x)
    rings, limit
        As for :func:`ring_power`.

    Returns
    -------
    ndarray, shape (3, rings), float64
        The first coefficients of power(φ) / mean power = 1 + a cos 2φ + b sin 2φ + c cos 4φ, φ
        from x to y. Zero beyond Nyquist, where rings are incomplete.
    """
    shape = (image.shape[0], image.shape[1])
    spectrum = windowed_spectrum(image)
    power = spectrum.real**2 + spectrum.imag**2
    power[frequencies(shape) >= 0.5] = 0
    layout = equal_rings(shape, rings, limit=limit)
    whole = np.maximum(layout.sum(power), 1e-300)
    return 2 * np.array([layout.sum(power * wave) for wave in _waves(shape)]) / whole


def detail_moments(image: AnyArray) -> tuple[float, float]:
    """Return variance and third cumulant of an image's detail, beyond a quarter of the sampling.

    Counts of electrons are skewed; where detail is noise, its third cumulant tells how much.
    """
    spectrum = fft.rfft2(np.asarray(image, np.float32))
    spectrum *= _detail_filter((image.shape[0], image.shape[1]))
    # [y, x // 2 + 1] → [y, x]
    detail = fft.irfft2(spectrum, s=image.shape)
    square = detail * detail
    third = np.einsum("yx,yx->y", square, detail).mean(dtype=np.float64) / image.shape[1]
    return float(square.mean(dtype=np.float64)), float(third)


def anisotropic_filter(
    power: AnyArray, anisotropy: AnyArray, shape: tuple[int, int], *, limit: float = 0.5
) -> FloatArray:
    """Return the amplitudes that give white noise a ring power and its dependence on direction.

    Parameters
    ----------
    power : ndarray, shape (rings,)
    anisotropy : ndarray, shape (3, rings)
        As :func:`ring_anisotropy` gives it.
    shape : (int, int)
        y, x of the image.
    limit : float

    Returns
    -------
    ndarray, shape (y, x // 2 + 1), float32
        Over the frequencies of a real FFT.
    """
    direction = np.ones((shape[0], shape[1] // 2 + 1), np.float32)
    for wave, values in zip(_waves(shape), anisotropy, strict=True):
        direction += wave * ring_filter(values, shape, limit=limit)
    amplitude = ring_filter(np.sqrt(power), shape, limit=limit)
    return np.asarray(amplitude * np.sqrt(np.maximum(direction, LEAST_DIRECTION)))


def mean_power(power: AnyArray) -> DoubleArray:
    """Return the variance of noise with these ring powers.

    Parameters
    ----------
    power : ndarray, shape (..., rings)

    Returns
    -------
    ndarray, shape (...), float64
        The integral over all frequencies, corners included.
    """
    values = np.asarray(power, np.float64)
    edges = np.linspace(0, 0.5, values.shape[-1] + 1)
    area = np.diff(np.pi * edges**2)
    area[-1] += 1 - area.sum()
    return np.asarray(values @ area)


def white_noise(seed: int, tilt: int, shape: tuple[int, ...]) -> FloatArray:
    """Return N(0, 1) for every pixel of a tilt, the same field for all methods."""
    return generator(seed, "noise", tilt).standard_normal(shape, dtype=np.float32)


def coloured_noise(seed: int, tilt: int, shape: tuple[int, int], power: AnyArray) -> FloatArray:
    """Return Gaussian noise with given ring powers: the white field of the tilt, filtered.

    Parameters
    ----------
    seed, tilt : int
        They select the white field.
    shape : (int, int)
        y, x.
    power : ndarray, shape (rings,)
        Expected power of each ring, >= 0; linear between the middles of the rings.

    Returns
    -------
    ndarray, shape (y, x), float32

    Raises
    ------
    InputError
        If a power is negative or not finite.
    """
    values = np.asarray(power, np.float64)
    if values.ndim != 1 or values.size == 0 or not np.all(values >= 0) or np.isinf(values).any():
        raise InputError(
            "power: expected one finite number >= 0 per ring, found an array of shape "
            f"{values.shape} or others; take ring_power of an image"
        )
    amplitude = ring_filter(np.sqrt(values), shape)
    # [y, x] → [y, x // 2 + 1] → [y, x]
    spectrum = fft.rfft2(white_noise(seed, tilt, shape))
    return np.asarray(fft.irfft2(spectrum * amplitude, s=shape), np.float32)


def ring_filter(values: AnyArray, shape: tuple[int, int], *, limit: float = 0.5) -> FloatArray:
    """Spread ring values over the frequencies of a real FFT, linear between ring middles.

    Parameters
    ----------
    values : ndarray, shape (rings,)
    shape : (int, int)
        y, x of the image.
    limit : float
        Where the last ring ends, cycles per pixel.

    Returns
    -------
    ndarray, shape (y, x // 2 + 1), float32
    """
    middle = ring_frequencies(len(values), limit)
    half = np.interp(frequencies(shape)[: shape[0] // 2 + 1], middle, values).astype(np.float32)
    return np.asarray(half[np.abs(_row(shape[0]))])  # [y // 2 + 1, ·] → [y, ·]: rows are mirrored


# What depends on the shape only is kept for the next tilt.


@lru_cache(maxsize=2)
def _detail_filter(shape: tuple[int, int]) -> FloatArray:
    """Return a filter [y, x // 2 + 1] that passes frequencies around and above 0.25."""
    return np.asarray(np.clip((frequencies(shape) - 0.2) / 0.1, 0, 1), np.float32)


@lru_cache(maxsize=2)
def _window(shape: tuple[int, ...]) -> FloatArray:
    return hann(shape).astype(np.float32)


def _row(n: int) -> NDArray[np.intp]:
    """Return the signed index of each row of an FFT."""
    return np.asarray(np.rint(fft.fftfreq(n) * n), np.intp)


@lru_cache(maxsize=2)
def _waves(shape: tuple[int, int]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return cos 2φ, sin 2φ and cos 4φ of each coefficient [y, x // 2 + 1] of a real FFT."""
    ky, kx = fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])
    squared = kx * kx + ky * ky
    squared[0, 0] = 1.0
    cos2, sin2 = (kx * kx - ky * ky) / squared, 2 * kx * ky / squared
    waves = (cos2, sin2, 2 * cos2 * cos2 - 1)
    return (
        waves[0].astype(np.float32),
        waves[1].astype(np.float32),
        waves[2].astype(np.float32),
    )
