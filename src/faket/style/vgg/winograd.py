"""3 × 3 convolutions in a quarter of the products, for float32 on the CPU.

The sums of :mod:`faket.style.vgg.winograd_kernels` around 36 matrix products. In float32 the error
is within twice that of the direct convolution (7e-7 against 4e-7 of the norm, 256 channels).
"""

import math

import numba
import torch
from torch import Tensor

from faket.data import AnyArray, FloatArray
from faket.style.kernels import LANES
from faket.style.pooling import as_pixels, empty
from faket.style.vgg.winograd_kernels import (
    image_to_patches,
    pooled_to_patches,
    products_to_image,
    products_to_pooled,
    transform_filters,
)

Padding = tuple[int, int, int, int]

# Patches and products that are held at a time: enough work for a thread, still in the cache.
WORKSPACE_BYTES = 24 * 2**20

# Below that the transformed images outweigh the products that are saved.
_FEWEST_CHANNELS = 64

# Filters are transformed again for every image; a smaller image is not worth it.
_FEWEST_PIXELS = 1024


def pays(weight: Tensor, pixels: int) -> bool:
    """Tell whether this way is possible, and faster than the direct one."""
    channels = weight.shape[:2]
    return (
        weight.device.type == "cpu"
        and weight.dtype == torch.float32
        and min(channels) >= _FEWEST_CHANNELS
        and not any(c % LANES for c in channels)
        and pixels >= _FEWEST_PIXELS
    )


def convolve(
    image: Tensor, weight: Tensor, bias: Tensor, padding: Padding, origin: tuple[int, int]
) -> Tensor:
    """Return ReLU(image * weight + bias), zeros padded.

    Parameters
    ----------
    image : Tensor, shape (1, in, y, x)
        Channels last in memory.
    weight : Tensor, shape (out, in, 3, 3)
    bias : Tensor, shape (out,)
    padding : tuple of int
        Above, below, left, right.
    origin : (int, int)
        Row and column of the output's first pixel in the whole image. Patches keep to the whole
        image's grid, so that a pixel is rounded alike in whatever piece it is computed.
    """
    out = empty((weight.shape[0], *_size(image, padding)), image)
    _run(as_pixels(image), None, weight, bias, 0.0, padding, origin, as_pixels(out), None)
    return out


def convolve_and_pool(
    image: Tensor, weight: Tensor, bias: Tensor, padding: Padding, origin: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Return the 2 × 2 maxima of :func:`convolve` and which pixel each was, of 0 to 3.

    The winner is 4 where no pixel was positive. The unpooled image is never written out.
    ``origin`` is even.
    """
    height, width = (n // 2 for n in _size(image, padding))
    out = empty((weight.shape[0], height, width), image)
    winner = empty((weight.shape[0], height, width), image, torch.uint8)
    _run(
        as_pixels(image),
        None,
        weight,
        bias,
        0.0,
        padding,
        origin,
        as_pixels(out),
        as_pixels(winner),
    )
    return out, winner


def convolve_back(
    gradient: Tensor,
    winner: Tensor | None,
    weight: Tensor,
    padding: Padding,
    origin: tuple[int, int],
    size: tuple[int, int],
) -> Tensor:
    """Return the gradient by the image [1, in, *size], given that by the convolution's output.

    The transposed convolution. With ``winner``, ``gradient`` is that by the pooled output.
    ``origin`` is that of the image.
    """
    out = empty((weight.shape[1], *size), gradient)
    above, below, left, right = (2 - p for p in padding)
    image, won = as_pixels(gradient), None if winner is None else as_pixels(winner)
    transposed = weight.flip(2, 3).transpose(0, 1)
    none = weight.new_zeros(weight.shape[1])
    around = above, below, left, right
    _run(image, won, transposed, none, -math.inf, around, origin, as_pixels(out), None)
    return out


def _run(
    image: FloatArray,
    winner_in: AnyArray | None,
    weight: Tensor,
    bias: Tensor,
    lowest: float,
    padding: Padding,
    origin: tuple[int, int],
    out: FloatArray,
    winner_out: AnyArray | None,
) -> None:
    """Convolve, a few rows of tiles at a time; unpool first or pool afterwards."""
    filters = _filters(weight)
    side = 4 if winner_out is None else 2
    # The first tile begins on the whole image's grid, before the output does.
    above, before = origin[0] % 4, origin[1] % 4
    top, left = -above * side // 4, -before * side // 4
    top_in, left_in = -above - padding[0], -before - padding[2]
    rows, columns = -(-(out.shape[0] - top) // side), -(-(out.shape[1] - left) // side)
    _, ci, co = filters.shape
    at_once = max(1, min(rows, WORKSPACE_BYTES // (36 * 4 * columns * (ci + co))))
    patches, products = (torch.empty(36 * at_once * columns * c) for c in (ci, co))
    parts = numba.get_num_threads() * 4
    for row in range(0, rows, at_once):
        tiles = min(at_once, rows - row) * columns
        v = patches[: 36 * tiles * ci].view(36, tiles, ci)
        m = products[: 36 * tiles * co].view(36, tiles, co)
        if winner_in is None:
            image_to_patches(image, top_in, left_in, row, columns, v.numpy(), parts)
        else:
            pooled_to_patches(image, winner_in, top_in, left_in, row, columns, v.numpy(), parts)
        torch.bmm(v, filters, out=m)
        done, shift = m.numpy(), bias.numpy()
        if winner_out is None:
            products_to_image(done, shift, lowest, top, left, row, columns, out, parts)
        else:
            products_to_pooled(done, shift, top, left, row, columns, out, winner_out, parts)


def _filters(weight: Tensor) -> Tensor:
    """Return G g Gᵀ of all filters, [36, in, out]."""
    filters = torch.empty(36, weight.shape[1], weight.shape[0])
    transform_filters(weight.permute(2, 3, 1, 0).numpy(), filters.numpy())
    return filters


def _size(image: Tensor, padding: Padding) -> tuple[int, int]:
    above, below, left, right = padding
    return image.shape[2] + above + below - 2, image.shape[3] + left + right - 2
