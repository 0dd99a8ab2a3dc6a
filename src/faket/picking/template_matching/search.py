"""The search: best score and best orientation of every voxel."""

import math
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from faket.data import AnyArray, FloatArray
from faket.errors import InputError
from faket.picking.template_matching.correlation import (
    Correlator,
    Window,
    padded_shape,
    worker_threads,
)
from faket.picking.template_matching.kernels import keep_best
from faket.picking.template_matching.templates import KernelFactory
from faket.reports import Progress

_BYTES_PER_VOXEL = 36  # of a padded window: spectrum, work, transform, best, orientation
_BYTES_PER_VOXEL_SHAPED = 60  # two more of spectrum and work
_BATCH = 8  # orientations whose kernels are made together; chosen, to bound memory
# Chosen, because a million scores give their spread to well below 1 %.
_SIGMA_ORIENTATIONS = 64  # orientations whose scores are sampled for their spread
_SIGMA_SAMPLES = 2**14  # voxels of each, about
_LEAST_SIGMA = 0.01  # of the tomogram's σ; chosen, so that empty places score 0


@dataclass(frozen=True)
class ScoreMaps:
    """Result of a search with one template.

    Attributes
    ----------
    scores : ndarray, shape (z, y, x), float32
        Pearson's correlation, -1 to 1, of tomogram and template under the template's mask, for
        the best orientation.
    orientations : ndarray, shape (z, y, x), int32
        Index of the best orientation in ``rotations``.
    rotations : Rotation
        The list searched.
    sigma : float
        Spread of the scores of single orientations away from the tomogram's edge: half the
        distance between their quantiles at 15.87 and 84.13 %, which particles hardly change.
    """

    scores: FloatArray
    orientations: NDArray[np.int32]
    rotations: Rotation
    sigma: float


def search(
    volume: FloatArray,
    factory: KernelFactory,
    rotations: Rotation,
    *,
    memory_GB: float = 4.0,
    progress: Progress | None = None,
) -> ScoreMaps:
    """Search a tomogram for a template in every orientation.

    Parameters
    ----------
    volume : ndarray, shape (z, y, x), float32
        Beyond its edge the tomogram is assumed to have its mean and variance, so that nothing is
        found there and noise near the edge scores no higher than elsewhere.
    factory : KernelFactory
        On the device that does the work.
    rotations : Rotation
    memory_GB : float
        The volume is cut into windows whose search needs no more memory. Each has a halo, so the
        scores do not depend on this number.
    progress : callable, optional
        Called with (orientations done, total), over all windows.

    Returns
    -------
    ScoreMaps

    Raises
    ------
    InputError
        If the template is larger than the tomogram, or the tomogram is constant.
    """
    name, box = factory.template.species.name, factory.box
    inner = 2 * math.ceil(factory.template.reach) - 1
    if min(volume.shape) < inner:
        raise InputError(
            f"species {name}: expected a template smaller than the tomogram, found one of "
            f"{inner} voxels for {' x '.join(map(str, volume.shape[::-1]))}; leave it out or "
            "reconstruct a thicker tomogram"
        )
    standard = standardised(volume)
    shape = (volume.shape[0], volume.shape[1], volume.shape[2])
    scores = np.empty(shape, np.float32)
    orientations = np.empty(shape, np.int32)
    samples: list[FloatArray] = []
    windows = split_windows(shape, box, memory_GB, shaped=factory.shaped)
    report = progress or (lambda done, total: None)
    with worker_threads(factory.device) as pool:
        for place, window in enumerate(windows):
            job = _Window(standard, window, factory, pool)
            for done, index, kernel, weights in _kernels(factory, rotations):
                job.add(index, kernel, weights, sampled=index % _stride(len(rotations)) == 0)
                report(place * len(rotations) + done, len(windows) * len(rotations))
            scores[window], orientations[window] = job.result()
            samples.extend(job.samples)
    quantiles = np.quantile(np.concatenate(samples), [0.158655, 0.841345])
    return ScoreMaps(scores, orientations, rotations, float(np.diff(quantiles)[0]) / 2)


def split_windows(
    shape: tuple[int, int, int], box: int, memory_GB: float, *, shaped: bool = False
) -> list[Window]:
    """Cut a volume along its longest axes until each window fits the memory.

    Windows do not overlap; their halos do. No window becomes thinner than the box, because then
    the halo would be most of the work.
    """
    need = _BYTES_PER_VOXEL_SHAPED if shaped else _BYTES_PER_VOXEL
    parts = [1, 1, 1]
    while True:
        sizes = [math.ceil(n / k) for n, k in zip(shape, parts, strict=True)]
        voxels = math.prod(padded_shape((sizes[0], sizes[1], sizes[2]), box))
        axis = int(np.argmax(sizes))
        if voxels * need <= memory_GB * 1e9 or math.ceil(shape[axis] / (parts[axis] + 1)) < box:
            break
        parts[axis] += 1
    cuts = [
        [slice(i, min(i + size, n)) for i in range(0, n, size)]
        for n, size in zip(shape, sizes, strict=True)
    ]
    return list(product(*cuts))


class _Window:
    """State of the search in one window."""

    def __init__(
        self, volume: FloatArray, window: Window, factory: KernelFactory, pool: Executor
    ) -> None:
        self._device, self._pool, box = factory.device, pool, factory.box
        self._values = Correlator(volume, window, box, self._device)
        self._squares = Correlator(volume, window, box, self._device, squared=True)
        nz, ny, nx = (part.stop - part.start for part in window)
        self._best = torch.full((nz, ny, nx), -math.inf, device=self._device)
        self._index = torch.zeros((nz, ny, nx), dtype=torch.int32, device=self._device)
        ball = factory.ball / factory.ball.sum()
        self._inverse = self._local_inverse(ball)
        self._shaped = factory.shaped
        if not factory.shaped:
            self._squares.release()
        self._chosen = _sampled_places(volume.shape, window, box // 2)
        self.samples: list[FloatArray] = []

    def add(
        self, index: int, kernel: torch.Tensor, weights: torch.Tensor | None, *, sampled: bool
    ) -> None:
        """Correlate one orientation and keep the best scores."""
        inverse = self._inverse if weights is None else self._local_inverse(weights)
        nx = self._best.shape[2]

        def consume(planes: slice, values: torch.Tensor) -> None:
            if sampled:
                self._sample(planes, values, inverse)
            if weights is not None:
                values[..., :nx] *= inverse[planes]
            # For a ball the local deviation is the same in all orientations; it is divided last.
            self._keep(planes, values, index)

        self._values.correlate(kernel, consume, self._pool)

    def result(self) -> tuple[AnyArray, AnyArray]:
        """Return scores and indices of the window."""
        scores = self._best if self._shaped else self._best.mul_(self._inverse)
        return scores.clamp_(-1, 1).cpu().numpy(), self._index.cpu().numpy()

    def _sample(self, planes: slice, values: torch.Tensor, inverse: torch.Tensor) -> None:
        z, y, x = self._chosen
        z = z[(z >= planes.start) & (z < planes.stop)]
        grid = (z[:, None, None], y[:, None], x)
        scores = values[(grid[0] - planes.start, *grid[1:])] * inverse[grid]
        self.samples.append(scores.cpu().numpy().ravel())

    def _local_inverse(self, weights: torch.Tensor) -> torch.Tensor:
        return _inverse_sigma(
            *(item.whole(weights, self._pool) for item in (self._values, self._squares))
        )

    def _keep(self, planes: slice, values: torch.Tensor, index: int) -> None:
        best, indices = self._best[planes], self._index[planes]
        if self._device.type == "cpu":
            keep_best(values.numpy(), index, best.numpy(), indices.numpy())
            return
        values = values[..., : best.shape[2]]
        better = values > best
        torch.where(better, values, best, out=best)
        indices.masked_fill_(better, index)


def _sampled_places(shape: tuple[int, ...], window: Window, halo: int) -> list[torch.Tensor]:
    """Indices along z, y, x of the window: an even grid of the tomogram, away from its edge.

    Near the edge scores have a smaller spread, because part of the mask lies beyond it.
    """
    every = max(1, round((math.prod(shape) / _SIGMA_SAMPLES) ** (1 / 3)))
    places = []
    for part, size in zip(window, shape, strict=True):
        margin = min(halo, (size - 1) // 2)
        place = np.arange(margin, size - margin, every)
        place = place[(place >= part.start) & (place < part.stop)] - part.start
        places.append(torch.from_numpy(place))
    return places


def _kernels(
    factory: KernelFactory, rotations: Rotation
) -> Iterator[tuple[int, int, torch.Tensor, torch.Tensor | None]]:
    """Yield (done, index, kernel, weights) of every orientation."""
    for start in range(0, len(rotations), _BATCH):
        kernels, weights = factory.kernels(rotations[start : start + _BATCH])
        for i, kernel in enumerate(kernels):
            yield start + i + 1, start + i, kernel, None if weights is None else weights[i]


def _inverse_sigma(mean: torch.Tensor, square: torch.Tensor) -> torch.Tensor:
    """1 / local standard deviation; 0 where the standardised tomogram is nearly constant."""
    variance = square - mean.square()
    usable = variance > _LEAST_SIGMA**2
    return torch.where(usable, variance.clamp(min=_LEAST_SIGMA**2).rsqrt(), 0)


def standardised(volume: FloatArray) -> FloatArray:
    """Return the volume with mean 0 and variance 1; InputError if it is constant."""
    mean, sigma = volume.mean(dtype=np.float64), volume.std(dtype=np.float64)
    if not np.isfinite(sigma) or sigma <= abs(mean) * 1e-6:
        raise InputError(
            f"tomogram: expected finite values that differ, found a mean of {mean:g} and a "
            f"standard deviation of {sigma:g}; check how it was reconstructed"
        )
    return np.asarray((volume - np.float32(mean)) / np.float32(sigma), np.float32)


def _stride(count: int) -> int:
    return max(1, count // _SIGMA_ORIENTATIONS)
