"""How much memory a tile takes: counted from the shapes of what the passes hold.

`benchmarks/bench_style.py` prints the counted beside the measured.
"""

from collections.abc import Collection
from dataclasses import dataclass

import torch

from faket.style.vgg.loss import AT_ONCE
from faket.style.vgg.passes import Layers

# What libraries take and the allocator keeps, whatever the image: measured, about 100 MB.
_ALLOCATOR = 100 * 10**6
# Chosen, because a tilt of 1024² fits whole: in two tiles it takes 1.8 times the CPU time.
_CPU_LIMIT = 2 * 10**9
_GPU_PART = 0.6  # of what is free there: 61 x 3500² are five times as fast as within 1 GB


def default_limit(device: str) -> int:
    """Return the bytes that a network may take where nobody says: 2 GB, or most of a GPU."""
    return _CPU_LIMIT if device == "cpu" else int(_GPU_PART * torch.cuda.mem_get_info()[0])


@dataclass(frozen=True)
class Footprint:
    """Memory of the passes.

    Attributes
    ----------
    per_pixel : float
        Bytes for each pixel that a tile reads.
    always : float
        Bytes besides: weights in other layouts, pieces of products, libraries.
    """

    per_pixel: float
    always: float


@dataclass(frozen=True)
class _Costs:
    """Bytes a pixel of one layer.

    Read without being held; written in either pass; held until the backward pass, and for the
    content from the start.
    """

    read: float
    forward: float
    backward: float
    held: float
    difference: float


def footprint(layers: Layers, style: Collection[str], content: Collection[str]) -> Footprint:
    """Return the memory that forward and backward pass of a tile take at their peak.

    Parameters
    ----------
    layers : Layers
    style, content : collection of str
        Names of the layers that enter the loss.
    """
    weights = [layers.first.weight] + [convolution.weight for convolution in layers.others]
    item = weights[0].element_size()
    always = _ALLOCATOR + 5 * item * max(weight.numel() for weight in weights)
    always += 3 * item * AT_ONCE
    costs = _costs(layers, style, content)
    # The content's activations wait from the start, the rest comes layer by layer.
    held = sum(layer.difference for layer in costs)
    peak = 0.0
    for layer in costs:
        peak = max(peak, held + layer.read + layer.forward)
        held += layer.held
    for layer in reversed(costs):
        peak = max(peak, held + layer.forward)
        held -= layer.held + layer.difference
        peak = max(peak, held + layer.backward)
    images = 2 * weights[0].shape[1] * item
    return Footprint(peak + images, always)


def _costs(layers: Layers, style: Collection[str], content: Collection[str]) -> list[_Costs]:
    costs: list[_Costs] = []
    read = given = 0.0
    weights = [layers.first.weight] + [convolution.weight for convolution in layers.others]
    for i, (weight, layer) in enumerate(zip(weights, layers.plan, strict=True)):
        item = weight.element_size()
        whole = weight.shape[0] * item / 4**layer.depth
        pooled, winner = (whole / 4, whole / 4 / item) if layer.pooled else (0.0, 0.0)
        # With the copies of what the convolutions pad and crop.
        forward = pooled + whole + winner + (read if i else 0.0)
        backward = whole + given + (whole if i else 0.0)
        if i == 0:  # its activations are made again, piece by piece
            held = winner
        elif layer.name in style:
            held = winner + whole
        else:
            held = winner if layer.pooled else whole / item
        difference = whole if layer.name in content else 0.0
        costs.append(_Costs(read, forward, backward, held, difference))
        # What the next layer reads is held already where the style needs it.
        given = pooled or whole
        read = pooled or (whole if i == 0 or layer.name not in style else 0.0)
    return costs
