"""The runs of a study in processes of this machine, each with one thread of torch on a CPU."""

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
from faket.io.verification import MANIFEST
from faket.pipeline.executors import Report
from faket.pipeline.versions import check_versions
from faket.pipeline.workers import spawning, worker_processes
from faket.study.data import make_data
from faket.study.layout import Step, Study, check_weights
from faket.study.modalities import MODALITIES
from faket.study.records import RESULT, read_run
from faket.study.steps import perform

_POLL_S = 0.5
_SAID_EVERY_S = 10.0
_messages: Any = None  # a worker's way to tell what it does


def run_study(
    study: Study, *, workers: int = 1, device: Device = "auto", say: Report | None = None
) -> None:
    """Make all data, then do all runs that have no result yet.

    Parameters
    ----------
    study : Study
    workers : int
        Tomograms, then runs, at the same time. Results do not depend on it.
    device : {"auto", "cpu", "cuda"}
        For the runs.
    say : callable, optional
        Called with (what is being done, data sets and runs finished, all of them).

    Raises
    ------
    InputError
        If data cannot be made or a process is killed; if a run cannot be done, after all others;
        if the folder holds another version's work, or another run is at work in it.
    """
    if workers < 1:
        raise InputError(f"workers: expected at least 1, found {workers}")
    tell = say or (lambda what, done, total: None)
    steps, n_data = study.steps(), len(study.data_kinds())
    total = n_data + len(steps)
    resolve_device(device)  # before hours of data
    check_weights(study)
    with folder_lock(study.folder, notice=lambda what: tell(what, 0, 0)):
        if any(not study.is_finished(step) for step in steps):
            check_versions(_made_by(study), tell)
        study.save()
        make_data(study, workers, lambda what, done, of: tell(what, done, total if of else 0))
        todo = [step for step in steps if not study.is_finished(step)]
        _run_all(study, todo, workers, device, lambda what, left: tell(what, total - left, total))


def _made_by(study: Study) -> dict[Path, dict[str, str]]:
    """Return the software of all data and results that are there."""
    data = sorted(study.folder.glob(f"data/*/*/{MANIFEST}"))
    runs = sorted(study.folder.glob(f"runs/*/*/{RESULT}"))
    return {
        **{path.parent: read_manifest(path)["software"] for path in data},
        **{path.parent: read_run(path).software for path in runs},
    }


def _run_all(study: Study, todo: list[Step], workers: int, device: Device, tell: Any) -> None:
    if not todo:
        return
    messages = spawning().Queue()
    threads = max(1, (os.cpu_count() or 1) // workers)
    single = resolve_device(device) == "cpu"
    waiting, running = list(todo), dict[Future[None], Step]()
    failed = list[str]()
    workers = min(workers, len(todo))
    with worker_processes(workers, _begin_worker, messages, threads, single) as pool:
        while True:
            # One a worker, no queue: after an interrupt nothing more is begun.
            while len(running) < workers and (step := _ready(study, waiting)):
                waiting.remove(step)
                running[pool.submit(_work, study, step, device)] = step
            if not running:
                break  # what still waits has a parent that failed
            for future in wait(running, _POLL_S, return_when=FIRST_COMPLETED).done:
                step = running.pop(future)
                try:
                    future.result()
                    said = "finished"
                except InputError as error:  # of this run: others may well end
                    failed.append(f"{step.name}: {error}")
                    said = "failed"
                tell(f"{step.name}: {said}", len(waiting) + len(running) + len(failed))
            for what in _drained(messages):
                tell(what, len(waiting) + len(running) + len(failed))
    if failed:
        others = f" ({len(failed) - 1} other runs failed too)" if len(failed) > 1 else ""
        raise InputError(failed[0] + others)


def _ready(study: Study, waiting: Sequence[Step]) -> Step | None:
    """Return the first step whose parent's run, if it has one, is finished."""
    for step in waiting:
        parent = step.modality.parent
        if not parent or study.is_finished(Step(MODALITIES[parent], step.seed)):
            return step
    return None


def _drained(messages: Any) -> list[str]:
    found = []
    while True:
        try:
            found.append(messages.get_nowait())
        except queue.Empty:
            return found


def _begin_worker(messages: Any, threads: int, single: bool) -> None:
    """Share the cores: torch's sums depend on its threads, so on a CPU it has always one."""
    import numba
    import torch

    global _messages
    _messages = messages
    numba.set_num_threads(min(threads, numba.get_num_threads()))
    if single:
        torch.set_num_threads(1)


def _work(study: Study, step: Step, device: Device) -> None:
    last = -_SAID_EVERY_S

    def say(what: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _SAID_EVERY_S:
            last = time.monotonic()
            _messages.put(what)

    perform(study, step, device, say)
