"""Thon rings: power spectra of images, and the defocus that explains them."""

from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import minimize_scalar

from faket.data import AnyArray, DoubleArray
from faket.errors import InputError
from faket.microscope.optics import Optics, contrast_transfer


def power_spectrum(
    image: AnyArray, pixel_size_A: float, *, bins: int | None = None
) -> tuple[DoubleArray, DoubleArray]:
    """Rotationally averaged power spectrum of an image.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        A Hann window is laid over it first, so that its edges leave no cross.
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
    window = np.hanning(ny + 2)[1:-1, None] * np.hanning(nx + 2)[1:-1]
    values = (image - np.mean(image, dtype=float)) * window
    power = np.abs(np.fft.rfft2(values)) ** 2 / np.sum(window**2)
    k = np.hypot(np.fft.fftfreq(ny, pixel_size_A)[:, None], np.fft.rfftfreq(nx, pixel_size_A))
    edges = np.linspace(0, 0.5 / pixel_size_A, (bins or max(ny, nx) // 2) + 1)
    ring = np.digitize(k, edges).ravel() - 1
    number = np.bincount(ring, minlength=len(edges))[: len(edges) - 1]
    total = np.bincount(ring, power.ravel(), minlength=len(edges))[: len(edges) - 1]
    filled = number > 0
    return (edges[1:] + edges[:-1])[filled] / 2, total[filled] / number[filled]


def fit_defocus(
    image: AnyArray,
    pixel_size_A: float,
    optics: Optics,
    *,
    search_A: tuple[float, float] = (5000.0, 80000.0),
    resolution_A: tuple[float, float] | None = None,
) -> float:
    """Find the defocus whose Thon rings agree best with an image's power spectrum.

    Parameters
    ----------
    image : ndarray, shape (y, x)
    pixel_size_A : float
    optics : Optics
        All but the defocus.
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
            f"search_A, resolution_A: expected (low, high) and (coarse, fine), found {search_A} "
            f"and {(coarse, fine)}"
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
    """Take away what is smooth on the scale of a tenth of the range."""
    return np.asarray(values - gaussian_filter1d(values, len(values) / 10, mode="nearest"))
