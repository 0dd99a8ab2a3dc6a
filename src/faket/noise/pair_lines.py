"""Fourier coefficients of tilts near to the line along the tilt axis, at the same places of all."""

import numpy as np
from scipy import fft, signal

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.noise.pair_kernels import turn_back
from faket.rings import hann
from faket.stacks import empty_stack
from faket.threads import in_threads

_MOST_LINES = 256  # on either side of the axis: 100 MB for 41 tilts of 1024 pixels; chosen


def places_across(angles: DoubleArray, width: int, widest: float) -> DoubleArray:
    """Return the frequencies K across the axis that any pair shares, cycles per pixel.

    Parameters
    ----------
    angles : ndarray, shape (tilts,)
        Radians.
    width : int
        Of the images, pixels.
    widest : float
        K (tan θ1 − tan θ2) beyond which no specimen agrees.

    Returns
    -------
    ndarray, shape (2 lines + 1,), float64
        Rising, one cycle per image apart, the axis in the middle.
    """
    step = np.diff(np.sort(np.tan(angles)))
    least = max(float(step[step > 1e-6].min(initial=np.inf)), 1e-3)
    lines = int(min(width * widest / least, 0.45 * width, _MOST_LINES)) if least < np.inf else 0
    return np.arange(-lines, lines + 1.0) / width


def lines_near_axis(
    images: AnyArray,
    angles: DoubleArray,
    across: DoubleArray,
    turns_rad: DoubleArray,
    growths: DoubleArray,
) -> AnyArray:
    """Return coefficients [tilt, ky, K] of images under a Hann window, of unit power for noise.

    Phases are counted from the middle of the images, through which the axis goes.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
    angles : ndarray, shape (tilts,)
        Radians; K is a frequency in the plane of the specimen.
    across : ndarray, shape (K,)
        As :func:`places_across` gives it.
    turns_rad : ndarray, shape (tilts,)
        By which each image is turned from x towards y; it is turned back. Near to the axis only
        the displacement along it matters, which grows across it.
    growths : ndarray, shape (tilts,)
        Magnification of each image less 1; it is undone, along the axis only.
    """
    height, width = images[0].shape
    window = hann((height, width)).astype(np.float32)
    total = window.sum(dtype=np.float64)
    norm = float(np.sqrt(np.sum(window**2, dtype=np.float64)))
    middle, half = width // 2, across[len(across) // 2 :]  # K >= 0
    rows = fft.rfftfreq(height)
    columns = np.arange(width) - middle
    out = empty_stack((len(images), len(rows), len(across)), np.complex64)

    def transform(tilt: int) -> None:
        image = images[tilt]
        values = np.asarray(image - float(image.mean(dtype=np.float64)), np.float32) * window
        values -= window * np.float32(values.sum(dtype=np.float64) / total)
        spectrum = _along_axis(values, len(rows), growths[tilt])  # [y, x] → [ky, x]
        if turns_rad[tilt]:
            turn_back(spectrum, np.exp(2j * np.pi * turns_rad[tilt] / height * columns))
        start = np.exp(2j * np.pi * rows / (1 + growths[tilt]) * (height // 2)) / norm
        spectrum *= start.astype(np.complex64)[:, None]
        even, odd = _across_axis(spectrum, half / np.cos(angles[tilt]))  # [ky, x] → [ky, K]
        out[tilt, :, len(half) - 1 :] = even + odd
        out[tilt, :, : len(half)] = (even - odd)[:, ::-1]

    in_threads(transform, range(len(images)), pixels=images[0].size)
    return out


def _across_axis(spectrum: AnyArray, frequency: DoubleArray) -> tuple[AnyArray, AnyArray]:
    """Return coefficients of what is even and of what is odd about the axis [ky, frequency].

    Apart they take a quarter of the products.
    """
    rows, width = spectrum.shape
    middle = width // 2
    place = np.arange(middle + 1)
    right, left = np.zeros((2, rows, middle + 1), np.complex64)
    right[:, : width - middle] = spectrum[:, middle:]
    left[:] = spectrum[:, middle::-1]
    even, odd = right + left, right - left
    even[:, 0] = spectrum[:, middle]
    cycles = np.outer(place, frequency)
    phase = (2 * np.pi * (cycles - np.rint(cycles))).astype(np.float32)
    return _product(even, np.cos(phase)), -1j * _product(odd, np.sin(phase))


def _along_axis(image: AnyArray, rows: int, growth: float) -> AnyArray:
    """Return coefficients along y at so many frequencies of what the image shows magnified."""
    if not growth:
        return np.asarray(fft.rfft(image, axis=0)[:rows])
    step = np.exp(-2j * np.pi / (len(image) * (1 + growth)))
    return np.asarray(signal.czt(image, rows, step, axis=0), np.complex64)


def _product(values: AnyArray, real: FloatArray) -> AnyArray:
    """Return complex values times a real matrix: half of the work of a complex one."""
    parts = np.concatenate([values.real, values.imag]) @ real
    return parts[: len(values)] + 1j * parts[len(values) :]
