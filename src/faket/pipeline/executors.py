"""Where the tomograms of a data set are made: here, or in several processes of this machine."""

import os
from collections.abc import Generator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import partial

from faket.pipeline.methods import Plan
from faket.pipeline.tomogram import make_model
from faket.pipeline.workers import worker_processes
from faket.reports import Report


def make_all(plan: Plan, todo: list[int], workers: int, say: Report) -> Generator[int]:
    """Make the tomograms ``todo`` and yield each one's number when it is finished.

    With one worker in this process, with more in processes of their own, which share the cores.
    """
    total = plan.recipe.tomograms
    before = total - len(todo)
    if workers == 1 or len(todo) < 2:
        for done, index in enumerate(todo, start=before):
            make_model(plan, index, partial(_tell, say, done, total))
            yield index
        return
    threads = max(1, (os.cpu_count() or 1) // workers)
    with worker_processes(workers, _limit_threads, threads) as pool:
        say(f"{workers} tomograms at a time", before, total)
        waiting, running = list(todo), dict[Future[None], int]()
        while waiting or running:
            # One a worker, no queue: after an error nothing more is begun.
            while waiting and len(running) < workers:
                index = waiting.pop(0)
                running[pool.submit(make_model, plan, index)] = index
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                index = running.pop(future)
                future.result()
                yield index


def _tell(say: Report, done: int, total: int, what: str) -> None:
    say(what, done, total)


def _limit_threads(threads: int) -> None:
    """Share the cores; torch keeps its number, because its sums depend on it."""
    import numba

    numba.set_num_threads(min(threads, numba.get_num_threads()))
