"""The loss of FakET's style transfer (Harar et al., arXiv 2304.02011), from sums over pixels.

Style terms compare Gram matrices, content terms compare activations; each is Σd² / (Σ|d| + ε).
All that they need of an image are sums over its pixels, which may be added up piece by piece.
Once the sums of the whole image are known, the gradient by any one activation follows from that
pixel's activations alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

_EPSILON = 1e-8

# Activations that are multiplied at a time: bounds the copies of a cropped tile.
AT_ONCE = 2**22


def gram_sum(features: Tensor) -> Tensor:
    """Return F Fᵀ summed over the pixels, in float64, [channels, channels].

    Parameters
    ----------
    features : Tensor, shape (channels, y, x)
        Channels last in memory; half precision is multiplied in float32.
    """
    channels = features.shape[0]
    total = torch.zeros((channels, channels), dtype=torch.float64, device=features.device)
    for rows in _bands(features):
        flat = _flat(rows)
        total += flat.T @ flat
    return total


@dataclass
class Sums:
    """The sums over the pixels seen so far.

    Attributes
    ----------
    grams : mapping of layer name to Tensor, shape (channels, channels), float64
        Sum of F Fᵀ.
    absolute, squared : mapping of layer name to float
        Of the content's differences.
    """

    grams: dict[str, Tensor] = field(default_factory=dict)
    absolute: dict[str, float] = field(default_factory=dict)
    squared: dict[str, float] = field(default_factory=dict)

    def add_style(self, layer: str, features: Tensor) -> None:
        """Add the activations [channels, y, x] of a piece of the image."""
        self.grams[layer] = self.grams.get(layer, 0) + gram_sum(features)

    def add_content(self, layer: str, difference: Tensor) -> None:
        """Add the differences [channels, y, x] of a piece of the image."""
        flats = [_flat(rows) for rows in _bands(difference)]
        absolute = sum(float(torch.linalg.vector_norm(flat, 1)) for flat in flats)
        squared = sum(float(torch.linalg.vector_norm(flat, 2)) ** 2 for flat in flats)
        self.absolute[layer] = self.absolute.get(layer, 0.0) + absolute
        self.squared[layer] = self.squared.get(layer, 0.0) + squared


@dataclass(frozen=True)
class Coefficients:
    """What turns a pixel's activations into the loss's gradient by them.

    Attributes
    ----------
    style : mapping of layer name to Tensor, shape (channels, channels)
        The gradient is this times the activations.
    content : mapping of layer name to (float, float)
        (a, b): the gradient is a d - b sign(d) for the difference d.
    """

    style: Mapping[str, Tensor]
    content: Mapping[str, tuple[float, float]]

    @staticmethod
    def of(
        sums: Sums,
        targets: Mapping[str, Tensor],
        pixels: Mapping[str, int],
        style_weights: Mapping[str, float],
        content_weights: Mapping[str, float],
    ) -> "Coefficients":
        """Return them for the whole image's sums.

        Parameters
        ----------
        sums : Sums
        targets : mapping of layer name to Tensor, shape (channels, channels)
            The style's Gram matrices F Fᵀ / (y x).
        pixels : mapping of layer name to int
            Of the image, at that layer.
        style_weights, content_weights : mapping of layer name to float
        """
        style = {}
        for layer, weight in style_weights.items():
            difference = sums.grams[layer] / pixels[layer] - targets[layer]
            absolute, squared = difference.abs().sum() + _EPSILON, difference.square().sum()
            by_gram = 2 * difference / absolute - squared / absolute**2 * difference.sign()
            # G = F Fᵀ / n has the gradient (E + Eᵀ) F / n.
            style[layer] = weight / pixels[layer] * (by_gram + by_gram.T)
        content = {}
        for layer, weight in content_weights.items():
            total = sums.absolute[layer] + _EPSILON
            content[layer] = (2 * weight / total, weight * sums.squared[layer] / total**2)
        return Coefficients(style, content)

    def scaled(self, factor: float) -> "Coefficients":
        """Return those of ``factor`` times the loss."""
        return Coefficients(
            {layer: factor * matrix for layer, matrix in self.style.items()},
            {layer: (factor * a, factor * b) for layer, (a, b) in self.content.items()},
        )

    def largest(self) -> float:
        """Return the largest of all: about how large gradients are."""
        style = [float(matrix.abs().max()) for matrix in self.style.values()]
        return max([*style, *(b for _, b in self.content.values())])

    def add_style(self, layer: str, features: Tensor, gradient: Tensor) -> None:
        """Add a layer's style term to the gradient by its activations [channels, y, x]."""
        for rows, out in zip(_bands(features), _bands(gradient), strict=True):
            flat, last = _flat(rows), out.permute(1, 2, 0)
            matrix = self.style[layer].to(flat.dtype)
            if last.is_contiguous() and last.dtype == flat.dtype:
                last.view(flat.shape).addmm_(flat, matrix)
            else:
                last.add_((flat @ matrix).view(last.shape))

    def add_content(self, layer: str, difference: Tensor, gradient: Tensor) -> None:
        """Add a layer's content term to the gradient by its activations [channels, y, x]."""
        a, b = self.content[layer]
        for d, out in zip(_bands(difference), _bands(gradient), strict=True):
            out.add_(d, alpha=a).sub_(d.sign(), alpha=b)


def _bands(features: Tensor) -> tuple[Tensor, ...]:
    rows = max(1, AT_ONCE // (features.shape[0] * features.shape[2]))
    return torch.split(features, rows, dim=1)


def _flat(features: Tensor) -> Tensor:
    """Return [pixels, channels]; float32 at least."""
    flat = features.permute(1, 2, 0).reshape(-1, features.shape[0])
    return flat if flat.dtype == torch.float64 else flat.float()
