"""Making the tomograms of a data set in this process, or in several processes of this machine."""

import os
from collections.abc import Generator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import partial

from faket.pipeline.methods import Plan
from faket.pipeline.tomogram import make_model
from faket.pipeline.workers import worker_processes
from faket.reports import Report


def make_all(plan: Plan, todo: list[int], workers: int, say: Report) -> Generator[int]:
    """Make the tomograms ``todo`` and yield the number of each when it is finished.

    One worker works in this process; several have processes of their own and share the cores.
    """
    total = plan.recipe.tomograms
    before = total - len(todo)
    if workers == 1 or len(todo) < 2:
        for done, index in enumerate(todo, start=before):
            make_model(plan, index, partial(_report, say, done, total))
            yield index
        return
    threads = max(1, (os.cpu_count() or 1) // workers)
    with worker_processes(workers, _limit_threads, threads) as pool:
        say(f"{workers} tomograms at a time", before, total)
        waiting, running = list(todo), dict[Future[None], int]()
        while waiting or running:
            # Only as many as there are workers, so that nothing more is begun after an error.
            while waiting and len(running) < workers:
                index = waiting.pop(0)
                running[pool.submit(make_model, plan, index)] = index
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                index = running.pop(future)
                future.result()
                yield index


def _report(say: Report, done: int, total: int, what: str) -> None:
    say(what, done, total)


def _limit_threads(threads: int) -> None:
    """Share the cores. Torch keeps its number of threads, because its sums depend on it."""
    import numba

    numba.set_num_threads(min(threads, numba.get_num_threads()))
