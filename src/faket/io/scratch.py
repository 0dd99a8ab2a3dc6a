"""Large stacks on the disk instead of in memory, while a command works.

They are maps of files, arrays like others. The kernel keeps what was touched of a map in memory
until another program needs it, and counts it as this program's; so it is given back here now and
then, by a thread. What was written stays in the file.
"""

import math
import mmap
import os
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from faket.io.atomic import require_space
from faket.io.failures import PathLike, cannot_write
from faket.stacks import stacks_made_by

# Chosen: 61 images of 1024 x 1024 (256 MB) stay in memory, and four such stacks beside them fit
# into 2 GB.
LARGE_BYTES = 4 * 10**8
_KEPT_BYTES = 10**9  # of maps in memory; chosen
_PAUSE_S = 0.05  # in which a map grows by 0.2 GB at most; chosen

_COUNTED = Path("/proc/self/statm")  # pages of this process; the third number: of files

_least: ContextVar[int | None] = ContextVar("least", default=None)


@contextmanager
def stacks_on_disk(folder: PathLike, *, larger_than: int | None = None) -> Iterator[None]:
    """Let stacks that are made or read meanwhile lie on the disk if they are large.

    Parameters
    ----------
    folder : str or Path
        Where there is space for them: the folder of a command's output, which may not exist yet.
        Their files have no name, and are gone with the program, whatever ends it.
    larger_than : int, optional
        Bytes; 400 MB by default.

    Raises
    ------
    InputError
        If the disk is full.
    """
    least = LARGE_BYTES if larger_than is None else larger_than
    place = Path(os.path.abspath(folder))
    while not place.is_dir() and place != place.parent:
        place = place.parent

    def make(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        n_bytes = math.prod(shape) * dtype.itemsize
        if n_bytes <= least:
            return np.empty(shape, dtype)
        require_space(place, n_bytes)
        try:
            with tempfile.TemporaryFile(dir=place) as file:
                _reserve(file, n_bytes)
                return _mapped(file, dtype, 0, shape, mmap.ACCESS_WRITE)
        except OSError as error:
            raise cannot_write(place, error) from error

    token = _least.set(least)
    try:
        with stacks_made_by(make):
            yield
    finally:
        _least.reset(token)


def file_as_stack(
    path: PathLike, dtype: np.dtype[Any], offset: int, shape: tuple[int, ...]
) -> NDArray[Any] | None:
    """Return a read-only map of a file; None where its data are to be read into memory."""
    least = _least.get()
    if least is None or math.prod(shape) * dtype.itemsize <= least:
        return None
    with open(path, "rb") as file:
        return _mapped(file, dtype, offset, shape, mmap.ACCESS_READ)


def _reserve(file: IO[bytes], n_bytes: int) -> None:
    """Take the space now: writing to a map of a full disk would kill the program."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, n_bytes)
    else:
        file.truncate(n_bytes)


def _mapped(
    file: IO[bytes], dtype: np.dtype[Any], offset: int, shape: tuple[int, ...], access: int
) -> NDArray[Any]:
    memory = mmap.mmap(file.fileno(), 0, access=access)
    _maps.watch(memory)
    return np.ndarray(shape, dtype, memory, offset)


class _Maps:
    """Maps whose memory a thread gives back while there are any."""

    def __init__(self) -> None:
        """Begin with none."""
        self._known: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def watch(self, memory: mmap.mmap) -> None:
        """Add a map; it is forgotten when no array needs it."""
        if not (hasattr(mmap, "MADV_DONTNEED") and _COUNTED.exists()):  # Linux has both
            return
        with self._lock:
            self._known.add(memory)
            if self._thread is None:
                self._thread = threading.Thread(target=self._give_back, daemon=True)
                self._thread.start()

    def _give_back(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(_PAUSE_S)
            with self._lock:
                if not self._known:
                    self._thread = None
                    return
                maps = list(self._known)
            if _mapped_bytes() > _KEPT_BYTES:
                for memory in maps:
                    memory.madvise(mmap.MADV_DONTNEED)
            del maps


def _mapped_bytes() -> int:
    """Return how much of all maps of files is in memory."""
    return int(_COUNTED.read_text(encoding="ascii").split()[2]) * mmap.PAGESIZE


_maps = _Maps()
