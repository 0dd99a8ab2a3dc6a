"""Progress of a long command: a bar with an estimate on a terminal, some lines elsewhere."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as Estimate

from faket.cli.wording import in_words_of
from faket.reports import Report

SECONDS_BETWEEN_LINES = 30.0


@contextmanager
def reporting(title: str, command: Callable[..., None] | None = None) -> Iterator[Report]:
    """Yield a function (what, done, total) that shows progress on the error stream.

    What has a total of 0 is a notice: it stays on the screen, in the words of the command.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        with Lines(title, command) as lines:
            yield lines.report
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        Estimate(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(title, total=None)

        def update(what: str, done: int, total: int) -> None:
            if not total:
                text = f"{title}: {in_words_of(command, what)}"
                bar.console.print(text, highlight=False, markup=False)
                return
            bar.update(task, description=what, completed=done, total=total)

        yield update


class Lines:
    """Prints where a command stands, at once if nothing was printed of late, else a little later.

    Parameters
    ----------
    title : str
        Begins every line.
    command : callable, optional
        For the words of notices, which are printed at once.
    clock : callable
        Seconds; for tests.
    """

    def __init__(
        self,
        title: str,
        command: Callable[..., None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with nothing to print."""
        self._title, self._command, self._clock = title, command, clock
        self._waiting: tuple[str, int, int] | None = None
        self._printed_at = -SECONDS_BETWEEN_LINES
        self._from = (clock(), 0, 0, 0)  # when it began, at how many of how many, seen last
        self._lock, self._ended = threading.Lock(), threading.Event()

    def __enter__(self) -> Self:
        """Print what waits while the command works."""
        self._printed_at = self._clock() - SECONDS_BETWEEN_LINES
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """Print the end, if it was reached."""
        self._ended.set()
        with self._lock:
            if kind is None and self._waiting and self._waiting[1] == self._waiting[2]:
                self._print()

    def report(self, what: str, done: int, total: int) -> None:
        """Print a notice (a total of 0), or note where the command stands and print it in time."""
        with self._lock:
            if not total:
                self._say(in_words_of(self._command, what))
                return
            begun, first, known, last = self._from
            if total != known or done < last:  # another stage, or what was made before
                begun, first = self._clock(), done
            self._from = (begun, first, total, done)
            self._waiting = (what, done, total)
            self.print_in_time()

    def print_in_time(self) -> None:
        """Print what waits, if nothing was printed of late."""
        if self._waiting and self._clock() - self._printed_at >= SECONDS_BETWEEN_LINES:
            self._print()

    def _watch(self) -> None:
        while not self._ended.wait(1.0):
            with self._lock:
                self.print_in_time()

    def _print(self) -> None:
        assert self._waiting is not None
        what, done, total = self._waiting
        self._waiting, self._printed_at = None, self._clock()
        self._say(f"{what} [{done}/{total}]{self._left(done, total)}")

    def _left(self, done: int, total: int) -> str:
        begun, first, _, _ = self._from
        if not first < done < total:
            return ""
        seconds = (self._clock() - begun) * (total - done) / (done - first)
        return f", about {duration(seconds)} left"

    def _say(self, text: str) -> None:
        print(f"{self._title}: {text}", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Return a time in its two largest units: 45 s, 12 min, 3 h 20 min, 2 d 4 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"
