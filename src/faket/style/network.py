"""A feature network: blocks of 3 × 3 convolutions, ReLU after each, max pooling in between."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from faket.errors import InputError


@dataclass(frozen=True, eq=False)
class FeatureNetwork:
    """A convolutional network whose activations describe style and content.

    Layers are named ``relu<block>_<convolution>``, counted from 1. The first convolution pads
    by repeating the border, the others by zeros.

    Attributes
    ----------
    name : str
    blocks : tuple of tuple of (weight, bias)
        Weights [out, in, 3, 3] and biases [out], float32 on the CPU.
    style_weights : mapping of layer name to float
        The layers whose Gram matrices describe the style, with their weights in the loss.
    content_weights : mapping of layer name to float
        The layers whose activations describe the content, with their weights in the loss.
    digest : str
        SHA-256 of the weights, their layout and the normalisation: two networks with the same
        digest give the same features.
    input_mean, input_sigma : tuple of float, one a channel
        Normalisation of the input: (image - mean) / sigma.
    """

    name: str
    blocks: tuple[tuple[tuple[Tensor, Tensor], ...], ...]
    style_weights: Mapping[str, float]
    content_weights: Mapping[str, float]
    digest: str
    input_mean: tuple[float, ...] = (0.0,)
    input_sigma: tuple[float, ...] = (1.0,)

    @property
    def channels_in(self) -> int:
        """Channels of the input: 3 for networks made for colour images, 1 for grey ones."""
        return int(self.blocks[0][0][0].shape[1])

    @property
    def smallest_image(self) -> int:
        """Shortest side, in pixels, that survives all poolings."""
        return 1 << (len(self.blocks) - 1)

    def to(self, device: str, dtype: torch.dtype) -> "FeatureNetwork":
        """Return the same network with its weights on ``device`` in ``dtype``."""
        blocks = tuple(
            tuple((weight.to(device, dtype), bias.to(device, dtype)) for weight, bias in block)
            for block in self.blocks
        )
        return replace(self, blocks=blocks)

    def activations(self, image: Tensor, layers: Collection[str]) -> Iterator[tuple[str, Tensor]]:
        """Yield the activations of some layers, the shallowest first, by torch's own operations.

        This is the definition of the network and differentiable. Style transfer computes the same
        in less time and memory.

        Parameters
        ----------
        image : Tensor, shape (channels_in, y, x)
            Grey values in [0, 1], before the network's own normalisation.
        layers : collection of str
            Nothing beyond the deepest of them is computed.

        Yields
        ------
        name : str
        activations : Tensor, shape (channels, y', x')

        Raises
        ------
        InputError
            If the network has no such layer.
        """
        pending = set(layers)
        mean, sigma = (
            image.new_tensor(values)[:, None, None]
            for values in (self.input_mean, self.input_sigma)
        )
        x = ((image - mean) / sigma)[None]
        for block, pairs in enumerate(self.blocks, start=1):
            for c, (weight, bias) in enumerate(pairs, start=1):
                border = "replicate" if block == c == 1 else "constant"
                x = F.pad(x, (1, 1, 1, 1), mode=border)
                x = F.conv2d(x, weight.to(x), bias.to(x)).relu()
                name = f"relu{block}_{c}"
                if name in pending:
                    yield name, x[0]
                    pending.remove(name)
                if not pending:
                    return
            x = F.max_pool2d(x, 2)
        raise InputError(
            f"network {self.name}: expected the layers {sorted(pending)}, found none of them; name "
            "other layers"
        )


def build_network(
    name: str,
    convolutions: Mapping[str, tuple[Tensor, Tensor]],
    convolutions_per_block: Collection[int],
    style_weights: Mapping[str, float],
    content_weights: Mapping[str, float],
    *,
    input_mean: float | Sequence[float] = 0.0,
    input_sigma: float | Sequence[float] = 1.0,
) -> FeatureNetwork:
    """Return the network of these convolutions, in their order, and its digest.

    Parameters
    ----------
    name : str
    convolutions : mapping of name to (weight, bias)
        Weights [out, in, 3, 3] and biases [out]; the first weight's ``in`` is the number of
        channels of the network's input.
    convolutions_per_block : collection of int
        2 × 2 max pooling stands between the blocks.
    style_weights, content_weights : mapping of layer name to float
        Layers are named ``relu<block>_<convolution>``, counted from 1.
    input_mean, input_sigma : float, or one a channel
        What is subtracted from the image in [0, 1], and what it is then divided by.

    Raises
    ------
    InputError
        If the shapes do not fit each other, a number is not finite, or a layer is unknown.
    """
    pairs = [
        (weight.detach().float().cpu().contiguous(), bias.detach().float().cpu().contiguous())
        for weight, bias in convolutions.values()
    ]
    _check_chain(name, list(convolutions), pairs, convolutions_per_block)
    channels = pairs[0][0].shape[1]
    mean, sigma = (_each_channel(name, v, channels) for v in (input_mean, input_sigma))
    if min(sigma) <= 0:
        raise InputError(
            f"network {name}: expected input_sigma > 0, found {list(sigma)}; correct it"
        )
    remaining = iter(pairs)
    blocks = tuple(tuple(next(remaining) for _ in range(n)) for n in convolutions_per_block)
    _check_layers(name, convolutions_per_block, {*style_weights, *content_weights})
    digest = _digest(pairs, convolutions_per_block, mean, sigma)
    return FeatureNetwork(
        name, blocks, dict(style_weights), dict(content_weights), digest, mean, sigma
    )


def _check_chain(
    name: str,
    keys: list[str],
    pairs: list[tuple[Tensor, Tensor]],
    convolutions_per_block: Collection[int],
) -> None:
    if not pairs or min(convolutions_per_block) < 1 or sum(convolutions_per_block) != len(pairs):
        raise InputError(
            f"network {name}: expected {sum(convolutions_per_block)} convolutions, at least one "
            f"in each of {len(convolutions_per_block)} blocks, found {len(pairs)}; give as many"
        )
    channels = pairs[0][0].shape[1:2]
    for key, (weight, bias) in zip(keys, pairs, strict=True):
        expected = (*bias.shape, *channels, 3, 3)
        if len(bias.shape) != 1 or weight.shape != expected:
            raise InputError(
                f"network {name}: expected the weight of {key} to have the shape {expected}, "
                f"found {tuple(weight.shape)}; give the weights of this network"
            )
        if not (torch.isfinite(weight).all() and torch.isfinite(bias).all()):
            raise InputError(
                f"network {name}: expected finite numbers in {key}, found NaN; give other weights"
            )
        channels = bias.shape


def _check_layers(name: str, convolutions_per_block: Collection[int], layers: set[str]) -> None:
    known = {
        f"relu{b}_{c}"
        for b, count in enumerate(convolutions_per_block, start=1)
        for c in range(1, count + 1)
    }
    if not layers <= known:
        raise InputError(
            f"network {name}: expected the layers {sorted(layers - known)}, found only "
            f"{sorted(known)}; name other layers"
        )


def _each_channel(name: str, value: float | Sequence[float], channels: int) -> tuple[float, ...]:
    values = tuple(float(v) for v in np.ravel(value))
    values = values * channels if len(values) == 1 else values
    if len(values) != channels or not np.isfinite(values).all():
        raise InputError(
            f"network {name}: expected a finite normalisation for each of {channels} channels, "
            f"found {list(values)}; give one number for each"
        )
    return values


def _digest(
    pairs: list[tuple[Tensor, Tensor]],
    convolutions_per_block: Collection[int],
    mean: tuple[float, ...],
    sigma: tuple[float, ...],
) -> str:
    digest = hashlib.sha256(repr((tuple(convolutions_per_block), mean, sigma)).encode())
    for pair in pairs:
        for tensor in pair:
            digest.update(str(tuple(tensor.shape)).encode())
            digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()
