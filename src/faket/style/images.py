"""Stacks as input of a network: grey values in [0, 1], read in pieces."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import Tensor

from faket.data import AnyArray, DoubleArray
from faket.errors import InputError
from faket.statistics import tilt_statistics

# Returns some rows and columns of an image in [0, 1]: [channels, y, x], or [1, y, x] if all
# channels are equal.
Reader = Callable[[slice, slice], Tensor]


def checked_statistics(
    stack: AnyArray, name: str, smallest: int
) -> tuple[DoubleArray, DoubleArray]:
    """Return mean and σ of every tilt.

    Raises
    ------
    InputError
        If it is no stack, contains NaN or a constant tilt, or its images are smaller than
        ``smallest`` pixels.
    """
    mean, sigma = tilt_statistics(stack, name)
    if not sigma.all():
        raise InputError(
            f"{name}: expected images with contrast, found tilt {np.argmin(sigma)} constant; "
            "remove that tilt"
        )
    if min(stack.shape[1:]) < smallest:
        raise InputError(
            f"{name}: expected images of at least {smallest} pixels a side, found "
            f"{stack.shape[1]} x {stack.shape[2]}; give larger images"
        )
    return mean, sigma


class ScaledStack:
    """A stack whose tilts are read in pieces, scaled by the range of the whole stack."""

    def __init__(self, stack: AnyArray, device: str, dtype: torch.dtype) -> None:
        """Find the minimum and the maximum of the stack [tilt, y, x]."""
        self._stack, self._device, self._dtype = stack, device, dtype
        self._lowest, self._highest = float(stack.min()), float(stack.max())

    def tilt(self, number: int) -> Reader:
        """Return the reader of a tilt: 0 at the stack's minimum, 1 at its maximum."""

        def read(rows: slice, columns: slice) -> Tensor:
            piece = torch.from_numpy(np.array(self._stack[number, rows, columns]))
            piece = piece.to(self._device, self._dtype)
            return ((piece - self._lowest) / (self._highest - self._lowest))[None]

        return read


def reproducible(device: str) -> AbstractContextManager[None]:
    """Return the context in which a GPU gives the same bytes every time, in full float32."""
    if device == "cpu":
        return nullcontext()
    context: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    return context


def image_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return the type of images, gradients and moments beside convolutions in ``dtype``."""
    return torch.float64 if dtype == torch.float64 else torch.float32
