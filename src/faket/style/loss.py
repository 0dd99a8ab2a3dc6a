"""The loss of FakET's style transfer (Harar et al., arXiv 2304.02011)."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from faket.style.network import FeatureNetwork

_EPSILON = 1e-8


class _Gram(torch.autograd.Function):
    """F Fᵀ with the gradient (G + Gᵀ) F in one product; autograd takes two and their sum."""

    @staticmethod
    def forward(ctx: Any, flat: Tensor) -> Tensor:
        ctx.save_for_backward(flat)
        return flat @ flat.T

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (flat,) = ctx.saved_tensors
        both = gradients[0] + gradients[0].T
        gradient: Tensor = (flat.T @ both).T  # the memory layout of the convolutions
        return gradient


def gram(features: Tensor) -> Tensor:
    """Return F Fᵀ / (H W): how the channels of a layer go together, wherever in the image.

    Parameters
    ----------
    features : Tensor, shape (channels, y, x)

    Returns
    -------
    Tensor, shape (channels, channels)
    """
    flat = features.flatten(1)
    product: Tensor = _Gram.apply(flat)  # type: ignore[no-untyped-call]
    return product / flat.shape[1]


def scaled_difference(found: Tensor, target: Tensor) -> Tensor:
    """Return Σd² / (Σ|d| + 1e-8): a squared error whose gradient does not grow with the error.

    Differentiated through both sums; 0 with gradient 0 where nothing differs.
    """
    difference = found - target
    return difference.square().sum() / (difference.abs().sum() + _EPSILON)


def transfer_loss(
    image: Tensor,
    network: FeatureNetwork,
    content_targets: Mapping[str, Tensor],
    style_targets: Mapping[str, Tensor],
) -> Tensor:
    """Return the weighted sum of all content and style terms.

    Parameters
    ----------
    image : Tensor, shape (3, y, x)
        In [0, 1].
    network : FeatureNetwork
    content_targets : mapping of layer name to Tensor, shape (channels, y', x')
    style_targets : mapping of layer name to Tensor, shape (channels, channels)
        Gram matrices.

    Returns
    -------
    Tensor, shape ()
    """
    loss = image.new_zeros(())
    for layer, found in network.activations(image, {*content_targets, *style_targets}):
        if layer in content_targets:
            term = scaled_difference(found, content_targets[layer])
            loss = loss + network.content_weights[layer] * term
        if layer in style_targets:
            term = scaled_difference(gram(found), style_targets[layer])
            loss = loss + network.style_weights[layer] * term
    return loss
