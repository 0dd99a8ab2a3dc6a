"""A wave that travels through the slices, in pieces that stay in the processor's cache."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.fft
import torch

from faket.data import AnyArray

# Chosen: the complex values of one piece fill about 0.3 MB, so their transform stays in the cache.
# Fixed, so that the bytes do not depend on the number of threads.
_ROWS, _COLUMNS = 128, 128

Act = Callable[[torch.Tensor, int], None]


class TravellingWave:
    """A wave in frequencies along y and in pixels along x.

    Propagation then needs transforms along x only, and a slice only those of the columns that it
    fills, which are few at high tilt. The CPU uses scipy in threads, a GPU torch at once.

    Parameters
    ----------
    wave : Tensor, shape (y, x), complex64
        In pixels.
    """

    def __init__(self, wave: torch.Tensor) -> None:
        """Transform along y."""
        if wave.is_cuda:
            self._mixed = torch.fft.fft(wave, dim=0)
            return
        self._threads = ThreadPoolExecutor(torch.get_num_threads())
        self._mixed = torch.from_numpy(
            scipy.fft.fft(wave.numpy(), axis=0, workers=torch.get_num_threads())
        )

    def advance(self, propagator: torch.Tensor) -> None:
        """Multiply by ``propagator``, over the frequencies of a complex FFT [y, x]."""
        if self._mixed.is_cuda:
            spectrum = torch.fft.fft(self._mixed, dim=1).mul_(propagator)
            self._mixed = torch.fft.ifft(spectrum, dim=1)
            return
        mixed, factor = self._mixed.numpy(), propagator.numpy()

        def piece(y: int) -> None:
            rows = slice(y, y + _ROWS)
            spectrum = scipy.fft.fft(mixed[rows], axis=1, overwrite_x=True)
            np.multiply(spectrum, factor[rows], out=spectrum)
            mixed[rows] = scipy.fft.ifft(spectrum, axis=1, overwrite_x=True)

        self._run(piece, range(0, mixed.shape[0], _ROWS))

    def scatter(self, first: int, last: int, act: Act) -> None:
        """Transform columns ``first`` to ``last`` - 1 back to pixels and let ``act`` change them.

        ``act`` is called with a part of the wave [y, columns], which it changes in place, and the
        first column of that part; from several threads at once.
        """
        if last <= first:
            return
        if self._mixed.is_cuda:
            part = torch.fft.ifft(self._mixed[:, first:last], dim=0)
            act(part, first)
            self._mixed[:, first:last] = torch.fft.fft(part, dim=0)
            return
        mixed = self._mixed.numpy()

        def piece(x: int) -> None:
            columns = slice(x, min(x + _COLUMNS, last))
            wave = scipy.fft.ifft(np.ascontiguousarray(mixed[:, columns]), axis=0, overwrite_x=True)
            act(torch.from_numpy(wave), x)
            mixed[:, columns] = scipy.fft.fft(wave, axis=0, overwrite_x=True)

        self._run(piece, range(first, last, _COLUMNS))

    def in_pixels(self) -> torch.Tensor:
        """Return the wave [y, x], complex64."""
        if self._mixed.is_cuda:
            wave: torch.Tensor = torch.fft.ifft(self._mixed, dim=0)
            return wave
        values: AnyArray = scipy.fft.ifft(
            self._mixed.numpy(), axis=0, workers=torch.get_num_threads()
        )
        return torch.from_numpy(values)

    def _run(self, piece: Callable[[int], None], starts: Iterable[int]) -> None:
        for _ in self._threads.map(piece, starts):  # waits, and raises a thread's exception
            pass
