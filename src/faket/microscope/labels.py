"""Projections of a quantity given per class, cut into slices, without forming its volume."""

import math

import numpy as np
from numba import prange

from faket.compiling import kernel
from faket.data import AnyArray, FloatArray


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
        # Eight labels are read as one number, which is 0 if all are.
        self._step = 8 if labels.shape[2] % 8 == 0 else 1
        self._words = self._labels.view(np.uint64 if self._step == 8 else np.uint8)
        self._spans = np.zeros((*labels.shape[:2], 2), np.int32)
        if self._values.any():
            _find_spans(self._labels, self._words, self._step, self._values, self._spans)
        self.empty = not self._spans.any()

    def cut(
        self, angle_deg: float, *, n_slices: int, slice_thickness_voxels: float, width: int
    ) -> FloatArray:
        """Project one tilt, cut into slices as by :func:`faket.projection.project_slices`.

        A voxel is split linearly over two pixels.

        Returns
        -------
        ndarray, shape (n_slices, y, width), float32
            Sums over voxels.
        """
        out = np.zeros((n_slices, self._labels.shape[1], width), np.float32)
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
            out,
        )
        return out


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
    out: FloatArray,
) -> None:
    nz, ny, nx = labels.shape
    ns, _, width = out.shape
    for y in prange(ny):
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
                    if left >= 0:
                        out[s, y, left] += (np.float32(1.0) - part) * value
                    if left + 1 < width:
                        out[s, y, left + 1] += part * value
