"""How one tomogram lies upon another of the same tilt-series: flips, shift, what both show."""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from scipy import fft

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.reconstruction.binning import fourier_crop
from faket.reconstruction.cells import at_radii, sum_up

_COARSE = 96  # voxels; chosen, because eight correlations then take half a second
_THINNEST = 16  # coarse voxels along any axis; chosen, because fewer tell no shift
LARGEST = 320  # voxels of what is compared; chosen, because spectra then stay below 200 MB
_BAND = (0.01, 0.2)  # cycles per voxel that show a shift; half a voxel turns them by 36° at most
_CLEAR = 20.0  # σ of a correlation map; chosen: two specimens reach 8, two of the same 99 and more
Flips = tuple[int, int, int]
_STEPS = 4  # of fitting a shift; chosen, because noise makes each fall short
_FLIPS: tuple[Flips, ...] = tuple((z, y, x) for z, y, x in product((1, -1), repeat=3))


@dataclass(frozen=True)
class Overlay:
    """Where a tomogram lies in another.

    Attributes
    ----------
    flips : (int, int, int)
        -1 for the axes z, y, x along which it is to be reversed first.
    shift : (float, float, float)
        Voxels z, y, x from the centre N // 2 of the other to the point where its own is.
    contrast : float
        Height of the correlation's peak over the map's standard deviation.
    """

    flips: Flips
    shift: tuple[float, float, float]
    contrast: float

    @property
    def is_clear(self) -> bool:
        """Whether the tomograms show the same."""
        return self.contrast > _CLEAR


def lay_over(volume: AnyArray, other: AnyArray) -> Overlay:
    """Find how a tomogram [z, y, x] lies in another of about the same voxels.

    The spectra are whitened, so that filters and grey values do not matter.
    """
    binning = _coarse_binning(volume.shape, other.shape)
    small, others = (fourier_crop(v, binning, axes=(2, 1, 0)) for v in (volume, other))
    size = tuple(
        fft.next_fast_len(max(pair), real=True)
        for pair in zip(small.shape, others.shape, strict=True)
    )
    white = _white(others, size)
    found = [(*_peak(_white(_flip(small, flips), size), white, size), flips) for flips in _FLIPS]
    start, contrast, flips = max(found, key=lambda entry: entry[1])
    # Voxels 0 lie at the same place of the transforms, centres N // 2 do not.
    centres = [one // 2 - two // 2 for one, two in zip(small.shape, others.shape, strict=True)]
    best = Overlay(flips, _triple(binning * (start + centres)), contrast)
    return _refined(volume, other, best) if best.is_clear else best


def common_parts(
    volume: AnyArray, other: AnyArray, overlay: Overlay
) -> tuple[FloatArray, FloatArray, DoubleArray]:
    """Return the middle of what both tomograms show, and the shift left, under a voxel."""
    parts: list[list[slice]] = [[], []]
    flipped = _flip(volume, overlay.flips)
    whole = [round(step) for step in overlay.shift]
    for size, others, step in zip(volume.shape, other.shape, whole, strict=True):
        # Index of the volume's voxel 0 in the other.
        start = others // 2 + step - size // 2
        first, end = max(0, start), min(others, start + size)
        extra = max(0, end - first - LARGEST)
        first, end = first + extra // 2, end - (extra - extra // 2)
        parts[0].append(slice(first - start, max(first, end) - start))
        parts[1].append(slice(first, max(first, end)))
    left = np.array(overlay.shift) - whole
    one, two = (
        np.array(data[tuple(part)], np.float32)
        for data, part in zip((flipped, other), parts, strict=True)
    )
    return one, two, left


def windowed_spectrum(volume: FloatArray) -> AnyArray:
    """Return the spectrum [z, y, x // 2 + 1] of a volume under a Hann window, mean removed."""
    windows = [np.hanning(n + 2)[1:-1].astype(np.float32) for n in volume.shape]
    window = windows[0][:, None, None] * windows[1][:, None] * windows[2]
    values = volume - np.float32(volume.mean(dtype=np.float64))
    values -= np.float32((window * values).sum(dtype=np.float64) / window.sum(dtype=np.float64))
    # So that the sum of squares is that of the spectrum of an unwindowed volume of one voxel.
    values *= window / np.float32(np.sqrt(np.vdot(window, window)))
    return np.asarray(fft.rfftn(values, workers=-1))


def residual_shift(cross: AnyArray, shape: tuple[int, ...]) -> DoubleArray:
    """Return the shift (z, y, x), under a voxel, of which the phases of a cross-spectrum tell.

    A change of sign is no shift: phases count modulo π.
    """
    frequency = _frequencies(shape)
    radius = np.sqrt(sum(axis**2 for axis in frequency))
    band = (radius > _BAND[0]) & (radius < _BAND[1])
    chosen = [np.broadcast_to(axis, band.shape)[band] for axis in frequency]
    unit = cross[band] / np.maximum(np.abs(cross[band]), 1e-20)
    shift = np.zeros(3)
    for _ in range(_STEPS):
        turned = unit * np.exp(
            np.complex64(2j * np.pi) * sum(k * s for k, s in zip(chosen, shift, strict=True))
        )
        phase = np.angle(turned**2) / 2
        shift -= [float((phase * k).sum() / (2 * np.pi * (k**2).sum())) for k in chosen]
    return shift


def unshifted(cross: AnyArray, shape: tuple[int, int, int], shift: DoubleArray) -> AnyArray:
    """Return a cross-spectrum without the phases of a shift."""
    return cross * _turned(_frequencies(shape), shift)


def _turned(frequency: list[AnyArray], shift: DoubleArray) -> AnyArray:
    phase = sum(axis * np.float32(step) for axis, step in zip(frequency, shift, strict=True))
    return np.exp(np.complex64(2j * np.pi) * phase)


def _frequencies(shape: tuple[int, ...]) -> list[AnyArray]:
    kz, ky, kx = fft.fftfreq(shape[0]), fft.fftfreq(shape[1]), fft.rfftfreq(shape[2])
    return [a.astype(np.float32) for a in (kz[:, None, None], ky[:, None], kx)]


def _coarse_binning(*shapes: tuple[int, ...]) -> int:
    largest = max(max(shape) for shape in shapes)
    thinnest = min(min(shape) for shape in shapes)
    return max(1, min(-(-largest // _COARSE), thinnest // _THINNEST))


def _flip(volume: AnyArray, flips: Flips) -> AnyArray:
    z, y, x = (slice(None, None, step) for step in flips)
    return volume[z, y, x]


def _peak(spectrum: AnyArray, other: AnyArray, shape: tuple[int, ...]) -> tuple[DoubleArray, float]:
    """Return the shift (z, y, x) at which two white volumes correlate best, and how clearly."""
    values = np.abs(fft.irfftn(other * spectrum.conj(), s=shape, workers=-1))
    peak = np.array(np.unravel_index(int(values.argmax()), shape))
    contrast = float(values.max() / np.sqrt(np.mean(values**2)))
    size = np.array(shape)
    return np.where(peak < size / 2, peak, peak - size).astype(np.float64), contrast


def _white(volume: AnyArray, shape: tuple[int, ...]) -> AnyArray:
    """Return the spectrum of a padded volume with amplitudes below 1, those of the wedge small.

    The wedge holds what leaks from beside it, which has phases of its own.
    """
    values = np.array(volume, np.float32)
    values -= np.float32(values.mean(dtype=np.float64))
    for axis, size in enumerate(values.shape):
        window = np.sqrt(np.hanning(size + 2)[1:-1])
        values *= window.astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
    spectrum = fft.rfftn(values, s=shape, workers=-1)
    amplitude = np.abs(spectrum)
    numbers = sum_up(np.broadcast_to(1.0, spectrum.shape), shape).shells
    usual = sum_up(amplitude, shape).shells / np.maximum(numbers, 1)
    radius = np.sqrt(sum(axis**2 for axis in _frequencies(shape)))
    spectrum /= amplitude + at_radii(usual, radius).astype(np.float32)
    return np.asarray(spectrum)


def _refined(volume: AnyArray, other: AnyArray, overlay: Overlay) -> Overlay:
    """Return the overlay to a fraction of a voxel."""
    for _ in range(2):
        one, two, left = common_parts(volume, other, overlay)
        if min(one.shape) < _THINNEST:
            return replace(overlay, contrast=0.0)
        step, _contrast = _peak(_white(one, one.shape), _white(two, two.shape), one.shape)
        overlay = replace(overlay, shift=_triple(overlay.shift - left + step))
    one, two, left = common_parts(volume, other, overlay)
    cross = windowed_spectrum(one) * windowed_spectrum(two).conj()
    # `one` at i shows what `two` shows at i + shift: F(one) = F(two) exp(2πi k shift).
    return replace(overlay, shift=_triple(overlay.shift - left - residual_shift(cross, one.shape)))


def _triple(values: DoubleArray) -> tuple[float, float, float]:
    z, y, x = (float(value) for value in values)
    return z, y, x
