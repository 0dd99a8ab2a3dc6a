"""Forward and backward through the ``texture`` network without autograd, tile by tile.

As :func:`faket.style.texture.network.activations` and torch's gradient of it, in a third of the
time on a CPU: convolutions of one channel, pooling and ReLU are few operations a pixel, for which
moving activations through memory and allocating them anew is what costs.

A tile also reads a border, wide enough that what it owns is as in the whole image; sums over
pixels are taken over what tiles own. The result does not depend on the tiles.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from faket.style.pooling import halve, halve_back, suits_kernels
from faket.style.texture.kernels import filter_back, filter_image, spread_where_positive
from faket.style.texture.network import KERNEL, LEVELS, Blocks, bordered

# Rows and columns. On a CPU small enough for memory to be used again, on a GPU large, for there it
# is the number of kernels that takes the time.
_TILE_PX = {"cpu": (512, 1024), "cuda": (2048, 2048)}
_TAPE_PX = 2**21  # images up to this size keep the activations of all tiles for the gradient
_HALO_PX = 64  # more than the coarsest filters see
_ALIGNMENT_PX = 2 ** (LEVELS - 1)


def forward(image: Tensor, blocks: Blocks) -> list[Tensor]:
    """Return the activations [channels, y', x'] of every level of an image [y, x]."""
    found: list[Tensor] = []
    for points, filters, *deep in blocks:
        if found:
            image = halve(image[None, None])[0, 0]
        count = 1 + sum(len(bias) for _, bias in (points, filters, *deep))
        level = image.new_empty((count, *image.shape))
        of_constant, of_points, of_filters, of_deep = _parts(level, points, filters)
        of_constant.fill_(1)
        for out, weight, bias in zip(of_points, *points, strict=True):
            torch.mul(image, weight.flatten(), out=out).add_(bias).relu_()
        _filter(bordered(image, KERNEL // 2), *filters, of_filters)
        for pair in deep:
            of_deep.copy_(F.conv2d(halve(found[-1][None]), *pair, padding=1)[0].relu_())
        found.append(level)
    return found


def backward(found: Sequence[Tensor], gradients: Sequence[Tensor], blocks: Blocks) -> Tensor:
    """Return the gradient by the image [y, x].

    Parameters
    ----------
    found : sequence of Tensor, shape (channels, y', x')
        What :func:`forward` returned.
    gradients : sequence of Tensor, shape (channels, y', x')
        By what was found; they are overwritten.
    blocks : sequence of levels

    Returns
    -------
    Tensor, shape (y, x)
    """
    out = by_halved = None
    for level, gradient, (points, filters, *deep) in zip(
        reversed(found), reversed(gradients), reversed(blocks), strict=True
    ):
        size = (level.shape[1], level.shape[2])
        _mask(gradient, level, by_halved)
        _, of_points, of_filters, of_deep = _parts(gradient, points, filters)
        by_image = _filter_back(of_filters, filters[0])
        by_image += (points[0].flatten() @ of_points.flatten(1)).view(size)
        if out is not None:
            by_image += halve_back(out[None, None], size)[0, 0]
        out = by_image
        for weight, _ in deep:
            by_halved = F.conv_transpose2d(of_deep[None], weight, padding=1)
    assert out is not None
    return out


def _parts(
    level: Tensor, points: tuple[Tensor, Tensor], filters: tuple[Tensor, Tensor]
) -> Sequence[Tensor]:
    """Return views of the constant, the points, the filters and what looks at the level before."""
    ends = list(itertools.accumulate((1, len(points[1]), len(filters[1]))))
    return level.tensor_split(ends)


def _filter(image: Tensor, weight: Tensor, bias: Tensor, out: Tensor) -> None:
    if suits_kernels(image):
        filter_image(image.numpy(), weight[:, 0].numpy(), bias.numpy(), out.numpy())
    else:
        out.copy_(F.conv2d(image[None, None], weight, bias)[0].relu_())


def _filter_back(gradients: Tensor, weight: Tensor) -> Tensor:
    """Return the gradient by the image without its border, which repeats the outermost pixels."""
    border = KERNEL - 1
    if suits_kernels(gradients):
        out = gradients.new_empty((gradients.shape[1] + border, gradients.shape[2] + border))
        filter_back(gradients.numpy(), weight[:, 0].numpy(), out.numpy())
    else:
        out = F.conv_transpose2d(gradients[None], weight)[0, 0]
    for axis in (0, 1):
        first, inside, last = out.tensor_split((border // 2, out.shape[axis] - border // 2), axis)
        inside.select(axis, 0).add_(first.sum(axis))
        inside.select(axis, -1).add_(last.sum(axis))
        out = inside
    return out.contiguous()


def _mask(gradient: Tensor, level: Tensor, by_halved: Tensor | None) -> None:
    """Add the gradient from the coarser level, and take ReLU's."""
    size = (level.shape[1], level.shape[2])
    if by_halved is not None and suits_kernels(gradient):
        spread_where_positive(by_halved[0].contiguous().numpy(), level.numpy(), gradient.numpy())
        return
    if by_halved is not None:
        gradient += halve_back(by_halved, size)[0]
    gradient.masked_fill_(level <= 0, 0)


def measure_grams(
    image: Tensor, blocks: Blocks, tape: "list[Piece] | None" = None
) -> dict[str, Tensor]:
    """Return the Gram matrices F Fᵀ / (y x) of every level of an image.

    Parameters
    ----------
    image : Tensor, shape (y, x)
        Of mean 0 and standard deviation 1.
    blocks : sequence of levels
        Of the network, on the image's device and of its type.
    tape : list, optional
        Is given the tiles' activations, for :func:`pull_back`, if the image is not too large.

    Returns
    -------
    dict of level name to Tensor, shape (channels, channels), float64
    """
    total: dict[str, Tensor] = {}
    sizes = _level_sizes(image)
    for tile in _tiles(image):
        piece = Piece(tile, forward(image[tile.read], blocks))
        for depth, name in enumerate(names()):
            flat = piece.owned(depth)
            total[name] = total.get(name, 0) + (flat @ flat.T).double() / sizes[depth]
        if tape is not None and image.numel() <= _TAPE_PX:
            tape.append(piece)
    return total


def pull_back(
    image: Tensor, weights: Mapping[str, Tensor], blocks: Blocks, tape: "Sequence[Piece]" = ()
) -> Tensor:
    """Return N times the gradient of Σ weights · grams by an image's N pixels.

    Parameters
    ----------
    image : Tensor, shape (y, x)
    weights : mapping of level name to Tensor, shape (channels, channels)
    blocks : sequence of levels
    tape : sequence of Piece
        What :func:`measure_grams` left of the same image; made anew if empty.

    Returns
    -------
    Tensor, shape (y, x)
    """
    out = torch.zeros_like(image)
    sizes = _level_sizes(image)
    both = {
        name: ((w + w.T) * (image.numel() / size)).to(image)
        for (name, w), size in zip(weights.items(), sizes, strict=True)
    }
    for piece in tape or (Piece(t, forward(image[t.read], blocks)) for t in _tiles(image)):
        seeds = [
            _zero_around((both[name] @ f.flatten(1)).view_as(f), piece.tile.owned_at(depth))
            for depth, (name, f) in enumerate(zip(names(), piece.found, strict=True))
        ]
        out[piece.tile.read] += backward(piece.found, seeds, blocks)
    return out


def names() -> list[str]:
    """Return the levels' names, the finest first."""
    return [f"level{b}" for b in range(1, LEVELS + 1)]


@dataclass(frozen=True)
class BorderedTile:
    """Rows and columns that a tile owns, and those that it reads."""

    owned: tuple[slice, slice]
    read: tuple[slice, slice]

    def owned_at(self, depth: int) -> tuple[slice, slice]:
        """Return where what it owns lies in its activations after ``depth`` poolings."""
        parts = []
        for own, read in zip(self.owned, self.read, strict=True):
            first = read.start >> depth
            parts.append(slice((own.start >> depth) - first, (own.stop >> depth) - first))
        return parts[0], parts[1]


@dataclass(frozen=True, eq=False)
class Piece:
    """A tile and the activations of every level."""

    tile: BorderedTile
    found: list[Tensor]

    def owned(self, depth: int) -> Tensor:
        """Return the activations [channels, pixels] of what the tile owns."""
        return self.found[depth][:, *self.tile.owned_at(depth)].flatten(1)


def _tiles(image: Tensor) -> Iterator[BorderedTile]:
    sides = []
    for size, longest in zip(image.shape, _TILE_PX[image.device.type], strict=True):
        count = max(1, -(-size // longest))
        units = size // _ALIGNMENT_PX
        edges = [i * units // count * _ALIGNMENT_PX for i in range(count)] + [size]
        sides.append(
            [
                (slice(a, b), slice(max(0, a - _HALO_PX), min(size, b + _HALO_PX)))
                for a, b in itertools.pairwise(edges)
            ]
        )
    for y, read_y in sides[0]:
        for x, read_x in sides[1]:
            yield BorderedTile((y, x), (read_y, read_x))


def _zero_around(values: Tensor, where: tuple[slice, slice]) -> Tensor:
    """Set values [channels, y, x] to zero but there."""
    rows, columns = where
    for outside in (values[:, : rows.start], values[:, rows.stop :]):
        outside.zero_()
    for outside in (values[:, :, : columns.start], values[:, :, columns.stop :]):
        outside.zero_()
    return values


def _level_sizes(image: Tensor) -> list[int]:
    return [(image.shape[0] >> b) * (image.shape[1] >> b) for b in range(LEVELS)]
