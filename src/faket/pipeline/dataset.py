"""From a recipe to a labelled data set on disk, tomogram by tomogram; it can be continued."""

import math
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faket.device import Device, auto_means, resolve_device
from faket.errors import InputError
from faket.io.atomic import require_space
from faket.io.folder_lock import folder_lock
from faket.io.leftovers import is_temporary
from faket.io.manifest import read_manifest
from faket.io.model_folder import ALL_MODELS, MANIFEST, PROGRESS, model_name
from faket.io.verification import check_folder
from faket.pipeline.claim import RECIPE, check_number, is_own, restore_claim
from faket.pipeline.executors import Executor, ExecutorName, Workplace, check_place
from faket.pipeline.like import with_grid_of_like
from faket.pipeline.make_models import early_workers, is_finished, make_models
from faket.pipeline.methods import Plan
from faket.pipeline.notices import neighbours_notice, placement_notice
from faket.pipeline.own_specimen import with_own_grid
from faket.pipeline.preparation import prepare
from faket.pipeline.progress_records import (
    clear_failed,
    holds_only_records,
    read_progress,
    set_aside,
    swept,
)
from faket.pipeline.recipe import Recipe
from faket.pipeline.reference import open_references, tilt_angles
from faket.pipeline.tasks import Task
from faket.pipeline.tries import HOPELESS, in_one_line, raise_failed
from faket.pipeline.versions import check_versions
from faket.reports import Report


@dataclass(frozen=True)
class Dataset:
    """A finished data set."""

    folder: Path
    models: tuple[Path, ...]


def generate(
    recipe: Recipe,
    out: Path,
    *,
    executor: ExecutorName = "local",
    cluster: str | None = None,
    workers: int = 1,
    device: Device = "auto",
    tasks: Task | None = None,
    retry: bool = False,
    report: Report | None = None,
) -> Dataset:
    """Make the data set of a recipe.

    A tomogram that cannot be made is tried a second time, then set aside with its reason
    (:mod:`faket.pipeline.progress_records`), and the others are made.

    Parameters
    ----------
    recipe : Recipe
    out : Path
        Folder to write: a folder ``reference_N/`` for each reference and ``model_N/`` for each
        tomogram in SHREC'21's layout, each with a manifest. Finished parts of an interrupted run
        of the same recipe are kept; so are those of a recipe that asked for fewer tomograms.
    executor : {"local", "dask"}
        Processes on this machine, or dask.
    cluster : str, optional
        For dask: the address of its scheduler, or a site file
        (:mod:`faket.pipeline.clusters`).
    workers : int
        Number of tomograms made at the same time. Each needs its own memory; results do not
        depend on the number.
    device : {"auto", "cpu", "cuda"}
        For projections, images, styles and reconstruction. Results of a GPU differ from those of a
        CPU by rounding.
    tasks : Task, optional
        Make only this task's share of the tomograms; other tasks may work in the same folder.
    retry : bool
        Try again what earlier runs set aside.
    report : callable, optional
        Called with (what is being done, tomograms finished, tomograms in all).

    Returns
    -------
    Dataset
        With the tomograms of this task, if there are several tasks.

    Raises
    ------
    InputError
        If the recipe or a file it names cannot be used; if ``out`` contains another data set, one
        of another version of faket, or a damaged file; if another run is working in it; or if
        tomograms are set aside.
    SetAsideError
        If tomograms are set aside for a defect of faket.
    """
    place = Workplace(executor, workers, cluster, device)
    if executor == "local":
        resolve_device(device)  # before hours of work
    recipe = with_grid_of_like(with_own_grid(recipe))
    say = report or (lambda what, done, total: None)
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: expected a folder, found a file; choose another name")
    mine = range(recipe.tomograms) if tasks is None else tasks.share(recipe.tomograms)
    with (
        auto_means(device),
        folder_lock(out, shared=tasks is not None, notice=lambda what: say(what, 0, 0)) as alone,
        swept(out, alone=alone),
    ):
        for notice in restore_claim(recipe, out):
            say(notice, 0, 0)
        _forget_failures(recipe, out, mine, retry)
        _check_folder(recipe, out, mine)
        made = check_finished(out, mine) if is_own(recipe, out) else {}
        if not all(is_finished(out, index) for index in mine):
            check_versions({path: manifest["software"] for path, manifest in made.items()}, say)
        if todo := _todo(out, mine):
            check_place(place)
        with early_workers(place, len(todo)) as early:
            plan = prepare(recipe, out, made, alone=alone, say=say)
            _make(plan, mine, place, early, say)
    return Dataset(out, tuple(out / model_name(i) for i in mine))


def _todo(out: Path, mine: range) -> list[int]:
    """Return the tomograms of ``mine`` that are neither there nor set aside."""
    failed = {one.name for one in read_progress(out).failed}
    return [i for i in mine if not is_finished(out, i) and model_name(i) not in failed]


def _make(plan: Plan, mine: range, place: Workplace, early: Executor | None, say: Report) -> None:
    """Make all tomograms of ``mine`` that are not there, and raise if any is set aside."""
    out, recipe = plan.out, plan.recipe
    failed = {one.name: one for one in read_progress(out).failed}
    failed = {name: failed[name] for name in map(model_name, mine) if name in failed}
    todo = _todo(out, mine)
    done, cause = len(mine) - len(todo) - len(failed), None

    def check(name: str, error: BaseException) -> None:
        say(f"{name}: {in_one_line(error)}", 0, 0)
        _check_folder(recipe, out, mine)  # a full disk is no tomogram's fault

    with closing(make_models(plan, todo, place, len(mine), say, check, early)) as outcomes:
        for outcome in outcomes:
            if outcome.failed is None:
                done += 1
                say(f"{outcome.name} finished", done, len(mine))
                for notice in _left_out(out / outcome.name):
                    say(notice, 0, 0)
                continue
            with suppress(InputError, OSError):  # said already, and told again at the end
                set_aside(out, outcome.failed)
            failed[outcome.name], cause = outcome.failed, outcome.error
            if len(failed) == HOPELESS and done == 0:
                break
    raise_failed(tuple(failed.values()), len(mine), cause)


def check_finished(out: Path, only: range | None = None) -> dict[Path, dict[str, Any]]:
    """Return the manifests of a data set's finished parts after checking their files.

    Parameters
    ----------
    out : Path
    only : range, optional
        Of the tomograms, check only these.

    Raises
    ------
    InputError
        With the first file that differs from what was written.
    """
    folders = sorted(path.parent for path in out.glob(f"*/{MANIFEST}"))
    folders = [folder for folder in folders if not is_temporary(folder)]  # other tasks at work
    if only is not None:
        others = {path.name for path in out.glob(ALL_MODELS)} - {model_name(i) for i in only}
        folders = [folder for folder in folders if folder.name not in others]
    for folder in folders:
        check_folder(folder, f"remove the folder {folder} and run the command again")
    return {folder: read_manifest(folder / MANIFEST) for folder in folders}


def _left_out(model: Path) -> list[str]:
    record = read_manifest(model / MANIFEST)["record"]
    return [
        *placement_notice(model.name, record["requested"], record["placed"]),
        *neighbours_notice(model.name, record.get("neighbours", {})),
    ]


def _forget_failures(recipe: Recipe, out: Path, mine: range, retry: bool) -> None:
    """Forget what was set aside, if it is to be tried again, is there, or was another recipe's."""
    if not is_own(recipe, out):
        clear_failed(out)
        return
    again = {model_name(i) for i in mine if retry or is_finished(out, i)}
    clear_failed(out, again)


def _check_folder(recipe: Recipe, out: Path, mine: range) -> None:
    """Refuse a folder that belongs to another recipe, or a disk that is too small."""
    claimed = (out / RECIPE).exists()
    if claimed and not is_own(recipe, out) and any(out.glob(ALL_MODELS)):
        raise InputError(
            f"{out}: expected an empty folder or one of the same recipe, found another recipe's "
            "data; choose another folder"
        )
    check_number(recipe, out)
    # Asked in this order: another task may claim the folder, and only then write, at any moment.
    if not _holds_no_data(out) and not (out / RECIPE).exists():
        raise InputError(f"{out}: expected an empty folder, found files; choose another folder")
    todo = sum(not is_finished(out, index) for index in mine)
    require_space(out, todo * _model_bytes(recipe))


def _holds_no_data(out: Path) -> bool:
    """Return whether a folder is empty but for what killed runs, or tasks that begin, write."""
    return not out.exists() or all(
        is_temporary(path) or (path.name == PROGRESS and holds_only_records(out))
        for path in out.iterdir()
    )


def _model_bytes(recipe: Recipe) -> int:
    """Size of what is kept of one model on disk, at most: packed masks count as they are."""
    x, y, _ = recipe.specimen.size_voxels
    voxels = math.prod(recipe.tomogram_size)
    stack = 4 * x * y * len(tilt_angles(recipe, open_references(recipe)))
    copies = 3 if recipe.halves else 1  # of images and tomogram
    sizes = {
        "tomogram": copies * voxels * np.dtype(recipe.precision).itemsize,
        "labels": 0 if recipe.pack else 3 * voxels,
        "potential": 4 * voxels,
        "projections": copies * stack,
        "noise-free": stack,
    }
    return sum(sizes[name] for name in recipe.keep)
