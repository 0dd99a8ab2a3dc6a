"""A feature network: blocks of 3 × 3 convolutions, ReLU after each, max pooling in between."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from faket.errors import InputError
from faket.style.pooling import max_pool, replicate_border

# What torchvision's ImageNet networks were trained on.
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_SIGMA = (0.229, 0.224, 0.225)


@dataclass(frozen=True, eq=False)
class FeatureNetwork:
    """A convolutional network whose activations tell style and content.

    Layers are named ``relu<block>_<convolution>``, counted from 1. The first convolution pads
    by repeating the border, the others by zeros.

    Attributes
    ----------
    name : str
    blocks : tuple of tuple of (weight, bias)
        Weights [out, in, 3, 3] and biases [out]; float32 on the CPU as loaded.
    style_weights : mapping of layer name to float
        The layers whose Gram matrices are the style, and the weight of each in the loss.
    content_weights : mapping of layer name to float
        The layers whose activations are the content, and the weight of each in the loss.
    digest : str
        SHA-256 of all weights: two networks with one digest give the same features.
    """

    name: str
    blocks: tuple[tuple[tuple[Tensor, Tensor], ...], ...]
    style_weights: Mapping[str, float]
    content_weights: Mapping[str, float]
    digest: str

    @property
    def smallest_image(self) -> int:
        """Shortest side, in pixels, that survives all poolings."""
        return 1 << (len(self.blocks) - 1)

    def to(self, device: str, dtype: torch.dtype) -> "FeatureNetwork":
        """Return the same network with its weights on ``device`` in ``dtype``."""
        blocks = tuple(
            tuple(
                (_placed(weight, device, dtype), bias.to(device, dtype)) for weight, bias in block
            )
            for block in self.blocks
        )
        return FeatureNetwork(
            self.name, blocks, self.style_weights, self.content_weights, self.digest
        )

    def activations(self, image: Tensor, layers: Collection[str]) -> Iterator[tuple[str, Tensor]]:
        """Yield the activations of some layers as they are computed, the shallowest first.

        Who makes its loss terms while iterating lets autograd undo each of them next to its
        layer, instead of keeping the gradients of all layers from the start.

        Parameters
        ----------
        image : Tensor, shape (3, y, x)
            Grey values in [0, 1], before the ImageNet normalisation.
        layers : collection of str
            Nothing beyond the deepest of them is computed.

        Yields
        ------
        name : str
        activations : Tensor, shape (channels, y', x')
        """
        pending = set(layers)
        # Channels last is the layout that CPU convolutions are fast on.
        x = replicate_border(_normalised(image)[None]).contiguous(memory_format=torch.channels_last)
        for name, (weight, bias), ends_block in self._convolutions():
            x = F.conv2d(x, weight, bias, padding=0 if name == "relu1_1" else 1)
            if name in pending:
                x = x.relu_()
                yield name, x.squeeze(0)
                pending.remove(name)
                if not pending:
                    return
                x = max_pool(x) if ends_block else x
            else:
                # ReLU and max pooling commute; pooling first, there is a quarter to do.
                x = (max_pool(x) if ends_block else x).relu_()
        raise InputError(f"network {self.name}: expected to have the layers {sorted(pending)}")

    def _convolutions(self) -> Iterator[tuple[str, tuple[Tensor, Tensor], bool]]:
        """Yield the name of its activations, weight and bias, and whether pooling follows."""
        for b, block in enumerate(self.blocks, start=1):
            for c, convolution in enumerate(block, start=1):
                yield f"relu{b}_{c}", convolution, c == len(block)


def build_network(
    name: str,
    convolutions: Mapping[str, tuple[Tensor, Tensor]],
    convolutions_per_block: Collection[int],
    style_weights: Mapping[str, float],
    content_weights: Mapping[str, float],
) -> FeatureNetwork:
    """Return the network of these convolutions, in their order, and its digest.

    Parameters
    ----------
    name : str
    convolutions : mapping of name to (weight, bias)
    convolutions_per_block : collection of int
    style_weights, content_weights : mapping of layer name to float
    """
    digest = hashlib.sha256()
    pairs = []
    for weight, bias in convolutions.values():
        pair = (weight.detach().float().contiguous(), bias.detach().float().contiguous())
        for tensor in pair:
            digest.update(str(tuple(tensor.shape)).encode())
            digest.update(tensor.cpu().numpy().tobytes())
        pairs.append(pair)
    remaining = iter(pairs)
    blocks = tuple(tuple(next(remaining) for _ in range(n)) for n in convolutions_per_block)
    return FeatureNetwork(name, blocks, style_weights, content_weights, digest.hexdigest())


def _normalised(image: Tensor) -> Tensor:
    mean = torch.tensor(_IMAGENET_MEAN, dtype=image.dtype, device=image.device)[:, None, None]
    sigma = torch.tensor(_IMAGENET_SIGMA, dtype=image.dtype, device=image.device)[:, None, None]
    return (image - mean) / sigma


def _placed(weight: Tensor, device: str, dtype: torch.dtype) -> Tensor:
    return weight.to(device, dtype).contiguous(memory_format=torch.channels_last)
