"""What another program did to the images of a tomogram, beside our weighted back-projection.

A linear reconstruction multiplies every Fourier coefficient: by the row filter, a low-pass filter,
the weights of the tilts, the sign of the contrast transfer, grey values. The factor is measured
between two tomograms of one tilt-series, or, less exactly, of two specimens; applied to the images
before they are back-projected, it makes our tomogram one of that program (Fourier slice theorem).
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter

from faket.data import AnyArray, DoubleArray, FloatArray, Volume
from faket.reconstruction.cells import CELLS, SHELLS, CellSums, at_frequencies, at_radii, sum_up
from faket.reconstruction.overlay import (
    LARGEST,
    common_parts,
    lay_over,
    residual_shift,
    unshifted,
    windowed_spectrum,
)

# Weight of neighbouring cells in a cell, in coefficients; chosen, so that a cell without any has
# its neighbours' factor and others keep their own.
_BORROWED = 0.02
# σ of the smoothing between two specimens, in cells and in shells; chosen, because filters change
# little over it, while the power of molecules scatters.
_SMOOTH_CELLS, _SMOOTH_SHELLS = 1.5, 3.0
# Power of a cell over that of its shell, below which ours shows nothing there: the missing wedge.
_SEEN = 0.02
_NOTHING = 1e-12  # power over the highest of all cells; chosen: below is rounding
# Coherence from which on a tomogram is ours, filtered. Chosen: other interpolation alone leaves 0.9
# and more, another specimen 0.05.
_SAME = 0.5
_SIGN_SEEN = 0.2  # coherence of a shell from which on its sign counts; chosen as far from noise

# Coefficients of a shell or a cell that tell its power well enough; chosen, 10 and 20 %.
_ENOUGH = (100.0, 25.0)

Source = Literal["tilt-series", "spectra"]


@dataclass(frozen=True, eq=False)
class MeasuredFilter:
    """The factor between our tomogram's Fourier coefficients and another program's.

    Attributes
    ----------
    shells : ndarray, shape (SHELLS,), float64
        Signed factor by |k|.
    cells : ndarray, shape (2 CELLS, CELLS, CELLS), float64
        Logarithm of what is left of its amplitude, by kz of either sign, |ky| and |kx|.
    mean : float
        Of its tomogram, grey values.
    source : {"tilt-series", "spectra"}
        Coefficient by coefficient, on tomograms of the same images; or from the mean amplitudes of
        tomograms of two specimens.
    coherence : float
        Of the two tomograms: 1 for a linear reconstruction of the same images.
    flips : (int, int, int)
        -1 for axes z, y, x along which the other program's tomogram is reversed.
    phases_flipped : bool
        Whether it is that of images whose contrast transfer was corrected by its signs.
    """

    shells: DoubleArray
    cells: DoubleArray
    mean: float
    source: Source
    coherence: float = 0.0
    flips: tuple[int, int, int] = (1, 1, 1)
    phases_flipped: bool = False

    @property
    def sign_changes(self) -> int:
        """How often the factor changes its sign with frequency, as correction of a CTF does."""
        sign = np.sign(self.shells)
        sign = sign[sign != 0]
        return int(np.count_nonzero(sign[1:] != sign[:-1]))

    def of_image(self, angle_deg: float, ky: AnyArray, kx: AnyArray) -> FloatArray:
        """Return the factor for an image at a tilt angle; ky, kx >= 0 in cycles per pixel."""
        cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
        return self.at(kx * sin, ky, kx * cos)

    def at(self, kz: AnyArray, ky: AnyArray, kx: AnyArray) -> FloatArray:
        """Return the factor for frequencies of the tomogram, kx >= 0, broadcast together."""
        radius = np.sqrt(np.square(kz) + np.square(ky) + np.square(kx))
        amplitude = np.exp(at_frequencies(self.cells, kz, ky, kx))
        return np.asarray(amplitude * at_radii(self.shells, radius), np.float32)


def measure_filter(theirs: Volume, ours: Volume) -> MeasuredFilter | None:
    """Measure what a program did, on its tomogram and ours of the same tilt-series.

    Parameters
    ----------
    theirs, ours : Volume
        [z, y, x] with the tilt axis y; theirs may be shifted, flipped and cropped.

    Returns
    -------
    MeasuredFilter or None
        None if the two do not show the same.
    """
    overlay = lay_over(theirs.data, ours.data)
    if not overlay.is_clear:
        return None
    one, two, _ = common_parts(theirs.data, ours.data, overlay)
    mean = float(theirs.data.mean(dtype=np.float64))
    found = _compared(one, two, mean, overlay.flips)
    return found if found.coherence > _SAME else None


def match_spectra(theirs: Volume, ours: Volume, *, inverted: bool) -> MeasuredFilter:
    """Measure what a program did from the mean amplitudes of tomograms of two specimens.

    Parameters
    ----------
    theirs, ours : Volume
        [z, y, x] with the tilt axis y, of similar specimens.
    inverted : bool
        Whether protein is bright in theirs.
    """
    depth = min(theirs.data.shape[0], ours.data.shape[0])
    spectra = [_Spectrum.of(middle(volume.data, depth)) for volume in (theirs, ours)]
    number = np.minimum(*(spectrum.number.shells for spectrum in spectra))
    powers = [spectrum.mean() for spectrum in spectra]
    ratio = _log_ratio(powers[0].shells, powers[1].shells)
    shells = _smoothed(ratio, np.minimum(number, _ENOUGH[0]), _SMOOTH_SHELLS)
    filtered = spectra[1].mean(np.exp(shells))
    weight = np.minimum(*(spectrum.number.cells for spectrum in spectra))
    weight = np.minimum(weight, _ENOUGH[1]) * _seen(filtered.cells)
    ratio = weight * _log_ratio(powers[0].cells, filtered.cells)
    # A program does the same at tilts of either sign.
    weight, ratio = weight + weight[::-1], ratio + ratio[::-1]
    cells = _smoothed(ratio / np.maximum(weight, 1e-9), weight, _SMOOTH_CELLS)
    sign = -1.0 if inverted else 1.0
    mean = float(theirs.data.mean(dtype=np.float64))
    found = MeasuredFilter(sign * np.exp(shells / 2), cells / 2, mean, "spectra")
    # What smoothing of the cells took from a shell, or gave to it.
    left = _log_ratio(powers[0].shells, spectra[1].filtered(found).shells)
    left = _smoothed(left, np.minimum(number, _ENOUGH[0]), 1.0)
    return replace(found, shells=found.shells * np.exp(left / 2))


def _compared(
    one: FloatArray, two: FloatArray, mean: float, flips: tuple[int, int, int]
) -> MeasuredFilter:
    shape = one.shape
    spectrum, reference = windowed_spectrum(one), windowed_spectrum(two)
    cross = spectrum * reference.conj()
    cross = unshifted(cross, shape, residual_shift(cross, shape)).real
    power, given = _power(spectrum), _power(reference)
    shared, whole, own = (sum_up(v, shape).shells for v in (cross, power, given))
    number = sum_up(_ones(given), shape)
    sign = _signs(shared / np.sqrt(np.maximum(whole * own, 1e-300)), number.shells)
    shells = sign * np.exp(_log_ratio(whole, own) / 2)
    filtered = sum_up(given, shape, factor=shells**2).cells
    agreed = sum_up(cross, shape, factor=shells).cells
    total, weight = sum_up(power, shape).cells, number.cells
    ratio = weight * _log_ratio(total, filtered)
    near = gaussian_filter(ratio, 1.0), gaussian_filter(weight, 1.0)
    cells = (ratio + _BORROWED * near[0]) / (weight + _BORROWED * near[1] + 1e-9)
    coherence = float(agreed.sum() / np.sqrt(total * filtered).sum())
    return MeasuredFilter(shells, cells / 2, mean, "tilt-series", coherence, flips)


def middle(volume: AnyArray, depth: int) -> FloatArray:
    """Return the middle of a tomogram [z, y, x], of at most so many slices."""
    sizes = (depth, LARGEST, LARGEST)
    parts = [
        slice((n - min(n, most)) // 2, (n + min(n, most)) // 2)
        for n, most in zip(volume.shape, sizes, strict=True)
    ]
    return np.array(volume[tuple(parts)], np.float32)


@dataclass(frozen=True, eq=False)
class _Spectrum:
    """The power of a tomogram, and how many coefficients cells and shells have."""

    power: FloatArray
    shape: tuple[int, ...]
    number: CellSums

    @staticmethod
    def of(volume: FloatArray) -> "_Spectrum":
        power = _power(windowed_spectrum(volume))
        return _Spectrum(power, volume.shape, sum_up(_ones(power), volume.shape))

    def mean(self, factor: DoubleArray | None = None) -> CellSums:
        """Return the mean power, times a factor of each shell."""
        sums = sum_up(self.power, self.shape, factor=factor)
        return CellSums(
            sums.cells / np.maximum(self.number.cells, 1),
            sums.shells / np.maximum(self.number.shells, 1),
        )

    def filtered(self, found: "MeasuredFilter") -> CellSums:
        """Return the mean power after a filter."""
        nz, ny, nx = self.shape
        ky, kx = fft.fftfreq(ny)[:, None], fft.rfftfreq(nx)
        layers = [
            layer * found.at(frequency, ky, kx) ** 2
            for layer, frequency in zip(self.power, fft.fftfreq(nz), strict=True)
        ]
        return replace(self, power=np.array(layers, np.float32)).mean()


def _power(spectrum: AnyArray) -> FloatArray:
    return np.asarray(spectrum.real**2 + spectrum.imag**2, np.float32)


def _ones(values: AnyArray) -> AnyArray:
    return np.broadcast_to(np.float64(1), values.shape)


def _log_ratio(power: DoubleArray, given: DoubleArray) -> DoubleArray:
    """Return log(power / given), where either is not lost in rounding."""
    return np.asarray(
        np.log(np.maximum(power, _NOTHING * power.max()))
        - np.log(np.maximum(given, _NOTHING * given.max()))
    )


def _smoothed(values: DoubleArray, weight: DoubleArray, sigma: float) -> DoubleArray:
    """Return the weighted mean of values around each."""
    whole = gaussian_filter(weight, sigma, mode="nearest")
    return np.asarray(
        gaussian_filter(weight * values, sigma, mode="nearest") / np.maximum(whole, 1e-12)
    )


def _seen(power: DoubleArray) -> DoubleArray:
    """Return 1 for the cells of a tomogram whose tilts show something, 0 for others."""
    kz, k = np.abs(np.arange(2 * CELLS) + 0.5 - CELLS), np.arange(CELLS) + 0.5
    radius = np.sqrt(kz[:, None, None] ** 4 + k[:, None] ** 4 + k**4)  # of the warped frequencies
    shell = (radius / CELLS).astype(np.intp).ravel()
    number = np.bincount(shell, power.ravel() > 0)
    mean = np.bincount(shell, power.ravel()) / np.maximum(number, 1)
    return np.asarray((power.ravel() > _SEEN * mean[shell]).reshape(power.shape), np.float64)


def _signs(agreement: DoubleArray, number: DoubleArray) -> DoubleArray:
    """Return the sign of each shell; that of the nearest clear shell where none shows."""
    clear = np.flatnonzero(np.abs(agreement) > _SIGN_SEEN + 4 / np.sqrt(np.maximum(number, 1)))
    if not len(clear):
        return np.ones(SHELLS)
    nearest = np.abs(np.arange(SHELLS)[:, None] - clear).argmin(axis=1)
    return np.asarray(np.sign(agreement[clear][nearest]))
