"""Projections of a quantity given per class, cut into slices, without forming its volume."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numba import prange

from faket.compiling import kernel
from faket.data import AnyArray, FloatArray
from faket.stacks import empty_stack


class LabelSlicer:
    """Projects ``values[labels]`` cut into slices.

    Parameters
    ----------
    labels : ndarray, shape (z, y, x), uint8
    values : array_like, shape (256,)
        Value of a voxel of each label; that of label 0 must be 0. Rows without labels cost
        almost nothing.
    """

    def __init__(self, labels: AnyArray, values: AnyArray) -> None:
        """Find the first and the last voxel of each row along x that has a value."""
        self._labels = np.ascontiguousarray(labels, np.uint8)
        self._values = np.asarray(values, np.float32)
        self._memory = np.empty(0, np.float32)
        # Eight labels are read as one number, which is 0 if all are.
        self._step = 8 if labels.shape[2] % 8 == 0 else 1
        self._words = self._labels.view(np.uint64 if self._step == 8 else np.uint8)
        self._spans = np.zeros((*labels.shape[:2], 2), np.int32)
        if self._values.any():
            _find_spans(self._labels, self._words, self._step, self._values, self._spans)
        self.empty = not self._spans.any()

    def cut(
        self,
        angle_deg: float,
        *,
        bands: Sequence[tuple[int, int]],
        slice_thickness_voxels: float,
        width: int,
    ) -> list[FloatArray]:
        """Project one tilt, cut into slices as by :func:`faket.projection.project_bands`.

        A voxel is split linearly over two pixels.

        Returns
        -------
        list of ndarray, shape (y, columns), float32
            Sums over voxels, in memory that the next call overwrites.
        """
        ny = self._labels.shape[1]
        firsts = np.array([first for first, _ in bands])
        starts = np.cumsum([0, *(columns for _, columns in bands)])
        if self._memory.size < ny * starts[-1]:
            self._memory = np.empty(0, np.float32)  # free the old memory before allocating
            self._memory = empty_stack((ny * int(starts[-1]),))
        angle = math.radians(angle_deg)
        _cut_labels(
            self._labels,
            self._words,
            self._step,
            self._values,
            self._spans,
            math.cos(angle),
            math.sin(angle),
            float(slice_thickness_voxels),
            width,
            firsts,
            starts,
            self._memory,
        )
        return [
            # flat → [y, columns]
            self._memory[ny * start : ny * end].reshape(ny, end - start)
            for start, end in itertools.pairwise(starts)
        ]


@kernel(parallel=True)
def _find_spans(
    labels: AnyArray, words: AnyArray, step: int, values: FloatArray, spans: AnyArray
) -> None:
    """Write first and last + 1 word of each row that holds a value other than 0."""
    nz, ny, _ = labels.shape
    for y in prange(ny):
        for z in range(nz):
            first, last = -1, 0
            for word in range(words.shape[2]):
                if words[z, y, word] == 0:
                    continue
                for x in range(word * step, (word + 1) * step):
                    if values[labels[z, y, x]] != 0.0:
                        first = word if first < 0 else first
                        last = word + 1
            if first >= 0:
                spans[z, y, 0], spans[z, y, 1] = first, last


@kernel(parallel=True)
def _cut_labels(
    labels: AnyArray,
    words: AnyArray,
    step: int,
    values: FloatArray,
    spans: AnyArray,
    cos: float,
    sin: float,
    thickness: float,
    width: int,
    firsts: AnyArray,
    starts: AnyArray,
    out: FloatArray,
) -> None:
    nz, ny, nx = labels.shape
    ns = len(firsts)
    for y in prange(ny):
        for s in range(ns):
            row = ny * starts[s] + y * (starts[s + 1] - starts[s])
            out[row : row + starts[s + 1] - starts[s]] = 0.0
        for z in range(nz):
            u0 = (z - nz // 2) * sin + width // 2 - (nx // 2) * cos
            w0 = (z - nz // 2) * cos + (nx // 2) * sin
            for word in range(spans[z, y, 0], spans[z, y, 1]):
                if words[z, y, word] == 0:
                    continue
                for x in range(word * step, (word + 1) * step):
                    value = values[labels[z, y, x]]
                    u = u0 + x * cos
                    if value == 0.0 or u <= -1.0 or u >= width:
                        continue
                    s = min(max(math.floor((w0 - x * sin) / thickness + 0.5 * ns), 0), ns - 1)
                    left = math.floor(u)
                    part = np.float32(u - left)
                    columns = starts[s + 1] - starts[s]
                    row, at = ny * starts[s] + y * columns, left - firsts[s]
                    if 0 <= at < columns:
                        out[row + at] += (np.float32(1.0) - part) * value
                    if 0 <= at + 1 < columns:
                        out[row + at + 1] += part * value
