"""Phase shifts of a wave, the operation that multislice repeats most."""

import math

import numpy as np
import torch

from faket.compiling import kernel
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
    """Multiply a wave by exp(i · scale · phase) in place, where the two overlap.

    Parameters
    ----------
    wave : Tensor, shape (y, x), complex64, contiguous
    phase : Tensor, shape (rows, columns), float32, contiguous
    scale : float
    corner : (int, int)
        Row and column of the wave at which the phase begins; may lie outside.
    """
    (y, x), (from_y, from_x), (rows, columns) = _overlap(wave, phase, corner)
    if wave.is_cuda:
        angle = phase[from_y : from_y + rows, from_x : from_x + columns] * scale
        window = wave[y : y + rows, x : x + columns]
        window.mul_(torch.complex(torch.cos(angle), torch.sin(angle)))
        return
    # complex [y, x] → real [y, 2 x]: real and imaginary parts alternate
    parts = torch.view_as_real(wave).reshape(wave.shape[0], -1).numpy()
    # Unsigned, so that numba does not check for negative indices.
    place = tuple(np.uint64(at) for at in (y, x, from_y, from_x, rows, columns))
    _advance(parts, phase.numpy(), np.float32(scale), place)


def fade_wave(wave: torch.Tensor, factor: torch.Tensor, corner: tuple[int, int]) -> None:
    """Multiply a wave by real factors in place, where the two overlap.

    Parameters as for :func:`advance_phase`.
    """
    (y, x), (from_y, from_x), (rows, columns) = _overlap(wave, factor, corner)
    window = wave[y : y + rows, x : x + columns]
    part = factor[from_y : from_y + rows, from_x : from_x + columns]
    if wave.is_cuda:
        window.mul_(part)
    else:  # numpy, unlike torch, stays in the calling thread
        np.multiply(window.numpy(), part.numpy(), out=window.numpy())


def _overlap(
    wave: torch.Tensor, window: torch.Tensor, corner: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Return where the overlap begins in the wave and in the window, and its size."""
    begin = (max(corner[0], 0), max(corner[1], 0))
    skipped = (begin[0] - corner[0], begin[1] - corner[1])
    rows, columns = (
        max(min(corner[axis] + window.shape[axis], wave.shape[axis]) - begin[axis], 0)
        for axis in (0, 1)
    )
    return begin, skipped, (rows, columns)


@kernel(nogil=True)
def _advance(
    wave: FloatArray, phase: AnyArray, scale: np.float32, place: tuple[np.uint64, ...]
) -> None:
    """Multiply by exp(i angle), by series about the nearest multiple of π that are exact to 1e-7.

    Unlike calls of sin and cos, the loop compiles to vector code.
    """
    one, two, half = np.float32(1.0), np.float32(2.0), np.float32(0.5)
    row, column, from_row, from_column, rows, columns = place
    for i in range(rows):
        y = np.uint64(i)
        angles = phase[from_row + y]
        values = wave[row + y]
        for j in range(columns):
            x = np.uint64(j)
            angle = angles[from_column + x] * scale
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
