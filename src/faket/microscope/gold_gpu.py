"""Masks of gold in torch, for GPUs: those of :mod:`faket.microscope.gold`."""

import math
from functools import lru_cache

import torch
from torch import Tensor

from faket.microscope.gold import KEPT_AT_LEAST, block_of, widths_of

_TRUNCATED = 4.0  # σ, as scipy's gaussian_filter


def gold_mask_on_device(image: Tensor, pixel_size_A: float, *, sigmas: float) -> Tensor | None:
    """Return the mask of :func:`faket.microscope.gold.gold_mask` on the image's device.

    Parameters
    ----------
    image : Tensor, shape (y, x), float32
    pixel_size_A : float
    sigmas : float

    Returns
    -------
    Tensor, shape (y, x), float32, or None
    """
    block = block_of(pixel_size_A, (image.shape[0], image.shape[1]))
    widths = widths_of(pixel_size_A, block)
    small = torch.nn.functional.avg_pool2d(image[None, None], block)[0, 0]
    band = _blurred(small, _gaussian(widths.blur)) - _boxed(small, widths.background)
    deviation = (band - _upper_median(band)).abs()
    outliers = deviation > sigmas * 1.4826 * _upper_median(deviation)
    if not bool(outliers.any()):
        return None
    near = _boxed(outliers.float(), widths.near) > 1e-6
    keep = 1 - _boxed(_boxed(near.float(), widths.fade), widths.fade)
    return None if float(keep.mean()) < KEPT_AT_LEAST else _spread(keep, block, image.shape)


def faded_on_device(image: Tensor, kept: Tensor) -> Tensor:
    """Fade an image to its mean where ``kept`` is below 1."""
    mean = (image * kept).sum(dtype=torch.float64) / kept.sum(dtype=torch.float64)
    return mean.float() + (image - mean.float()) * kept


def _upper_median(values: Tensor) -> Tensor:
    return values.reshape(-1).kthvalue(values.numel() // 2 + 1).values


def _boxed(image: Tensor, size: int) -> Tensor:
    """Average over squares, as scipy's uniform_filter does."""
    return _blurred(image, (1.0 / size,) * size)


@lru_cache(maxsize=8)
def _gaussian(sigma: float) -> tuple[float, ...]:
    reach = int(_TRUNCATED * sigma + 0.5)
    weights = [math.exp(-0.5 * (i / sigma) ** 2) for i in range(-reach, reach + 1)]
    return tuple(weight / sum(weights) for weight in weights)


def _blurred(image: Tensor, weights: tuple[float, ...]) -> Tensor:
    """Convolve both axes with weights; edges are mirrored as scipy's mode "reflect" does."""
    before, size = len(weights) // 2, len(weights)
    kernel = torch.tensor(weights, dtype=image.dtype).reshape(1, 1, 1, size).to(image.device)
    for _ in range(2):  # along x, then turned
        width = image.shape[1]
        place = torch.arange(-before, width + size - 1 - before, device=image.device)
        place = place.remainder(2 * width)
        place = torch.where(place < width, place, 2 * width - 1 - place)
        beside = image.index_select(1, place)
        image = torch.nn.functional.conv2d(beside[None, None], kernel)[0, 0].T
    return image


def _spread(small: Tensor, block: int, shape: torch.Size) -> Tensor:
    """Return means of blocks at every pixel [y, x], linearly between the centres of blocks."""
    whole = torch.nn.functional.interpolate(
        small[None, None], scale_factor=block, mode="bilinear", align_corners=False
    )[0, 0]
    for axis, size in enumerate(shape):  # the rest of a block
        last = torch.arange(size, device=small.device).clamp(max=whole.shape[axis] - 1)
        whole = whole.index_select(axis, last)
    return whole
