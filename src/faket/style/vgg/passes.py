"""One tile through a feature network: forward to sums over its pixels, backward to the gradient.

Written by hand, not by autograd: the gradient by the image alone needs no activations but for
their signs and the style layers.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from faket.style.pooling import empty, pool, replicate, unpool
from faket.style.vgg.convolution import Convolution, FirstConvolution
from faket.style.vgg.loss import AT_ONCE, Coefficients, Sums
from faket.style.vgg.tiles import FeatureTile, PlannedLayer


@dataclass(frozen=True, eq=False)
class Layers:
    """A feature network, placed and planned as deep as some layers need.

    Attributes
    ----------
    plan : tuple of PlannedLayer
    first : FirstConvolution
    others : tuple of Convolution
        Those of the layers after the first, and perhaps more.
    """

    plan: tuple[PlannedLayer, ...]
    first: FirstConvolution
    others: tuple[Convolution, ...]


@dataclass(eq=False)
class TapeEntry:
    """What the backward pass needs of a layer's forward pass.

    Attributes
    ----------
    layer : PlannedLayer
    size : (int, int)
        y and x of what the layer read.
    features : Tensor, shape (1, channels, y, x), or None
        The activations, where the style needs them. None for the first layer, whose activations
        are quickly made again.
    positive : Tensor of bool, same shape, or None
        Where the activations are positive, if neither they nor the pooling tell.
    winner : Tensor of uint8 or None
        Of the pooling.
    difference : Tensor, shape (channels, y, x), or None
        Of the content, zero where the activations are not positive.
    """

    layer: PlannedLayer
    size: tuple[int, int]
    features: Tensor | None = None
    positive: Tensor | None = None
    winner: Tensor | None = None
    difference: Tensor | None = None


def visit_features(
    layers: Layers, image: Tensor, tile: FeatureTile, visit: Callable[[str, Tensor], None]
) -> None:
    """Show ``visit`` the owned pixels' activations [channels, y, x] of every wanted layer.

    Parameters
    ----------
    layers : Layers
    image : Tensor, shape (1, channels or 1, y, x)
        The pixels that the first layer reads, in [0, 1].
    tile : FeatureTile
    visit : callable
        Takes a layer's name and its activations.
    """

    def show(entry: TapeEntry, features: Tensor) -> None:
        if entry.layer.wanted:
            visit(entry.layer.name, features[0][:, *tile.owned(entry.layer)])

    _walk(layers, image, tile, show)


def forward(
    layers: Layers,
    image: Tensor,
    tile: FeatureTile,
    content: Mapping[str, Tensor],
    style: Collection[str],
    sums: Sums | None,
) -> list[TapeEntry]:
    """Return the tape entries of all layers, and add the tile's owned pixels to the sums, if any.

    Parameters
    ----------
    layers, image, tile
        As in :func:`visit_features`.
    content : mapping of layer name to Tensor, shape (channels, y', x')
        The content's activations of the owned pixels; overwritten by the differences.
    style : collection of str
        Names of the style's layers.
    sums : Sums or None
    """

    def note(entry: TapeEntry, features: Tensor) -> None:
        layer = entry.layer
        owned = features[0][:, *tile.owned(layer)]
        if layer.name in style and sums is not None:
            sums.add_style(layer.name, owned)
        if layer.name in content:
            entry.difference = torch.sub(owned, content[layer.name], out=content[layer.name])
            if sums is not None:
                sums.add_content(layer.name, entry.difference)
            entry.difference.masked_fill_(owned <= 0, 0)
        if layer is not layers.plan[0] and layer.name in style:
            entry.features = features
        elif layer is not layers.plan[0] and not layer.pooled:
            entry.positive = features > 0

    return _walk(layers, image, tile, note)


def backward(
    layers: Layers,
    image: Tensor,
    tile: FeatureTile,
    tape: list[TapeEntry],
    coefficients: Coefficients,
) -> Tensor:
    """Return the gradient [channels, y, x] by the pixels that the first layer reads.

    It holds what the owned pixels' features contribute. The tape is used up.
    """
    gradient: Tensor | None = None
    while len(tape) > 1:
        entry = tape.pop()
        convolution, padding = layers.others[len(tape) - 1], tile.padding(entry.layer)
        if entry.layer.wanted or gradient is None or entry.winner is None:
            gradient = _by_outputs(entry, gradient, convolution.weight, tile, coefficients)
            entry.winner = None
        gradient = convolution.backward(gradient, entry.winner, padding, entry.size)
    gradient = _by_first_outputs(layers.first, image, tile, tape.pop(), gradient, coefficients)
    return layers.first.backward(gradient, tile.padding(layers.plan[0]))[0]


def _walk(
    layers: Layers, image: Tensor, tile: FeatureTile, visit: Callable[[TapeEntry, Tensor], None]
) -> list[TapeEntry]:
    """Go to the deepest layer; show ``visit`` the wanted activations and those not pooled."""
    tape: list[TapeEntry] = []
    x = image
    for i, layer in enumerate(layers.plan):
        entry = TapeEntry(layer, (x.shape[2], x.shape[3]))
        padding = tile.padding(layer)
        tape.append(entry)
        if i and layer.pooled and not layer.wanted:
            x, entry.winner = layers.others[i - 1].forward_pooled(x, padding)
            continue
        convolution = layers.others[i - 1] if i else layers.first
        x = convolution.forward(x, padding)
        visit(entry, x)
        if layer.pooled:
            x, entry.winner = pool(x)
    return tape


def _by_outputs(
    entry: TapeEntry,
    gradient: Tensor | None,
    weight: Tensor,
    tile: FeatureTile,
    coefficients: Coefficients,
) -> Tensor:
    """Return the gradient by a convolution's output before ReLU, given that by what came of it.

    What of the entry is used up is let go.
    """
    layer = entry.layer
    above, below, left, right = tile.padding(layer)
    size = entry.size[0] + above + below - 2, entry.size[1] + left + right - 2
    if gradient is None:
        gradient = empty((weight.shape[0], *size), weight).zero_()
    elif entry.winner is not None:
        gradient = unpool(gradient, entry.winner, size)
    owned = gradient[0][:, *tile.owned(layer)]
    if entry.features is not None:
        if layer.name in coefficients.style:
            features = entry.features[0][:, *tile.owned(layer)]
            coefficients.add_style(layer.name, features, owned)
        _relu_back(gradient, entry.features)
        entry.features = None
    elif entry.positive is not None:
        gradient.mul_(entry.positive)
        entry.positive = None
    if entry.difference is not None:
        coefficients.add_content(layer.name, entry.difference, owned)
        entry.difference = None
    return gradient


def _by_first_outputs(
    first: FirstConvolution,
    image: Tensor,
    tile: FeatureTile,
    entry: TapeEntry,
    gradient: Tensor | None,
    coefficients: Coefficients,
) -> Tensor:
    """Do as :func:`_by_outputs` for the first layer, its activations made again row by row."""
    whole = _by_outputs(entry, gradient, first.weight, tile, coefficients)
    padded = replicate(image, tile.padding(entry.layer))
    owned, columns = tile.owned(entry.layer)
    at_once = max(1, AT_ONCE // (whole.shape[1] * whole.shape[3]))
    for start in range(0, whole.shape[2], at_once):
        band = whole[:, :, start : start + at_once]
        features = first.forward_padded(padded[:, :, start : start + at_once + 2])
        rows = slice(max(owned.start - start, 0), max(owned.stop - start, 0))
        if entry.layer.name in coefficients.style and rows.start < rows.stop:
            pieces = (tensor[0][:, rows, columns] for tensor in (features, band))
            coefficients.add_style(entry.layer.name, *pieces)
        _relu_back(band, features)
    return whole


def _relu_back(gradient: Tensor, activations: Tensor) -> None:
    """Set the gradient to 0 where the activations are: ReLU's own backward pass, in place."""
    back = torch.ops.aten.threshold_backward.grad_input
    back(gradient, activations, 0, grad_input=gradient)
