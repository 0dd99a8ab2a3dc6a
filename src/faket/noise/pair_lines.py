"""Fourier coefficients of tilts near to the line along the tilt axis, at the same places of all."""

import numpy as np
from scipy import fft, signal

from faket.data import AnyArray, DoubleArray
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
    highest: float = 0.5,
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
    highest : float
        Of ky, cycles per pixel.
    """
    height, width = images[0].shape
    window = hann((height, width)).astype(np.float32)
    norm = float(np.sqrt(np.sum(window**2, dtype=np.float64)))
    middle, half = width // 2, across[len(across) // 2 :]  # K >= 0
    place = np.arange(width - middle if width % 2 else middle + 1)
    rows = fft.rfftfreq(height)
    rows = rows[rows <= highest]
    columns = np.arange(width) - middle
    out = empty_stack((len(images), len(rows), len(across)), np.complex64)

    def transform(tilt: int) -> None:
        image = images[tilt]
        values = np.asarray(image - float(image.mean(dtype=np.float64)), np.float32) * window
        values -= window * (values.sum(dtype=np.float64) / window.sum(dtype=np.float64))
        spectrum = _along_axis(values, len(rows), growths[tilt])  # [y, x] → [ky, x]
        start = np.exp(2j * np.pi * rows / (1 + growths[tilt]) * (height // 2))[:, None] / norm
        if turns_rad[tilt]:
            turn_back(spectrum, np.exp(2j * np.pi * turns_rad[tilt] / height * columns))
        # What is even and what is odd about the axis: a quarter of the products.
        right, left = np.zeros((2, len(rows), len(place)), np.complex64)
        right[:, : width - middle] = spectrum[:, middle:]
        left[:] = spectrum[:, middle::-1]
        phase = 2 * np.pi * np.outer(place, half / np.cos(angles[tilt]))
        even, odd = right + left, right - left
        even[:, 0] = spectrum[:, middle]
        # [ky, place] → [ky, K]
        cosines = _product(even, np.cos(phase)) * start
        sines = _product(odd, np.sin(phase)) * (1j * start)
        out[tilt, :, len(half) - 1 :] = cosines - sines
        out[tilt, :, : len(half)] = (cosines + sines)[:, ::-1]

    in_threads(transform, range(len(images)), pixels=images[0].size)
    return out


def _along_axis(image: AnyArray, rows: int, growth: float) -> AnyArray:
    """Return coefficients along y at so many frequencies of what the image shows magnified."""
    if not growth:
        return np.asarray(fft.rfft(image, axis=0)[:rows])
    step = np.exp(-2j * np.pi / (len(image) * (1 + growth)))
    return np.asarray(signal.czt(image, rows, step, axis=0), np.complex64)


def _product(values: AnyArray, real: DoubleArray) -> AnyArray:
    """Return complex values times a real matrix: half of the work of a complex one."""
    parts = np.concatenate([values.real, values.imag]) @ real.astype(np.float32)
    return parts[: len(values)] + 1j * parts[len(values) :]
