"""The page of a study: Table 1 of FakET's paper for one's own data, with intervals and costs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median

from faket.evaluation import Interval, Scores, ratio_interval
from faket.evaluation.intervals import METRICS, metric_values
from faket.io.text import write_text
from faket.study.figures import StudyRow

NOT_RUN = "not run"
_F1 = {
    "localisation_f1": "localisation F1",
    "f1_macro_with_background": "classification F1, with background",
    "f1_macro_without_background": "classification F1, without background",
}
_HEADLINES = {
    "modalities": "Side by side",
    "classes": "Class by class",
    "epochs": "Scores per epoch",
}
_NOTES = {
    "modalities": "The same specimen in every modality: its untilted image, and a slice.",
    "classes": "F1 of each class in the test tomogram.",
    "epochs": "Each on a validation tomogram of its own modality; not comparable across rows.",
}


def write_study_page(
    path: Path,
    rows: Sequence[StudyRow],
    facts: Sequence[str],
    figures: Mapping[str, Path],
    *,
    against: str = "benchmark",
) -> Path:
    """Write the page in Markdown.

    Parameters
    ----------
    path : Path
        File to write, in a folder above the figures'.
    rows : sequence of StudyRow
        Those without a finished run are listed as not run.
    facts : sequence of str
        Lines about data, test and pickers.
    figures : mapping of str to Path
        As :func:`faket.study.figures.study_figures` returns them.
    against : str
        Key of the row by whose scores the others are divided.
    """
    lines = ["# Study", "", *facts, "", "## Scores", "", *_scores(rows, against)]
    lines += ["", "## Intervals", "", *_intervals(rows)]
    lines += ["", "## Classes", "", *_classes(rows)]
    lines += ["", "## Costs", "", *_costs(rows)]
    for name, headline in _HEADLINES.items():
        if name in figures:
            place = figures[name].relative_to(path.parent).as_posix()
            lines += ["", f"## {headline}", "", _NOTES[name], "", f"![{headline}]({place})"]
            lines += _settled(rows) if name == "epochs" else []
    confusions = [row for row in rows if f"confusion {row.key}" in figures]
    if confusions:
        lines += ["", "## Confusion"]
    for row in confusions:
        place = figures[f"confusion {row.key}"].relative_to(path.parent).as_posix()
        lines += ["", f"![Confusion of {row.title}]({place})"]
    write_text(path, lines)
    return path


def _scores(rows: Sequence[StudyRow], against: str) -> Iterator[str]:
    """The table of scores; rows without a run are marked so."""
    base = next((row for row in rows if row.key == against), None)
    title = base.title if base else against.upper()
    yield (
        f"Columns “/ {title}”: ratio of the row's score to that of {title} over the seeds that "
        "both have; in brackets its 68 % bootstrap interval. Weighted F-beta is the CZII "
        "challenge's score: β = 4, and a hit lies within half the particle's radius."
    )
    yield ""
    yield from table_head(
        "picker trained on",
        "runs",
        "recall",
        "precision",
        *_F1.values(),
        "weighted F-beta",
        f"localisation / {title}",
        f"classification / {title}",
    )
    for row in rows:
        summary = row.summary
        runs = f"{row.finished} of {row.wanted}" if row.scores else NOT_RUN
        cells = ["–"] * 8
        if summary is not None:
            names = ("recall", "precision", *_F1)
            cells = [f"{summary.metrics[name].mean:.4f}" for name in names]
            cells.append("–" if summary.f_beta is None else f"{summary.f_beta.mean:.4f}")
            for name in ("localisation_f1", "f1_macro_with_background"):
                cells.append(ratio_cell(row, base, METRICS.index(name)))
        yield table_line(f"**{row.title}**: {row.about}", runs, *cells)


def ratio_cell(row: StudyRow, base: StudyRow | None, metric: int) -> str:
    """Return the ratio of the row's score to the base's, over the seeds that both have."""
    if base is None:
        return "–"
    other = _by_seed(base, metric)
    # Template matching has one run, without random numbers.
    own = _by_seed(row, metric) if row.seeds else dict.fromkeys(other, _by_test(row.scores, metric))
    shared = sorted(own.keys() & other.keys())
    if not any(any(other[seed]) for seed in shared):
        return "–"
    ratio = ratio_interval([own[seed] for seed in shared], [other[seed] for seed in shared])
    if ratio.interval_68 is None or row is base:
        return f"{ratio.mean:.3f}"
    low, high = ratio.interval_68
    return f"{ratio.mean:.3f} [{low:.3f}, {high:.3f}]"


def _by_seed(row: StudyRow, metric: int) -> dict[int, tuple[float, ...]]:
    """Return the scores of each seed in all test tomograms."""
    starts = range(0, len(row.scores), row.tests)
    return {
        seed: _by_test(row.scores[start : start + row.tests], metric)
        for seed, start in zip(row.seeds, starts, strict=True)
    }


def _by_test(scores: Sequence[Scores], metric: int) -> tuple[float, ...]:
    return tuple(metric_values(item)[metric] for item in scores)


def _intervals(rows: Sequence[StudyRow]) -> Iterator[str]:
    yield (
        "Percentile bootstrap over the seeds and the test tomograms, or over the test's particles "
        "if there is one of each."
    )
    yield ""
    yield from table_head(
        "", *(f"{title}, {p}" for title in _F1.values() for p in ("68 %", "95 %"))
    )
    for row in rows:
        summary = row.summary
        if summary is None:
            yield table_line(row.title, NOT_RUN, *["–"] * (2 * len(_F1) - 1))
            continue
        values = [summary.metrics[name] for name in _F1]
        yield table_line(
            f"{row.title} (over {summary.over})",
            *(text for value in values for text in _bounds(value)),
        )


def _bounds(value: Interval) -> tuple[str, str]:
    pairs = (value.interval_68, value.interval_95)
    low, high = ("–" if p is None else f"[{p[0]:.4f}, {p[1]:.4f}]" for p in pairs)
    return low, high


def _classes(rows: Sequence[StudyRow]) -> Iterator[str]:
    """F1 of each class, mean over runs."""
    done = [(row, summary) for row in rows if (summary := row.summary) is not None]
    if not done:
        yield NOT_RUN
        return
    yield from table_head("class", "objects", *(row.title for row, _ in done))
    for i, (name, _) in enumerate(done[0][1].class_f1.items()):
        first = done[0][0]
        n = sum(s.classification.classes[i].n_objects for s in first.scores[: first.tests])
        yield table_line(name, str(n), *(f"{s.class_f1[name].mean:.3f}" for _, s in done))


def _costs(rows: Sequence[StudyRow]) -> Iterator[str]:
    yield (
        "Data: median wall seconds for all stages of a tomogram, and the largest memory, without "
        "the measurement of references, which is done once. Runs: mean over runs of training or "
        "matching, picking and scoring, including interrupted parts; wall seconds depend on what "
        "else the machine was doing."
    )
    yield ""
    yield from table_head(
        "", "data, s a tomogram", "data, MB", "steps", "run, CPU s", "run, wall s", "run, MB"
    )
    for row in rows:
        runs, data = row.run_costs, row.data_costs
        yield table_line(
            row.title,
            _seconds([item["seconds"] for item in data], median),
            _most(data, "peak_rss_MB"),
            f"{sum(row.steps) / len(row.steps):.0f}" if row.steps else "–",
            _seconds([item["cpu_seconds"] for item in runs], fmean) if runs else NOT_RUN,
            _seconds([item["seconds"] for item in runs], fmean),
            _most(runs, "peak_rss_MB"),
        )


def _settled(rows: Sequence[StudyRow]) -> list[str]:
    """Return how far from settled the trainings are."""
    gains = [f"{row.title} {gain:.3f}" for row in rows if (gain := row.late_gain) is not None]
    if not gains:
        return []
    what = "The best F1 rose in the last quarter of the training, mean over seeds, by"
    return ["", f"{what}: {', '.join(gains)}. A training that still rises is not long enough."]


def _seconds(values: Sequence[float], middle: Callable[[Sequence[float]], float]) -> str:
    if not values:
        return "–"
    value = middle(values)
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _most(costs: Sequence[Mapping[str, float]], name: str) -> str:
    return f"{max(item[name] for item in costs):.0f}" if costs else "–"


def table_head(*cells: str) -> Iterator[str]:
    """Yield the first two lines of a table."""
    yield table_line(*cells)
    yield table_line(*(["---"] + ["--:"] * (len(cells) - 1)))


def table_line(*cells: str) -> str:
    """Return one line of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
