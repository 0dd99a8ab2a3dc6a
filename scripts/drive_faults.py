"""Faults of drives and clocks, for the processes of kill_cluster.py; they hold in its children."""

import errno
import fcntl
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

_CLOCKS_DIFFER_S = 30 * 86400.0  # by which a clock is off, at most


def without_locks_and_links() -> None:
    """Be a network drive of the poorest kind: no locks, no hard links, no renames to elsewhere."""

    def refuse(number: int) -> Any:
        def refused(*_: Any, **__: Any) -> None:
            raise OSError(number, os.strerror(number))

        return refused

    fcntl.flock = refuse(errno.ENOLCK)
    os.link = refuse(errno.ENOTSUP)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.rename" and not _are_siblings(arguments[0], arguments[1]):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    sys.addaudithook(hook)


def _are_siblings(source: Any, target: Any) -> bool:
    return Path(os.fspath(source)).parent == Path(os.fspath(target)).parent


class Clock:
    """The clock of a process, which is off by another time in each."""

    def __init__(self) -> None:
        """Leave the clock right until :meth:`set_wrong`."""
        self._true, self._off = time.time, 0.0

    def set_wrong(self) -> None:
        """Let this process and its children live at another time, up to a month away."""
        seed = f"{os.getpid()} {self._true()}"
        self._off = random.Random(seed).uniform(-_CLOCKS_DIFFER_S, _CLOCKS_DIFFER_S)
        time.time = lambda: self._true() + self._off


def change_dates(folder: Path, rng: random.Random) -> None:
    """Give everything in a folder dates up to a month away, as a server of another time does."""
    for path in sorted(folder.rglob("*")):
        at = time.time() + rng.uniform(-_CLOCKS_DIFFER_S, _CLOCKS_DIFFER_S)
        os.utime(path, (at, at))
