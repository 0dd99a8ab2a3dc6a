"""VGG19 (Simonyan and Zisserman, arXiv 1409.1556) in torchvision's layout, up to relu5_1."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from faket.errors import InputError
from faket.style.network import FeatureNetwork, build_network

# Convolutions a block and their output channels. Of block 5 only the first has a style layer.
_BLOCKS = ((2, 64), (2, 128), (4, 256), (4, 512), (1, 512))

# FakET (arXiv 2304.02011): relu1_1 ... relu5_1 with weights 256 ... 1, which sum to 341.
_STYLE_WEIGHTS = {
    f"relu{block}_1": 4.0 ** (5 - block) / 341 for block in range(1, len(_BLOCKS) + 1)
}
_CONTENT_WEIGHTS = {"relu2_2": 1.0}

# What torchvision's ImageNet networks were trained on.
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_SIGMA = (0.229, 0.224, 0.225)


def load_vgg19(weights: Mapping[str, Any] | None) -> FeatureNetwork:
    """Return VGG19 with weights in torchvision's layout.

    Raises
    ------
    InputError
        If there are none, or a tensor is missing, has the wrong shape or holds NaN.
    """
    if weights is None:
        raise InputError(
            "network vgg19: expected weights in torchvision's layout, found none; give "
            "`weights`, the file vgg19-dcbb9e9d.pth"
        )
    return _build("vgg19", {key: _given(key, shape, weights) for key, shape in _convolutions()})


def random_vgg19(seed: int) -> FeatureNetwork:
    """Return VGG19 untrained; torch's global generator is left alone."""
    rng = torch.Generator().manual_seed(seed)
    return _build("vgg19-random", {key: _random(shape, rng) for key, shape in _convolutions()})


def _build(name: str, convolutions: Mapping[str, tuple[Tensor, Tensor]]) -> FeatureNetwork:
    return build_network(
        name,
        convolutions,
        [count for count, _ in _BLOCKS],
        _STYLE_WEIGHTS,
        _CONTENT_WEIGHTS,
        input_mean=_IMAGENET_MEAN,
        input_sigma=_IMAGENET_SIGMA,
    )


def _convolutions() -> Iterator[tuple[str, tuple[int, int, int, int]]]:
    """Yield name and weight shape of every convolution; torchvision counts ReLU and pooling."""
    index, channels_in = 0, 3
    for count, channels in _BLOCKS:
        for _ in range(count):
            yield f"features.{index}", (channels, channels_in, 3, 3)
            index, channels_in = index + 2, channels
        index += 1


def _random(shape: tuple[int, int, int, int], rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return Kaiming normal weights (fan out, ReLU) and zero biases, as torchvision's VGG."""
    sigma = math.sqrt(2 / (shape[0] * shape[2] * shape[3]))
    return torch.randn(shape, generator=rng) * sigma, torch.zeros(shape[0])


def _given(
    key: str, shape: tuple[int, int, int, int], weights: Mapping[str, Any]
) -> tuple[Tensor, Tensor]:
    return (
        _checked(f"{key}.weight", shape, weights),
        _checked(f"{key}.bias", shape[:1], weights),
    )


def _checked(key: str, shape: tuple[int, ...], weights: Mapping[str, Any]) -> Tensor:
    if key not in weights:
        raise InputError(
            f"VGG19 weights: expected a tensor {key} of shape {shape}, found none; give a file in "
            "torchvision's layout (vgg19-dcbb9e9d.pth)"
        )
    value = weights[key]
    if not isinstance(value, Tensor | np.ndarray):
        raise InputError(
            f"VGG19 weights: expected {key} to be a tensor, found {type(value).__name__}"
        )
    tensor = torch.from_numpy(np.array(value)) if isinstance(value, np.ndarray) else value
    if tuple(tensor.shape) != shape:
        raise InputError(
            f"VGG19 weights: expected {key} of shape {shape}, found {tuple(tensor.shape)}; give "
            "VGG19 without batch normalisation"
        )
    if not tensor.is_floating_point() or not bool(torch.isfinite(tensor).all()):
        raise InputError(f"VGG19 weights: expected finite numbers in {key}, found NaN or integers")
    return tensor
