"""Which parts of a data set or study are being made now, and which were set aside and why.

One small file a part in the folder ``progress`` beside the data, so that any process on any machine
that sees the folder can read it. A process that makes something says so again every half minute;
one that was killed leaves its record behind. No data depend on these records.
"""

import socket
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from faket.errors import InputError
from faket.io.leftovers import (
    Writer,
    is_temporary,
    remove_leftovers,
    state_of,
    this_process,
    was_left_by_dead,
)
from faket.io.model_folder import FAILED, MAKING, PROGRESS
from faket.io.records import Record, read_record, write_record

# Names of records that are of no part.
PREPARATION, WORKERS = "preparation", "workers"
NO_PARTS = (PREPARATION, WORKERS)
BEAT_S = 30.0  # chosen: a thousand workers write 33 small files a second
_TRIES = 3  # chosen: that an empty folder vanishes twice within a millisecond is rare enough


@dataclass(frozen=True)
class Making:
    """A part that a process makes.

    Attributes
    ----------
    name : str
        Of the part: ``model_3``, or a run of a study.
    host : str
    pid : int
    process : str
        Tells the process from every other (:func:`faket.io.leftovers.this_process`).
    since, beat_at : float
        When it was begun and when the process last wrote this, in seconds since 1970 by the clock
        of that host, which may differ from the reader's.
    beat : int
        How often the process has written this.
    attempt : int
        1, or more if attempts of the same run of the program were killed.
    run : str
        The run of the program to which it belongs.
    """

    name: str
    host: str
    pid: int
    process: str
    since: float
    beat_at: float
    beat: int = 0
    attempt: int = 1
    run: str = ""

    @property
    def writer(self) -> Writer:
        """Whether the process lives; "unknown" if it is on another machine."""
        return state_of(self.process)


@dataclass(frozen=True)
class Failed:
    """A part that was set aside.

    Attributes
    ----------
    name : str
    reason : str
        One line.
    tries : int
        How often it was tried.
    bad_input : bool
        Whether the user can correct it, by the error's kind.
    at : float
        Seconds since 1970, by the clock of ``host``.
    host : str
    details : str
        Where an unexpected error arose, many lines; empty otherwise.
    """

    name: str
    reason: str
    tries: int
    bad_input: bool
    at: float
    host: str
    details: str = ""


@dataclass(frozen=True)
class ProgressRecords:
    """All records in a folder, in the order of their names."""

    making: tuple[Making, ...] = ()
    failed: tuple[Failed, ...] = ()


def read_progress(out: Path) -> ProgressRecords:
    """Read what is being made in a folder and what was set aside.

    Records that vanish meanwhile or are damaged are left out.
    """
    making, failed = list[Making](), list[Failed]()
    for path in _files(out):
        with suppress(InputError, OSError):
            if path.name.endswith(MAKING):
                making.append(_read(path, Making))
            elif path.name.endswith(FAILED):
                failed.append(_read(path, Failed))
    return ProgressRecords(tuple(making), tuple(failed))


def read_making(path: Path) -> Making | None:
    """Read the record of one part that is being made; None if there is none that can be read."""
    with suppress(InputError, OSError):
        return _read(path, Making)
    return None


def making_path(out: Path, name: str) -> Path:
    """Return where the record of a part is while it is made."""
    return out / PROGRESS / f"{name}{MAKING}"


def new_making(name: str, run: str = "", attempt: int = 1) -> Making:
    """Return the first record of a part that this process begins to make."""
    now, process = time.time(), this_process()
    pid = int(process.split(".")[1])
    return Making(name, socket.gethostname(), pid, process, now, now, 0, attempt, run)


@contextmanager
def making(out: Path, name: str, *, run: str = "", attempt: int = 1) -> Iterator[None]:
    """Say while the block lasts that this process makes a part; afterwards nothing is left."""
    record = new_making(name, run, attempt)
    with beating(out, record):
        yield


@contextmanager
def beating(out: Path, record: Making) -> Iterator[None]:
    """Write a record at once and every :data:`BEAT_S`, and remove it at the end."""
    path, ended = making_path(out, record.name), threading.Event()

    def beat() -> None:
        now = record
        while not ended.wait(BEAT_S):
            now = replace(now, beat=now.beat + 1, beat_at=time.time())
            with suppress(InputError, OSError):  # a full disk; the data themselves will tell
                write_progress(path, now)

    with suppress(InputError, OSError):
        write_progress(path, record)
    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        there = read_making(path)
        if there is None or there.process == record.process:
            with suppress(OSError):
                path.unlink()
        tidy(out)


def write_progress(path: Path, record: Making | Failed) -> None:
    """Write a record, also if another process has just removed the empty folder for it.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    for _ in range(_TRIES):
        try:
            write_record(path, record)
            return
        except InputError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
    write_record(path, record)


def set_aside(out: Path, failure: Failed) -> None:
    """Write why a part was set aside.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    write_progress(_failed_path(out, failure.name), failure)


def clear_failed(out: Path, names: Collection[str] | None = None) -> tuple[str, ...]:
    """Forget why parts were set aside, so that they are tried again.

    Parameters
    ----------
    out : Path
    names : collection of str, optional
        Of the parts; by default all.

    Returns
    -------
    tuple of str
        Those that had been set aside.
    """
    failed = [one.name for one in read_progress(out).failed if names is None or one.name in names]
    for name in failed:
        _failed_path(out, name).unlink(missing_ok=True)
    tidy(out)
    return tuple(failed)


def holds_only_records(out: Path) -> bool:
    """Return whether the folder of records holds nothing of anybody else's."""
    return all(path.name.endswith((MAKING, FAILED)) for path in _files(out))


@contextmanager
def swept(out: Path, *, alone: bool) -> Iterator[None]:
    """Remove what killed processes left, before and after the block.

    ``alone``: no other process works in the folder, so that what other machines' processes left is
    removed too.
    """
    _sweep(out, alone)
    try:
        yield
    finally:
        _sweep(out, alone)


def _sweep(out: Path, alone: bool) -> None:
    empty = [path for path in _files(out) if path.name.endswith(MAKING) and not read_making(path)]
    # Where there are no links, a process may be killed after it made a record and before it wrote.
    abandoned = [path for path in empty if was_left_by_dead(path)]
    remove_leftovers(out / PROGRESS, alone=alone)
    for path in abandoned:
        if not read_making(path):
            path.unlink(missing_ok=True)
    for path in _files(out):
        if path.name.endswith(MAKING):
            record = read_making(path)
            if alone or (record is not None and record.writer == "dead"):
                path.unlink(missing_ok=True)
    tidy(out)


def tidy(out: Path) -> None:
    """Remove the folder of records if there are none."""
    with suppress(OSError):
        (out / PROGRESS).rmdir()


def _read(path: Path, kind: type[Record]) -> Record:
    return read_record(path, kind, what="a record of progress", remedy="remove the file")


def _failed_path(out: Path, name: str) -> Path:
    return out / PROGRESS / f"{name}{FAILED}"


def _files(out: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(path for path in (out / PROGRESS).iterdir() if not is_temporary(path))
    return []
