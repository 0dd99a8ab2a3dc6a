"""Sums and gradients of the loss over whole images, tile by tile within a limit of memory."""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from faket.errors import InputError
from faket.style.images import Reader, image_dtype
from faket.style.network import FeatureNetwork
from faket.style.vgg.convolution import place
from faket.style.vgg.loss import Coefficients, Sums
from faket.style.vgg.memory import footprint
from faket.style.vgg.passes import Layers, TapeEntry, backward, forward, visit_features
from faket.style.vgg.tiles import FeatureTile, choose_grid, cut, plan_layers


@dataclass(frozen=True, eq=False)
class Engine:
    """The loss of images of one size.

    Attributes
    ----------
    network : FeatureNetwork
    layers : Layers
        As deep as style and content need.
    content_layers : Layers or None
        As deep as the content needs; None for the style alone.
    tiles : list of list of FeatureTile
        Rows of tiles.
    """

    network: FeatureNetwork
    layers: Layers
    content_layers: Layers | None
    tiles: list[list[FeatureTile]]

    def style_sums(self, image: Reader) -> Sums:
        """Return the sums over the whole image that make its style."""
        sums = Sums()
        for tile in self._all():
            visit_features(self.layers, _read(image, self.layers, tile), tile, sums.add_style)
        return sums

    def gradient(
        self, image: Reader, content: Reader, targets: Mapping[str, Tensor]
    ) -> Iterator[tuple[slice, Tensor]]:
        """Yield bands of rows, and the gradient [channels, y, x] of the loss by their pixels.

        When a band is yielded, its rows of the image have been read for the last time.

        Parameters
        ----------
        image, content : Reader
        targets : mapping of layer name to Tensor, shape (channels, channels)
            Gram matrices of the style.
        """
        sums, tape = Sums(), []
        for tile in self._all():
            tape = self._forward(image, content, tile, sums)
            if len(self._all()) > 1:
                tape = []  # the next pass makes it again
        coefficients, scale = self._coefficients(sums, targets)
        band, begin = torch.empty(0), 0
        for i, row in enumerate(self.tiles):
            band = self._extended(band, row[0].reads(self.layers.plan[0])[0].stop - begin)
            for tile in row:
                tape = tape or self._forward(image, content, tile, None)
                pixels = _read(image, self.layers, tile)
                part = backward(self.layers, pixels, tile, tape, coefficients)
                y, x = tile.reads(self.layers.plan[0])
                band[:, y.start - begin : y.stop - begin, x] += part.to(band.dtype) / scale
                del part
            below = self.tiles[i + 1 :]
            end = below[0][0].reads(self.layers.plan[0])[0].start if below else row[0].y.size
            if end > begin:
                yield slice(begin, end), band[:, : end - begin]
                band, begin = band[:, end - begin :].clone(), end

    def _forward(
        self, image: Reader, content: Reader, tile: FeatureTile, sums: Sums | None
    ) -> list[TapeEntry]:
        kept: dict[str, Tensor] = {}

        def keep(layer: str, features: Tensor) -> None:
            kept[layer] = features.permute(1, 2, 0).contiguous().permute(2, 0, 1)

        if self.content_layers is not None:
            pixels = _read(content, self.content_layers, tile)
            visit_features(self.content_layers, pixels, tile, keep)
        pixels = _read(image, self.layers, tile)
        return forward(self.layers, pixels, tile, kept, self.network.style_weights, sums)

    def pixels(self) -> dict[str, int]:
        """Return how many pixels each layer has of a whole image."""
        height, width = self.tiles[0][0].y.size, self.tiles[0][0].x.size
        return {s.name: (height >> s.depth) * (width >> s.depth) for s in self.layers.plan}

    def _coefficients(
        self, sums: Sums, targets: Mapping[str, Tensor]
    ) -> tuple[Coefficients, float]:
        """Return the coefficients and what they are scaled by: half precision has no small."""
        weights = self.network.style_weights, self.network.content_weights
        found = Coefficients.of(sums, targets, self.pixels(), *weights)
        if self.layers.first.weight.element_size() > 2 or found.largest() == 0:
            return found, 1.0
        scale = 2.0 ** round(-4 - math.log2(found.largest()))
        return found.scaled(scale), scale

    def _extended(self, band: Tensor, rows: int) -> Tensor:
        """Return the band with zeros below, ``rows`` in all."""
        weight = self.layers.first.weight
        shape = (weight.shape[1], rows, self.tiles[0][0].x.size)
        out = torch.zeros(shape, dtype=image_dtype(weight.dtype), device=weight.device)
        if band.numel():
            out[:, : band.shape[1]] = band
        return out

    def _all(self) -> list[FeatureTile]:
        return [tile for row in self.tiles for tile in row]


def prepare(
    network: FeatureNetwork,
    size: tuple[int, int],
    device: str,
    dtype: torch.dtype,
    *,
    content: bool,
    memory_limit: int,
    state: int = 0,
) -> Engine:
    """Return the engine for images of a size.

    Parameters
    ----------
    network : FeatureNetwork
    size : (int, int)
        y and x of the images.
    device : str
    dtype : torch.dtype
        Of images, weights and activations.
    content : bool
        False for the style alone.
    memory_limit : int
        Bytes, beyond input and output.
    state : int
        Bytes of the limit that others use.

    Raises
    ------
    InputError
        If the limit is too small for the smallest tiles.
    """
    by_content = network.content_weights if content else {}
    wanted = {*network.style_weights, *by_content}
    layers = _layers(network, wanted, device, dtype)
    content_layers = _layers(network, by_content, device, dtype) if by_content else None
    alignment = 1 << layers.plan[-1].depth
    reach = layers.plan[0].margin + 1
    need = footprint(layers, network.style_weights, by_content)

    def needed(rows: int, columns: int) -> float:
        band = rows * size[1] * network.channels_in * image_dtype(dtype).itemsize
        return state + need.always + need.per_pixel * rows * columns + band

    grid = choose_grid(*size, alignment, reach, lambda r, c: needed(r, c) <= memory_limit)
    if grid is None:
        smallest = needed(*(min(n, 2 * alignment + 2 * reach) for n in size))
        raise InputError(
            f"`memory_limit`: expected at least {-(-smallest // 10**6) / 1e3:g} GB for images of "
            f"{size[0]} x {size[1]} and network {network.name}, found {memory_limit / 1e9:g} GB"
        )
    return Engine(network, layers, content_layers, cut(*size, *grid, alignment))


def _layers(
    network: FeatureNetwork, wanted: Collection[str], device: str, dtype: torch.dtype
) -> Layers:
    plan = plan_layers(network.name, [len(block) for block in network.blocks], wanted)
    return Layers(plan, *place(network, plan, device, dtype))


def _read(image: Reader, layers: Layers, tile: FeatureTile) -> Tensor:
    return image(*tile.reads(layers.plan[0]))[None]
