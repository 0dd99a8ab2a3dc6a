"""A counting camera: modulation transfer, detective quantum efficiency, electrons."""

import numpy as np
import torch
from scipy.interpolate import PchipInterpolator

from faket.constants import DETECTOR_DQE, DETECTOR_MTF
from faket.data import AnyArray, DoubleArray
from faket.microscope.settings import Detector


def detector_curves(detector: Detector, fraction: AnyArray) -> tuple[DoubleArray, DoubleArray]:
    """Return MTF and DQE of a detector.

    Parameters
    ----------
    detector : {"K2", "K3", "generic", "perfect"}
    fraction : ndarray, any shape
        Spatial frequency as a fraction of the physical pixel's Nyquist frequency. Beyond 1 the
        value at 1 holds.

    Returns
    -------
    mtf, dqe : ndarray, the same shape, float64
        Monotone interpolation of the tables in ``faket.constants``.
    """
    clipped = np.clip(fraction, 0.0, 1.0)
    mtf, dqe = (
        np.asarray(PchipInterpolator(*np.transpose(table[detector]))(clipped))
        for table in (DETECTOR_MTF, DETECTOR_DQE)
    )
    return mtf, dqe


class Camera:
    """A detector of given curves for images of one shape.

    Parameters
    ----------
    mtf, dqe : ndarray, shape (y, x // 2 + 1)
        Over the frequencies of a real FFT of the image.
    device : str
    """

    def __init__(self, mtf: DoubleArray, dqe: DoubleArray, device: str) -> None:
        """Prepare the two filters."""
        self._dqe0 = float(dqe[0, 0])
        before = np.sqrt(dqe / self._dqe0)
        self._before = torch.from_numpy(before.astype(np.float32)).to(device)
        self._after = torch.from_numpy((mtf / before / self._dqe0).astype(np.float32)).to(device)
        self._device = device

    def count(
        self, intensity: torch.Tensor, electrons: float, rng: np.random.Generator
    ) -> torch.Tensor:
        """Draw the counted electrons: Poisson(electrons · q₀ · F⁻¹[√(DQE / q₀) · F(I)]).

        Parameters
        ----------
        intensity : Tensor, shape (y, x)
            Relative to the incident beam.
        electrons : float
            Incident electrons per pixel.
        rng : numpy Generator

        Returns
        -------
        Tensor, shape (y, x), float32
        """
        expected = _filtered(intensity, self._before).mul_(electrons * self._dqe0).clamp_(min=0)
        counts = rng.poisson(expected.cpu().numpy()).astype(np.float32)
        return torch.from_numpy(counts).to(self._device)

    def halve(self, counts: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """Draw which of the counted electrons came in odd frames: half of them, each at random.

        Poisson counts split like this are two independent Poisson counts of half the mean.
        """
        electrons = counts.cpu().numpy().astype(np.int64)
        odd = rng.binomial(electrons, 0.5).astype(np.float32)
        return torch.from_numpy(odd).to(self._device)

    def read_out(self, counts: torch.Tensor) -> torch.Tensor:
        """Return the image: F⁻¹[F(N) · MTF · √(q₀ / DQE)] / q₀.

        Its mean is that of the incident electrons, its noise power is electrons · MTF² / DQE, and
        a signal is multiplied by the MTF.
        """
        return _filtered(counts, self._after)


def _filtered(image: torch.Tensor, transfer: torch.Tensor) -> torch.Tensor:
    # [y, x] → [y, x // 2 + 1] → [y, x]
    filtered: torch.Tensor = torch.fft.irfft2(torch.fft.rfft2(image).mul_(transfer), s=image.shape)
    return filtered
