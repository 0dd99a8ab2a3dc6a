"""Inverse Fourier transforms with the same result on every device."""

from collections.abc import Sequence

import torch
from torch import Tensor


def inverse_real(spectrum: Tensor, shape: Sequence[int]) -> Tensor:
    """Return ``torch.fft.irfftn`` of the last axes, with the CPU's result on a GPU too.

    The phase factor of a shift, for one, gives the Nyquist frequency of an even axis an imaginary
    part, which no real signal has. The CPU's FFT ignores it; cuFFT, for some lengths, does not
    (pytorch issue 154496).

    Parameters
    ----------
    spectrum : Tensor, shape (..., k)
        Real FFT over as many last axes as ``shape`` has. May be overwritten.
    shape : sequence of int
        Lengths of the result's last axes.

    Returns
    -------
    Tensor, shape (..., *shape)
    """
    axes = tuple(range(-len(shape), 0))
    if not spectrum.is_cuda:
        # [..., k] → [..., *shape]
        whole: Tensor = torch.fft.irfftn(spectrum, s=tuple(shape), dim=axes)
        return whole
    return without_impossible(spectrum, shape)


def without_impossible(spectrum: Tensor, shape: Sequence[int]) -> Tensor:
    """Invert like :func:`inverse_real`; remove imaginary parts that no real signal has.

    They are removed before the transform along the last axis, because along the other axes a
    spectrum is complex.
    """
    *others, last = shape
    if others:
        axes = tuple(range(-len(shape), -1))
        spectrum = torch.fft.ifftn(spectrum, s=tuple(others), dim=axes)
    for place in (0, -1) if last % 2 == 0 else (0,):
        spectrum[..., place].imag.zero_()
    signal: Tensor = torch.fft.irfft(spectrum, n=last, dim=-1)
    return signal
