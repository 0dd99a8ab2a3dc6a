"""Processes of this machine that work for this one, and end with it, whatever ends it."""

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
    """Processes that are begun one by one, when there is work for them."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        """Take the pool of :func:`worker_processes`."""
        self._pool = pool

    def submit(self, work: Callable[..., None], *arguments: Any) -> Future[None]:
        """Give work to a process that is free, or to a new one.

        What ends a run is sent to all its processes by terminals and batch systems. It concerns
        the first alone, which then ends the others; so they never see it.
        """
        with _held_signals():
            return self._pool.submit(work, *arguments)


@contextmanager
def worker_processes(
    workers: int, begin: Callable[..., None], *arguments: Any
) -> Iterator[Workers]:
    """Give processes that end with the block; at once, where it is interrupted.

    Only after an InputError, which is that of one piece of work, the others are waited for.

    Parameters
    ----------
    workers : int
        At most so many.
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
