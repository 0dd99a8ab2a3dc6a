"""Work on many tilts at once, in the threads of this process."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

# At once; chosen: 1 image of 4096², 16 of 1024². Spectra and masks need up to 40 bytes a pixel.
_MOST_PIXELS = 2**24
WorkItem = TypeVar("WorkItem")
WorkResult = TypeVar("WorkResult")


def in_threads(
    work: Callable[[WorkItem], WorkResult], items: Iterable[WorkItem], *, pixels: int = 0
) -> list[WorkResult]:
    """Return the result for each item, in their order, from as many threads as kernels use.

    For numpy and scipy, which let other threads run meanwhile. Not for compiled kernels that are
    parallel themselves: on some machines only one thread may call them.

    Parameters
    ----------
    work : callable
    items : iterable
    pixels : int
        Of the image that one call works on: of large images fewer are worked on at once, so that
        many threads do not need more memory than there is.
    """
    with ThreadPoolExecutor(_threads(pixels)) as pool:
        return list(pool.map(work, items))


def ahead_in_threads(
    work: Callable[[WorkItem], WorkResult], items: Iterable[WorkItem], *, pixels: int = 0
) -> Iterator[WorkResult]:
    """Yield the result for each item, in their order; threads make the next ones meanwhile.

    Parameters as for :func:`in_threads`.
    """
    threads, begun = _threads(pixels), deque[Future[WorkResult]]()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                begun.append(pool.submit(work, item))
                if len(begun) > threads:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()


def _threads(pixels: int) -> int:
    from numba import get_num_threads  # workers of a data set share the cores by this number

    most = _MOST_PIXELS // pixels if pixels else get_num_threads()
    return max(1, min(most, get_num_threads()))
