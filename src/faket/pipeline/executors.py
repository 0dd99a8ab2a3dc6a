"""Where the parts of a data set or study are made: in this process, in processes here, or by dask.

All look alike to those who have work: so many places, and a future for each piece of work.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, get_args

from faket.device import Device
from faket.errors import InputError
from faket.pipeline.workers import worker_processes

ExecutorName = Literal["local", "dask"]


class Executor(Protocol):
    """Does pieces of work, several at a time."""

    @property
    def places(self) -> int:
        """How many pieces of work it does at a time; this may change."""
        ...

    def submit(self, work: Callable[..., None], *arguments: Any) -> Future[None]:
        """Begin a piece of work as soon as there is a place.

        The future has the error of the work, or ``BrokenProcessPool`` if its process was killed.
        """
        ...


class KilledError(InputError):
    """The process that made something was killed, so often that it is not tried again."""


class LostClusterError(InputError):
    """The cluster is gone; the run cannot go on."""


class InThisProcess:
    """Does each piece of work at once, here."""

    places = 1

    def submit(self, work: Callable[..., None], *arguments: Any) -> Future[None]:
        """Do the work before returning."""
        future = Future[None]()
        try:
            work(*arguments)
            future.set_result(None)
        except Exception as error:
            future.set_exception(error)
        return future


@dataclass(frozen=True)
class Workplace:
    """Where and by how many parts are made.

    Attributes
    ----------
    executor : {"local", "dask"}
        Processes on this machine, or dask.
    workers : int
        Parts at a time; for dask with a site file, the processes to ask for.
    cluster : str, optional
        For dask: the address of a scheduler, or a site file.
    device : {"auto", "cpu", "cuda"}
        On which each part is made.

    Raises
    ------
    InputError
        If they do not fit together.
    """

    executor: ExecutorName = "local"
    workers: int = 1
    cluster: str | None = None
    device: Device = "auto"

    def __post_init__(self) -> None:
        """Check them."""
        if self.workers < 1:
            raise InputError(
                f"`workers`: expected at least 1, found {self.workers}; choose a larger number"
            )
        if self.executor not in get_args(ExecutorName):
            raise InputError(
                f"`executor`: expected local or dask, found {self.executor!r}; correct it"
            )
        if (self.executor == "dask") != (self.cluster is not None):
            raise InputError(
                "`executor`: expected dask together with a scheduler's address or a site file, "
                f"found {self.executor} and {self.cluster or 'none'}; give both or none: "
                "`executor` dask, `cluster`"
            )


def check_place(place: Workplace) -> None:
    """Raise InputError, before hours of work, if dask or its cluster is not there."""
    if place.cluster is not None:
        from faket.pipeline.clusters import check_cluster

        check_cluster(place.cluster)


@contextmanager
def kept_place(place: Workplace) -> Iterator[Workplace]:
    """Yield the place with its cluster opened, for several executors one after the other.

    Raises
    ------
    InputError
        If no cluster answers.
    """
    if place.cluster is None:
        yield place
        return
    from faket.pipeline.clusters import kept_cluster

    with kept_cluster(place.cluster, place.workers) as address:
        yield replace(place, cluster=address)


@contextmanager
def open_executor(
    place: Workplace,
    begin: Callable[..., None],
    *arguments: Any,
    here: bool = True,
    early: bool = False,
    say: Callable[[str], None] = lambda what: None,
) -> Iterator[Executor]:
    """Yield an executor; an interrupt in the block ends what it does.

    Parameters
    ----------
    place : Workplace
    begin : callable
        Called first in each process that is not this one, with the number of cores that are its
        own and ``arguments``.
    here : bool
        Whether a single worker may be this process.
    early : bool
        Start all processes of this machine now, before there is work for them.
    say : callable
        Called with how it is done.

    Raises
    ------
    InputError
        If no cluster answers.
    """
    if place.cluster is not None:
        from faket.pipeline.dask_cluster import dask_executor

        with dask_executor(place.cluster, place.workers, begin, *arguments, say=say) as executor:
            yield executor
    elif here and place.workers == 1:
        yield InThisProcess()
    else:
        threads = max(1, round((os.cpu_count() or 1) / place.workers))
        with worker_processes(place.workers, begin, threads, *arguments) as processes:
            if early:
                processes.start()
            say(f"{place.workers} at a time")
            yield processes
