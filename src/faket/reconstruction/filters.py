"""Filters of weighted back-projection, ours and those of other programs.

What a program does is told by its documentation or its source; what neither tells is not here, and
is measured on its tomogram instead (:mod:`faket.reconstruction.measured_filter`).
"""

from typing import Literal, get_args

import numpy as np
import scipy.fft

from faket.data import DoubleArray, FloatArray
from faket.reconstruction.measured_filter import MeasuredFilter
from faket.reconstruction.relion_weighting import linear_over_cubic
from faket.stacks import empty_stack
from faket.tilts import angular_weights

Filter = Literal["ramp", "hamming", "shrec", "imod", "imod-sirt", "aretomo", "warp", "relion"]
FILTERS: tuple[Filter, ...] = get_args(Filter)
# IMOD's RADIAL as etomo writes it into tilt.com, cycles per pixel (tilt's manual page).
_IMOD_RADIAL = (0.35, 0.035)
# IMOD's FakeSIRTiterations (tilt's source, radialWeights): α in cycles per pixel, and what is added
# to the number of iterations.
_IMOD_ALPHA, _IMOD_ADDED = 0.00195, 0.3
_WARP_BOX = 64 * 3  # voxels: the default sub-volume times its padding (ts_reconstruct's reference)


def filter_stack(
    stack: FloatArray,
    name: Filter,
    angles_deg: DoubleArray,
    *,
    iterations: int = 20,
    measured: MeasuredFilter | None = None,
) -> FloatArray:
    """Filter every image of a stack for back-projection.

    Parameters
    ----------
    stack : ndarray, shape (tilt, y, x)
    name : {"ramp", "hamming", "shrec", "imod", "imod-sirt", "aretomo", "warp", "relion"}
        ``shrec`` is :func:`shrec_filter`, all others :func:`row_filter`, applied to rows padded to
        twice their length.
    angles_deg : ndarray, shape (tilts,)
    iterations : int
        Of SIRT, to which ``imod-sirt`` is similar.
    measured : MeasuredFilter, optional
        What another program did besides.

    Returns
    -------
    ndarray, shape (tilt, y, x), float32
    """
    height, width = stack.shape[1:]
    padded = width if name == "shrec" else scipy.fft.next_fast_len(2 * width, real=True)
    ky, kx = scipy.fft.fftfreq(height)[:, None], scipy.fft.rfftfreq(padded)
    whole = name == "shrec" or measured is not None  # not only rows
    steps = angular_weights(angles_deg)
    filtered = empty_stack(stack.shape)
    for image, angle, step, out in zip(stack, angles_deg, steps, filtered, strict=True):
        # [y, x] → [y, padded // 2 + 1] → [y, padded] → [y, x]
        spectrum = scipy.fft.rfft(image, padded, axis=-1, workers=-1)
        if whole:
            spectrum = scipy.fft.fft(spectrum, axis=0, workers=-1)
        if name == "shrec":
            weights = shrec_filter(height, width)[:, : width // 2 + 1]
        else:
            weights = row_filter(name, padded, float(angle), float(step), iterations)
        spectrum *= weights.astype(np.float32)
        if measured is not None:
            spectrum *= measured.of_image(float(angle), ky, kx)
        if whole:
            spectrum = scipy.fft.ifft(spectrum, axis=0, workers=-1)
        out[:] = scipy.fft.irfft(spectrum, padded, axis=-1, workers=-1)[:, :width]
    return filtered


def row_filter(
    name: Filter, size: int, angle_deg: float, step_rad: float, iterations: int
) -> DoubleArray:
    """Return a filter across the tilt axis on the rfft grid of ``size`` samples.

    ``ramp`` is the band-limited ramp of Kak and Slaney (1988, eq. 3.29), sampled in real space,
    which keeps the mean correct. ``hamming`` is the ramp times a Hamming window up to Nyquist.

    ``imod`` is that of IMOD's tilt with RADIAL 0.35 0.035 and FalloffIsTrueSigma, as etomo writes
    them: a ramp that ends at 0.35 cycles per pixel in half a Gaussian. ``imod-sirt`` is the same
    times 1 - (1 - α/f)ⁿ, its SIRT-like filter (FakeSIRTiterations; SIRTexample.html and tilt's
    source). ``aretomo`` is that of AreTomo2 and 3 with ``-Wbp 1``: f (0.55 + 0.45 cos 2πf) and
    images times cos θ (GRWeight.cu, GWeightProjs.cu); without that option they iterate. ``warp``:
    ts_reconstruct divides Fourier space by the number of tilts that fill it, in boxes of 192
    voxels, so the ramp ends where tilts no longer overlap (TiltSeries.ReconstructFull.cs).
    ``relion`` filters the tomogram (:mod:`faket.reconstruction.relion_weighting`); tilted images
    lose here what they lose there by linear interpolation.

    Parameters
    ----------
    name : str
    size : int
    angle_deg, step_rad : float
        Of the tilt, and the range of angles it represents.
    iterations : int
        Of "imod-sirt".
    """
    f, weights = np.fft.rfftfreq(size), ramp(size)
    if name == "relion":
        return linear_over_cubic(f) if angle_deg else np.ones(len(f))
    if name == "hamming":
        weights *= 0.54 + 0.46 * np.cos(2 * np.pi * f)
    elif name in ("imod", "imod-sirt"):
        end, sigma = _IMOD_RADIAL
        beyond = end / np.maximum(f, end) * np.exp(-0.5 * (np.maximum(f - end, 0) / sigma) ** 2)
        weights *= beyond
        if name == "imod-sirt":
            left = 1 - _IMOD_ALPHA / np.maximum(f, _IMOD_ALPHA)
            weights *= 1 - left ** (_imod_iterations(iterations) + _IMOD_ADDED)
    elif name == "aretomo":
        weights *= (0.55 + 0.45 * np.cos(2 * np.pi * f)) * np.cos(np.radians(angle_deg))
    elif name == "warp":
        weights = np.minimum(weights, 1 / (_WARP_BOX * step_rad))
    return weights


def _imod_iterations(iterations: int) -> float:
    """Return the exponent for iterations of SIRT, as tilt's source scales many of them."""
    if iterations > 30:
        return 27 + 0.6 * (iterations - 30)
    return 15 + 0.8 * (iterations - 15) if iterations > 15 else iterations


def ramp(size: int) -> DoubleArray:
    """Return the ramp |f| in cycles per sample on the rfft grid of ``size`` samples."""
    n = np.abs(np.fft.fftfreq(size, 1 / size))
    kernel = np.zeros(size)
    odd = n % 2 == 1
    kernel[odd] = -1 / (np.pi * n[odd]) ** 2
    kernel[0] = 0.25
    return np.asarray(np.fft.rfft(kernel).real)


def shrec_filter(ny: int, nx: int) -> DoubleArray:
    """Return the filter of FakET's reconstructions on the fft grid [ky, kx], maximum 1.

    Ramp min(|kx| / 156, 1) times (Gaussian of σx = 174, σy = 102, plus 0.33) times the circle
    r < 257, all in Fourier samples of a 512 x 512 image and scaled with the image's size
    (FakET, arXiv 2304.02011).
    """
    ky = np.abs(np.fft.fftfreq(ny))[:, None] * 512
    kx = np.abs(np.fft.fftfreq(nx)) * 512
    gauss = np.exp(-0.5 * ((kx / 174) ** 2 + (ky / 102) ** 2))
    weights = np.minimum(kx / 156, 1) * (gauss + 0.33) * (np.hypot(kx, ky) < 257)
    return np.asarray(weights / max(weights.max(), np.finfo(float).tiny))
