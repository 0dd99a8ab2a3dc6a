"""The results of a study so far: how they are read, the table and the page."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from faket.evaluation import FBeta, Scores
from faket.evaluation.intervals import METRICS, metric_values
from faket.io.atomic import atomic_path
from faket.io.model_folder import ALL_MODELS, MANIFEST, RUN
from faket.io.text import csv_rows, parse_number, parse_whole
from faket.pickers.train import HISTORY
from faket.pipeline.foreign_microscope import PREFIX
from faket.study.figures import StudyRow, study_figures
from faket.study.layout import Run, Study
from faket.study.modalities import MODALITIES
from faket.study.page import write_study_page
from faket.study.records import RESULT, RunRecord, read_costs, read_run
from faket.study.run import TRAINING
from faket.study.settings import StudySettings

_NETWORKS = {"deepfinder": "DeepFinder", "unet": "the residual U-Net"}


@dataclass(frozen=True)
class Result:
    """One finished run.

    Attributes
    ----------
    run : Run
    scores : tuple of Scores
        In each test tomogram.
    record : RunRecord
        The content of result.json.
    """

    run: Run
    scores: tuple[Scores, ...]
    record: RunRecord


def read_results(study: Study) -> tuple[Result, ...]:
    """Read all existing results, in the order of the study's runs.

    Raises
    ------
    InputError
        If a file is damaged.
    """
    found = []
    for run in study.runs():
        if study.is_finished(run):
            record = read_run(study.run_folder(run) / RESULT)
            scores = (record.scores, *record.further_scores)
            found.append(Result(run, tuple(item.scores() for item in scores), record))
    return tuple(found)


def read_history(study: Study, run: Run) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return the validated epochs and the mean F1 of each."""
    path = study.run_folder(run) / TRAINING / HISTORY
    rows = csv_rows(path, ("epoch", "mean_f1")) if path.exists() else []
    epochs, values = list[int](), list[float]()
    for line, row in rows:
        if row["mean_f1"]:
            epochs.append(parse_whole(row["epoch"], path, f"line {line}, epoch", low=1, high=10**9))
            values.append(parse_number(row["mean_f1"], path, f"line {line}, mean_f1"))
    return tuple(epochs), tuple(values)


def write_table(results: tuple[Result, ...], path: Path) -> None:
    """Write one line per run and test tomogram.

    Scores, digests, and last the costs of the run, which change if it is repeated.
    """
    rows = [_row(result, place) for result in results for place in range(len(result.scores))]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    timed = ("seconds", "cpu_seconds", "peak_rss_MB")
    columns = [*(name for name in columns if name not in timed), *timed]
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getvalue().encode())


def _row(result: Result, test: int) -> dict[str, Any]:
    scores, record = result.scores[test], result.record
    place = scores.localisation
    training = {} if record.training is None else asdict(record.training)
    return {
        "modality": result.run.modality.key,
        "seed": result.run.seed,
        "test": test + 1,
        **dict(zip(METRICS, map(repr, metric_values(scores)), strict=True)),
        **{name: getattr(place, name) for name in ("n_picks", "n_objects", "found",
                                                   "on_background", "repeated")},
        **{f"f1 {c.name}": repr(c.f1) for c in scores.classification.classes},
        **_f_beta_cells(scores.f_beta),
        **{name: training.get(name, "") for name in ("steps", "epochs", "best_epoch", "objects")},
        **{f"sha256 {name}": digest for name, digest in sorted(record.digests.items())},
        **costs(record),
    }  # fmt: skip


def _f_beta_cells(score: FBeta | None) -> dict[str, str]:
    if score is None:
        return {}
    each = {f"f_beta {c.name}": repr(c.f_beta) for c in score.classes}
    return {"f_beta": repr(score.weighted), **each}


def costs(record: RunRecord) -> dict[str, float]:
    """Return the seconds, CPU seconds and peak memory of a run."""
    spent = record.costs
    return {
        "seconds": round(spent.seconds, 1),
        "cpu_seconds": round(spent.cpu_seconds, 1),
        "peak_rss_MB": max((stage.peak_rss_MB for stage in spent.stages.values()), default=0),
    }


def data_costs(study: Study, data: str) -> Iterator[dict[str, float]]:
    """Yield seconds and peak memory of each finished tomogram of a data set."""
    for path in sorted((study.folder / "data" / data).glob(f"{ALL_MODELS}/{RUN}")):
        stages = read_costs(path)
        yield {
            "seconds": sum(stage.seconds for stage in stages),
            "peak_rss_MB": max((stage.peak_rss_MB for stage in stages), default=0),
        }


def write_report(study: Study) -> Path:
    """Write study.csv, the figures and study.md from the existing results; return the page.

    Rows without a result are listed as not run.

    Raises
    ------
    InputError
        If a result is damaged.
    """
    results = read_results(study)
    write_table(results, study.folder / "study.csv")
    rows = table_rows(study, results)
    models = {
        _data_title(kind.key): study.model(kind.key, 0)
        for kind in study.data_kinds()
        if (study.model(kind.key, 0) / MANIFEST).exists()
    }
    drawn = study_figures(rows, models, study.folder / "figures")
    return write_study_page(study.folder / "study.md", rows, _facts(study, results), drawn)


def table_rows(study: Study, results: Sequence[Result]) -> list[StudyRow]:
    """Return the rows of the table with what is finished of them."""
    return [_table_row(study, key, results) for key in study.modalities]


def _table_row(study: Study, key: str, results: Sequence[Result]) -> StudyRow:
    row, own = MODALITIES[key], [item for item in results if item.run.modality.key == key]
    k = study.settings.few
    return StudyRow(
        key=key,
        title=row.title.format(k=k),
        about=row.about.format(k=k),
        wanted=sum(run.modality.key == key for run in study.runs()),
        scores=tuple(scores for item in own for scores in item.scores),
        tests=study.settings.tests,
        seeds=tuple(item.run.seed for item in own if row.data),
        curves=tuple(read_history(study, item.run) for item in own if row.data),
        run_costs=tuple(costs(item.record) for item in own),
        data_costs=tuple(data_costs(study, row.data)) if row.data else (),
        steps=tuple(item.record.training.steps for item in own if item.record.training),
    )


def _data_title(key: str) -> str:
    return next(row.title for row in MODALITIES.values() if row.data == key and not row.few)


def _facts(study: Study, results: Sequence[Result]) -> list[str]:
    """Return a few lines about data, test and pickers."""
    s = study.settings
    x, y, z = s.size_voxels
    left_out = [key for key in MODALITIES if key not in study.modalities]
    finished, wanted = len(results), len(study.runs())
    objects = [item.localisation.n_objects for item in results[0].scores] if results else []
    return [
        f"- Data: {s.training} training tomograms, one for validation, {s.tests} for the test; "
        f"specimens of {x} × {y} × {z} voxels of {s.voxel_size_A:g} Å with {_range(s.particles)} "
        f"molecules of {', '.join(map(_short, s.species))}; {_tilts(s)}; microscope "
        f"{s.microscope}; seed {s.seed}. Recipes are in recipes/.",
        f"- Test: {_tests(s.tests, objects)}. The specimens and acquisitions of the test are in no "
        "training data and in no reference. Only NOISELESS is tested without noise.",
        f"- Picker: {_NETWORKS[s.picker]} of width {s.width:g}, about {s.steps} steps (whole "
        f"epochs) of {s.batch} patches of {s.patch} voxels, learning rate {_rate(s)}, "
        f"cross-entropy {s.cross_entropy:g}"
        f"{f', weights averaged over {s.average_steps} steps' if s.average_steps else ''}"
        f"; fine-tuning {s.fine_tuning_steps} steps more. The best epoch and "
        "the sizes of clusters are chosen on a validation tomogram of the row's own modality "
        f"(for BENCHMARK-{s.few} and FINETUNED-{s.few} on a simulated one).",
        f"- Template matching: orientations every {s.matching_step_deg:g}°, with the true CTF, "
        "tilts and dose of the test tomogram, and the molecules' true potentials; cut-off for one "
        "false positive in noise. Gold has no template, so it counts as missed.",
        f"- Runs: {finished} of {wanted} finished; the trainings of a row have the seeds 0, 1, …; "
        "all of them, with digests of recipes and checkpoints, in study.csv.",
        *([f"- Not requested: {', '.join(left_out)}."] if left_out else []),
    ]


def _tilts(settings: StudySettings) -> str:
    if settings.microscope.startswith(PREFIX):
        return "tilts of the microscope"
    last = f"{settings.tilt_range_deg:g}"
    return f"tilts from -{last}° to {last}° every {settings.tilt_step_deg:g}°"


def _tests(tests: int, objects: Sequence[int]) -> str:
    what = "one simulated tomogram" if tests == 1 else f"{tests} simulated tomograms"
    return f"{what} with {' and '.join(map(str, objects))} objects" if objects else what


def _range(pair: tuple[int, int]) -> str:
    low, high = pair
    return f"{low}" if low == high else f"{low} to {high}"


def _short(source: str) -> str:
    return source.removeprefix("synthetic:") if ":" in source else Path(source).stem


def _rate(settings: StudySettings) -> str:
    rises = f", rising for {settings.warm_up_steps} steps" if settings.warm_up_steps else ""
    falls = ", falling to 0 at the end" if settings.schedule == "linear" else ""
    return f"{settings.learning_rate:g}{rises}{falls}"
