"""Work on many tilts at once, in the threads of this process."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

WorkItem = TypeVar("WorkItem")
WorkResult = TypeVar("WorkResult")


def in_threads(
    work: Callable[[WorkItem], WorkResult], items: Iterable[WorkItem]
) -> list[WorkResult]:
    """Return the result for each item, in their order, from as many threads as kernels use.

    For numpy and scipy, which let other threads run meanwhile. Not for compiled kernels that are
    parallel themselves: on some machines only one thread may call them.

    Parameters
    ----------
    work : callable
    items : iterable
    """
    from numba import get_num_threads  # workers of a data set share the cores by this number

    with ThreadPoolExecutor(get_num_threads()) as pool:
        return list(pool.map(work, items))
