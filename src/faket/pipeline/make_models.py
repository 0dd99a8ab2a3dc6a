"""Making the tomograms of a data set by an executor, each with a record of progress."""

import os
import secrets
import socket
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from faket.device import Device, let_auto_mean, resolve_device
from faket.errors import DiskFullError, InputError, UnfitMachineError
from faket.io.manifest import software_versions
from faket.io.model_folder import MANIFEST, model_name
from faket.pipeline.executors import Executor, Workplace, open_executor
from faket.pipeline.methods import Plan
from faket.pipeline.preparation import prepare
from faket.pipeline.progress_records import making_path
from faket.pipeline.recipe import Recipe
from faket.pipeline.starting import workers_start
from faket.pipeline.tomogram import make_model
from faket.pipeline.tries import NamedWork, Outcome, attempt, make_parts
from faket.pipeline.versions import check_same_software
from faket.reports import Report

_plans = dict[str, Plan]()  # of the command that this process works for


def is_finished(out: Path, index: int) -> bool:
    """Return whether a tomogram is there."""
    return (out / model_name(index) / MANIFEST).exists()


def make_models(
    plan: Plan,
    todo: list[int],
    place: Workplace,
    total: int,
    say: Report,
    failed_once: Callable[[str, BaseException], None],
    early: Executor | None = None,
) -> Generator[Outcome]:
    """Make the tomograms ``todo`` and yield each when it is finished or set aside.

    Parameters
    ----------
    plan : Plan
    todo : list of int
    place : Workplace
    total : int
        Number of tomograms of this task, for what is said.
    say : callable
    failed_once : callable
        As of :func:`faket.pipeline.tries.make_parts`.
    early : Executor, optional
        That of :func:`early_workers`.
    """
    if not todo:
        return
    done, run = total - len(todo), secrets.token_hex(8)

    def tell(what: str) -> None:
        say(what, done, total)

    if place.executor == "local":
        place = replace(place, workers=min(place.workers, len(todo)))
    here = early is None and place == Workplace(device=place.device)

    def part(index: int) -> NamedWork:
        if place.executor == "dask":
            files = (plan.recipe.anchored(), Path(os.path.abspath(plan.out)))
            return NamedWork(
                model_name(index), make_there, (*files, index, run, software_versions())
            )
        return NamedWork(model_name(index), make_one, (plan, index, run, tell if here else None))

    with (
        nullcontext(lambda: None) if here else workers_start(plan.out) as see,
        nullcontext(early) if early else _opened(place, say=tell) as executor,
    ):
        if early:
            tell(f"{early.places} at a time")
        parts = list(map(part, todo))
        for outcome in make_parts(executor, parts, failed_once=failed_once, meanwhile=see):
            done += outcome.failed is None
            if outcome.failed is not None:
                making_path(plan.out, outcome.name).unlink(missing_ok=True)  # of a killed process
            yield outcome


@contextmanager
def early_workers(place: Workplace, parts: int) -> Iterator[Executor | None]:
    """Yield processes of this machine, which start while references are measured.

    To load what they need takes them some seconds. None where fewer than two would be started.
    """
    workers = min(place.workers, parts)
    if place.executor != "local" or workers < 2:
        yield None
        return
    with _opened(replace(place, workers=workers), early=True) as executor:
        yield executor


def _opened(place: Workplace, **how: Any) -> AbstractContextManager[Executor]:
    return open_executor(place, limit_threads, torch.get_num_threads(), place.device, **how)


def make_one(plan: Plan, index: int, run: str, say: Callable[[str], None] | None = None) -> None:
    """Make one tomogram, unless another process has made it meanwhile.

    Raises
    ------
    KilledError
        If the processes that made it before in this run were all killed.
    """
    if is_finished(plan.out, index):
        return
    with attempt(plan.out, model_name(index), run):
        make_model(plan, index, say)


def make_there(
    recipe: Recipe, out: Path, index: int, run: str, software: Mapping[str, str]
) -> None:
    """Make one tomogram in another machine's process, which first loads what the command loaded.

    Raises
    ------
    UnfitMachineError
        If that machine has other software or lacks a file.
    """
    check_same_software(software)
    if run not in _plans:
        _plans.clear()  # of an earlier command, whose workers still live
        _plans[run] = _prepared(recipe, out)
    make_one(_plans[run], index, run)


def _prepared(recipe: Recipe, out: Path) -> Plan:
    try:
        return prepare(recipe, out, {}, alone=False, say=lambda what, done, total: None)
    except DiskFullError:
        raise
    except InputError as error:  # the command has prepared the same
        raise UnfitMachineError(f"{socket.gethostname()}: {error}") from None


def limit_threads(threads: int, torch_threads: int, device: Device) -> None:
    """Share the cores. Torch has the same number everywhere, because its sums depend on it."""
    import numba

    let_auto_mean(device)
    if resolve_device(device) == "cuda":  # its start takes a second, better before there is work
        with suppress(RuntimeError):  # its first use will tell
            torch.zeros(1, device="cuda")
    numba.set_num_threads(min(threads, numba.get_num_threads()))
    torch.set_num_threads(torch_threads)
