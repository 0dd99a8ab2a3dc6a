"""Overlapping tiles: every voxel is taken from the tile in whose middle it lies."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product

from faket.errors import InputError
from faket.picking.deepfinder.network import STRIDE

Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Tile:
    """Where to look and what to keep.

    Attributes
    ----------
    box : slices z y x
        Of the (padded) volume, to be given to the network.
    core : slices z y x
        Of the tile: the part to keep.
    place : slices z y x
        Of the volume: where the core belongs.
    """

    box: Box
    core: Box
    place: Box


def cover(shape: tuple[int, int, int], *, tile: int, margin: int) -> Iterator[Tile]:
    """Cover a volume with equal tiles whose cores touch and do not overlap.

    All tiles start at multiples of 4 voxels, so that the network's pooling falls on the same
    voxels in each, and the result does not depend on the tiling where the margin is as wide as
    the network looks. Tiles are no larger than need be; at the volume's border they have no
    margin, as training patches there have none.

    Parameters
    ----------
    shape : tuple of int
        Of the volume; sides multiples of 4.
    tile : int
        Largest side of a tile.
    margin : int
        Voxels on each inner side that are looked at and not kept.

    Raises
    ------
    InputError
        If the tile leaves nothing to keep.
    """
    if margin < 0:
        raise InputError(f"segmentation: expected a margin of 0 or more voxels, found {margin}")
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
    # Cores meet in the middle of the overlaps, at even voxels: binning by 2 splits none.
    middles = [(a + length + b) // 4 * 2 for a, b in pairwise(starts)]
    edges = [0, *middles, size]
    return [
        (slice(s, s + length), slice(a - s, b - s), slice(a, b))
        for s, a, b in zip(starts, edges[:-1], edges[1:], strict=True)
    ]
