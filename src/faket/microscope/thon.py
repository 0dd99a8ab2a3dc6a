"""Thon rings: power spectra of images, and the defocus that fits them."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
from scipy.fft import rfft2
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import minimize_scalar

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.errors import InputError
from faket.microscope.optics import Optics, aberration_phase, contrast_transfer
from faket.rings import equal_rings, hann, ring_frequencies, tukey

_FADED = 0.6  # of each axis, half of it at either end; chosen: rings leak less than with less


def power_spectrum(
    image: AnyArray, pixel_size_A: float, *, bins: int | None = None
) -> tuple[DoubleArray, DoubleArray]:
    """Rotationally averaged power spectrum of an image.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        It is multiplied by a Hann window first, so that its edges do not leave a cross.
    pixel_size_A : float
    bins : int, optional
        Rings from 0 to Nyquist; half the longer side by default.

    Returns
    -------
    frequency, power : ndarray, shape (bins,), float64
        Middle of each ring in 1/Å; mean squared amplitude per pixel, so that white noise of
        variance v has power v. Rings that hold no frequency (of a narrow strip) are left out.
    """
    ny, nx = image.shape
    window = hann((ny, nx))
    values = (image - np.mean(image, dtype=float)) * window
    power = np.abs(np.fft.rfft2(values)) ** 2 / np.sum(window**2)  # [y, x] → [y, x // 2 + 1]
    rings = equal_rings((ny, nx), bins or max(ny, nx) // 2)
    filled = rings.number > 0
    return ring_frequencies(rings.count, 0.5 / pixel_size_A)[filled], rings.mean(power)[filled]


def fit_defocus(
    image: AnyArray,
    pixel_size_A: float,
    optics: Optics,
    *,
    search_A: tuple[float, float] = (5000.0, 80000.0),
    resolution_A: tuple[float, float] | None = None,
) -> float:
    """Find the defocus whose Thon rings correlate best with an image's power spectrum.

    Parameters
    ----------
    image : ndarray, shape (y, x)
    pixel_size_A : float
    optics : Optics
        Its defocus is ignored.
    search_A : (float, float)
        Defocus from and to, both positive (underfocus).
    resolution_A : (float, float), optional
        Coarsest and finest period used; 60 Å to 2.2 pixels by default.

    Returns
    -------
    float
        Defocus in Å: the highest correlation between the logarithm of the power, free of its
        smooth background, and CTF² treated alike.
    """
    coarse, fine = resolution_A or (60.0, 2.2 * pixel_size_A)
    if not 0 < search_A[0] < search_A[1] or not coarse > fine > 0:
        raise InputError(
            f"`search_A`, `resolution_A`: expected (low, high) and (coarse, fine), found "
            f"{search_A} and {(coarse, fine)}"
        )
    k, power = power_spectrum(image, pixel_size_A)
    used = (k > 1 / coarse) & (k < 1 / fine)
    k, measured = k[used], _rings_alone(np.log(power[used] + 1e-30 * power.max()))

    def disagreement(defocus_A: float) -> float:
        ctf = contrast_transfer(k, 0.0, replace(optics, defocus_A=defocus_A, astigmatism_A=0.0))
        expected = _rings_alone(ctf**2)
        return -float(expected @ measured / np.linalg.norm(expected))

    # Neighbouring candidates differ by a quarter turn of χ at the finest ring.
    step = 0.5 / (optics.wavelength_A * k[-1] ** 2)
    grid = np.arange(*search_A, step)
    best = grid[np.argmin([disagreement(defocus) for defocus in grid])]
    bounds = (best - step, best + step)
    return float(minimize_scalar(disagreement, bounds=bounds, method="bounded").x)


def _rings_alone(values: DoubleArray) -> DoubleArray:
    """Subtract the background: a Gaussian average over a tenth of the range."""
    return np.asarray(values - gaussian_filter1d(values, len(values) / 10, mode="nearest"))


@lru_cache(maxsize=2)  # for the next tilt, for reading
def _taper(shape: tuple[int, int]) -> FloatArray:
    return tukey(shape, _FADED).astype(np.float32)


def tapered_spectrum(
    image: AnyArray, pixel_size_A: float, bins: int
) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
    """Rotationally averaged power spectrum under a cosine taper, and independent modes per ring.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Faded to its mean over the outer 30 % of each side.
    pixel_size_A : float
    bins : int
        Rings of equal width from 0 to Nyquist.

    Returns
    -------
    frequency, power, modes : ndarray, shape (rings,), float64
        Middle of each ring in 1/Å; mean squared amplitude per pixel; number of independent
        complex amplitudes, so that the power's relative error is 1/√modes. Rings that hold no
        frequency are left out.
    """
    ny, nx = image.shape
    window = _taper((ny, nx))
    values = np.asarray(image, np.float32) * window
    values -= window * (values.sum(dtype=np.float64) / window.sum(dtype=np.float64))
    spectrum = rfft2(values.astype(np.float32))  # [y, x] → [y, x // 2 + 1]
    power = (spectrum.real**2 + spectrum.imag**2) / np.sum(window**2, dtype=np.float64)
    rings = equal_rings((ny, nx), bins)
    filled = rings.number > 0
    independent = float(np.sum(window**2)) ** 2 / float(np.sum(window**4) * window.size)
    frequency = ring_frequencies(bins, 0.5 / pixel_size_A)
    modes = np.asarray(independent / 2 * rings.number[filled])
    return frequency[filled], rings.mean(power)[filled], modes


def mean_squared_ctf(
    frequency_per_A: DoubleArray,
    optics: Optics,
    half_range_A: float,
    depth_A: float,
    scatter_A: float,
) -> DoubleArray:
    """CTF² without envelopes, averaged over defocus: ½ (1 − c(k) cos 2χ).

    c is the product of the averages of exp(2πi λ k² δ) over the three distributions of δ.

    Parameters
    ----------
    frequency_per_A : ndarray, shape (n,)
    optics : Optics
        Without astigmatism; an amplitude contrast w is a phase plate of arcsin w.
    half_range_A : float
        δ uniform within ± this: the gradient over a tilted field.
    depth_A : float
        δ uniform over this range: the thickness of the specimen along the beam.
    scatter_A : float
        δ normal with this σ: tilts that were not in one focus.

    Returns
    -------
    ndarray, shape (n,), float64
    """
    spread = defocus_coherence(frequency_per_A, optics, half_range_A, depth_A, scatter_A)
    chi = aberration_phase(frequency_per_A, 0.0, optics) - optics.phase_plate_rad
    return np.asarray(0.5 * (1 - spread * np.cos(2 * chi)))


def defocus_coherence(
    frequency_per_A: DoubleArray,
    optics: Optics,
    half_range_A: float,
    depth_A: float,
    scatter_A: float,
) -> DoubleArray:
    """Return c(k) of :func:`mean_squared_ctf`, which holds for every mean defocus."""
    turn = optics.wavelength_A * frequency_per_A**2  # turns of 2χ per Å of defocus
    coherence = np.sinc(2 * turn * half_range_A) * np.sinc(turn * depth_A)
    return np.asarray(coherence * np.exp(-2 * (np.pi * turn * scatter_A) ** 2))
