"""Segmentation: from a tomogram to a label of every voxel."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from faket.data import FloatArray
from faket.device import Device, resolve_device
from faket.errors import InputError
from faket.picking.networks.network import VoxelNetwork
from faket.picking.networks.tiling import Tile, cover, padded_shape
from faket.reports import Progress

TILE, MARGIN = 160, 28
_SMALLEST = 8  # voxels a side


@dataclass(frozen=True)
class Segmentation:
    """Labels of a tomogram.

    Attributes
    ----------
    labels : ndarray, shape (z, y, x), uint8
        Most probable class of each voxel.
    scores : ndarray, shape (z, y, x), float32
        Its probability.
    binning : int
        Voxels of the tomogram per voxel of the labels, b = 1 or 2. Voxel i of the labels is the
        mean of the tomogram's voxels b i to b i + b - 1, so its centre is b i + (b - 1) / 2 there.
    """

    labels: NDArray[np.uint8]
    scores: FloatArray
    binning: int


def segment(
    volume: FloatArray,
    network: VoxelNetwork,
    *,
    binning: int = 2,
    tile: int = TILE,
    margin: int = MARGIN,
    mixed_precision: bool = True,
    device: Device = "auto",
    progress: Progress | None = None,
) -> Segmentation:
    """Label a tomogram, tile by tile.

    As published, the tomogram is scaled as a whole to mean 0 and standard deviation 1, the scores
    (softmax) are averaged over 2³ voxels if ``binning`` is 2, and the label is the class with the
    highest score. The published tiles are 160 voxels wide, 106 apart, and averaged where the kept
    parts overlap (4 voxels); here the kept parts touch, so only one tile and the labels need
    memory.

    Parameters
    ----------
    volume : ndarray, shape (z, y, x), float32
        May be a memory map. Same voxel size and contrast sign as in training.
    network : VoxelNetwork
        It is moved to the device and stays there.
    binning : {1, 2}
    tile, margin : int
        Largest side of a tile, and the voxels on its inner sides that are not kept. A label depends
        on voxels up to 34 away; the published margin is 27. Memory grows with the cube of the tile.
    mixed_precision : bool
        Compute in half precision where it is safe; on CUDA only.
    device : {"auto", "cpu", "cuda"}
    progress : callable, optional
        Called with (tiles done, tiles in all).

    Returns
    -------
    Segmentation
        With ``binning`` 2, the last voxel of an axis with an odd number of voxels is left out.

    Raises
    ------
    InputError
        If the volume is not three-dimensional, smaller than 8 voxels a side or not finite, or if
        the margins of a tile leave nothing to keep.
    """
    if binning not in (1, 2):
        raise InputError(
            f"segmentation: expected a binning of 1 or 2, found {binning}; choose one of them"
        )
    shape = tuple(size // binning for size in volume.shape)
    labels, best = np.zeros(shape, np.uint8), np.zeros(shape, np.float32)
    tiles = predict(
        volume,
        network,
        tile=tile,
        margin=margin,
        mixed_precision=mixed_precision,
        device=device,
        progress=progress,
    )
    for part, scores in tiles:
        if binning == 2:
            scores = functional.avg_pool3d(scores[None], 2)[0]
        score, label = scores.max(dim=0)
        place = tuple(slice(s.start // binning, s.stop // binning) for s in part.place)
        inside = tuple(slice(0, s.stop - s.start) for s in place)
        labels[place] = label[inside].to(torch.uint8).cpu().numpy()
        best[place] = score[inside].cpu().numpy()
    return Segmentation(labels, best, binning)


def predict(
    volume: FloatArray,
    network: VoxelNetwork,
    *,
    tile: int = TILE,
    margin: int = MARGIN,
    mixed_precision: bool = True,
    device: Device = "auto",
    progress: Progress | None = None,
) -> Iterator[tuple[Tile, Tensor]]:
    """Yield the scores of every part of a tomogram.

    Parameters are those of :func:`segment`.

    Yields
    ------
    Tile
        ``place`` is cut to the volume.
    Tensor, shape (class, z, y, x)
        Probabilities in that place, float32, on the device.
    """
    where = torch.device(resolve_device(device))
    mean, spread = _statistics(volume)
    shape = volume.shape
    tiles = list(cover(padded_shape(shape), tile=tile, margin=margin))
    network = network.to(where).eval()
    for done, part in enumerate(tiles, start=1):
        image = torch.from_numpy(_padded_box(volume, part, mean, spread)).to(where)
        with torch.inference_mode(), half_precision(where, mixed_precision):
            logits = network(image[None, None])[0]
        scores = logits[(slice(None), *part.core)].float().softmax(dim=0)
        z, y, x = (slice(s.start, min(s.stop, n)) for s, n in zip(part.place, shape, strict=True))
        inside = tuple(slice(0, s.stop - s.start) for s in (z, y, x))
        yield Tile(part.box, part.core, (z, y, x)), scores[(slice(None), *inside)]
        if progress is not None:
            progress(done, len(tiles))


def half_precision(device: torch.device, wanted: bool) -> AbstractContextManager[object]:
    """Return the context of mixed precision on CUDA, and an empty context elsewhere."""
    if device.type != "cuda" or not wanted:
        return nullcontext()
    return torch.autocast("cuda", dtype=half_type())


def half_type() -> torch.dtype:
    """Return bfloat16 if the GPU supports it (it needs no scaling of gradients), else float16."""
    natively = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if natively else torch.float16


def _statistics(volume: FloatArray) -> tuple[float, float]:
    if volume.ndim != 3 or min(volume.shape) < _SMALLEST:
        raise InputError(
            f"segmentation: expected a volume (z, y, x) of at least {_SMALLEST} voxels a side, "
            f"found {volume.shape}; give a larger volume"
        )
    mean = float(volume.mean(dtype=np.float64))
    # Section by section, because a large volume in double precision would take twice its memory.
    squares = sum(float(np.square(section - mean, dtype=np.float64).sum()) for section in volume)
    spread = float(np.sqrt(squares / volume.size))
    if not (np.isfinite(mean) and np.isfinite(spread)):
        raise InputError(
            "segmentation: expected finite voxels, found NaN or infinity; replace them"
        )
    return mean, spread if spread > 0 else 1.0


def _padded_box(volume: FloatArray, part: Tile, mean: float, spread: float) -> FloatArray:
    """Cut a box and scale it to mean 0 and σ 1; voxels beyond the volume are 0, its mean."""
    shape = tuple(s.stop - s.start for s in part.box)
    box = np.zeros(shape, np.float32)
    found = volume[part.box]
    box[tuple(slice(0, n) for n in found.shape)] = (found - mean) / spread
    return box
