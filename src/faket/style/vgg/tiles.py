"""Where a tile of the image lies at every depth of a feature network, and how far it must see.

A tile owns some pixels: it contributes their part of every sum, and what their features add to
the gradient. To know these features it reads more: each convolution looks one pixel further on
every side, each pooling makes that pixel twice as wide. Where the tile meets the true border of
the image the convolutions pad; inside the image they read the neighbours instead.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from faket.errors import InputError

Padding = tuple[int, int, int, int]  # above, below, left, right: 0 or 1


@dataclass(frozen=True)
class PlannedLayer:
    """One convolution on the way to the deepest layer that is wanted.

    Attributes
    ----------
    name : str
        Name of its layer of activations.
    depth : int
        Number of poolings before it; its pixels are 2^depth image pixels wide.
    margin : int
        How many of its pixels beyond the owned ones are needed of its output.
    pooled : bool
        Whether pooling follows.
    wanted : bool
        Whether its activations enter the loss.
    """

    name: str
    depth: int
    margin: int
    pooled: bool
    wanted: bool


def plan_layers(
    network: str, convolutions_per_block: Sequence[int], layers: Collection[str]
) -> tuple[PlannedLayer, ...]:
    """Return the layers up to the deepest of ``layers``, the shallowest first.

    Raises
    ------
    InputError
        If the network has no such layer.
    """
    places = [
        (f"relu{block + 1}_{c}", block, c == count)
        for block, count in enumerate(convolutions_per_block)
        for c in range(1, count + 1)
    ]
    missing = sorted(set(layers) - {name for name, _, _ in places})
    if missing:
        raise InputError(f"network {network}: expected to have the layers {missing}, found none")
    deepest = max(i for i, (name, _, _) in enumerate(places) if name in layers)
    plan: list[PlannedLayer] = []
    margin = 0
    for i in range(deepest, -1, -1):
        name, depth, ends_block = places[i]
        pooled = ends_block and i < deepest
        margin = 2 * margin if pooled else margin
        plan.append(PlannedLayer(name, depth, margin, pooled, name in layers))
        margin += 1
    return tuple(reversed(plan))


@dataclass(frozen=True)
class Side:
    """The pixels ``start`` to ``stop`` that a tile owns of an axis of ``size`` pixels."""

    start: int
    stop: int
    size: int

    def owned(self, depth: int) -> tuple[int, int]:
        """Return first and last + 1 of the owned pixels after ``depth`` poolings."""
        at_end = self.stop == self.size
        return self.start >> depth, (self.size if at_end else self.stop) >> depth

    def extent(self, depth: int, margin: int) -> tuple[int, int]:
        """Return the same with ``margin`` more on each side, as far as the image goes."""
        start, stop = self.owned(depth)
        return max(0, start - margin), min(self.size >> depth, stop + margin)

    def padding(self, layer: PlannedLayer) -> tuple[int, int]:
        """Return how many pixels the convolution must pad before and behind: 0 or 1."""
        read, written = (self.extent(layer.depth, layer.margin + m) for m in (1, 0))
        return 1 - (written[0] - read[0]), 1 - (read[1] - written[1])


@dataclass(frozen=True)
class FeatureTile:
    """A rectangle of pixels that are owned."""

    y: Side
    x: Side

    def padding(self, layer: PlannedLayer) -> Padding:
        """Return the padding of a layer: above, below, left, right."""
        return self.y.padding(layer) + self.x.padding(layer)

    def reads(self, layer: PlannedLayer) -> tuple[slice, slice]:
        """Return the part of the whole image at this depth that the layer reads."""
        y, x = (side.extent(layer.depth, layer.margin + 1) for side in (self.y, self.x))
        return slice(*y), slice(*x)

    def owned(self, layer: PlannedLayer) -> tuple[slice, slice]:
        """Return where the owned pixels lie in the output of a layer."""
        slices = []
        for side in (self.y, self.x):
            first = side.extent(layer.depth, layer.margin)[0]
            start, stop = side.owned(layer.depth)
            slices.append(slice(start - first, stop - first))
        return slices[0], slices[1]


def cut(
    height: int, width: int, rows: int, columns: int, alignment: int
) -> list[list[FeatureTile]]:
    """Return rows of tiles that own every pixel once; all but the last end on the alignment."""
    sides = []
    for size, count in ((height, rows), (width, columns)):
        units = size // alignment
        edges = [round(i * units / count) * alignment for i in range(count)] + [size]
        sides.append([Side(start, stop, size) for start, stop in pairwise(edges)])
    return [[FeatureTile(y, x) for x in sides[1]] for y in sides[0]]


def choose_grid(
    height: int, width: int, alignment: int, reach: int, fits: Callable[[int, int], bool]
) -> tuple[int, int] | None:
    """Return rows and columns of the tiles that read fewest pixels; None where none fits.

    Parameters
    ----------
    height, width : int
        Of the image.
    alignment : int
        Tiles begin on its multiples.
    reach : int
        How far a tile reads beyond what it owns.
    fits : callable
        Tells whether a tile that reads so many rows and columns is small enough.
    """

    def longest(size: int, count: int) -> int:
        owned = -(-(size // alignment) // count) * alignment + size % alignment
        return min(size, owned + reach * (1 if count == 2 else 2))

    best: tuple[int, int, int] | None = None
    for rows in range(1, height // alignment + 1):
        for columns in range(1, width // alignment + 1):
            if fits(longest(height, rows), longest(width, columns)):
                read = (height + 2 * reach * (rows - 1)) * (width + 2 * reach * (columns - 1))
                best = min(best or (read, rows, columns), (read, rows, columns))
                break  # more columns only read more
    return None if best is None else best[1:]
