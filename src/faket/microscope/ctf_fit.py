"""Ring spectra of a tilt-series, and the model ``A(k) <CTF²> + N(k)`` fitted to them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import nnls
from scipy.special import comb

from faket.data import AnyArray, DoubleArray
from faket.errors import InputError
from faket.microscope.gold import without_gold
from faket.microscope.optics import Optics
from faket.microscope.thon import mean_squared_ctf, tapered_spectrum
from faket.threads import in_threads

# Chosen, because 0.2 µm is the scatter from tilt to tilt in the presets of the microscope.
JITTER_A = 2000.0
_COARSEST_A = 60.0  # chosen: longer periods show the specimen's shapes, not the CTF
_MOST_RINGS = 256  # chosen, for speed: larger images get wider rings
_SPECTRUM_ERROR = 0.005  # relative error of the model; chosen
_SIGNAL_ERROR = 0.1  # relative error of A; chosen, because specimens' spectra are not quite smooth
_NNLS_STEPS = 3000  # its default of 3 a column is too few for strongly coloured images
_DEPTH_A = 1500.0  # thickness of the specimen; chosen, the middle of the usual 100 to 200 nm


@dataclass(frozen=True)
class TiltSpectra:
    """Spectra of all tilts.

    Attributes
    ----------
    frequency : ndarray, shape (rings,)
        1/Å.
    power : ndarray, shape (tilts, rings)
        Relative to each tilt's median.
    modes : ndarray, shape (rings,)
        Number of independent modes.
    """

    frequency: DoubleArray
    power: DoubleArray
    modes: DoubleArray

    def above(self, frequency: float) -> "TiltSpectra":
        """Return the rings beyond a frequency, 1/Å."""
        kept = self.frequency > frequency
        return TiltSpectra(self.frequency[kept], self.power[:, kept], self.modes[kept])


def measure_spectra(stack: AnyArray, pixel_size_A: float) -> TiltSpectra:
    """Measure the spectra of a stack [tilt, y, x], gold masked.

    Raises
    ------
    InputError
        If an image has no contrast or is not finite.
    """
    bins = min(min(stack.shape[1:]) // 2, _MOST_RINGS)

    def measured(tilt: int) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
        image = stack[tilt]
        if not np.isfinite(image).all() or np.ptp(image) == 0:
            raise InputError(
                f"stack: expected images with contrast, found tilt {tilt} constant or not "
                "finite; remove that tilt"
            )
        return tapered_spectrum(without_gold(image, pixel_size_A), pixel_size_A, bins)

    rings = in_threads(measured, range(len(stack)), pixels=stack[0].size)
    frequency, _, modes = rings[-1]
    used = (frequency > 1 / _COARSEST_A) & (frequency < 0.97 * 0.5 / pixel_size_A)
    power = np.array([power for _, power, _ in rings])[:, used]
    usual = np.median(power, axis=1, keepdims=True)
    if not (np.isfinite(power).all() and (usual > 0).all()):
        raise InputError(
            "stack: expected images with contrast everywhere and moderate grey values, found power "
            "spectra that are 0 or not finite; cut off empty parts, or scale the stack"
        )
    power /= usual
    return TiltSpectra(frequency[used], np.maximum(power, 1e-6), modes[used])


def defocus_spread_A(angle_deg: float, width_A: float) -> tuple[float, float, float]:
    """Return defocus spreads: half the range over the field, range over the slab, σ of tilts."""
    angle = np.radians(angle_deg)
    return 0.5 * width_A * float(np.sin(angle)), _DEPTH_A / float(np.cos(angle)), JITTER_A


class GroupFit:
    """Least squares for A and N of tilts whose spectra are averaged, at any defocus."""

    def __init__(
        self,
        rings: TiltSpectra,
        angles: DoubleArray,
        tilts: NDArray[np.bool_],
        optics: Optics,
        width_A: float,
    ) -> None:
        """Average the spectra of the chosen ``tilts``; ``angles`` are those of all, degrees."""
        self.tilts, self._k, self._optics = tilts, rings.frequency, optics
        self._spread = defocus_spread_A(float(np.abs(angles[tilts]).mean()), width_A)
        power = rings.power[tilts].mean(axis=0)
        smooth = np.exp(gaussian_filter1d(np.log(power), max(2.0, len(power) / 20)))
        signal = np.clip(1 - np.median(smooth[-max(len(power) // 6, 1) :]) / smooth, 0, 1)
        error = np.sqrt(
            1 / (rings.modes * tilts.sum()) + _SPECTRUM_ERROR**2 + (_SIGNAL_ERROR * signal) ** 2
        )
        self._weight = 1 / (smooth * error)
        self._target = power * self._weight
        self._falling, self._noise = _basis(self._k)
        self.freedom = max(len(power) - 8, 1)

    def solve(self, defocus_A: float | None) -> tuple[float, DoubleArray, DoubleArray]:
        """Return χ² and the best A(k) and N(k); without rings if the defocus is None."""
        transfer = np.full(len(self._k), 0.5)
        if defocus_A is not None:
            optics = replace(self._optics, defocus_A=defocus_A)
            transfer = mean_squared_ctf(self._k, optics, *self._spread)
        # [ring, functions of A and N], each weighted, and the measured power as the last column
        columns = np.hstack([self._falling * transfer[:, None], self._noise])
        table = np.column_stack([columns * self._weight[:, None], self._target])
        # [ring, column] → [column, column]: the same least-squares problem with few rows.
        triangle = np.asarray(np.linalg.qr(table, mode="r"), np.float64)
        weights, norm = nnls(triangle[:, :-1], triangle[:, -1], maxiter=_NNLS_STEPS)
        split = self._falling.shape[1]
        return norm**2, self._falling @ weights[:split], self._noise @ weights[split:]


def two_scales_misfits(
    rings: TiltSpectra, power: DoubleArray, signals: DoubleArray, noise: DoubleArray
) -> DoubleArray:
    """Return χ² of the best a·signal + b·noise, a and b >= 0, for one tilt's spectrum.

    ``signals``, shape (n, rings), are tried one by one; the result has shape (n,).
    """
    whole = np.maximum(signals + noise, 1e-12)
    error = whole * np.sqrt(1 / rings.modes + (_SIGNAL_ERROR * signals / whole) ** 2)
    first, second, target = signals / error, noise / error, power / error
    ff, ss, fs = ((x * y).sum(-1) for x, y in ((first, first), (second, second), (first, second)))
    ft, st, tt = ((x * target).sum(-1) for x in (first, second, target))
    # Either alone, which is best where the best of both would be negative.
    gain = np.maximum(_squared_over(np.maximum(ft, 0), ff), _squared_over(np.maximum(st, 0), ss))
    determinant = ff * ss - fs * fs
    a, b = ss * ft - fs * st, ff * st - fs * ft
    inside = (determinant > 1e-12 * ff * ss) & (a > 0) & (b > 0)
    both = (a * ft + b * st) / np.where(inside, determinant, 1.0)
    return np.asarray(np.maximum(tt - np.where(inside, both, gain), 0.0))


def _squared_over(values: DoubleArray, below: DoubleArray) -> DoubleArray:
    return np.asarray(values**2 / np.maximum(below, 1e-300))


def _basis(frequency: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """Return columns that fall with k (for A) and the Bernstein polynomials of a cubic (for N)."""
    k, end = frequency[:, None], frequency[-1]  # [ring] → [ring, 1]
    falling = np.exp(-(k**2) / (2 * np.geomspace(1 / 300, 2 * end, 14) ** 2))
    flat_topped = np.exp(-((k / np.geomspace(1 / 60, 2 * end, 6)) ** 4))
    x, powers = k / end, np.arange(4)
    return np.hstack([falling, flat_topped]), comb(3, powers) * x**powers * (1 - x) ** (3 - powers)
