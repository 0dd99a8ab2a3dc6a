"""Where stacks lie: in memory, or on the disk where a command says so.

A stage that makes a stack of images asks here for its place, so that it need not know which.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

StackMaker = Callable[[tuple[int, ...], np.dtype[Any]], NDArray[Any]]

_place: ContextVar[StackMaker | None] = ContextVar("place", default=None)


def empty_stack(shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Return a new array to be filled, as ``numpy.empty``; its values are undefined.

    Parameters
    ----------
    shape : tuple of int
        Images or planes first.
    dtype : numpy dtype
    """
    place = _place.get()
    return np.empty(shape, dtype) if place is None else place(shape, np.dtype(dtype))


def stack_of(images: Iterable[NDArray[Any]], count: int) -> NDArray[Any]:
    """Return images [y, x] of one shape and type, which may come one by one, as one stack.

    Parameters
    ----------
    images : iterable of ndarray
    count : int
        How many there are, at least one.
    """
    place = None
    for index, image in enumerate(images):
        if place is None:
            place = empty_stack((count, *image.shape), image.dtype)
        place[index] = image
    assert place is not None
    return place


@contextmanager
def stacks_made_by(place: StackMaker) -> Iterator[None]:
    """Let ``place`` (shape, dtype) make all stacks meanwhile, in this thread."""
    token = _place.set(place)
    try:
        yield
    finally:
        _place.reset(token)
