"""The ``spectral`` method in torch, for GPUs: the images that numpy makes elsewhere.

Of each tilt its noise-free projection and a white field go to the GPU once, and the images come
back once. White fields are drawn on the CPU, so that a seed gives the same field on every device.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from faket.constants import interaction_constant_rad_per_V_A
from faket.data import AnyArray, DoubleArray, FloatArray
from faket.fourier import inverse_real
from faket.methods.counts import DARKEST, local_power
from faket.methods.gold_masks import kept_beside
from faket.methods.gold_scaling import SHARP_V_A, bend_filter, gold_weight
from faket.methods.reference_properties import CORNER, ReferenceProperties
from faket.methods.turned import stretching
from faket.microscope.grid import rotate
from faket.microscope.optics import aberration_phase
from faket.noise import background_image, trend, white_noise
from faket.noise.gpu import FourierPlane
from faket.threads import ahead_in_threads

_OF_SPECTRA = 8  # a white field takes an eighth of the memory that in_threads reckons with


class SpectralImager:
    """Signal and noise of tilts with the properties of a reference, on one device."""

    def __init__(self, properties: ReferenceProperties, noise_free: AnyArray, device: str) -> None:
        """Look at noise-free projections [tilt, y, x].

        Parameters
        ----------
        properties : ReferenceProperties
            At the angles of the projections.
        noise_free : ndarray, shape (tilt, y, x)
        device : str
        """
        self._there, self._noise_free = properties, noise_free
        self._plane = FourierPlane((noise_free.shape[1], noise_free.shape[2]), device)

    def white(self, seed: int, tilts: Sequence[int]) -> Iterator[tuple[int, FloatArray]]:
        """Yield each tilt with its white field, which threads draw meanwhile."""
        shape = self._plane.shape

        def draw(tilt: int) -> tuple[int, FloatArray]:
            return tilt, white_noise(seed, tilt, shape)

        yield from ahead_in_threads(draw, tilts, pixels=math.prod(shape) // _OF_SPECTRA)

    def contrast(
        self,
        tilt: int,
        shift_px: AnyArray | None = None,
        turn_deg: float = 0.0,
        magnification: float = 1.0,
        gold: float = 1.0,
    ) -> Tensor:
        """Return the expected contrast, and in it gold times a factor.

        Numpy does so in :func:`faket.methods.contrast.expected_contrast` and
        :func:`faket.methods.gold_scaling.scaled_gold`.
        """
        plane, ctf = self._plane, self._there.ctf
        sigma = float(interaction_constant_rad_per_V_A(ctf.voltage_kV))
        seen = rotate(plane.put(self._noise_free[tilt]), turn_deg)
        if magnification != 1:
            rows, columns = (plane.put(stretching(n, magnification).toarray()) for n in plane.shape)
            seen = rows @ seen @ columns.T
        spectrum = torch.fft.rfft2(seen * -sigma)
        spectrum *= plane.ring_filter(self._there.envelope[tilt], CORNER)
        if shift_px is not None and np.any(shift_px):
            ky, kx = plane.axes()
            turns = float(shift_px[0]) * kx + float(shift_px[1]) * ky
            spectrum *= torch.polar(torch.ones_like(turns), -2 * math.pi * turns).to(spectrum.dtype)
        spectrum[0, 0] = 0
        phase = inverse_real(spectrum, plane.shape)
        size = torch.exp(-float(ctf.amplitude_contrast) * phase)
        wave = torch.fft.fft2(torch.polar(size, phase))
        wave = torch.fft.ifft2(wave * self._transfer(tilt))
        intensity = wave.real**2 + wave.imag**2
        made: Tensor = intensity - intensity.mean()
        if gold == 1:
            return made
        weight = self._gold_weight(tilt, np.zeros(2) if shift_px is None else shift_px)
        return made if weight is None else made * (1 + (gold - 1) * plane.put(weight))

    def _gold_weight(self, tilt: int, shift_px: AnyArray) -> FloatArray | None:
        plane, pixel_A = self._plane, self._there.pixel_size_A
        filtered = plane.filtered(
            plane.put(self._noise_free[tilt]), plane.put(bend_filter(plane.shape, pixel_A))
        )
        bend = filtered.cpu().numpy()
        sharp = np.argwhere(bend > SHARP_V_A)
        return gold_weight(sharp, bend[tuple(sharp.T)], plane.shape, pixel_A, shift_px)

    def signal(self, contrast: Tensor, amplitude: DoubleArray) -> Tensor:
        """Return an expected contrast times a ring amplitude."""
        return self._plane.filtered(contrast, self._plane.ring_filter(amplitude, CORNER))

    def noise(
        self,
        tilt: int,
        contrast: Tensor,
        white: AnyArray,
        skewness: float,
        power: DoubleArray,
        seed: int | None = None,
    ) -> Tensor:
        """Return what :func:`faket.methods.counts.counting_noise` returns.

        With a seed the noise differs from place to place by
        :func:`faket.methods.counts.local_power`.
        """
        plane, electrons = self._plane, float(self._there.electrons[tilt])
        field = plane.put(white)
        expected = electrons * (1 + contrast).clamp_(min=DARKEST)
        deviation = expected.sqrt_() * field + (skewness / 6) * (field * field - 1)
        local = None if seed is None else local_power(self._there, tilt, plane.shape, seed)
        if local is not None:
            deviation *= plane.put(local).sqrt_()
        amplitude = plane.anisotropic_filter(power, self._there.anisotropy[tilt], CORNER)
        amplitude[0, 0] = 0
        return plane.filtered(deviation / math.sqrt(electrons), amplitude)

    def powers(self) -> list[DoubleArray]:
        """Return the power of all contrasts [ring], for :mod:`faket.methods.contrast_power`."""
        rings, plane, found = self._there.power.shape[1], self._plane, []
        for tilt in range(len(self._noise_free)):
            contrast = self.contrast(tilt)
            kept = kept_beside(self._gold_weight(tilt, np.zeros(2)))
            if self._there.background is not None:
                flat = background_image(trend(contrast.cpu().numpy(), kept), plane.shape)
                contrast = contrast - plane.put(flat)
            if kept is None:
                found.append(plane.ring_power(contrast, rings, CORNER))
                continue
            there = plane.put(kept)
            power = plane.ring_power(_faded(contrast, there), rings, CORNER)
            found.append(power / plane.kept_part(there))
        return found

    def skewness(
        self, tilt: int, amplitude: DoubleArray, power: DoubleArray, factors: Sequence[float]
    ) -> list[float]:
        """Return the skewness of a tilt's detail with the noise's times each factor."""
        contrast = self.contrast(tilt)
        signal = self.signal(contrast, amplitude)
        white = white_noise(0, tilt, self._plane.shape)
        moments = (
            self._plane.detail_moments(signal + self.noise(tilt, contrast, white, factor, power))
            for factor in factors
        )
        return [third / var**1.5 if var > 0 else 0.0 for var, third in moments]

    def _transfer(self, tilt: int) -> Tensor:
        """Transfer of a wave, exp(−iχ), over the frequencies of a complex FFT."""
        (ny, nx), p, plane = self._plane.shape, self._there.pixel_size_A, self._plane
        there = {"device": plane.device, "dtype": torch.float64}
        ky, kx = (torch.fft.fftfreq(n, p, **there) for n in (ny, nx))
        optics = self._there.ctf.optics(tilt)
        chi = aberration_phase(kx, ky[:, None], optics) - optics.phase_plate_rad
        chi[0, 0] = 0
        made: Tensor = torch.polar(torch.ones_like(chi), -chi).to(torch.complex64)
        return made


def _faded(image: Tensor, kept: Tensor) -> Tensor:
    """Fade an image to its mean where ``kept`` is below 1, as :mod:`faket.microscope.gold` does."""
    mean = (image * kept).sum(dtype=torch.float64) / kept.sum(dtype=torch.float64)
    return mean.float() + (image - mean.float()) * kept
