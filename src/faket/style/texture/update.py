"""Style transfer with the ``texture`` network: the least change that corrects all its statistics.

Let r be the Gram entries' distances from their targets and J their derivative by the pixels. The
Gauss-Newton step of least length is −Jᵀ (J Jᵀ)⁻¹ r. J Jᵀ has one row for each Gram entry, some
hundreds in all. An entry grows with the square of what the filters see, J with its first power:
of entries over the root of their own scale, J Jᵀ differs little from one micrograph to the next.
So its mean over training images (``curvature``) stands in for it, and a step costs one gradient.
Steps are damped, since the mean is only a mean, less so near the end; one that leads away is
taken back.

What else the image holds, such a step leaves alone. But where the reference has less power than
the image, content goes with it; so before each step the image's covariance with the content, at a
quarter of the resolution, is brought back to a little more than what it was at the start.
"""

import math
from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from faket.data import AnyArray
from faket.style.texture.network import TextureNetwork
from faket.style.texture.passes import Piece, measure_grams, pull_back

ITERATIONS = 6
_STEP = 0.7
_LARGEST_STEP = 0.5  # root mean square, in σ of the image
_LARGEST_CHANGE = 10.0  # of a pixel, in mean absolute changes
_RETREAT = 0.35
_TOLERANCE = 1.5
# Of the curvature's diagonal and of that diagonal's median, iteration by iteration.
_DAMPING = (1.0, 1.0, 1.0, 0.3)
_FAINT = 0.01
_CONTENT_PULL = 0.9
_CONTENT_KEPT = 1.05  # of the covariance at the start; the last step takes some of it
_CONTENT_BINNING = 4


class GramStep:
    """The step rule for one set of layers.

    Parameters
    ----------
    curvature : Tensor, shape (entries, entries), float64
        Mean of N J Jᵀ over images of N pixels, of entries over the root of their scale, in the
        order of :func:`gram_entries`.
    damping : tuple of float
        Of the first, second, ... iteration, the last one's from there on. More of it corrects
        slowly what few pixels decide.
    """

    def __init__(self, curvature: Tensor, damping: tuple[float, ...] = _DAMPING) -> None:
        """Invert the damped curvature."""
        diagonal = curvature.diagonal()
        extra = (diagonal + diagonal[diagonal > 0].median()).double().diag()
        found = {d: torch.linalg.inv(curvature.double() + d * extra) for d in set(damping)}
        self._inverses = [found[d] for d in damping]

    def miss(self, grams: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> float:
        """Return about the mean square that the image must change by to have the style."""
        distance = gram_entries(_distance(grams, targets))
        return float(distance @ self._inverses[0].to(distance) @ distance)

    def weights(
        self, grams: Mapping[str, Tensor], targets: Mapping[str, Tensor], iteration: int = 0
    ) -> dict[str, Tensor]:
        """Return what the gradient of each Gram matrix is to be multiplied with.

        The step is −N times the gradient, by the pixels, of Σ weights · grams, where the
        weights are held constant and N is the number of pixels.

        Parameters
        ----------
        grams, targets : mapping of layer name to Tensor, shape (channels, channels)
            Of the image as it is and of the reference, in the order of the layers' depth.
        iteration : int
            Counted from 0.

        Returns
        -------
        dict of layer name to Tensor, shape (channels, channels)
        """
        distance = gram_entries(_distance(grams, targets))
        inverse = self._inverses[min(iteration, len(self._inverses) - 1)]
        correction = inverse.to(distance) @ distance
        out, start = {}, 0
        for name, gram in grams.items():
            row, column = _upper(gram)
            values = torch.zeros_like(gram)
            values[row, column] = correction[start : start + len(row)]
            out[name] = values / gram_scale(targets[name]).sqrt()
            start += len(row)
        return out


def standardised(image: AnyArray, network: TextureNetwork) -> Tensor:
    """Return an image [y, x] with mean 0 and standard deviation 1, where the network is."""
    weight = network.blocks[0][0][0]
    values = torch.from_numpy(np.array(image, np.float32)).to(weight.device).double()
    return _standard(values).to(weight.dtype)


def grams_of(image: Tensor, network: TextureNetwork) -> dict[str, Tensor]:
    """Return the Gram matrices of every level of a standardised image [y, x], in float64."""
    return measure_grams(image, network.blocks)


def transfer_tilt(
    content: Tensor,
    initial: Tensor,
    targets: Mapping[str, Tensor],
    network: TextureNetwork,
    iterations: int = ITERATIONS,
    rule: GramStep | None = None,
) -> Tensor:
    """Give one tilt the style.

    Parameters
    ----------
    content : Tensor, shape (y, x)
        What to preserve.
    initial : Tensor, shape (y, x)
        Where to start; both of mean 0 and standard deviation 1.
    targets : mapping of layer name to Tensor, shape (channels, channels)
        As :func:`grams_of` gives of the reference's tilt.
    network : TextureNetwork
        On the images' device, of their type.
    iterations : int
    rule : GramStep, optional
        That of the network's curvature, to be used for many tilts.

    Returns
    -------
    Tensor, shape (y, x)
        Of mean 0 and standard deviation 1.
    """
    rule = rule or GramStep(network.curvature.to(initial.device))
    coarse = _coarse(content)
    kept = _CONTENT_KEPT * _covariance(initial, coarse) / _covariance(coarse, coarse)
    image = base = initial
    direction, step, reached = torch.zeros_like(initial), _STEP, math.inf
    for iteration in range(iterations):
        tape: list[Piece] = []
        grams = measure_grams(image, network.blocks, tape)
        miss = rule.miss(grams, targets)
        if miss <= _TOLERANCE * reached:
            base, reached = image, miss
            weights = rule.weights(grams, targets, iteration)
            direction = pull_back(image, weights, network.blocks, tape)
            largest = _LARGEST_CHANGE * float(direction.abs().mean())
            direction = direction.clamp_(-largest, largest)
            step = min(_STEP, _LARGEST_STEP / float(direction.std().clamp_min(1e-12)))
        else:
            step *= _RETREAT
        pulled = base + _CONTENT_PULL * coarse * (
            kept - _covariance(base, coarse) / _covariance(coarse, coarse)
        )
        image = _standard(pulled - step * direction)
    return image if rule.miss(grams_of(image, network), targets) <= reached else base


def gram_entries(matrices: Mapping[str, Tensor]) -> Tensor:
    """Return the upper triangles of symmetric matrices, without their first entries.

    Parameters
    ----------
    matrices : mapping of layer name to Tensor, shape (..., channels, channels)

    Returns
    -------
    Tensor, shape (..., entries)
    """
    parts = []
    for matrix in matrices.values():
        row, column = _upper(matrix)
        parts.append(matrix[..., row, column])
    return torch.cat(parts, dim=-1)


def gram_scale(gram: Tensor) -> Tensor:
    """Return √((G_ii + ε) (G_jj + ε)) of Gram matrices [..., c, c].

    Channels have a mean square of 1 over the training images; ε is a small part of that, so that
    a channel which an image hardly wakes does not count as much as the others.
    """
    root = (gram.diagonal(dim1=-2, dim2=-1) + _FAINT).sqrt()
    return root[..., :, None] * root[..., None, :]


def _coarse(content: Tensor) -> Tensor:
    """Return the content averaged over squares, where little noise is left, at full size."""
    averaged = F.avg_pool2d(content[None, None], _CONTENT_BINNING)
    return F.interpolate(averaged, content.shape, mode="bilinear")[0, 0]


def _covariance(first: Tensor, second: Tensor) -> float:
    return float((first * second).mean(dtype=torch.float64))


def _standard(image: Tensor) -> Tensor:
    return (image - image.mean()) / image.std()


def _distance(grams: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return how far Gram matrices are off, over the root of the targets' scale.

    Where an image has far too much of something, the distance is bounded by twice the target.
    """
    out = {}
    for name, gram in grams.items():
        scale = gram_scale(targets[name])
        out[name] = (gram - targets[name]) / ((gram_scale(gram) + scale) / 2) * scale.sqrt()
    return out


def _upper(matrix: Tensor) -> tuple[Tensor, Tensor]:
    size = matrix.shape[-1]
    row, column = torch.triu_indices(size, size, device=matrix.device)[:, 1:]
    return row, column
