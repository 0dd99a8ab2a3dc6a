"""Inverse Fourier transforms that give the same on every device."""

from collections.abc import Sequence

import torch
from torch import Tensor


def inverse_real(spectrum: Tensor, shape: Sequence[int]) -> Tensor:
    """Return what ``torch.fft.irfftn`` gives of the last axes on a CPU, on a GPU too.

    A factor such as that of a shift gives the Nyquist frequency of an even axis an imaginary part,
    which no real signal has. On a CPU it is ignored; cuFFT, for some lengths, is not that kind
    (pytorch issue 154496).

    Parameters
    ----------
    spectrum : Tensor, shape (..., k)
        Of a real FFT over as many last axes as ``shape`` has. May be overwritten.
    shape : sequence of int
        Of the result's last axes.

    Returns
    -------
    Tensor, shape (..., *shape)
    """
    axes = tuple(range(-len(shape), 0))
    if not spectrum.is_cuda:
        whole: Tensor = torch.fft.irfftn(spectrum, s=tuple(shape), dim=axes)
        return whole
    return without_impossible(spectrum, shape)


def without_impossible(spectrum: Tensor, shape: Sequence[int]) -> Tensor:
    """Do as :func:`inverse_real`, and remove what a real signal cannot have before the last step.

    Only there is it known: along the other axes a spectrum is complex.
    """
    *others, last = shape
    if others:
        axes = tuple(range(-len(shape), -1))
        spectrum = torch.fft.ifftn(spectrum, s=tuple(others), dim=axes)
    for place in (0, -1) if last % 2 == 0 else (0,):
        spectrum[..., place].imag.zero_()
    signal: Tensor = torch.fft.irfft(spectrum, n=last, dim=-1)
    return signal
