"""Measure what another program's reconstruction costs a picker, with and without `like`.

    python scripts/measure_like_picking.py STUDY OUT [--program "SIRT, 8 steps"] [--steps 1500]

STUDY is the folder of `faket study STUDY --preset foreign-alder`, of which only the data
`benchmark` must have been made. Every tilt-series in it is reconstructed three times: by another
program (`scripts/measure_like.py`, none of faket's code), by faket ("plain"), and by faket with
the filter that `reconstruction.like` measures on the other program's first test tomogram
("like"), whose labels are not used. One picker is trained on each kind. Each then picks in the
test tomograms of its own kind and in those of the other program. Images, specimens and network are
the same in all, so the last column, which compares with the picker that was trained on tomograms of
the other program, is the loss by the reconstruction alone.

Trainings continue if the script is started again with the same arguments.
"""

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from measure_like import PROGRAMS

from faket.data import TiltSeries, Volume
from faket.evaluation import Picks, Scores, score_picks
from faket.io.checkpoints import load_checkpoint
from faket.io.model_folder import (
    CLASS_MASK,
    CLASS_NAMES,
    GEOMETRY,
    OCCUPANCY_MASK,
    PARTICLES,
    PROJECTIONS_UNBINNED,
    RECONSTRUCTION,
)
from faket.io.mrc import read_volume, write_volume
from faket.io.tilts import read_tilt_series
from faket.io.truth import read_truth
from faket.pickers.labelled import read_labelled
from faket.pickers.pick import pick
from faket.pickers.train import BEST, train_picker
from faket.reconstruction import reconstruct
from faket.references.reconstructed import filter_of_series, filter_words
from faket.study.layout import Study, open_study

LABELS = (CLASS_MASK, CLASS_NAMES, OCCUPANCY_MASK, PARTICLES)
SCORES: dict[str, Callable[[Scores], float]] = {
    "localisation F1": lambda scores: scores.localisation.f1,
    "classification F1": lambda scores: scores.classification.f1_macro_without_background,
    "weighted F-beta": lambda scores: scores.f_beta.weighted if scores.f_beta else 0.0,
}


def series_of(study: Study, index: int) -> TiltSeries:
    """Return the physics tilt-series of a tomogram of the study."""
    stack = study.model("benchmark", index) / PROJECTIONS_UNBINNED
    return read_tilt_series(stack, stack.with_suffix(GEOMETRY))


def keep(study: Study, index: int, volume: Volume, folder: Path) -> None:
    """Write a tomogram beside the labels of its specimen."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in LABELS:
        shutil.copy(study.model("benchmark", index) / name, folder / name)
    write_volume(folder / RECONSTRUCTION, volume)


def reconstruct_all(study: Study, out: Path, program: str, models: list[int], test: int) -> None:
    """Reconstruct every tilt-series in three ways, each in its own folder."""
    first = series_of(study, test)
    depth = study.settings.size_voxels[2]
    angles = first.geometry.angles_deg
    lab = Volume(PROGRAMS[program](first.images, angles, depth), first.geometry.pixel_size_A)
    measured = filter_of_series(lab, first, taper=8)
    assert measured is not None, "the filter of the program was not found"
    print(f"{program}: {filter_words(measured)}", flush=True)
    if len(lab.data) != depth:
        raise SystemExit(f"{program}: expected a tomogram as thick as the labels; choose another")
    for index in models:
        series = series_of(study, index)
        theirs = PROGRAMS[program](series.images, series.geometry.angles_deg, depth)
        theirs = theirs[:: measured.flips[0], :: measured.flips[1], :: measured.flips[2]]
        tomograms = {
            "theirs": Volume(np.ascontiguousarray(theirs, np.float32), lab.voxel_size_A),
            "plain": reconstruct(series, depth=depth, taper=8),
            "like": reconstruct(series, depth=depth, taper=8, measured=measured),
        }
        for kind, volume in tomograms.items():
            keep(study, index, volume, out / kind / f"model_{index}")


def trained(study: Study, out: Path, kind: str, steps: int, seed: int) -> Path:
    """Train a picker on one kind of tomograms, or continue its training."""
    n = study.settings.training
    models = [out / kind / f"model_{index}" for index in range(n)]
    objects = sum(len(read_labelled(model).tomogram.centres) for model in models)
    done = train_picker(
        models, out / f"picker_{kind}_{seed}", seed=seed, device="cpu",
        settings=study.settings.training_settings(objects, steps),
        validation=out / kind / f"model_{study.settings.validation_model}",
    )  # fmt: skip
    return done.folder / BEST


def scores_of(checkpoint: Path, model: Path) -> Scores:
    """Return how well a picker finds the molecules of a tomogram."""
    truth = read_truth(model)
    found = pick(read_volume(model / RECONSTRUCTION), load_checkpoint(checkpoint), device="cpu")
    return score_picks(Picks(found.picks.species, found.picks.positions_A), truth)


def main() -> None:
    """Print one line for each picker, test tomogram and score."""
    parser = argparse.ArgumentParser(description="what a reconstruction costs a picker")
    parser.add_argument("study", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--program", default="SIRT, 8 steps", choices=sorted(PROGRAMS))
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    study = open_study(options.study, begin=False)
    tests = list(study.settings.test_models)
    models = [*range(study.settings.training), study.settings.validation_model, *tests]
    if len(list(options.out.glob("like/*"))) < len(models):
        reconstruct_all(study, options.out, options.program, models, tests[0])
    print("| trained on | test | score | own reconstruction | theirs | / trained on theirs |")
    print("|---|---|---|---|---|---|")
    best: dict[int, Scores] = {}
    for kind in ("theirs", "like", "plain"):
        checkpoint = trained(study, options.out, kind, options.steps, options.seed)
        for test in tests:
            places = [options.out / of / f"model_{test}" for of in (kind, "theirs")]
            own, theirs = (scores_of(checkpoint, place) for place in places)
            best.setdefault(test, theirs)
            for name, value in SCORES.items():
                over = value(theirs) / value(best[test])
                numbers = f"{value(own):.3f} | {value(theirs):.3f} | {over:.3f}"
                print(f"| {kind} | {test} | {name} | {numbers} |", flush=True)


if __name__ == "__main__":
    main()
