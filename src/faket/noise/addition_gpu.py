"""Noise added to noise-free projections in torch, for GPUs (:mod:`faket.noise.addition`)."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.noise.gpu import FourierPlane
from faket.noise.profile import NoiseProfile
from faket.noise.spectrum import white_noise
from faket.stacks import empty_stack
from faket.threads import ahead_in_threads

_OF_SPECTRA = 8  # a white field takes an eighth of the memory that in_threads reckons with
Missing = Callable[[DoubleArray, DoubleArray], DoubleArray]


class NoiseAdder:
    """Signal and noise of tilts with the noise profile of a reference, on one device.

    Parameters
    ----------
    noise_free : ndarray, shape (tilt, y, x)
    statistics : tuple of two ndarrays, shape (tilts,)
        Their means and standard deviations.
    profile : NoiseProfile
    missing : callable
        Returns the power of coloured noise, by rings, from those of the reference and the signal;
        None for white noise.
    device : str
    """

    def __init__(
        self,
        noise_free: AnyArray,
        statistics: tuple[DoubleArray, DoubleArray],
        profile: NoiseProfile,
        missing: Missing | None,
        device: str,
    ) -> None:
        """Compute nothing yet."""
        self._noise_free, self._statistics = noise_free, statistics
        self._profile, self._missing = profile, missing
        self._plane = FourierPlane((noise_free.shape[1], noise_free.shape[2]), device)

    def images(self, seed: int, amount: float) -> FloatArray:
        """Return projections with noise, in the reference's grey values."""

        def make(tilt: int, signal: Tensor, white: FloatArray) -> Tensor:
            made = (signal + amount * self._noise(signal, tilt, white)).double()
            mean, sigma = self._profile.mean[tilt], self._profile.sigma[tilt]
            own = float(made.std(correction=0))
            scale = float(sigma) / own if own > 0 else 0.0
            return (made - made.mean()) * scale + float(mean)

        return self._stack(make, seed)

    def other(self, seed: int, other_seed: int) -> FloatArray:
        """Return other noise, as strong as that of the images of ``seed``."""
        first = self._stds(seed)

        def make(tilt: int, signal: Tensor, white: FloatArray) -> Tensor:
            scale = float(self._profile.sigma[tilt]) / first[tilt]
            return self._noise(signal, tilt, white) * scale

        return self._stack(make, other_seed)

    def _stds(self, seed: int) -> list[float]:
        found = list[float]()
        for tilt, white in self._white(seed):
            signal = self._signal(tilt)
            made = signal + self._noise(signal, tilt, white)
            found.append(float(made.double().std(correction=0)))
        return found

    def _stack(self, make: Callable[[int, Tensor, FloatArray], Tensor], seed: int) -> FloatArray:
        out: FloatArray = empty_stack(self._noise_free.shape)
        for tilt, white in self._white(seed):
            out[tilt] = make(tilt, self._signal(tilt), white).float().cpu().numpy()
        return out

    def _white(self, seed: int) -> Iterator[tuple[int, FloatArray]]:
        """Yield each tilt with its white field, which threads draw meanwhile."""
        shape, tilts = self._plane.shape, range(len(self._noise_free))

        def draw(tilt: int) -> tuple[int, FloatArray]:
            return tilt, white_noise(seed, tilt, shape)

        return ahead_in_threads(draw, tilts, pixels=math.prod(shape) // _OF_SPECTRA)

    def _signal(self, tilt: int) -> Tensor:
        (mean, sigma), image = self._statistics, self._plane.put(self._noise_free[tilt])
        if sigma[tilt] == 0:
            return torch.zeros_like(image)
        scale = float(self._profile.signal_std[tilt] / sigma[tilt])
        made: Tensor = ((image.double() - float(mean[tilt])) * scale).float()
        return made

    def _noise(self, signal: Tensor, tilt: int, white: FloatArray) -> Tensor:
        field = self._plane.put(white)
        if self._missing is None:
            return field * float(self._profile.noise_std[tilt])
        assert self._profile.spectrum is not None
        wanted = self._profile.spectrum[tilt]
        power = self._missing(wanted, self._plane.ring_power(signal, len(wanted), 0.5))
        return self._plane.filtered(field, self._plane.ring_filter(np.sqrt(power), 0.5))
