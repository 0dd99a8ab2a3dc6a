"""Work on many tilts at once, in the threads of this process."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
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
    from numba import get_num_threads  # workers of a data set share the cores by this number

    most = _MOST_PIXELS // pixels if pixels else get_num_threads()
    with ThreadPoolExecutor(max(1, min(most, get_num_threads()))) as pool:
        return list(pool.map(work, items))
