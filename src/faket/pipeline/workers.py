"""Worker processes on this machine, which end with this process, however it ends."""

import ctypes
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import connection, resource_tracker
from multiprocessing.context import SpawnContext
from typing import Any

from faket.errors import InputError
from faket.pipeline.gpus import take_gpu

# The reason, wherever a worker was killed.
KILLED = (
    "workers: expected all to run to the end, found one killed, most often for want of memory; "
    "use fewer `workers` and run the command again to continue"
)
_PR_SET_PDEATHSIG = 1  # prctl(2): the signal that a process gets when its parent ends
_STOPS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


class Workers:
    """Processes that are started when there is work, or before; one that is killed is replaced.

    Each has a pool of its own, so that a killed process fails only the work that it was doing.
    """

    def __init__(self, workers: int, begin: Callable[[], None]) -> None:
        """Start no process yet.

        Parameters
        ----------
        workers : int
            Largest number of processes.
        begin : callable
            Called in each process first; it must be importable there.
        """
        self.places = workers
        self._begin = begin
        self._pools = dict[int, ProcessPoolExecutor]()
        self._notices = dict[int, connection.Connection]()  # where those of a process come in
        self._last = dict[int, Future[None]]()

    def start(self) -> None:
        """Start all processes now, so that they are ready when there is work."""
        with _held_signals():
            for place in range(self.places):
                self._pool(place).submit(_nothing)

    def submit(self, work: Callable[..., None], *arguments: Any) -> Future[None]:
        """Give work to a free process, or to a new one.

        Terminals and batch systems send the signals that end a run to all its processes. Workers
        ignore them, because the main process then ends its workers.
        """
        place = next((i for i in range(self.places) if self._is_free(i)), 0)
        with _held_signals():
            try:
                future = self._pool(place).submit(work, *arguments)
            except BrokenProcessPool:  # its process was killed, here or while it had nothing to do
                self._pools.pop(place).shutdown(wait=False)
                self._notices.pop(place).close()
                future = self._pool(place).submit(work, *arguments)
        self._last[place] = future
        return future

    def wait(self) -> None:
        """Wait until all work is done."""
        wait(self._last.values())

    def shutdown(self) -> None:
        """Wait until all work is done and end the processes."""
        for pool in self._pools.values():
            pool.shutdown()
        for end in self._notices.values():
            end.close()
        self._notices.clear()

    def _is_free(self, place: int) -> bool:
        return place not in self._last or self._last[place].done()

    def _pool(self, place: int) -> ProcessPoolExecutor:
        if place not in self._pools:
            context = spawning()
            reader, self._notices[place] = context.Pipe(duplex=False)
            threading.Thread(target=_pass_on, args=(reader,), daemon=True).start()
            arguments = (self._begin, self._notices[place])
            self._pools[place] = ProcessPoolExecutor(
                1, mp_context=context, initializer=_begin, initargs=arguments
            )
        return self._pools[place]


def _nothing() -> None:
    """Do nothing, in a process that is started for it."""


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
        If the block does not handle that one of them was killed (BrokenProcessPool of its future).
    """
    others = set(multiprocessing.active_children())
    pool = Workers(workers, partial(begin, *arguments))
    try:
        try:
            yield pool
        except InputError:
            pool.wait()
            raise
        pool.shutdown()
    except BrokenProcessPool:
        raise InputError(KILLED) from None
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


class _ToCommand(logging.Handler):
    """Sends what a room tells of a file to the process that talks to the user."""

    def __init__(self, end: connection.Connection) -> None:
        super().__init__()
        self._end = end

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):
            self._end.send((record.levelno, record.getMessage()))


def _pass_on(notices: connection.Connection) -> None:
    """Tell the notices of a worker process as those of this one, until its end is closed."""
    with suppress(EOFError, OSError):
        while True:
            level, text = notices.recv()
            logging.getLogger("faket").log(level, "%s", text)


def _begin(begin: Callable[[], None], notices: connection.Connection) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    if sys.platform == "linux":  # even where a long computation keeps the thread below waiting
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent.pid:
            os._exit(1)
    take_gpu()
    logging.getLogger("faket").addHandler(_ToCommand(notices))
    threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    begin()


def _end_with(parent: int) -> None:
    connection.wait([parent])
    os._exit(1)
