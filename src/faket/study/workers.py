"""The runs of a study in worker processes, each with one thread of torch on a CPU."""

import os
import queue
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path
from typing import Any

from faket.device import Device, resolve_device
from faket.errors import InputError
from faket.io.folder_lock import folder_lock
from faket.io.manifest import read_manifest
from faket.io.model_folder import MANIFEST
from faket.picking.networks.choose import check_installed
from faket.pipeline.versions import check_versions
from faket.pipeline.workers import spawning, worker_processes
from faket.reports import Report
from faket.study.data import make_data
from faket.study.layout import Run, Study, check_weights
from faket.study.modalities import MODALITIES
from faket.study.records import RESULT, read_run
from faket.study.run import perform

_POLL_S = 0.5
_REPORTED_EVERY_S = 10.0
_messages: Any = None  # the queue through which a worker reports what it does


def run_study(
    study: Study, *, workers: int = 1, device: Device = "auto", say: Report | None = None
) -> None:
    """Make all data, then do every run that has no result.

    Parameters
    ----------
    study : Study
    workers : int
        Number of tomograms, and then of runs, at the same time. Results do not depend on it.
    device : {"auto", "cpu", "cuda"}
        For the runs.
    say : callable, optional
        Called with (what is being done, data sets and runs finished, data sets and runs in all).

    Raises
    ------
    InputError
        If data cannot be made or a process is killed; if a run cannot be done, after all others
        are finished; if the folder contains data of another version, or another run is working in
        it.
    """
    if workers < 1:
        raise InputError(f"`workers`: expected at least 1, found {workers}; choose a larger number")
    tell = say or (lambda what, done, total: None)
    runs, n_data = study.runs(), len(study.data_kinds())
    total = n_data + len(runs)
    resolve_device(device)  # before hours of data
    check_weights(study)
    check_installed(study.settings.picker)
    with folder_lock(study.folder, notice=lambda what: tell(what, 0, 0)):
        if any(not study.is_finished(run) for run in runs):
            check_versions(_made_by(study), tell)
        study.save()
        make_data(study, workers, lambda what, done, of: tell(what, done, total if of else 0))
        todo = [run for run in runs if not study.is_finished(run)]
        _run_all(study, todo, workers, device, lambda what, left: tell(what, total - left, total))


def _made_by(study: Study) -> dict[Path, dict[str, str]]:
    """Return the software with which existing data and results were made."""
    data = sorted(study.folder.glob(f"data/*/*/{MANIFEST}"))
    runs = sorted(study.folder.glob(f"runs/*/*/{RESULT}"))
    return {
        **{path.parent: read_manifest(path)["software"] for path in data},
        **{path.parent: read_run(path).software for path in runs},
    }


def _run_all(study: Study, todo: list[Run], workers: int, device: Device, tell: Any) -> None:
    if not todo:
        return
    messages = spawning().Queue()
    threads = max(1, (os.cpu_count() or 1) // workers)
    single = resolve_device(device) == "cpu"
    waiting, running = list(todo), dict[Future[None], Run]()
    failed = list[str]()
    workers = min(workers, len(todo))
    with worker_processes(workers, _begin_worker, messages, threads, single) as pool:
        while True:
            # Only as many as there are workers, so that nothing more is begun after an interrupt.
            while len(running) < workers and (run := _ready(study, waiting)):
                waiting.remove(run)
                running[pool.submit(_work, study, run, device)] = run
            if not running:
                break  # runs that still wait have a parent that failed
            for future in wait(running, _POLL_S, return_when=FIRST_COMPLETED).done:
                run = running.pop(future)
                try:
                    future.result()
                    outcome = "finished"
                except InputError as error:  # of this run; the others can still be finished
                    failed.append(f"{run.name}: {error}")
                    outcome = "failed"
                tell(f"{run.name}: {outcome}", len(waiting) + len(running) + len(failed))
            for what in _drained(messages):
                tell(what, len(waiting) + len(running) + len(failed))
    if failed:
        others = f"; other runs that failed: {len(failed) - 1}" if len(failed) > 1 else ""
        raise InputError(failed[0] + others)


def _ready(study: Study, waiting: Sequence[Run]) -> Run | None:
    """Return the first run whose parent's run, if it has one, is finished."""
    for run in waiting:
        parent = run.modality.parent
        if not parent or study.is_finished(Run(MODALITIES[parent], run.seed)):
            return run
    return None


def _drained(messages: Any) -> list[str]:
    found = []
    while True:
        try:
            found.append(messages.get_nowait())
        except queue.Empty:
            return found


def _begin_worker(messages: Any, threads: int, single: bool) -> None:
    """Share the cores. On a CPU torch has one thread, because its sums depend on their number."""
    import numba
    import torch

    global _messages
    _messages = messages
    numba.set_num_threads(min(threads, numba.get_num_threads()))
    if single:
        torch.set_num_threads(1)


def _work(study: Study, run: Run, device: Device) -> None:
    last = -_REPORTED_EVERY_S

    def say(what: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _REPORTED_EVERY_S:
            last = time.monotonic()
            _messages.put(what)

    perform(study, run, device, say)
