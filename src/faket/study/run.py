"""One run of a study: train (or match), pick in the test tomograms, score; with its costs."""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from faket.device import Device
from faket.evaluation import Picks, Scores, score_picks
from faket.io.acquisition import read_acquisition
from faket.io.atomic import atomic_path
from faket.io.checkpoints import load_checkpoint
from faket.io.content import sha256_of
from faket.io.manifest import plain, software_versions
from faket.io.model_folder import ACQUISITION, RECONSTRUCTION, stored
from faket.io.picks import read_picks, write_picks
from faket.io.seals import sealed
from faket.io.tomograms import read_tomogram
from faket.io.truth import read_truth
from faket.io.verification import check_folder
from faket.pickers.labelled import read_labelled
from faket.pickers.match import search, to_picks
from faket.pickers.pick import pick
from faket.pickers.stamp import LAST
from faket.pickers.train import BEST, train_picker
from faket.picking.template_matching import (
    TM,
    TM_F,
    Matcher,
    TemplateMatching,
)
from faket.pipeline.clock import Clock
from faket.pipeline.library import load_library
from faket.pipeline.recipe import read_recipe
from faket.study.layout import Run, Study
from faket.study.modalities import MODALITIES, Matching
from faket.study.records import RESULT, SpentTime, read_spent

Say = Callable[[str], None]
COSTS, PARTS = "costs.json", "parts"
TRAINING = "training"
_SAVED_EVERY_S = 20.0


class Meter:
    """Seconds and CPU seconds of a run, kept on disk so that interrupted attempts count too."""

    def __init__(self, path: Path) -> None:
        """Start from the costs of interrupted attempts."""
        self._path = path
        self._before = read_spent(path) if path.exists() else SpentTime(0.0, 0.0)
        self._start, self._cpu, self._saved = time.perf_counter(), time.process_time(), 0.0

    def total(self) -> dict[str, float]:
        """Return the costs until now."""
        return {
            "seconds": self._before.seconds + time.perf_counter() - self._start,
            "cpu_seconds": self._before.cpu_seconds + time.process_time() - self._cpu,
        }

    def tick(self) -> None:
        """Write the costs now and then."""
        if time.perf_counter() - self._saved > _SAVED_EVERY_S:
            self.save()

    def save(self) -> None:
        """Write the costs; a later continuation of the run adds to them."""
        self._saved = time.perf_counter()
        with atomic_path(self._path) as temporary:
            temporary.write_text(json.dumps(self.total()))


def perform(study: Study, run: Run, device: Device, say: Say) -> None:
    """Do or continue one run and write its result, unless it is finished."""
    if study.is_finished(run):
        return
    folder, clock = study.run_folder(run), Clock()
    folder.mkdir(parents=True, exist_ok=True)
    meter = Meter(folder / COSTS)

    def report(what: str, done: int, total: int) -> None:
        meter.tick()
        say(f"{run.name}: {what} ({done} of {total})")

    if run.modality.matching is not None:
        with clock.stage("matching"):
            record = _match(study, run, run.modality.matching, device, report)
    else:
        with clock.stage("training"):
            record = _train(study, run, device, report)
        with clock.stage("picking"):
            _pick(study, run, device, report)
    scores = [
        _score(test, folder / picks_name(place))
        for place, test in enumerate(study.test_models(run.modality))
    ]
    result = {
        "modality": run.modality.key,
        "seed": run.seed,
        "scores": scores[0],
        "further_scores": scores[1:],
        **record,
        "digests": _digests(study, run),
        "software": software_versions(),
        "costs": {**meter.total(), "stages": clock.stages},
    }
    meter.save()
    content = sealed(plain(result, folder))
    text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False)
    with atomic_path(folder / RESULT) as temporary:
        temporary.write_text(text + "\n")
    for parts in folder.glob(f"{PARTS}*"):
        shutil.rmtree(parts, ignore_errors=True)


def picks_name(place: int) -> str:
    """Return the file of the picks in the first, second, … test tomogram."""
    return f"{_numbered('picks', place)}.csv"


def _numbered(name: str, place: int) -> str:
    return name if place == 0 else f"{name}_{place + 1}"


def _score(test: Path, picks: Path) -> Scores:
    """Score the picks in one test tomogram, which is checked first."""
    check_folder(test, f"remove the folder {test} and run the command again")
    truth = read_truth(test)
    z, y, x = truth.instance_mask.shape
    found = read_picks(picks, (z, y, x), truth.voxel_size_A)
    # Orientations are not scored: a segmentation has none.
    return score_picks(Picks(found.species, found.positions_A), truth)


def _train(
    study: Study, run: Run, device: Device, report: Callable[[str, int, int], None]
) -> dict[str, Any]:
    models, validation = study.training_models(run.modality)
    start, before, steps = None, 0, study.settings.steps
    if run.modality.parent:
        parent = study.run_folder(Run(MODALITIES[run.modality.parent], run.seed))
        start, steps = parent / TRAINING / LAST, study.settings.fine_tuning_steps
        before = load_checkpoint(start).epoch
    report("reading", 0, steps)
    n_objects = sum(len(read_labelled(model).tomogram.centres) for model in models)
    settings = study.settings.training_settings(n_objects, steps, before=before)
    trained = train_picker(
        models,
        study.run_folder(run) / TRAINING,
        settings=settings,
        seed=run.seed,
        validation=validation,
        start=start,
        device=device,
        report=report,
    )
    epochs = settings.epochs - before
    return {
        "training": {
            "models": [model.relative_to(study.folder).as_posix() for model in models],
            "validation": validation.relative_to(study.folder).as_posix(),
            "objects": n_objects,
            "epochs": epochs,
            "steps": epochs * (n_objects // settings.batch),
            "best_epoch": trained.checkpoint.best_epoch,
            "before": before,
        }
    }


def _pick(study: Study, run: Run, device: Device, report: Callable[[str, int, int], None]) -> None:
    folder = study.run_folder(run)
    checkpoint = load_checkpoint(folder / TRAINING / BEST)
    done = study.tests_done(run)  # of these nothing changes
    for place, test in list(enumerate(study.test_models(run.modality)))[done:]:
        volume = read_tomogram(stored(test / RECONSTRUCTION))
        found = pick(
            volume,
            checkpoint,
            device=device,
            progress=lambda done, total: report("picking, tiles", done, total),
        )
        z, y, x = volume.data.shape
        write_picks(folder / picks_name(place), found.picks, (z, y, x), volume.voxel_size_A)


def _match(
    study: Study,
    run: Run,
    matching: Matching,
    device: Device,
    report: Callable[[str, int, int], None],
) -> dict[str, Any]:
    """Search for one species after the other; results of an interrupted run are kept."""
    folder, cutoffs = study.run_folder(run), _earlier_cutoffs(study, run)
    recipe = read_recipe(study.recipe_path("benchmark"))
    for place, test in list(enumerate(study.test_models(run.modality)))[len(cutoffs) :]:
        acquisition = read_acquisition(test / ACQUISITION)
        volume = read_tomogram(stored(test / RECONSTRUCTION))
        coarse = replace(recipe.specimen, voxel_size_A=volume.voxel_size_A)  # as the tomogram
        library = load_library(recipe.model_copy(update={"specimen": coarse}))
        matcher = Matcher(
            volume,
            acquisition.geometry(),
            optics=[acquisition.optics(i) for i in range(len(acquisition))],
            voltage_kV=acquisition.microscope.voltage_kV,
            settings=_matching_settings(study, matching),
            device=device,
        )
        found = search(matcher, volume, library, folder / _numbered(PARTS, place), report=report)
        picks = to_picks(found, matcher)
        write_picks(folder / picks_name(place), picks, matcher.shape, matcher.voxel_size_A)
        cutoffs.append({item.name: item.cutoff for item in found})
    return {"matching": {"cutoffs": cutoffs[0], "further_cutoffs": cutoffs[1:]}}


def _earlier_cutoffs(study: Study, run: Run) -> list[dict[str, float]]:
    """Return the cutoffs in the test tomograms in which the run has its result already."""
    if not study.tests_done(run):
        return []
    found = json.loads((study.run_folder(run) / RESULT).read_text())["matching"]
    return [found["cutoffs"], *found["further_cutoffs"]]


def _matching_settings(study: Study, matching: Matching) -> TemplateMatching:
    preset = TM if matching == "tm" else TM_F
    return replace(preset, angular_step_deg=study.settings.matching_step_deg)


def _digests(study: Study, run: Run) -> dict[str, str]:
    """Return the hashes of the files on which the run depends."""
    row, folder = run.modality, study.run_folder(run)
    files = {"test_recipe": study.recipe_path(row.test)}
    for place, test in enumerate(study.test_models(row)):
        files[_numbered("test", place)] = stored(test / RECONSTRUCTION)
        files[_numbered("picks", place)] = folder / picks_name(place)
    if row.data:
        files["recipe"] = study.recipe_path(row.data)
        files["checkpoint"] = folder / TRAINING / BEST
    if row.parent:
        files["parent_recipe"] = study.recipe_path(MODALITIES[row.parent].data)
    return {name: sha256_of(path) for name, path in files.items()}
