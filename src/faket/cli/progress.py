"""Progress of a long command: a bar with the time left on a terminal, some lines elsewhere."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from faket.cli import messages
from faket.cli.wording import in_words_of
from faket.reports import Report

SECONDS_BETWEEN_LINES = 30.0
SECONDS_BETWEEN_OBJECTS = 1.0  # of JSON; chosen, because a training makes ten steps in this time


@contextmanager
def reporting(title: str, command: Callable[..., None] | None = None) -> Iterator[Report]:
    """Yield a function (what, done, total) that shows progress on the error stream.

    What has a total of 0 is a notice: it stays on the screen, in the words of the command.
    """
    console = Console(stderr=True)
    if messages.is_json() or not console.is_terminal:
        kind = Objects if messages.is_json() else Lines
        with kind(title, command) as lines:
            yield lines.report
        return
    pace = Pace()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeLeft(pace),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(title, total=None)

        def update(what: str, done: int, total: int) -> None:
            if not total:
                text = f"{title}: {in_words_of(command, what)}"
                bar.console.print(text, highlight=False, markup=False)
                return
            pace.see(done, total)
            bar.update(task, description=what, completed=done, total=total)

        yield update


class Pace:
    """How long a stage will go on, from what was done of it since it began.

    A step that takes longer than those before says that those after it may, too.

    Parameters
    ----------
    clock : callable
        Seconds; for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Know nothing."""
        self._clock = clock
        self._begun, self._first, self._total, self._done = clock(), 0, 0, 0
        self._last = self._begun
        self._each: float | None = None

    def see(self, done: int, total: int) -> None:
        """Note where the stage stands."""
        now = self._clock()
        if total != self._total or done < self._done:  # another stage, or what was made before
            self._begun, self._first, self._last, self._each = now, done, now, None
        elif done > self._done:
            self._each, self._last = (now - self._begun) / (done - self._first), now
        self._total, self._done = total, done

    def seconds_left(self) -> float | None:
        """Return the time that is left; None while nobody can know it."""
        if self._each is None or self._done >= self._total:
            return None
        waited = self._clock() - self._last
        left = max(self._each, waited) * (self._total - self._done) - waited
        return left if left > 0 else None


class TimeLeft(ProgressColumn):
    """The time left; the bar's own column forgets what took longer than half a minute."""

    def __init__(self, pace: Pace) -> None:
        """Show the time left at this pace."""
        super().__init__()
        self._pace = pace

    def render(self, task: Task) -> Text:
        """Return the column."""
        left = self._pace.seconds_left()
        return Text("" if left is None else f"about {duration(left)} left", "progress.remaining")


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

    between_s = SECONDS_BETWEEN_LINES

    def __init__(
        self,
        title: str,
        command: Callable[..., None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with nothing to print."""
        self._title, self._command, self._clock = title, command, clock
        self._waiting: tuple[str, int, int] | None = None
        self._printed_at = -self.between_s
        self._pace = Pace(clock)
        self._lock, self._ended = threading.Lock(), threading.Event()

    def __enter__(self) -> Self:
        """Print what waits while the command works."""
        self._printed_at = self._clock() - self.between_s
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
                self.notice(in_words_of(self._command, what))
                return
            self._pace.see(done, total)
            self._waiting = (what, done, total)
            self.print_in_time()

    def print_in_time(self) -> None:
        """Print what waits, if nothing was printed of late."""
        if self._waiting and self._clock() - self._printed_at >= self.between_s:
            self._print()

    def notice(self, text: str) -> None:
        """Print a notice."""
        print(f"{self._title}: {text}", file=sys.stderr, flush=True)

    def line(self, what: str, done: int, total: int, seconds_left: float | None) -> None:
        """Print where the command stands."""
        left = "" if seconds_left is None else f", about {duration(seconds_left)} left"
        self.notice(f"{what} [{done}/{total}]{left}")

    def _watch(self) -> None:
        while not self._ended.wait(1.0):
            with self._lock:
                self.print_in_time()

    def _print(self) -> None:
        assert self._waiting is not None
        what, done, total = self._waiting
        self._waiting, self._printed_at = None, self._clock()
        self.line(what, done, total, self._pace.seconds_left())


class Objects(Lines):
    """The same as JSON, for machines."""

    between_s = SECONDS_BETWEEN_OBJECTS

    def notice(self, text: str) -> None:
        """Write a notice."""
        messages.say_json(notice=text)

    def line(self, what: str, done: int, total: int, seconds_left: float | None) -> None:
        """Write where the command stands."""
        left = None if seconds_left is None else round(seconds_left, 1)
        messages.say_json(what=what, done=done, total=total, seconds_left=left)


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
