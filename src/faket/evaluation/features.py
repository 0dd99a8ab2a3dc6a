"""The features of the simple classifier: statistics of small square patches."""

from itertools import pairwise

import numpy as np
from scipy import fft

from faket.data import AnyArray, DoubleArray

LATTICE_PX = 8  # grids left by pooling and striding have periods of 2, 4 or 8 pixels
_RINGS = 12
_BANDS = ((0.05, 0.125), (0.125, 0.25), (0.25, 0.375), (0.375, 0.5))  # cycles per pixel
_QUANTILES = (0.005, 0.05, 0.25, 0.75, 0.95, 0.995)


def patch_features(patches: AnyArray) -> tuple[DoubleArray, tuple[str, ...]]:
    """Describe patches by numbers that do not change with their grey level and contrast.

    Parameters
    ----------
    patches : ndarray, shape (n, size, size)
        Size a multiple of 8, at least 16; cut at multiples of 8 pixels, so that grids agree.

    Returns
    -------
    features : ndarray, shape (n, features), float64
        Of the patch at mean 0 and σ 1: logarithm of the power in 12 rings and the corners;
        difference between the power along x and along y, and between the two diagonals, in four
        bands; autocorrelation at lags of one pixel; skewness and log kurtosis of the patch, and
        of it averaged over 2 x 2 and 4 x 4 pixels; its quantiles; quantiles of the length of its
        gradient over the mean length; spread of the local power of fine detail, and its
        correlation with the local mean; logarithm of the power on lattices of 2, 4 and 8 pixels.
    names : tuple of str
    """
    level = np.mean(patches, axis=(1, 2), keepdims=True, dtype=np.float64)
    z = _standardized(np.asarray(patches - level, np.float32))
    groups = (_spectra(z), _neighbours(z), _moments(z), _gradients(z), _details(z), _lattices(z))
    columns = {name: column for group in groups for name, column in group.items()}
    return np.stack(list(columns.values()), axis=1).astype(np.float64), tuple(columns)


def _standardized(values: AnyArray) -> AnyArray:
    centred = values - values.mean(axis=(1, 2), keepdims=True)
    spread = np.maximum(centred.std(axis=(1, 2), keepdims=True), 1e-12)
    return np.asarray(centred / spread)


def _spectra(z: AnyArray) -> dict[str, AnyArray]:
    size = z.shape[1]
    window = np.hanning(size + 2)[1:-1].astype(np.float32)
    spectrum = fft.rfft2(z * window[:, None] * window)
    # Columns 0 and Nyquist hold each amplitude twice; without them none needs a weight.
    power = (spectrum.real**2 + spectrum.imag**2)[:, :, 1 : size // 2]
    ky, kx = fft.fftfreq(size)[:, None], fft.rfftfreq(size)[1 : size // 2]
    k = np.hypot(ky, kx)
    columns = {}
    for low, high in pairwise(np.linspace(0, 0.5, _RINGS + 1)):
        columns[f"power {low:.2f}-{high:.2f}"] = _log_power(power, (k > low) & (k <= high))
    columns["power in corners"] = _log_power(power, k > 0.5)
    for low, high in _BANDS:
        band = (k > low) & (k <= high)
        for name, side in (("x - y", kx > abs(ky)), ("diagonals", (kx * ky > 0) & (k > 0))):
            difference = _log_power(power, band & side) - _log_power(power, band & ~side)
            columns[f"power {name} {low:.2f}-{high:.2f}"] = difference
    return columns


def _log_power(power: AnyArray, inside: AnyArray) -> AnyArray:
    return np.asarray(np.log(power[:, inside].mean(axis=1) + 1e-12))


def _neighbours(z: AnyArray) -> dict[str, AnyArray]:
    lags = {
        "autocorrelation x": (z[:, :, 1:], z[:, :, :-1]),
        "autocorrelation y": (z[:, 1:], z[:, :-1]),
        "autocorrelation xy": (z[:, 1:, 1:], z[:, :-1, :-1]),
        "autocorrelation yx": (z[:, 1:, :-1], z[:, :-1, 1:]),
    }
    return {name: (a * b).mean(axis=(1, 2)) for name, (a, b) in lags.items()}


def _moments(z: AnyArray) -> dict[str, AnyArray]:
    columns = {}
    for scale in (1, 2, 4):
        u = z if scale == 1 else _standardized(_pooled(z, scale))
        squared = u * u
        columns[f"skewness /{scale}"] = np.arcsinh((squared * u).mean(axis=(1, 2)))
        columns[f"log kurtosis /{scale}"] = np.log((squared * squared).mean(axis=(1, 2)) + 1e-12)
    values = np.quantile(z.reshape(len(z), -1), _QUANTILES, axis=1)
    columns |= {f"quantile {q}": value for q, value in zip(_QUANTILES, values, strict=True)}
    return columns


def _gradients(z: AnyArray) -> dict[str, AnyArray]:
    length = np.hypot(z[:, 1:, 1:] - z[:, 1:, :-1], z[:, 1:, 1:] - z[:, :-1, 1:])
    length = length.reshape(len(z), -1)
    length /= np.maximum(length.mean(axis=1, keepdims=True), 1e-12)
    chosen = (0.05, 0.5, 0.95, 0.99)
    values = np.quantile(length, chosen, axis=1)
    return {f"gradient quantile {q}": value for q, value in zip(chosen, values, strict=True)}


def _details(z: AnyArray) -> dict[str, AnyArray]:
    """How the power of fine detail varies within a patch, and with the brightness."""
    mean = _pooled(z, 4)
    detail = z - mean.repeat(4, axis=1).repeat(4, axis=2)
    power = _pooled(detail * detail, 4)
    average = np.maximum(power.mean(axis=(1, 2)), 1e-12)
    dependence = (_standardized(power) * _standardized(mean)).mean(axis=(1, 2))
    spread = np.log(power.std(axis=(1, 2)) / average + 1e-12)
    return {"spread of detail": spread, "detail against brightness": dependence}


def _lattices(z: AnyArray) -> dict[str, AnyArray]:
    n, size, _ = z.shape
    columns = {}
    for period in (2, 4, LATTICE_PX):
        cells = size // period
        folded = z.reshape(n, cells, period, cells, period).mean(axis=(1, 3))
        columns[f"lattice of {period}"] = np.log(folded.var(axis=(1, 2)) + 1e-12)
    return columns


def _pooled(values: AnyArray, scale: int) -> AnyArray:
    n, size, _ = values.shape
    side = size // scale
    return np.asarray(values.reshape(n, side, scale, side, scale).mean(axis=(2, 4)))
