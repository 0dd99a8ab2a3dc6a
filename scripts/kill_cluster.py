"""Kill parts of a cluster's run at instants drawn at random, resume it, and compare the bytes.

    python scripts/kill_cluster.py FOLDER --count 100 [--kind array|dask] [--seed 0]
        [--network-drive] [--clocks]

A run makes eight tomograms with two tasks of two workers each (array), or with a scheduler of dask
and four workers. What computes is replaced by something quick (tests/pipeline/kill_everywhere.py);
what writes, claims, waits, tries again and resumes is the true code. Killed with SIGKILL is a
worker, a task (or dask's scheduler), or everything. Then all is begun again until it ends. Each
line tells what was killed and when; the last one, how many of the data sets are byte-equal to one
made in one process, with nothing else left in the folder. With --network-drive no process can lock
or link files, or rename them into another folder; with --clocks every process has another time, up
to a month away, and so have the files of each killed run. Both hold for arrays.
"""

import argparse
import logging
import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "pipeline"))

import drive_faults  # noqa: E402
import kill_everywhere  # noqa: E402

from faket.errors import InputError  # noqa: E402
from faket.io import manifest  # noqa: E402
from faket.io.manifest import read_manifest, verify_manifest  # noqa: E402
from faket.pipeline import (  # noqa: E402
    dataset,
    made_once,
    make_models,
    tries,
    versions,
    workers,
)
from faket.pipeline.tasks import Task  # noqa: E402

TOMOGRAMS = 8
TASKS, WORKERS = 2, 2
WORK_S = 0.05  # what a tomogram takes
LONGEST_S = 300.0  # a run that takes longer hangs


def main() -> None:
    """Kill and resume as often as asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--kind", choices=("array", "dask"), default="array")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--network-drive", action="store_true")
    parser.add_argument("--clocks", action="store_true")
    asked = parser.parse_args()
    stand_in()
    if asked.network_drive:
        drive_faults.without_locks_and_links()
    asked.folder.mkdir(parents=True, exist_ok=True)
    whole, out = asked.folder / "whole", asked.folder / "out"
    shutil.rmtree(whole, ignore_errors=True)
    dataset.generate(kill_everywhere.recipe(TOMOGRAMS), whole)
    expected = kill_everywhere.contents(whole)
    run = Array if asked.kind == "array" else Dask
    if asked.clocks:
        Array.clock = drive_faults.Clock()
    rng = random.Random(asked.seed)
    started = time.monotonic()
    shutil.rmtree(out, ignore_errors=True)
    run(out).to_the_end()
    seconds = time.monotonic() - started
    equal = 0
    for number in range(asked.count):
        shutil.rmtree(out, ignore_errors=True)
        what, at = rng.choice(run.targets), rng.uniform(0, seconds)
        begun = run(out)
        time.sleep(at)
        begun.kill(what, rng)
        check_whole(out)
        if asked.clocks:
            with suppress(FileNotFoundError):  # others still work
                drive_faults.change_dates(out, rng)
        begun.to_the_end()
        same = kill_everywhere.contents(out) == expected
        equal += same
        print(f"{number}: {what} at {at:.2f} s: {'equal' if same else 'DIFFERS'}", flush=True)
        if not same:
            print(sorted(set(kill_everywhere.contents(out).items()) ^ set(expected.items())))
    print(f"{equal} of {asked.count} resumed byte-equal; a whole run takes {seconds:.1f} s")
    sys.exit(equal != asked.count)


def stand_in() -> None:
    """Replace what computes, and waits; processes begin as copies of this one."""
    logging.disable()  # dask tells at length that its scheduler was killed
    kill_everywhere.stand_in()
    quick = kill_everywhere.make_model

    def slow(plan, index, say):  # type: ignore[no-untyped-def]
        time.sleep(WORK_S)
        quick(plan, index, say)

    make_models.make_model = slow
    made_once._POLL_S = tries._POLL_S = 0.02
    workers.spawning = lambda: multiprocessing.get_context("fork")
    software = manifest.software_versions()
    for module in (manifest, versions, make_models):
        module.software_versions = lambda: software


def check_whole(out: Path) -> None:
    """Refuse anything visible that is not whole."""
    for folder in (*out.glob("model_*"), *out.glob("reference_*")):
        with suppress(FileNotFoundError):  # others still work
            path = folder / "manifest.json"
            if read_manifest(path) and (lines := verify_manifest(path)):
                sys.exit(f"{folder}: half-written: {lines}")


def begin(work: Callable[[], None]) -> int:
    """Do something in a process of a group of its own; return its number."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.setsid()
        code = 1
        try:
            work()
            code = 0
        except InputError as error:
            sys.stderr.write(f"{error}\n")
            code = 2
        finally:
            sys.stderr.flush()
            os._exit(code)
    return child


def children(parent: int) -> list[int]:
    """Return the processes that a process has begun."""
    with suppress(OSError):
        return [int(x) for x in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    return []


class Array:
    """Two tasks of two workers each."""

    targets = ("worker", "task", "all")
    clock: drive_faults.Clock | None = None

    def __init__(self, out: Path) -> None:
        """Begin."""
        self._out = out
        self._tasks = {number: self._begin(number) for number in range(1, TASKS + 1)}

    def _begin(self, number: int) -> int:
        def work() -> None:
            if self.clock is not None:
                self.clock.set_wrong()
            recipe = kill_everywhere.recipe(TOMOGRAMS)
            dataset.generate(recipe, self._out, workers=WORKERS, tasks=Task(number, TASKS))

        return begin(work)

    def kill(self, what: str, rng: random.Random) -> None:
        """Kill a worker, a task with its workers left to notice, or all tasks."""
        tasks = list(self._tasks.values())
        if what == "worker":
            found = [child for task in tasks for child in children(task)]
            victims = rng.sample(found, 1) if found else []
        else:
            victims = tasks if what == "all" else rng.sample(tasks, 1)
        for victim in victims:
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)

    def to_the_end(self) -> None:
        """Wait for all tasks; begin each again that was killed."""
        for number, task in self._tasks.items():
            while (status := wait_for(task)) != 0:
                if not os.WIFSIGNALED(status):
                    sys.exit(f"task {number} ended with {os.waitstatus_to_exitcode(status)}")
                task = self._begin(number)


def wait_for(process: int) -> int:
    """Return how a process ended."""
    end = time.monotonic() + LONGEST_S
    while time.monotonic() < end:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            return status
        time.sleep(0.01)
    os.killpg(process, signal.SIGKILL)
    sys.exit(f"process {process} hangs")


class Dask:
    """A scheduler of dask, four workers, and the command."""

    targets = ("worker", "scheduler", "all")

    def __init__(self, out: Path) -> None:
        """Begin."""
        self._out = out
        self._begin()

    def _begin(self) -> None:
        self._port = 20000 + os.getpid() % 1000 + random.randrange(20000)
        self._scheduler = begin(self._schedule)
        self._workers = [begin(self._serve) for _ in range(TASKS * WORKERS)]
        self._command = begin(self._generate)

    def _schedule(self) -> None:
        import asyncio

        from distributed import Scheduler

        async def serve() -> None:
            async with Scheduler(port=self._port, dashboard=False) as scheduler:
                await scheduler.finished()

        asyncio.run(serve())

    def _serve(self) -> None:
        import asyncio

        from distributed import Worker

        async def serve() -> None:
            address = f"tcp://127.0.0.1:{self._port}"
            async with Worker(address, nthreads=1, dashboard=False) as worker:
                await worker.finished()

        asyncio.run(serve())

    def _generate(self) -> None:
        recipe = kill_everywhere.recipe(TOMOGRAMS)
        address = f"tcp://127.0.0.1:{self._port}"
        dataset.generate(recipe, self._out, executor="dask", cluster=address)

    def kill(self, what: str, rng: random.Random) -> None:
        """Kill a worker, which comes again as a batch system would have it, or more."""
        every = [self._scheduler, *self._workers, self._command]
        victims = {
            "worker": [rng.choice(self._workers)],
            "scheduler": [self._scheduler],
            "all": every,
        }[what]
        for victim in victims:
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        if what == "worker":
            self._workers.append(begin(self._serve))

    def to_the_end(self) -> None:
        """Wait for the command; if it was killed or lost its scheduler, begin all again."""
        while (status := wait_for(self._command)) != 0:
            if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 2:
                sys.exit(f"the command ended with {os.waitstatus_to_exitcode(status)}")
            self._end()
            self._begin()
        self._end()

    def _end(self) -> None:
        for process in (self._scheduler, *self._workers):
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)


if __name__ == "__main__":
    main()
