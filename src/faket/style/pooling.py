"""Pooling by largest or mean value, and replicate padding; each with its gradient.

torch's own max pooling stores its input and 64-bit indices until the backward pass. Here only the
number of the largest of four pixels is stored, 1 byte instead of 16 + 8. torch's own average
pooling takes several times as long if rows are contiguous in memory. torch's replicate padding adds
up its gradient in no fixed order on a GPU; adding slices has a fixed order.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from faket.data import AnyArray
from faket.style.kernels import (
    NOTHING,
    halve_planes,
    pool_image,
    spread_planes,
    unpool_image,
)

_CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))


def pool(image: Tensor) -> tuple[Tensor, Tensor]:
    """Return the largest of every 2 × 2 pixels or 0, and which it was.

    An odd last row or column is left out.

    Parameters
    ----------
    image : Tensor, shape (1, channels, y, x)

    Returns
    -------
    pooled : Tensor, shape (1, channels, y // 2, x // 2)
        With ReLU, which commutes with pooling and after it has only a quarter of the pixels.
    winner : Tensor of uint8, same shape
        0 to 3 in reading order, the first among equals; 4 if no pixel is positive.
    """
    shape = image.shape[1], image.shape[2] // 2, image.shape[3] // 2
    if suits_kernels(image):
        pooled, winner = empty(shape, image), empty(shape, image, torch.uint8)
        pool_image(as_pixels(image), as_pixels(pooled), as_pixels(winner))
        return pooled, winner
    pooled = _corner(image, 0).clone(memory_format=torch.channels_last)
    winner = torch.zeros_like(pooled, dtype=torch.uint8)
    for number in range(1, 4):
        candidate = _corner(image, number)
        winner.masked_fill_(candidate > pooled, number)
        torch.maximum(pooled, candidate, out=pooled)
    winner.masked_fill_(pooled <= 0, NOTHING)
    return pooled.relu_(), winner


def unpool(gradient: Tensor, winner: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the gradient by the image [1, channels, *size], given that by its pooled one."""
    out = empty((gradient.shape[1], *size), gradient)
    if size[0] % 2 or size[1] % 2:
        out.zero_()
    if suits_kernels(gradient):
        unpool_image(as_pixels(gradient), as_pixels(winner), as_pixels(out))
        return out
    for number in range(4):
        _corner(out, number).copy_(gradient * (winner == number))
    return out


def halve(images: Tensor) -> Tensor:
    """Return the mean of every 2 × 2 pixels; an odd last row or column is left out.

    Parameters
    ----------
    images : Tensor, shape (n, channels, y, x)
    """
    if not suits_kernels(images):
        return F.avg_pool2d(images, 2)
    n, channels, height, width = images.shape
    out = images.new_empty((n, channels, height // 2, width // 2))
    halve_planes(_planes(images.contiguous()), _planes(out))
    return out


def halve_back(gradient: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the gradient by the images [n, channels, *size], given that by :func:`halve`'s."""
    odd = size[0] % 2 or size[1] % 2
    out = (gradient.new_zeros if odd else gradient.new_empty)((*gradient.shape[:2], *size))
    if suits_kernels(gradient):
        spread_planes(_planes(gradient.contiguous()), _planes(out))
        return out
    for number in range(4):
        _corner(out, number).copy_(gradient / 4)
    return out


def suits_kernels(image: Tensor) -> bool:
    """Return whether the numba kernels can process the image."""
    return image.device.type == "cpu" and image.dtype == torch.float32


def empty(shape: tuple[int, int, int], like: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Return memory for an image [1, *shape], channels last."""
    return torch.empty(
        (1, *shape),
        dtype=dtype or like.dtype,
        device=like.device,
        memory_format=torch.channels_last,
    )


def as_pixels(image: Tensor) -> AnyArray:
    """Return the array [y, x, channel] of an image with channels last; no copy."""
    array: AnyArray = image[0].permute(1, 2, 0).contiguous().numpy()
    return array


def _planes(images: Tensor) -> AnyArray:
    """Return the array [plane, y, x] of contiguous images; no copy."""
    array: AnyArray = images.detach().view(-1, *images.shape[2:]).numpy()
    return array


def replicate(image: Tensor, padding: tuple[int, int, int, int]) -> Tensor:
    """Return the image [..., y, x] with its outermost pixels repeated once on some sides.

    Parameters
    ----------
    image : Tensor, shape (..., y, x)
    padding : tuple of int
        Above, below, left, right: 0 or 1.
    """
    above, below, left, right = padding
    rows = (image[..., :above, :], image, image[..., image.shape[-2] - below :, :])
    tall = torch.cat(rows, dim=-2)
    columns = (tall[..., :left], tall, tall[..., tall.shape[-1] - right :])
    return torch.cat(columns, dim=-1)


def replicate_back(gradient: Tensor, padding: tuple[int, int, int, int]) -> Tensor:
    """Return the gradient by the image, given that by :func:`replicate`'s result."""
    above, below, left, right = padding
    height, width = gradient.shape[-2] - above - below, gradient.shape[-1] - left - right
    wide = gradient[..., above : above + height, :].clone()
    if above:
        wide[..., :1, :] += gradient[..., :1, :]
    if below:
        wide[..., -1:, :] += gradient[..., -1:, :]
    out = wide[..., left : left + width].clone()
    if left:
        out[..., :1] += wide[..., :1]
    if right:
        out[..., -1:] += wide[..., -1:]
    return out


def _corner(image: Tensor, number: int) -> Tensor:
    dy, dx = _CORNERS[number]
    height, width = image.shape[-2] // 2 * 2, image.shape[-1] // 2 * 2
    return image[..., dy:height:2, dx:width:2]
