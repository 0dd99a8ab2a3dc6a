"""The convolutions of a feature network, forward and backward, on any device.

Backward means the gradient by the image only, which needs the weights but not the image. Each
convolution returns its activations after ReLU, and pools them where it is asked to. Images are
[1, channels, y, x] with channels last in memory, the layout that CPU convolutions are fast on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from faket.style.kernels import LANES, convolve_few
from faket.style.network import FeatureNetwork
from faket.style.pooling import (
    as_pixels,
    empty,
    pool,
    replicate,
    replicate_back,
    suits_kernels,
    unpool,
)
from faket.style.vgg.tiles import Padding, PlannedLayer


@dataclass(frozen=True, eq=False)
class FirstConvolution:
    """The convolution on the image, whose normalisation is folded into the weights.

    It pads by repeating the border, so that every output sees nine true pixels.

    Attributes
    ----------
    weight : Tensor, shape (out, channels, 3, 3)
    grey : Tensor, shape (out, 1, 3, 3)
        Their sum over the channels: what an image with equal channels is convolved with.
    bias : Tensor, shape (out,)
    """

    weight: Tensor
    grey: Tensor
    bias: Tensor

    def forward(self, image: Tensor, padding: Padding) -> Tensor:
        """Return the activations of an image [1, channels or 1, y, x] in [0, 1]."""
        return self.forward_padded(replicate(image, padding))

    def forward_padded(self, padded: Tensor) -> Tensor:
        """Return the activations [1, out, y, x] of an image [1, channels or 1, y + 2, x + 2]."""
        weight = self.weight if padded.shape[1] == self.weight.shape[1] else self.grey
        padded = _channels_last(padded.to(weight.dtype))
        if suits_kernels(padded) and weight.shape[0] % LANES == 0:
            out = empty((len(weight), padded.shape[2] - 2, padded.shape[3] - 2), padded)
            taps = weight.permute(2, 3, 1, 0).flatten(0, 2).contiguous()
            convolve_few(as_pixels(padded), taps.numpy(), self.bias.numpy(), as_pixels(out))
            return out
        return F.conv2d(padded, weight, self.bias).relu_()

    def backward(self, gradient: Tensor, padding: Padding) -> Tensor:
        """Return the gradient by the image [1, channels, y, x]."""
        return replicate_back(F.conv_transpose2d(gradient, self.weight), padding)


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution that pads by zeros.

    Attributes
    ----------
    weight : Tensor, shape (out, in, 3, 3)
    bias : Tensor, shape (out,)
    """

    weight: Tensor
    bias: Tensor

    def forward(self, image: Tensor, padding: Padding) -> Tensor:
        """Return the activations [1, out, y', x'] of an image [1, in, y, x]."""
        return self._before_relu(image, padding).relu_()

    def forward_pooled(self, image: Tensor, padding: Padding) -> tuple[Tensor, Tensor]:
        """Return the pooled activations, and which of the four pixels each was (4: none)."""
        return pool(self._before_relu(image, padding))

    def backward(
        self,
        gradient: Tensor,
        winner: Tensor | None,
        padding: Padding,
        size: tuple[int, int],
    ) -> Tensor:
        """Return the gradient by the image [1, in, *size].

        ``gradient`` is that by the output before ReLU, or with ``winner`` by the pooled output.
        """
        above, below, left, right = padding
        if winner is not None:
            height, width = size[0] + above + below - 2, size[1] + left + right - 2
            gradient = unpool(gradient, winner, (height, width))
        if padding == (1, 1, 1, 1):
            return F.conv_transpose2d(gradient, self.weight, padding=1)
        whole = F.conv_transpose2d(gradient, self.weight)
        inside = whole[..., above : above + size[0], left : left + size[1]]
        return _channels_last(inside)

    def _before_relu(self, image: Tensor, padding: Padding) -> Tensor:
        if padding == (1, 1, 1, 1):
            return F.conv2d(image, self.weight, self.bias, padding=1)
        above, below, left, right = padding
        padded = F.pad(image, (left, right, above, below))
        return F.conv2d(_channels_last(padded), self.weight, self.bias)


def place(
    network: FeatureNetwork, plan: Sequence[PlannedLayer], device: str, dtype: torch.dtype
) -> tuple[FirstConvolution, tuple[Convolution, ...]]:
    """Return the convolutions of the planned layers."""
    pairs = [pair for block in network.blocks for pair in block][: len(plan)]
    # (x - mean) / sigma, folded into the weights in float64.
    mean, sigma = (
        torch.tensor(values, dtype=torch.float64)[:, None, None]
        for values in (network.input_mean, network.input_sigma)
    )
    weight = pairs[0][0].double() / sigma
    bias = pairs[0][1].double() - (weight * mean).sum((1, 2, 3))
    grey = weight.sum(1, keepdim=True)
    weight, grey, bias = (t.to(device, dtype) for t in (weight, grey, bias))
    first = FirstConvolution(_channels_last(weight), _channels_last(grey), bias)
    others = []
    for weight, bias in pairs[1:]:
        others.append(Convolution(weight.to(device, dtype), bias.to(device, dtype)))
    return first, tuple(others)


def _channels_last(tensor: Tensor) -> Tensor:
    return tensor.contiguous(memory_format=torch.channels_last)
