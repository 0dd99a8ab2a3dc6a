"""Progress of a long command: a bar with an estimate on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as Estimate


@contextmanager
def reporting(title: str) -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function (what, done, total) that shows progress on the error stream.

    What has a total of 0 is a notice: it stays on the screen.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        last = ("", 0)

        def line(what: str, done: int, total: int) -> None:
            nonlocal last
            if not total:
                print(f"{title}: {what}", file=sys.stderr, flush=True)
            elif what != last[0] or done - last[1] >= max(1, total // 10):
                print(f"{title}: {what} [{done}/{total}]", file=sys.stderr, flush=True)
                last = (what, done)

        yield line
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
                bar.console.print(f"{title}: {what}", highlight=False, markup=False)
                return
            bar.update(task, description=what, completed=done, total=total)

        yield update
