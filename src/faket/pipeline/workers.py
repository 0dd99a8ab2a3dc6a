"""Worker processes on this machine, which end with this process, however it ends."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection, resource_tracker
from multiprocessing.context import SpawnContext
from typing import Any

from faket.errors import InputError

_PR_SET_PDEATHSIG = 1  # prctl(2): the signal that a process gets when its parent ends
_STOPS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


class Workers:
    """Processes that are started one by one, when there is work for them."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        """Take the pool of :func:`worker_processes`."""
        self._pool = pool

    def submit(self, work: Callable[..., None], *arguments: Any) -> Future[None]:
        """Give work to a free process, or to a new one.

        Terminals and batch systems send the signals that end a run to all its processes. Workers
        ignore them, because the main process then ends its workers.
        """
        with _held_signals():
            return self._pool.submit(work, *arguments)


@contextmanager
def worker_processes(
    workers: int, begin: Callable[..., None], *arguments: Any
) -> Iterator[Workers]:
    """Yield processes that end with the block, and immediately if it is interrupted.

    After an InputError, which concerns only one piece of work, the others are finished first.

    Parameters
    ----------
    workers : int
        Largest number of processes.
    begin : callable
        Called in each process first, with ``arguments``.

    Raises
    ------
    InputError
        If one of them is killed.
    """
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        workers, mp_context=spawning(), initializer=_begin, initargs=(begin, arguments)
    )
    try:
        try:
            yield Workers(pool)
        except InputError:
            pool.shutdown()
            raise
        pool.shutdown()
    except BrokenProcessPool:
        raise InputError(
            f"workers: expected {workers} to run to the end, found one killed, most often for "
            "want of memory; use fewer `workers` and run the command again to continue"
        ) from None
    finally:
        for child in set(multiprocessing.active_children()) - others:
            child.kill()  # what it has finished is on disk; the rest could take hours
        pool.shutdown()


def spawning() -> SpawnContext:
    """Return how processes begin: a fork would take the locks of numba's and torch's threads."""
    with _held_signals():  # it begins the process that tidies up after all others
        resource_tracker.ensure_running()
    return multiprocessing.get_context("spawn")


@contextmanager
def _held_signals() -> Iterator[None]:
    """Hold back the signals here; a process that begins meanwhile never gets them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(begin: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    if sys.platform == "linux":  # even where a long computation keeps the thread below waiting
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent.pid:
            os._exit(1)
    threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    begin(*arguments)


def _end_with(parent: int) -> None:
    connection.wait([parent])
    os._exit(1)
