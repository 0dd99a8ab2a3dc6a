"""From a recipe to a labelled data set on disk, tomogram by tomogram, resumable."""

import json
import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from faket.data import Species
from faket.errors import InputError
from faket.io.acquisition import write_acquisition
from faket.io.atomic import atomic_folder, atomic_path, require_space
from faket.io.manifest import write_manifest
from faket.io.tilts import write_tilt_series
from faket.noise import NoiseProfile
from faket.pipeline.library import load_library, source_path, specimen_config
from faket.pipeline.methods import Plan, make_images
from faket.pipeline.output import write_model
from faket.pipeline.recipe import Recipe
from faket.pipeline.reference import (
    chosen_microscope,
    noiseless,
    prepare_reference,
    tilt_angles,
)
from faket.reconstruction import reconstruct
from faket.seeds import derive
from faket.specimen import paint_specimen, place_particles

Report = Callable[[str, int, int], None]  # what is being done, models finished, models in all


@dataclass(frozen=True)
class Dataset:
    """A finished data set."""

    folder: Path
    models: tuple[Path, ...]


@dataclass
class Clock:
    """Seconds and peak memory of each stage of one tomogram: facts of the run, not of the data."""

    stages: dict[str, dict[str, float]] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        start = time.perf_counter()
        yield
        peak_MB = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        seconds = time.perf_counter() - start
        self.stages[name] = {"seconds": round(seconds, 3), "peak_rss_MB": round(peak_MB)}


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
        Folder to write: ``reference/`` and one ``model_N/`` a tomogram in SHREC'21's layout, with
        a manifest each. Finished parts of an interrupted run of the same recipe are kept.
    executor : "local"
        Processes on this machine.
    workers : int
        Tomograms made at the same time. The bytes do not depend on it; memory does.
    report : callable, optional
        Called with (what is being done, tomograms finished, tomograms in all).

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        If the recipe or a file it names cannot be used, or ``out`` holds another data set.
    """
    if executor != "local":
        raise InputError(f"executor: expected 'local', found {executor!r}")
    if workers < 1:
        raise InputError(f"workers: expected at least 1, found {workers}")
    say = report or (lambda what, done, total: None)
    _claim(recipe, out)
    plan = _prepare(recipe, out, say)
    todo = [
        i for i in range(recipe.tomograms) if not (out / f"model_{i}" / "manifest.json").exists()
    ]
    finished = recipe.tomograms - len(todo)
    for done, index in enumerate(_made(plan, todo, workers, say), start=finished + 1):
        say(f"model_{index} finished", done, recipe.tomograms)
    return Dataset(out, tuple(out / f"model_{i}" for i in range(recipe.tomograms)))


def _claim(recipe: Recipe, out: Path) -> None:
    """Make the folder this recipe's own, or refuse one that belongs to another."""
    text = json.dumps(recipe.model_dump(mode="json"), indent=1) + "\n"
    stamp = out / "recipe.json"
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: expected a folder, found a file; choose another name")
    if stamp.exists() and stamp.read_text() != text:
        raise InputError(
            f"{out}: expected an empty folder or one of the same recipe, found another recipe's "
            "data; choose another folder"
        )
    if not stamp.exists() and out.exists() and any(out.iterdir()):
        raise InputError(f"{out}: expected an empty folder, found files; choose another folder")
    require_space(out.parent, recipe.tomograms * _model_bytes(recipe))
    out.mkdir(parents=True, exist_ok=True)
    with atomic_path(stamp) as temporary:
        temporary.write_text(text)


def _prepare(recipe: Recipe, out: Path, say: Report) -> Plan:
    say("loading molecules", 0, recipe.tomograms)
    library = load_library(recipe)
    inputs = [path for entry in recipe.species if (path := source_path(entry, recipe))]
    angles_deg = tilt_angles(recipe)
    profile = None
    if recipe.method not in ("noiseless", "benchmark"):
        say("preparing the reference", 0, recipe.tomograms)
        profile = _stored_reference(recipe, library, out / "reference")
        if recipe.reference.stack is not None:
            inputs.append(recipe.at(recipe.reference.stack))
    microscope = chosen_microscope(recipe.microscope)
    files = tuple(path for path in inputs if path.is_file())
    specimen = specimen_config(recipe, library)
    return Plan(recipe, library, specimen, angles_deg, microscope, profile, files, out)


def _stored_reference(recipe: Recipe, library: tuple[Species, ...], folder: Path) -> NoiseProfile:
    """Prepare the reference once; a later run of the same recipe reads it."""
    profile_path = folder / "noise_profile.json"
    if not profile_path.exists():
        reference = prepare_reference(recipe, library)
        with atomic_folder(folder, overwrite=True) as temporary:
            write_tilt_series(temporary / "projections.mrc", reference.series)
            if reference.record is not None:
                write_acquisition(temporary / "acquisition.json", reference.record)
            text = json.dumps(reference.profile.to_dict(), indent=1) + "\n"
            (temporary / "noise_profile.json").write_text(text)
            write_manifest(
                temporary / "manifest.json",
                kind="reference",
                settings=recipe.model_dump(mode="json"),
                seed=recipe.seed,
                record={"source": reference.source, "noise": reference.profile.estimate},
                outputs=sorted(temporary.iterdir()),
            )
    return NoiseProfile.from_dict(json.loads(profile_path.read_text()))


def _made(plan: Plan, todo: list[int], workers: int, say: Report) -> Iterator[int]:
    """Make the tomograms and yield each one's number when it is finished."""
    total = plan.recipe.tomograms
    before = total - len(todo)
    if workers == 1 or len(todo) < 2:
        for done, index in enumerate(todo, start=before):
            make_model(plan, index, partial(_tell, say, done, total))
            yield index
        return
    # Forked workers would inherit the locks of numba's and torch's threads.
    context = multiprocessing.get_context("spawn")
    threads = max(1, (os.cpu_count() or 1) // workers)
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=_limit_threads, initargs=(threads,)
    ) as pool:
        futures = {pool.submit(make_model, plan, index): index for index in todo}
        say(f"{workers} tomograms at a time", before, total)
        for future in as_completed(futures):
            future.result()
            yield futures[future]


def _tell(say: Report, done: int, total: int, what: str) -> None:
    say(what, done, total)


def _model_bytes(recipe: Recipe) -> int:
    """Size of one model on disk: two stacks, two volumes, two masks."""
    x, y, z = recipe.specimen.size_voxels
    volume = x * y * z // recipe.reconstruction.binning**3
    return 8 * x * y * len(tilt_angles(recipe)) + 12 * volume


def _limit_threads(threads: int) -> None:
    """Share the cores; torch keeps its number, because its sums depend on it."""
    import numba

    numba.set_num_threads(min(threads, numba.get_num_threads()))


def make_model(plan: Plan, index: int, say: Callable[[str], None] | None = None) -> None:
    """Make one tomogram with its labels and write it as ``model_<index>``."""
    recipe, name, clock = plan.recipe, f"model_{index}", Clock()
    tell = say or (lambda what: None)
    tell(f"{name}: specimen")
    with clock.stage("placement"):
        seed = derive(recipe.seed, name, "specimen")
        placement = place_particles(plan.specimen, plan.library, seed=seed)
    with clock.stage("painting"):
        specimen = paint_specimen(plan.specimen, plan.library, placement.particles)
    tell(f"{name}: projections")
    voxel_size_A = recipe.specimen.voxel_size_A
    with clock.stage("projection"):
        clean = noiseless(specimen.potential.data, plan.angles_deg, voxel_size_A)
    tell(f"{name}: {recipe.method}")
    with clock.stage(recipe.method):
        series, acquisition = make_images(plan, specimen, clean, name)
    tell(f"{name}: reconstruction")
    settings = recipe.reconstruction
    with clock.stage("reconstruction"):
        tomogram = reconstruct(
            series,
            depth=specimen.potential.data.shape[0] // settings.binning,
            binning=settings.binning,
            filter=settings.filter,
            normalize="mean" if recipe.method == "noiseless" else settings.normalize,
            taper=settings.taper,
        )
    tell(f"{name}: writing")
    with atomic_folder(plan.out / name, overwrite=True) as folder:
        with clock.stage("writing"):
            write_model(folder, recipe, specimen, clean, series, tomogram)
            if acquisition is not None:
                write_acquisition(folder / "acquisition.json", acquisition)
        outputs = sorted(path for path in folder.iterdir())
        record = {
            "model": name,
            "requested": dict(placement.requested),
            "placed": dict(placement.placed),
            "noise": plan.profile.estimate if plan.profile else None,
        }
        write_manifest(
            folder / "manifest.json",
            kind="tomogram",
            settings=recipe.model_dump(mode="json"),
            seed=recipe.seed,
            record=record,
            inputs=list(plan.inputs),
            outputs=outputs,
            run={"stages": clock.stages},
        )
