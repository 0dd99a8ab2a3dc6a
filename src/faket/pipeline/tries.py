"""Parts of a data set or study, made by an executor: what fails is tried again, then set aside."""

import socket
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faket.errors import DiskFullError, InputError, SetAsideError, UnfitMachineError
from faket.io.failures import is_out_of_room
from faket.io.leftovers import this_process
from faket.pipeline.executors import Executor, KilledError, LostClusterError
from faket.pipeline.progress_records import Failed, making, making_path, read_making, tidy
from faket.pipeline.workers import KILLED

TRIES = 2
HOPELESS = 5  # chosen: so many set aside and none made are the recipe's or the machine's fault
_NAMED = 5  # chosen: a line
_POLL_S = 0.5


@dataclass(frozen=True)
class NamedWork:
    """A piece of work with its name."""

    name: str
    work: Callable[..., None]
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What became of a part; ``failed`` and the last error if it is set aside."""

    name: str
    failed: Failed | None = None
    error: BaseException | None = None


Ready = Callable[[Sequence[NamedWork]], NamedWork | None]


def first(waiting: Sequence[NamedWork]) -> NamedWork | None:
    """Return the first part that waits."""
    return waiting[0] if waiting else None


def make_parts(
    executor: Executor,
    parts: Sequence[NamedWork],
    *,
    ready: Ready = first,
    failed_once: Callable[[str, BaseException], None] = lambda name, error: None,
    meanwhile: Callable[[], None] = lambda: None,
) -> Iterator[Outcome]:
    """Make parts and yield each when it is finished or set aside.

    Parameters
    ----------
    executor : Executor
        It gets only as many parts as it has places, so that nothing is begun after an interrupt.
        It gives no more to a machine that is unfit.
    parts : sequence of NamedWork
    ready : callable
        Returns one of the waiting parts that may be begun now; None if there is none. What never
        becomes ready is left out.
    failed_once : callable
        Called with name and error before a part waits again; it may raise to end it all.
    meanwhile : callable
        Called twice a second.

    Raises
    ------
    LostClusterError
        If the cluster is gone.
    DiskFullError
        If a disk is full.
    """
    waiting, running = list(parts), dict[Future[None], NamedWork]()
    tries = Counter[str]()
    while True:
        while len(running) < executor.places and (part := ready(waiting)):
            waiting.remove(part)
            tries[part.name] += 1
            running[executor.submit(part.work, *part.arguments)] = part
        if not running:
            return
        for future in wait(running, _POLL_S, return_when=FIRST_COMPLETED).done:
            part = running.pop(future)
            error = future.exception()
            if error is None:
                yield Outcome(part.name)
                continue
            if isinstance(error, LostClusterError) or not isinstance(error, Exception):
                raise error
            if is_out_of_room(error):  # no part's fault, and what is set aside would be lost
                raise DiskFullError(in_one_line(error)) from error
            failed_once(part.name, error)
            if isinstance(error, UnfitMachineError):  # another machine tries it
                tries[part.name] -= 1
                waiting.append(part)
                continue
            if tries[part.name] < TRIES and not isinstance(error, KilledError):
                waiting.append(part)  # behind the others, and so most likely in another process
            else:
                yield Outcome(part.name, failure_of(part.name, error, tries[part.name]), error)
        meanwhile()


@contextmanager
def attempt(out: Path, name: str, run: str) -> Iterator[None]:
    """Record while the block lasts that this process makes a part of a run of the program.

    A cluster may give what a killed process did to the next one by itself; each leaves its record.

    Raises
    ------
    KilledError
        If two processes that made it in this run were killed.
    """
    path = making_path(out, name)
    before, number = read_making(path), 1
    if before is not None and before.run == run and before.process != this_process():
        number = before.attempt + 1
    if number > TRIES:
        with suppress(OSError):
            path.unlink()
        tidy(out)
        raise KilledError(KILLED)
    with making(out, name, run=run, attempt=number):
        yield


def failure_of(name: str, error: BaseException, tries: int) -> Failed:
    """Return the record of a part that is set aside for an error."""
    bad_input = isinstance(error, InputError | OSError | MemoryError | BrokenProcessPool)
    details = "" if bad_input else "".join(traceback.format_exception(error))
    return Failed(
        name, in_one_line(error), tries, bad_input, time.time(), socket.gethostname(), details
    )


def in_one_line(error: BaseException) -> str:
    """Return an error in one line."""
    if isinstance(error, BrokenProcessPool):
        return KILLED
    text = str(error)
    if isinstance(error, MemoryError):
        text = f"not enough memory: {text}; use fewer `workers`"
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    elif not isinstance(error, InputError):
        text = f"{type(error).__name__}: {text}"
    return " ".join(text.split())


def raise_failed(failed: Sequence[Failed], total: int, cause: BaseException | None) -> None:
    """Raise an error if any parts are set aside; ``cause``: the last error in this process.

    Raises
    ------
    InputError
        If all reasons are the user's input.
    SetAsideError
        Otherwise.
    """
    if not failed:
        return
    unexpected = [one for one in failed if not one.bad_input]
    told = (unexpected or failed)[0]
    names = ", ".join(one.name for one in failed[:_NAMED]) + ", …" * (len(failed) > _NAMED)
    text = (
        f"{len(failed)} of {total} set aside ({names}) and to be tried again with `retry`; "
        f"{told.name}: {told.reason}"
    )
    if unexpected:
        raise SetAsideError(text) from cause
    raise InputError(text)
