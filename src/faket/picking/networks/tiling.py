"""Overlapping tiles, of which only the middle is kept."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product

from faket.errors import InputError
from faket.picking.networks.network import STRIDE

Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Tile:
    """One tile: what the network gets, and what is kept of its output.

    Attributes
    ----------
    box : slices z y x
        Of the (padded) volume: the input of the network.
    core : slices z y x
        Of the tile: the part of the output that is kept.
    place : slices z y x
        Of the volume: where that part is.
    """

    box: Box
    core: Box
    place: Box


def cover(shape: tuple[int, int, int], *, tile: int, margin: int) -> Iterator[Tile]:
    """Cover a volume with equal tiles whose cores touch and do not overlap.

    All tiles start at multiples of 4 voxels, so that the network's pooling falls on the same
    voxels in each; if the margin is as wide as the network's field of view, the result does not
    depend on the tiling. Tiles are no larger than necessary. At the border of the volume they have
    no margin, like training patches there.

    Parameters
    ----------
    shape : tuple of int
        Of the volume; sides multiples of 4.
    tile : int
        Largest side of a tile.
    margin : int
        Voxels on each inner side that the network gets but whose output is not kept.

    Raises
    ------
    InputError
        If the margins of a tile leave nothing to keep.
    """
    if margin < 0:
        raise InputError(
            f"segmentation: expected a margin of 0 or more voxels, found {margin}; choose another"
        )
    overlap = 2 * -(-margin // STRIDE) * STRIDE
    smallest = overlap + 2 * STRIDE
    if tile < smallest:
        raise InputError(
            f"segmentation: expected tiles of at least {smallest} voxels (two margins of {margin} "
            f"and {2 * STRIDE} to keep), found {tile}; take a larger `tile`"
        )
    longest = tile // STRIDE * STRIDE
    for spans in product(*(_spans(size, longest, overlap) for size in shape)):
        z, y, x = spans
        yield Tile((z[0], y[0], x[0]), (z[1], y[1], x[1]), (z[2], y[2], x[2]))


def padded_shape(shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return the shape rounded up to multiples of 4."""
    z, y, x = (-(-size // STRIDE) * STRIDE for size in shape)
    return z, y, x


def _spans(size: int, longest: int, overlap: int) -> list[tuple[slice, slice, slice]]:
    """Return (box, core, place) of the tiles along one axis."""
    if size <= longest:
        return [(slice(0, size), slice(0, size), slice(0, size))]
    count = math.ceil((size - overlap) / (longest - overlap))
    length = math.ceil((size + (count - 1) * overlap) / count / STRIDE) * STRIDE
    last = size - length
    starts = [round(i * last / (count - 1) / STRIDE) * STRIDE for i in range(count)]
    # Cores meet in the middle of the overlaps, at even voxels, so that binning by 2 splits none.
    middles = [(a + length + b) // 4 * 2 for a, b in pairwise(starts)]
    edges = [0, *middles, size]
    return [
        (slice(s, s + length), slice(a - s, b - s), slice(a, b))
        for s, a, b in zip(starts, edges[:-1], edges[1:], strict=True)
    ]
