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
from faket.style.vgg.tiles import Step, Tile


@dataclass(frozen=True, eq=False)
class Layers:
    """A feature network, placed and planned as deep as some layers need.

    Attributes
    ----------
    steps : tuple of Step
    first : FirstConvolution
    others : tuple of Convolution
        Those of the steps after the first, and perhaps more.
    """

    steps: tuple[Step, ...]
    first: FirstConvolution
    others: tuple[Convolution, ...]


@dataclass(eq=False)
class Record:
    """What the backward pass needs of a step's forward pass.

    Attributes
    ----------
    step : Step
    size : (int, int)
        y and x of what the step read.
    features : Tensor, shape (1, channels, y, x), or None
        The activations, where the style needs them. None for the first step, whose activations
        are quickly made again.
    positive : Tensor of bool, same shape, or None
        Where the activations are positive, if neither they nor the pooling tell.
    winner : Tensor of uint8 or None
        Of the pooling.
    difference : Tensor, shape (channels, y, x), or None
        Of the content, zero where the activations are not positive.
    """

    step: Step
    size: tuple[int, int]
    features: Tensor | None = None
    positive: Tensor | None = None
    winner: Tensor | None = None
    difference: Tensor | None = None


def visit_features(
    layers: Layers, image: Tensor, tile: Tile, visit: Callable[[str, Tensor], None]
) -> None:
    """Show ``visit`` the owned pixels' activations [channels, y, x] of every wanted layer.

    Parameters
    ----------
    layers : Layers
    image : Tensor, shape (1, channels or 1, y, x)
        The pixels that the first step reads, in [0, 1].
    tile : Tile
    visit : callable
        Takes a layer's name and its activations.
    """

    def show(record: Record, features: Tensor) -> None:
        if record.step.wanted:
            visit(record.step.name, features[0][:, *tile.owned(record.step)])

    _walk(layers, image, tile, show)


def forward(
    layers: Layers,
    image: Tensor,
    tile: Tile,
    content: Mapping[str, Tensor],
    style: Collection[str],
    sums: Sums | None,
) -> list[Record]:
    """Return the records of all steps, and add the tile's owned pixels to the sums, if any.

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

    def note(record: Record, features: Tensor) -> None:
        step = record.step
        owned = features[0][:, *tile.owned(step)]
        if step.name in style and sums is not None:
            sums.add_style(step.name, owned)
        if step.name in content:
            record.difference = torch.sub(owned, content[step.name], out=content[step.name])
            if sums is not None:
                sums.add_content(step.name, record.difference)
            record.difference.masked_fill_(owned <= 0, 0)
        if step is not layers.steps[0] and step.name in style:
            record.features = features
        elif step is not layers.steps[0] and not step.pooled:
            record.positive = features > 0

    return _walk(layers, image, tile, note)


def backward(
    layers: Layers, image: Tensor, tile: Tile, tape: list[Record], coefficients: Coefficients
) -> Tensor:
    """Return the gradient [channels, y, x] by the pixels that the first step reads.

    It holds what the owned pixels' features contribute. The tape is used up.
    """
    gradient: Tensor | None = None
    while len(tape) > 1:
        record = tape.pop()
        convolution, padding = layers.others[len(tape) - 1], tile.padding(record.step)
        if record.step.wanted or gradient is None or record.winner is None:
            gradient = _by_outputs(record, gradient, convolution.weight, tile, coefficients)
            record.winner = None
        gradient = convolution.backward(gradient, record.winner, padding, record.size)
    gradient = _by_first_outputs(layers.first, image, tile, tape.pop(), gradient, coefficients)
    return layers.first.backward(gradient, tile.padding(layers.steps[0]))[0]


def _walk(
    layers: Layers, image: Tensor, tile: Tile, visit: Callable[[Record, Tensor], None]
) -> list[Record]:
    """Go to the deepest step; show ``visit`` the wanted activations and those not pooled."""
    tape: list[Record] = []
    x = image
    for i, step in enumerate(layers.steps):
        record = Record(step, (x.shape[2], x.shape[3]))
        padding = tile.padding(step)
        tape.append(record)
        if i and step.pooled and not step.wanted:
            x, record.winner = layers.others[i - 1].forward_pooled(x, padding)
            continue
        convolution = layers.others[i - 1] if i else layers.first
        x = convolution.forward(x, padding)
        visit(record, x)
        if step.pooled:
            x, record.winner = pool(x)
    return tape


def _by_outputs(
    record: Record, gradient: Tensor | None, weight: Tensor, tile: Tile, coefficients: Coefficients
) -> Tensor:
    """Return the gradient by a convolution's output before ReLU, given that by what came of it.

    What of the record is used up is let go.
    """
    step = record.step
    above, below, left, right = tile.padding(step)
    size = record.size[0] + above + below - 2, record.size[1] + left + right - 2
    if gradient is None:
        gradient = empty((weight.shape[0], *size), weight).zero_()
    elif record.winner is not None:
        gradient = unpool(gradient, record.winner, size)
    owned = gradient[0][:, *tile.owned(step)]
    if record.features is not None:
        if step.name in coefficients.style:
            features = record.features[0][:, *tile.owned(step)]
            coefficients.add_style(step.name, features, owned)
        _relu_back(gradient, record.features)
        record.features = None
    elif record.positive is not None:
        gradient.mul_(record.positive)
        record.positive = None
    if record.difference is not None:
        coefficients.add_content(step.name, record.difference, owned)
        record.difference = None
    return gradient


def _by_first_outputs(
    first: FirstConvolution,
    image: Tensor,
    tile: Tile,
    record: Record,
    gradient: Tensor | None,
    coefficients: Coefficients,
) -> Tensor:
    """Do as :func:`_by_outputs` for the first step, its activations made again row by row."""
    whole = _by_outputs(record, gradient, first.weight, tile, coefficients)
    padded = replicate(image, tile.padding(record.step))
    owned, columns = tile.owned(record.step)
    at_once = max(1, AT_ONCE // (whole.shape[1] * whole.shape[3]))
    for start in range(0, whole.shape[2], at_once):
        band = whole[:, :, start : start + at_once]
        features = first.forward_padded(padded[:, :, start : start + at_once + 2])
        rows = slice(max(owned.start - start, 0), max(owned.stop - start, 0))
        if record.step.name in coefficients.style and rows.start < rows.stop:
            pieces = (tensor[0][:, rows, columns] for tensor in (features, band))
            coefficients.add_style(record.step.name, *pieces)
        _relu_back(band, features)
    return whole


def _relu_back(gradient: Tensor, activations: Tensor) -> None:
    """Set the gradient to 0 where the activations are: ReLU's own backward pass, in place."""
    back = torch.ops.aten.threshold_backward.grad_input
    back(gradient, activations, 0, grad_input=gradient)
