"""Noise of given spectra in torch, for GPUs: what :mod:`faket.noise.spectrum` computes with numpy.

White fields are drawn on the CPU, so that a seed gives the same field on every device.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from faket.data import AnyArray, DoubleArray
from faket.device import same_order
from faket.fourier import inverse_real
from faket.noise.spectrum import LEAST_DIRECTION
from faket.rings import equal_rings, hann, ring_frequencies


@dataclass(frozen=True, eq=False)
class FourierPlane:
    """Filters and spectra of images of one shape on a device; all [y, x // 2 + 1].

    Attributes
    ----------
    shape : (int, int)
        y, x of the images.
    device : str
    """

    shape: tuple[int, int]
    device: str
    _kept: dict[object, tuple[Tensor, ...]] = field(default_factory=dict)

    def put(self, values: AnyArray) -> Tensor:
        """Return an image of the host on the device, float32."""
        return torch.from_numpy(np.ascontiguousarray(values, np.float32)).to(self.device)

    def axes(self) -> tuple[Tensor, Tensor]:
        """Return the frequencies ky [y, 1] and kx [x // 2 + 1], cycles per pixel, float64."""
        (ny, nx), there = self.shape, {"device": self.device, "dtype": torch.float64}
        return torch.fft.fftfreq(ny, **there)[:, None], torch.fft.rfftfreq(nx, **there)

    def frequency(self) -> Tensor:
        """Return the frequency of each coefficient, cycles per pixel, float64."""
        ky, kx = self.axes()
        return torch.hypot(ky, kx)

    def ring_filter(self, values: AnyArray, limit: float) -> Tensor:
        """Spread ring values as :func:`faket.noise.ring_filter` does."""
        count = len(values)
        key = ("rings", count, limit)
        if key not in self._kept:
            place = (self.frequency() * (count / limit) - 0.5).clamp(0, count - 1)
            lower = place.floor().clamp(max=max(count - 2, 0))
            self._kept[key] = lower.int(), (place - lower).float()
        lower, part = self._kept[key]
        there = torch.from_numpy(np.array(values, np.float32)).to(self.device)
        steps = torch.cat([there[1:] - there[:-1], torch.zeros_like(there[:1])])
        made: Tensor = torch.addcmul(there[lower], steps[lower], part)
        return made

    def anisotropic_filter(self, power: AnyArray, anisotropy: AnyArray, limit: float) -> Tensor:
        """Return the amplitudes of :func:`faket.noise.anisotropic_filter`."""
        direction = torch.ones((self.shape[0], self.shape[1] // 2 + 1), device=self.device)
        for wave, values in zip(self._waves(), anisotropy, strict=True):
            direction += wave * self.ring_filter(values, limit)
        amplitude = self.ring_filter(np.sqrt(power), limit)
        return amplitude * direction.clamp_(min=LEAST_DIRECTION).sqrt_()

    def filtered(self, image: Tensor, amplitude: Tensor) -> Tensor:
        """Multiply an image's spectrum by real amplitudes."""
        return inverse_real(torch.fft.rfft2(image) * amplitude, self.shape)

    def ring_power(self, image: Tensor, rings: int, limit: float) -> DoubleArray:
        """Measure the power of an image's rings as :func:`faket.noise.ring_power` does."""
        (window,) = self._window()
        values = (image - image.mean(dtype=torch.float64).float()) * window
        values -= window * (values.sum() / window.sum())  # the mean must not leak into ring 0
        spectrum = torch.fft.rfft2(values) / torch.sqrt(torch.sum(window**2))
        layout = equal_rings(self.shape, rings, limit=limit, with_mean=False)
        held = layout.number > 0
        if not held.any():
            return np.full(rings, float(torch.mean((image - image.mean()) ** 2)))
        means = self._ring_sums(spectrum.real**2 + spectrum.imag**2, rings, limit)[held]
        middle = ring_frequencies(rings, limit)
        return np.interp(middle, middle[held], means / layout.number[held])

    def kept_part(self, kept: Tensor) -> float:
        """Return which part of an image's power, under the window, a mask leaves."""
        squared = self._window()[0] ** 2
        part = (squared * kept**2).sum(dtype=torch.float64) / squared.sum(dtype=torch.float64)
        return float(part)

    def detail_moments(self, image: Tensor) -> tuple[float, float]:
        """Return the variance and third cumulant of :func:`faket.noise.detail_moments`."""
        if "detail" not in self._kept:
            self._kept["detail"] = (((self.frequency() - 0.2) / 0.1).clamp(0, 1).float(),)
        detail = self.filtered(image, self._kept["detail"][0])
        square = detail * detail
        third = (square * detail).mean(dtype=torch.float64)
        return float(square.mean(dtype=torch.float64)), float(third)

    @same_order()
    def _ring_sums(self, values: Tensor, rings: int, limit: float) -> DoubleArray:
        key = ("sums", rings, limit)
        if key not in self._kept:
            layout = equal_rings(self.shape, rings, limit=limit, with_mean=False)
            index = torch.from_numpy(layout.index.reshape(-1).copy()).to(self.device)
            self._kept[key] = index, torch.from_numpy(layout.weight).to(self.device)
        index, weight = self._kept[key]
        sums = torch.zeros(rings + 1, dtype=torch.float64, device=self.device)
        sums.index_add_(0, index, (values * weight).reshape(-1))
        return np.asarray(sums[:rings].cpu().numpy())

    def _window(self) -> tuple[Tensor, ...]:
        if "window" not in self._kept:
            self._kept["window"] = (self.put(hann(self.shape)),)
        return self._kept["window"]

    def _waves(self) -> tuple[Tensor, ...]:
        """Return cos 2φ, sin 2φ and cos 4φ of each coefficient."""
        if "waves" not in self._kept:
            ky, kx = self.axes()
            squared = kx * kx + ky * ky
            squared[0, 0] = 1.0
            cos2, sin2 = (kx * kx - ky * ky) / squared, 2 * kx * ky / squared
            waves = cos2, sin2, 2 * cos2 * cos2 - 1
            self._kept["waves"] = tuple(wave.float() for wave in waves)
        return self._kept["waves"]
