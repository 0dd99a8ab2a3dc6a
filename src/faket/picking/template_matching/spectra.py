"""Band-pass and whitening: one radial gain for the tomogram and its templates."""

import math
from dataclasses import dataclass

import numpy as np
import scipy.fft

from faket.data import DoubleArray, FloatArray
from faket.picking.template_matching.settings import TemplateMatching

_STEP = 2**-11  # of the table, cycles per voxel; chosen, because gains change little over it
_EDGE = 0.2  # a cut-off falls from 1 to 0 over this part of its frequency; chosen, against ringing


@dataclass(frozen=True)
class RadialGain:
    """Gain as a function of the spatial frequency's length.

    Attributes
    ----------
    frequencies : ndarray, shape (n,), float64
        Cycles per voxel, ascending.
    gains : ndarray, shape (n,), float64
    """

    frequencies: DoubleArray
    gains: DoubleArray

    def on_grid(self, shape: tuple[int, int, int], z: slice = slice(None)) -> FloatArray:
        """Return the gains on the grid of ``rfftn``, or on some of its planes."""
        kz, ky, kx = _axes(shape)
        length = np.sqrt(kz[z, None, None] ** 2 + ky[:, None] ** 2 + kx**2)
        return np.interp(length, self.frequencies, self.gains).astype(np.float32)


def radial_gain(
    volume: FloatArray, voxel_size_A: float, settings: TemplateMatching
) -> RadialGain | None:
    """Return the gain for the settings; None if they need no filter.

    Whitening divides by the square root of the tomogram's power, averaged over shells that are one
    Fourier sample of its longest axis wide. Cut-offs are raised cosines over a fifth of their
    frequency.
    """
    if settings.whitening == "none" and not settings.low_pass_A and not settings.high_pass_A:
        return None
    frequencies = np.arange(0, np.sqrt(3) / 2 + _STEP, _STEP)
    gains = np.ones(len(frequencies))
    if settings.whitening == "radial":
        shells = max(volume.shape)
        power = _radial_power(volume, math.ceil(shells * np.sqrt(3) / 2) + 1, shells)
        power[0] = power[1]  # the mean was subtracted
        amplitude = np.sqrt(np.maximum(power, power.max() * 1e-8))
        gains = 1 / np.interp(frequencies * shells, np.arange(len(power)), amplitude)
    if settings.low_pass_A:
        gains *= _falling(frequencies, voxel_size_A / settings.low_pass_A)
    if settings.high_pass_A:
        gains *= 1 - _falling(frequencies, voxel_size_A / settings.high_pass_A)
    return RadialGain(frequencies, gains / gains.max())


def apply_gain(volume: FloatArray, gain: RadialGain) -> FloatArray:
    """Filter a volume [z, y, x]."""
    spectrum = scipy.fft.rfftn(volume, workers=-1)
    for z in range(len(spectrum)):
        spectrum[z] *= gain.on_grid(volume.shape, slice(z, z + 1))[0]
    return np.asarray(scipy.fft.irfftn(spectrum, volume.shape, workers=-1), np.float32)


def _radial_power(volume: FloatArray, bins: int, per_cycle: int) -> DoubleArray:
    """Mean power over shells; empty shells are interpolated.

    The planes kx = 0 and Nyquist, which hold each coefficient and its mirror image, count double:
    up to 2 % of the gain at 400 Å, a quarter of a percent on average; kept, so that scores stay.
    """
    centred = volume - np.float32(volume.mean(dtype=np.float64))
    spectrum = scipy.fft.rfftn(centred, workers=-1)
    kz, ky, kx = _axes(volume.shape)
    sums, counts = np.zeros(bins), np.zeros(bins)
    for z, plane in enumerate(spectrum):
        shell = np.rint(np.sqrt(kz[z] ** 2 + ky[:, None] ** 2 + kx**2) * per_cycle).astype(int)
        power = plane.real.astype(np.float64) ** 2 + plane.imag.astype(np.float64) ** 2
        sums += np.bincount(shell.ravel(), power.ravel(), bins)
        counts += np.bincount(shell.ravel(), minlength=bins)
    filled = np.flatnonzero(counts)
    return np.asarray(np.interp(np.arange(bins), filled, sums[filled] / counts[filled]))


def _falling(frequencies: DoubleArray, cut: float) -> DoubleArray:
    """Cut-off: 1 below it, 1/2 at it, 0 above."""
    place = np.clip((frequencies - cut) / (_EDGE * cut) + 0.5, 0, 1)
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * place))


def _axes(shape: tuple[int, ...]) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
    kz, ky, kx = np.fft.fftfreq(shape[0]), np.fft.fftfreq(shape[1]), np.fft.rfftfreq(shape[2])
    return np.asarray(kz, np.float64), np.asarray(ky, np.float64), np.asarray(kx, np.float64)
