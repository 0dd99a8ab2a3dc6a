"""From a recipe to a labelled data set on disk, tomogram by tomogram; it can be continued."""

import math
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from faket.errors import InputError
from faket.io.atomic import require_space
from faket.io.folder_lock import folder_lock
from faket.io.leftovers import holds_nothing
from faket.io.manifest import read_manifest, sha256_of
from faket.io.model_folder import ALL_MODELS, MANIFEST, model_name
from faket.io.verification import check_folder
from faket.pipeline.claim import RECIPE, check_number, claim, is_own, restore_claim
from faket.pipeline.executors import make_all
from faket.pipeline.foreign_microscope import check_foreign, foreign_formation
from faket.pipeline.library import load_library, specimen_config
from faket.pipeline.like import with_grid_of_like, with_measured_filter
from faket.pipeline.methods import Plan, method_of, network_weights
from faket.pipeline.notices import placement_notice, tomogram_notice
from faket.pipeline.own_specimen import own_files, with_own_grid
from faket.pipeline.recipe import Recipe
from faket.pipeline.reference import (
    check_references,
    chosen_microscope,
    input_files,
    open_references,
    tilt_angles,
)
from faket.pipeline.stored_reference import prepare_references
from faket.pipeline.versions import check_versions
from faket.references.words import short_form
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
    executor: Literal["local"] = "local",
    workers: int = 1,
    report: Report | None = None,
) -> Dataset:
    """Make the data set of a recipe.

    Parameters
    ----------
    recipe : Recipe
    out : Path
        Folder to write: a folder ``reference_N/`` for each reference and ``model_N/`` for each
        tomogram in SHREC'21's layout, each with a manifest. Finished parts of an interrupted run
        of the same recipe are kept; so are those of a recipe that asked for fewer tomograms.
    executor : "local"
        Processes on this machine.
    workers : int
        Number of tomograms made at the same time. Each needs its own memory; results do not
        depend on the number.
    report : callable, optional
        Called with (what is being done, tomograms finished, tomograms in all).

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        If the recipe or a file it names cannot be used; if ``out`` contains another data set, one
        of another version of faket, or a damaged file; or if another run is working in it.
    """
    if executor != "local":
        raise InputError(f"executor: expected 'local', found {executor!r}; there is no other")
    if workers < 1:
        raise InputError(f"`workers`: expected at least 1, found {workers}; choose a larger number")
    recipe = with_grid_of_like(with_own_grid(recipe))
    say = report or (lambda what, done, total: None)
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: expected a folder, found a file; choose another name")
    with folder_lock(out, notice=lambda what: say(what, 0, 0)):
        for notice in restore_claim(recipe, out):
            say(notice, 0, 0)
        _check_place(recipe, out)
        todo = [i for i in range(recipe.tomograms) if not _is_finished(out, i)]
        made = check_finished(out) if is_own(recipe, out) else {}
        if todo:
            check_versions({path: manifest["software"] for path, manifest in made.items()}, say)
        plan = _prepare(recipe, out, made, say)
        finished = recipe.tomograms - len(todo)
        with closing(make_all(plan, todo, workers, say)) as models:
            for done, index in enumerate(models, start=finished + 1):
                say(f"{model_name(index)} finished", done, recipe.tomograms)
                for notice in _left_out(out / model_name(index)):
                    say(notice, 0, 0)
    return Dataset(out, tuple(out / model_name(i) for i in range(recipe.tomograms)))


def check_finished(out: Path) -> dict[Path, dict[str, Any]]:
    """Return the manifests of a data set's finished parts after checking their files.

    Raises
    ------
    InputError
        With the first file that differs from what was written.
    """
    folders = sorted(path.parent for path in out.glob(f"*/{MANIFEST}"))
    for folder in folders:
        check_folder(folder, f"remove the folder {folder} and run the command again")
    return {folder: read_manifest(folder / MANIFEST) for folder in folders}


def _left_out(model: Path) -> list[str]:
    record = read_manifest(model / MANIFEST)["record"]
    return placement_notice(model.name, record["requested"], record["placed"])


def _check_place(recipe: Recipe, out: Path) -> None:
    """Refuse a folder that belongs to another recipe, or a disk that is too small."""
    claimed = (out / RECIPE).exists()
    if claimed and not is_own(recipe, out) and any(out.glob(ALL_MODELS)):
        raise InputError(
            f"{out}: expected an empty folder or one of the same recipe, found another recipe's "
            "data; choose another folder"
        )
    check_number(recipe, out)
    if not claimed and not holds_nothing(out):
        raise InputError(f"{out}: expected an empty folder, found files; choose another folder")
    todo = sum(not _is_finished(out, index) for index in range(recipe.tomograms))
    require_space(out, todo * _model_bytes(recipe))


def _check_inputs(files: tuple[Path, ...], made: Mapping[Path, dict[str, Any]]) -> None:
    """Refuse to continue if finished parts were made from input files that have changed since."""
    now = sorted(sha256_of(file) for file in files) if made else []
    for folder, manifest in made.items():
        then = sorted(entry["sha256"] for entry in manifest["inputs"])
        if then != now:
            raise InputError(
                f"{folder}: expected finished parts of the recipe's present input files, found "
                "that a file has changed since; choose another folder"
            )


def _is_finished(out: Path, index: int) -> bool:
    return (out / model_name(index) / MANIFEST).exists()


def _prepare(recipe: Recipe, out: Path, made: Mapping[Path, dict[str, Any]], say: Report) -> Plan:
    # All checks come before the parts that take long.
    check_foreign(recipe)
    foreign = foreign_formation(recipe.microscope) is not None
    microscope = None if foreign else chosen_microscope(recipe.microscope)
    references = open_references(recipe)
    angles_deg = tilt_angles(recipe, references)
    check_references(recipe, references)
    files = (*input_files(recipe, references), *own_files(recipe))
    for reference in references:
        for notice in (short_form(reference), *reference.notices):
            say(f"{reference.path}: {notice}", 0, 0)
    say(tomogram_notice(recipe), 0, 0)
    weights = network_weights(recipe)
    say("loading molecules", 0, recipe.tomograms)
    # Of another program's specimen molecules are known only where a reference is simulated.
    simulated = method_of(recipe).needs_reference and not references
    library = load_library(recipe) if simulated or recipe.own_specimen is None else ()
    for species in library:
        for notice in species.report.notices:
            say(f"{species.name}: {notice}", 0, 0)
    specimen = specimen_config(recipe, library)
    profile = None
    if method_of(recipe).needs_reference:
        profile = prepare_references(recipe, library, references, weights, files, out, say)
    claim(recipe, out)
    _check_inputs(files, made)
    plan = Plan(recipe, library, specimen, angles_deg, microscope, profile, weights, files, out)
    return with_measured_filter(plan, references, say)


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
