"""The runs of a study in worker processes, each with one thread of torch on a CPU."""

import os
import queue
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from faket.device import Device, let_auto_mean, resolve_device
from faket.errors import InputError
from faket.io.folder_lock import folder_lock
from faket.io.manifest import read_manifest, software_versions
from faket.io.model_folder import MANIFEST
from faket.picking.networks.choose import check_installed
from faket.pipeline.executors import ExecutorName, Workplace, kept_place, open_executor
from faket.pipeline.progress_records import Failed, swept
from faket.pipeline.starting import workers_start
from faket.pipeline.tries import NamedWork, attempt, make_parts
from faket.pipeline.versions import check_same_software, check_versions
from faket.pipeline.workers import spawning
from faket.reports import Report
from faket.study.data import make_data
from faket.study.layout import Run, Study
from faket.study.modalities import MODALITIES
from faket.study.records import RESULT, read_run
from faket.study.run import perform
from faket.study.weights import check_weights

_REPORTED_EVERY_S = 10.0
_messages: Any = None  # the queue through which a worker reports what it does


def run_study(
    study: Study,
    *,
    executor: ExecutorName = "local",
    cluster: str | None = None,
    workers: int = 1,
    device: Device = "auto",
    say: Report | None = None,
) -> None:
    """Make all data, then do every run that has no result.

    A run that cannot be done is tried a second time.

    Parameters
    ----------
    study : Study
    executor : {"local", "dask"}
        Processes on this machine, or dask.
    cluster : str, optional
        For dask: the address of its scheduler, or a site file.
    workers : int
        Number of tomograms, and then of runs, at the same time. Results do not depend on it.
    device : {"auto", "cpu", "cuda"}
        For the runs.
    say : callable, optional
        Called with (what is being done, data sets and runs finished, data sets and runs in all).

    Raises
    ------
    InputError
        If data cannot be made; if a run cannot be done, after all others are finished; if the
        folder contains data of another version, or another run is working in it.
    """
    place = Workplace(executor, workers, cluster, device)
    tell = say or (lambda what, done, total: None)
    runs, n_data = study.runs(), len(study.data_kinds())
    total = n_data + len(runs)
    if executor == "local":
        resolve_device(device)  # before hours of data
    check_weights(study.settings, study.modalities)
    check_installed(study.settings.picker)
    with (
        folder_lock(study.folder, notice=lambda what: tell(what, 0, 0)) as alone,
        swept(study.folder, alone=alone),
    ):
        todo = [run for run in runs if not study.is_finished(run)]
        if todo:
            check_versions(_made_by(study), tell)
        study.save()
        # One cluster for all data and runs: another might wait in a queue again.
        with kept_place(place) if todo else nullcontext(place) as place:
            make_data(study, place, lambda what, done, of: tell(what, done, total if of else 0))
            _run_all(study, todo, place, lambda what, left: tell(what, total - left, total))


def _made_by(study: Study) -> dict[Path, dict[str, str]]:
    """Return the software with which existing data and results were made."""
    data = sorted(study.folder.glob(f"data/*/*/{MANIFEST}"))
    runs = sorted(study.folder.glob(f"runs/*/*/{RESULT}"))
    return {
        **{path.parent: read_manifest(path)["software"] for path in data},
        **{path.parent: read_run(path).software for path in runs},
    }


def _run_all(study: Study, todo: list[Run], place: Workplace, tell: Any) -> None:
    if not todo:
        return
    # Another machine's processes report nothing, and may work in another folder.
    local = place.executor == "local"
    messages = spawning().Queue() if local else None
    place = replace(place, workers=min(place.workers, len(todo))) if local else place
    study = replace(study, folder=Path(os.path.abspath(study.folder)))
    runs = {run.name: run for run in todo}
    left, failed = len(todo), list[Failed]()

    def ready(waiting: Sequence[NamedWork]) -> NamedWork | None:
        """Return the first part whose parent's run, if it has one, is finished."""
        return next((part for part in waiting if _may_begin(study, runs[part.name])), None)

    token = secrets.token_hex(8)
    software = None if local else software_versions()
    parts = [NamedWork(run.name, _work, (study, run, token, software)) for run in todo]
    with (
        workers_start(study.folder) as see,
        open_executor(place, _begin_worker, place.device, messages, here=False) as executor,
    ):

        def meanwhile() -> None:
            see()
            for what in _drained(messages):
                tell(what, left)

        for outcome in make_parts(executor, parts, ready=ready, meanwhile=meanwhile):
            if outcome.failed is None:
                left -= 1
            else:
                failed.append(outcome.failed)
            tell(f"{outcome.name}: {'failed' if outcome.failed else 'finished'}", left)
    if failed:
        others = f"; other runs that failed: {len(failed) - 1}" if len(failed) > 1 else ""
        raise InputError(f"{failed[0].name}: {failed[0].reason}{others}")


def _may_begin(study: Study, run: Run) -> bool:
    parent = run.modality.parent
    return not parent or study.is_finished(Run(MODALITIES[parent], run.seed))


def _drained(messages: Any) -> list[str]:
    found = list[str]()
    while messages is not None:
        try:
            found.append(messages.get_nowait())
        except queue.Empty:
            break
    return found


def _begin_worker(threads: int, device: Device, messages: Any) -> None:
    """Share the cores. On a CPU torch has one thread, because its sums depend on their number."""
    import numba
    import torch

    global _messages
    _messages = messages
    numba.set_num_threads(min(threads, numba.get_num_threads()))
    let_auto_mean(device)
    if resolve_device(device) == "cpu":
        torch.set_num_threads(1)


def _work(study: Study, run: Run, token: str, software: Mapping[str, str] | None) -> None:
    """Do a run; ``software``: that of the machine that gives the work, if it is another one."""
    if software is not None:
        check_same_software(software)
    last = -_REPORTED_EVERY_S

    def say(what: str) -> None:
        nonlocal last
        if _messages is not None and time.monotonic() - last >= _REPORTED_EVERY_S:
            last = time.monotonic()
            _messages.put(what)

    with attempt(study.folder, run.record_name, token):
        perform(study, run, "auto", say)
