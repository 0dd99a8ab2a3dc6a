"""The ``texture`` network: small, trained by ``scripts/pretrain_texture.py`` on simulated images.

It has five levels, at full, 1/2, 1/4, 1/8 and 1/16 of the image's resolution. At each level, 7 × 7
filters are applied to the image (averaged down), and point channels to single grey values: both
signs, and at full resolution also values beyond a threshold on either side. From the second level
on, 3 × 3 filters are also applied to the activations of the level before (averaged down); they
measure how much fine detail there is, and where. ReLU follows. One more channel is the constant 1,
so that Gram matrices contain the mean of every other channel.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from faket.errors import InputError
from faket.style.network import FeatureNetwork
from faket.style.pooling import halve, halve_back

LEVELS = 5
POINTS = (4, 2, 2, 2, 2)  # channels of each level that see one grey value
FILTERS = 8  # channels whose filters see the image
DEEP = 4  # channels, from the second level on, whose filters see the level before
KERNEL = 7
_STYLE_WEIGHTS = {f"level{b}": 1.0 for b in range(1, LEVELS + 1)}
_FILE = "texture.safetensors"
_CURVATURE = "curvature"

Blocks = Sequence[Sequence[tuple[Tensor, Tensor]]]


@dataclass(frozen=True, eq=False)
class TextureNetwork(FeatureNetwork):
    """The ``texture`` network, for tilts of mean 0 and standard deviation 1.

    Attributes
    ----------
    curvature : Tensor, shape (entries, entries), float64
        How the entries of its Gram matrices change together; see
        :mod:`faket.style.texture.update`.
    """

    curvature: Tensor = field(default_factory=lambda: torch.zeros(0, 0))

    def to(self, device: str, dtype: torch.dtype) -> "TextureNetwork":
        """Return the same network with its weights on ``device`` in ``dtype``."""
        blocks = tuple(
            tuple((weight.to(device, dtype), bias.to(device, dtype)) for weight, bias in block)
            for block in self.blocks
        )
        return replace(self, blocks=blocks, curvature=self.curvature.to(device))

    def activations(self, image: Tensor, layers: Collection[str]) -> Iterator[tuple[str, Tensor]]:
        """Yield name and activations [channels, y', x'] of some levels of an image [1, y, x].

        Raises
        ------
        InputError
            If there is no such level.
        """
        pending = set(layers)
        for name, x in activations(image[None], self.blocks):
            if name in pending:
                yield name, x.squeeze(0)
                pending.remove(name)
                if not pending:
                    return
        raise InputError(
            f"network {self.name}: expected the layers {sorted(pending)}, found none of them; name "
            "other layers"
        )


def activations(images: Tensor, blocks: Blocks) -> Iterator[tuple[str, Tensor]]:
    """Yield name and activations of every level, the finest first.

    Parameters
    ----------
    images : Tensor, shape (n, 1, y, x)
    blocks : sequence of levels
        Each a sequence of (weight, bias): of the channels that see one grey value, of the
        filters that see the image and, from the second level on, of those that see the level
        before.

    Yields
    ------
    name : str
    activations : Tensor, shape (n, channels, y', x')
    """
    found = images
    for b, (points, filters, *deep) in enumerate(blocks, start=1):
        if b > 1:
            images, found = _halved(images), _halved(found)
        parts = [F.conv2d(images, *points), F.conv2d(bordered(images, KERNEL // 2), *filters)]
        parts += [F.conv2d(found, *pair, padding=1) for pair in deep]
        found = torch.cat((torch.ones_like(images), *(part.relu_() for part in parts)), dim=1)
        yield f"level{b}", found


class _Halving(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor) -> Tensor:
        ctx.size = images.shape[2:]
        return halve(images)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return halve_back(gradients[0], ctx.size)


def _halved(images: Tensor) -> Tensor:
    halved: Tensor = _Halving.apply(images)  # type: ignore[no-untyped-call]
    return halved


def bordered(images: Tensor, width: int) -> Tensor:
    """Return images [..., y, x] with the outermost pixels repeated ``width`` times on each side.

    By joining slices, whose gradient has a fixed order of sums on every device.
    """
    rows = [images[..., :1, :]] * width, [images[..., -1:, :]] * width
    tall = torch.cat((*rows[0], images, *rows[1]), dim=-2)
    columns = [tall[..., :1]] * width, [tall[..., -1:]] * width
    return torch.cat((*columns[0], tall, *columns[1]), dim=-1)


def channels(level: int) -> int:
    """Return how many channels a level has; levels are counted from 1."""
    return 1 + POINTS[level - 1] + FILTERS + (DEEP if level > 1 else 0)


def convolution_shapes() -> Iterator[list[tuple[str, tuple[int, int, int, int]]]]:
    """Yield, for every level, name and weight shape [out, in, y, x] of its convolutions."""
    for b in range(1, LEVELS + 1):
        level = [
            (f"points{b}", (POINTS[b - 1], 1, 1, 1)),
            (f"filters{b}", (FILTERS, 1, KERNEL, KERNEL)),
        ]
        if b > 1:
            level.append((f"deep{b}", (DEEP, channels(b - 1), 3, 3)))
        yield level


def entries() -> int:
    """Return the number of Gram entries that are the style: upper triangles without 1 · 1."""
    return sum(channels(b) * (channels(b) + 1) // 2 - 1 for b in range(1, LEVELS + 1))


def load_texture(weights: Mapping[str, Any] | None = None) -> TextureNetwork:
    """Return the ``texture`` network.

    Parameters
    ----------
    weights : mapping of str to Tensor or ndarray, optional
        ``points<level>.weight``, ``filters<level>.weight``, ``deep<level>.weight``, the same
        with ``.bias``, and ``curvature``, the upper triangle row by row. Without them those of
        the package.

    Returns
    -------
    TextureNetwork

    Raises
    ------
    InputError
        If a tensor is missing, has the wrong shape or holds NaN.
    """
    found = _packaged() if weights is None else weights
    digest = hashlib.sha256()
    blocks = []
    for level in convolution_shapes():
        pairs = []
        for key, shape in level:
            weight = _checked(f"{key}.weight", shape, found)
            bias = _checked(f"{key}.bias", shape[:1], found)
            for tensor in (weight, bias):
                digest.update(str(tuple(tensor.shape)).encode())
                digest.update(tensor.numpy().tobytes())
            pairs.append((weight, bias))
        blocks.append(tuple(pairs))
    return TextureNetwork(
        "texture",
        tuple(blocks),
        _STYLE_WEIGHTS,
        {},  # content is kept by its covariance with the image, not by a layer
        digest.hexdigest(),
        curvature=_curvature(found),
    )


def _curvature(weights: Mapping[str, Any]) -> Tensor:
    n = entries()
    row, column = torch.triu_indices(n, n)
    matrix = torch.zeros(n, n, dtype=torch.float64)
    matrix[row, column] = _checked(_CURVATURE, (len(row),), weights).double()
    return matrix + matrix.triu(1).T


def _packaged() -> dict[str, Tensor]:
    from safetensors.torch import load

    return load(resources.files("faket.style").joinpath(_FILE).read_bytes())


def _checked(key: str, shape: tuple[int, ...], weights: Mapping[str, Any]) -> Tensor:
    value = weights.get(key)
    tensor = torch.from_numpy(np.array(value)) if isinstance(value, np.ndarray) else value
    if not isinstance(tensor, Tensor) or tuple(tensor.shape) != shape:
        was = tuple(tensor.shape) if isinstance(tensor, Tensor) else "none"
        raise InputError(
            f"texture weights: expected a tensor {key} of shape {shape}, found {was}; give a file "
            "of scripts/pretrain_texture.py, or no weights for those of the package"
        )
    if not tensor.is_floating_point() or not bool(torch.isfinite(tensor).all()):
        raise InputError(
            f"texture weights: expected finite numbers in {key}, found NaN or integers"
        )
    return tensor.detach().float().cpu().contiguous()
