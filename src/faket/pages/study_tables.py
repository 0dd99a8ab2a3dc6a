"""What a page shows of a study: its table, its figures, and the picks in its first test."""

import base64
from collections.abc import Iterator
from pathlib import Path

from faket.evaluation.matching import Picks
from faket.io.model_folder import RECONSTRUCTION, stored
from faket.io.picks import read_picks
from faket.io.tomograms import tomogram_shape, tomogram_voxel_size
from faket.pages.html import section, table, text
from faket.pages.targets import PickSet, View, view_of_model
from faket.study.layout import Study, open_study
from faket.study.results import read_results, table_rows
from faket.study.run import picks_name

_SCORES = {
    "recall": "recall",
    "precision": "precision",
    "localisation_f1": "localisation F1",
    "f1_macro_with_background": "classification F1, with background",
}
_FIGURES = {
    "modalities": "The same specimen in every modality: its untilted image, and a slice",
    "classes": "F1 of each class in the test tomograms",
    "epochs": "F1 after each epoch, on a validation tomogram of the row's own modality",
}


def study_view(folder: Path) -> tuple[Study, View | None]:
    """Return a study, and its first test tomogram with the picks of each row's first run."""
    study = open_study(folder, begin=False)
    runs = [run for run in study.runs() if run.seed == 0 and study.is_finished(run)]
    tests = {study.test_models(run.modality)[0] for run in runs}
    usual = study.model("benchmark", study.settings.test_models[0])
    test = usual if usual in tests or not tests else sorted(tests)[0]
    if not test.exists():
        return study, None
    picks = []
    for run in runs:
        path = study.run_folder(run) / picks_name(0)
        if study.test_models(run.modality)[0] == test and path.exists():
            title = run.modality.title.format(k=study.settings.few)
            source = path.relative_to(folder).as_posix()
            picks.append(PickSet(title, _read(path, test), source))
    return study, view_of_model(test, tuple(picks))


def score_sections(study: Study, name: str = "") -> Iterator[str]:
    """Yield the sections of scores, of each row and of each class.

    ``name``: of the study, in titles, where there are several on a page.
    """
    results = read_results(study)
    rows = []
    classes: dict[str, dict[str, str]] = {}
    for row in table_rows(study, results):
        summary = row.summary
        scores = [None if summary is None else f"{summary.metrics[n].mean:.3f}" for n in _SCORES]
        rows.append((row.title, row.about, f"{row.finished} of {row.wanted}", *scores))
        if summary is not None:
            classes[row.title] = {k: f"{v.mean:.3f}" for k, v in summary.class_f1.items()}
    head = ("row", "picker trained on", "runs", *_SCORES.values())
    source = "runs/*/seed_*/result.json; means over runs"
    yield _section("scores", "Scores", name, table(head, rows, source))
    if classes:
        names = list(next(iter(classes.values())))
        each = [(n, *(scores.get(n) for scores in classes.values())) for n in names]
        yield _section(
            "classes", "F1 of each class", name, table(("class", *classes), each, source)
        )


def figures(study: Study, name: str = "") -> Iterator[str]:
    """Yield a section of the figures that belong to the study's page; see `score_sections`."""
    shown = [(name, study.folder / "figures" / f"{name}.png") for name in _FIGURES]
    items = [_figure(path, _FIGURES[which]) for which, path in shown if path.exists()]
    if items:
        yield _section("figures", "Figures", name, *items)


def _section(kind: str, title: str, name: str, *content: str) -> str:
    if not name:
        return section(kind, title, *content)
    return section(f"{kind}-{name}", f"{title}: {name}", *content)


def _figure(path: Path, words: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    source = f"{path.parent.name}/{path.name}"
    return (
        f'<figure class="picture"><img alt="{text(words)}" src="data:image/png;base64,{data}">'
        f'<figcaption>{text(words)} <span class="source">from {text(source)}</span></figcaption>'
        "</figure>"
    )


def _read(path: Path, test: Path) -> Picks:
    tomogram = stored(test / RECONSTRUCTION)
    return read_picks(path, tomogram_shape(tomogram), tomogram_voxel_size(tomogram))
