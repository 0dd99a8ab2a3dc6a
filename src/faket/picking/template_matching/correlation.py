"""Correlation of one window of a tomogram with many small kernels, by FFT.

A kernel fills only a small box, and only the voxels of the window are needed. So the kernel is
transformed along x and y for few rows; the forward and inverse transforms along z, with the product
between, are done for groups of columns that fit the processor's cache; and the inverse transforms
along y and x are done plane by plane, so that each plane is processed while it is in the cache.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import torch

from faket.data import FloatArray

_CACHE_SAMPLES = 2**18  # complex samples at once on a CPU; chosen, because 2 MB fit the cache
Window = tuple[slice, slice, slice]
Consumer = Callable[[slice, torch.Tensor], None]


@contextmanager
def worker_threads(device: torch.device) -> Iterator[Executor]:
    """Yield a pool of as many threads as torch uses, each with single-threaded torch.

    Pieces that fit the cache, one for each thread, are faster than transforms shared by all
    threads, and much faster if other programs use some of the cores. A GPU gets one thread.
    """
    threads = torch.get_num_threads()
    on_cpu = device.type == "cpu"
    try:
        torch.set_num_threads(1 if on_cpu else threads)
        with ThreadPoolExecutor(threads if on_cpu else 1) as pool:
            yield pool
    finally:
        torch.set_num_threads(threads)


def padded_shape(shape: tuple[int, int, int], box: int) -> tuple[int, int, int]:
    """Return the FFT size of a window with a halo of ``box // 2`` all around."""
    z, y, x = (_fast_size(n + box - 1) for n in shape)
    return z, y, x


def _fast_size(size: int) -> int:
    """Smallest multiple of 16 (of 4 below 128) that has no prime factors but 2, 3, 5 and 7."""
    step = 16 if size >= 128 else 4
    size += -size % step
    while 210**16 % size:  # 16 times each factor is more than any size has
        size += step
    return size


class Correlator:
    """Spectrum of a window, to be correlated with kernels of one box size.

    Parameters
    ----------
    volume : ndarray, shape (z, y, x), float32
        The whole tomogram, of mean 0 and variance 1; voxels beyond it are taken as 0, or as 1 if
        squared.
    window : three slices with start and stop
        Voxels whose scores are computed.
    box : int
        Edge of the kernels, odd.
    device : torch.device
    squared : bool
        Use the squares of the voxels instead.
    """

    def __init__(
        self,
        volume: FloatArray,
        window: Window,
        box: int,
        device: torch.device,
        *,
        squared: bool = False,
    ) -> None:
        """Transform the window and its halo."""
        self.shape = tuple(part.stop - part.start for part in window)
        nz, ny, nx = self.shape
        self.padded = padded_shape((nz, ny, nx), box)
        block = _with_halo(volume, window, box // 2, self.padded, squared)
        spectrum = torch.fft.rfftn(torch.from_numpy(block).to(device))
        # [kz, ky, kx] → [ky, kx, kz], so that columns along z are contiguous.
        self._spectrum = spectrum.permute(1, 2, 0).contiguous()
        columns = self._spectrum.shape
        self._work = torch.empty((nz, *columns[:2]), dtype=torch.complex64, device=device)
        limit = _CACHE_SAMPLES if device.type == "cpu" else 2**40
        self._rows = max(1, limit // (columns[1] * columns[2]))
        self._planes = max(1, limit // (columns[0] * columns[1]))

    def correlate(self, kernel: torch.Tensor, consume: Consumer, pool: Executor) -> None:
        """Compute Σ_d kernel(d) volume(p + d), d from the box's centre; pass it to ``consume``.

        Parameters
        ----------
        kernel : Tensor, shape (box, box, box)
        consume : callable (planes, values)
            Called once for each slab of planes, in any order, from any thread of the pool.
            ``planes`` is a slice along z of the window; ``values`` a contiguous float32 tensor
            (planes, y, padded x), whose columns beyond the window's are to be ignored.
        pool : Executor
            See :func:`worker_threads`. Only one correlation at a time, because the work space
            belongs to the window.
        """
        nz, ny, _ = self.shape
        full_z, full_y, full_x = self.padded
        # Correlation is convolution with the reversed kernel; the halo was rolled accordingly.
        part = torch.fft.rfft(kernel.flip(0, 1, 2), n=full_x, dim=2)
        part = torch.fft.fft(part, n=full_y, dim=1).permute(1, 2, 0).contiguous()

        def along_z(start: int) -> None:
            rows = slice(start, start + self._rows)
            columns = torch.fft.fft(part[rows], n=full_z, dim=2)
            columns *= self._spectrum[rows]
            self._work[:, rows] = torch.fft.ifft(columns, dim=2)[:, :, :nz].permute(2, 0, 1)

        def along_y_and_x(start: int) -> None:
            planes = slice(start, min(start + self._planes, nz))
            slab = torch.fft.ifft(self._work[planes], dim=1)[:, :ny]
            consume(planes, torch.fft.irfft(slab, n=full_x, dim=2))

        for work, size, step in (
            (along_z, len(part), self._rows),
            (along_y_and_x, nz, self._planes),
        ):
            for _ in pool.map(work, range(0, size, step)):
                pass  # waits for all, and raises errors, before the second kind of work begins

    def whole(self, kernel: torch.Tensor, pool: Executor) -> torch.Tensor:
        """Return the correlation of all planes, [z, y, x]."""
        out = torch.empty(self.shape, device=kernel.device)

        def put(planes: slice, values: torch.Tensor) -> None:
            out[planes] = values[..., : out.shape[2]]

        self.correlate(kernel, put, pool)
        return out

    def release(self) -> None:
        """Free the memory; no correlation is possible afterwards."""
        self._spectrum = self._work = torch.empty(0)


def _with_halo(
    volume: FloatArray, window: Window, halo: int, padded: tuple[int, int, int], squared: bool
) -> FloatArray:
    """Cut the window and its halo, rolled by box - 1; beyond the volume 0, or 1 if squared."""
    block = np.full(padded, 1 if squared else 0, np.float32)
    source, target = [], []
    for part, size in zip(window, volume.shape, strict=True):
        low, high = max(0, part.start - halo), min(size, part.stop + halo)
        source.append(slice(low, high))
        offset = low - (part.start - halo)
        target.append(slice(offset, offset + high - low))
    inside = volume[tuple(source)]
    block[tuple(target)] = inside * inside if squared else inside
    return np.roll(block, [-2 * halo] * 3, axis=(0, 1, 2))
