"""Max pooling that remembers one byte a pixel, and replicate padding with a fixed order of sums.

torch's own max pooling keeps its input and 64-bit indices until the backward pass; kept here is
only which of the four pixels was largest: 1 byte for 16 + 8 bytes. torch's replicate padding
adds up its gradient in no fixed order on a GPU; joining slices has one.
"""

from typing import Any

import torch
from torch import Tensor

_CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))


class _MaxPool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor) -> Tensor:
        largest = _corner(image, 0)
        winner = torch.zeros_like(largest, dtype=torch.uint8)
        for number in range(1, 4):
            candidate = _corner(image, number)
            winner.masked_fill_(candidate > largest, number)
            largest = torch.maximum(largest, candidate)
        ctx.save_for_backward(winner)
        ctx.size = image.shape
        return largest

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (gradient,) = gradients
        (winner,) = ctx.saved_tensors
        out = torch.empty(
            ctx.size,
            dtype=gradient.dtype,
            device=gradient.device,
            memory_format=torch.channels_last,
        ).zero_()
        for number in range(4):
            _corner(out, number).copy_(gradient * (winner == number))
        return out


def max_pool(image: Tensor) -> Tensor:
    """Return the largest of every 2 × 2 pixels; an odd last row or column is left out.

    Parameters
    ----------
    image : Tensor, shape (1, channels, y, x)

    Returns
    -------
    Tensor, shape (1, channels, y // 2, x // 2)
    """
    pooled: Tensor = _MaxPool.apply(image)  # type: ignore[no-untyped-call]
    return pooled


def replicate_border(image: Tensor) -> Tensor:
    """Return the image [..., y, x] with its outermost pixels repeated once on every side."""
    tall = torch.cat((image[..., :1, :], image, image[..., -1:, :]), dim=-2)
    return torch.cat((tall[..., :1], tall, tall[..., -1:]), dim=-1)


def _corner(image: Tensor, number: int) -> Tensor:
    dy, dx = _CORNERS[number]
    height, width = image.shape[-2] // 2 * 2, image.shape[-1] // 2 * 2
    return image[..., dy:height:2, dx:width:2]
