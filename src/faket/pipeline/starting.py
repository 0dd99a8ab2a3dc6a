"""That workers start, which may take minutes on a cluster, is told until one makes something."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from faket.pipeline.progress_records import WORKERS, making, read_progress


@contextmanager
def workers_start(out: Path) -> Iterator[Callable[[], None]]:
    """Say that workers start until the first of them makes something; yield what looks for it."""
    with ExitStack() as stack:
        stack.enter_context(making(out, WORKERS))
        left = [stack.pop_all()]

        def see() -> None:
            if left and any(one.name != WORKERS for one in read_progress(out).making):
                left.pop().close()

        try:
            yield see
        finally:
            for one in left:
                one.close()
