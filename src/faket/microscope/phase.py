"""Phase shifts of a wave, the step that multislice repeats most."""

import math

import numpy as np
import torch
from numba import njit, prange

from faket.data import AnyArray, FloatArray

_INVERSE_PI = np.float32(1 / math.pi)
_PI_HIGH = np.float32(3.140625)  # exact in float32, and so is its product with small integers
_PI_LOW = np.float32(math.pi - 3.140625)
_S3, _S5, _S7, _S9, _S11 = (
    np.float32((-1) ** (n // 2) / math.factorial(n)) for n in (3, 5, 7, 9, 11)
)
_C2, _C4, _C6, _C8, _C10, _C12 = (
    np.float32((-1) ** (n // 2) / math.factorial(n)) for n in (2, 4, 6, 8, 10, 12)
)


def advance_phase(
    wave: torch.Tensor, phase: torch.Tensor, scale: float, corner: tuple[int, int] = (0, 0)
) -> None:
    """Multiply a window of a wave by exp(i · scale · phase) in place.

    Parameters
    ----------
    wave : Tensor, shape (y, x), complex64, contiguous
    phase : Tensor, shape (rows, columns), float32, contiguous
    scale : float
    corner : (int, int)
        Row and column where the window begins.
    """
    if wave.is_cuda:
        angle = phase * scale
        rows, columns = phase.shape
        window = wave[corner[0] : corner[0] + rows, corner[1] : corner[1] + columns]
        window.mul_(torch.complex(torch.cos(angle), torch.sin(angle)))
        return
    parts = torch.view_as_real(wave).reshape(wave.shape[0], -1).numpy()
    y, x = np.uint64(corner[0]), np.uint64(corner[1])  # unsigned: no look for wrapped indices
    _advance(parts, phase.numpy(), np.float32(scale), y, x)


@njit(parallel=True, cache=True)
def _advance(
    wave: FloatArray, phase: AnyArray, scale: np.float32, row: np.uint64, column: np.uint64
) -> None:
    """Series about the nearest multiple of π, to 1e-7: a loop that compiles to vector code."""
    one, two, half = np.float32(1.0), np.float32(2.0), np.float32(0.5)
    rows, columns = phase.shape
    for y in prange(rows):
        angles = phase[y]
        values = wave[np.uint64(y) + row]
        for i in range(columns):
            x = np.uint64(i)
            angle = angles[x] * scale
            turns = np.rint(angle * _INVERSE_PI)
            r = (angle - turns * _PI_HIGH) - turns * _PI_LOW
            sign = one - two * (turns - two * np.floor(turns * half))
            q = r * r
            sin = one + q * (_S3 + q * (_S5 + q * (_S7 + q * (_S9 + q * _S11))))
            cos = one + q * (_C2 + q * (_C4 + q * (_C6 + q * (_C8 + q * (_C10 + q * _C12)))))
            sin, cos = sign * r * sin, sign * cos
            at = (column + x) * np.uint64(2)
            real, imaginary = values[at], values[at + np.uint64(1)]
            values[at] = real * cos - imaginary * sin
            values[at + np.uint64(1)] = imaginary * cos + real * sin
