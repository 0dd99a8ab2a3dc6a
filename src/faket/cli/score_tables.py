"""The lines that `faket score` prints: what was found, and tables of the scores."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from faket.vocabulary import is_extended

if TYPE_CHECKING:
    from faket.evaluation import Interval, Scores, Summary, Truth

_TITLES = {
    "recall": "recall",
    "precision": "precision",
    "localisation_f1": "localisation F1",
    "f1_macro_with_background": "macro F1 with background",
    "f1_macro_without_background": "macro F1 without background",
}


def report_lines(picks: tuple[Path, ...], results: "list[Scores]", summary: "Summary") -> list[str]:
    """Return what is printed about the picks of each file, and about all files together."""
    lines = []
    for path, result in zip(picks, results, strict=True):
        place = result.localisation
        lines.append(
            f"{path.name}: {place.n_picks} picks, "
            f"{place.found} of {place.found + place.missed} objects found, "
            f"{place.on_background} on background, {place.repeated} repeated, "
            f"{place.on_excluded} on excluded classes; {place.outside} outside the volume, moved "
            "to its border"
        )
    first = results[0]
    if first.excluded:
        counted = [f"{name} (counted in recall)" for name in first.counted]
        left = [name for name in first.excluded if name not in first.counted]
        lines.append(f"not scored: {', '.join([*left, *counted])}")
    if first.tolerance_A:
        lines.append(
            f"a pick within {first.tolerance_A:g} Å of a centre counts as found (not SHREC'21's "
            "rule)"
        )
    lines += ["", *_metrics(summary), "", *_classes(results, summary), "", *_f_beta(results)]
    if any(result.orientations for result in results):
        lines += ["", *_orientations(picks, results)]
    return lines


def hollow_lines(truth: "Truth", tolerance_A: float) -> list[str]:
    """Name the classes of which most true centres lie on background."""
    import numpy as np

    from faket.evaluation.matching import Picks, match_picks

    particles = truth.particles
    hits = match_picks(Picks(particles.species, particles.positions_A), truth).objects
    species = np.array(particles.species)
    lines = []
    for name in truth.class_names:
        missed, n = int((hits[species == name] < 0).sum()), int((species == name).sum())
        if not is_extended(name) and missed > n / 2 and not tolerance_A:
            lines.append(
                f"{name}: {missed} of {n} true centres lie on background, where SHREC'21's rule "
                "counts every pick as wrong; --tolerance-A accepts picks near a centre"
            )
    return ["", *lines] if lines else []


def _metrics(summary: "Summary") -> list[str]:
    over = f"{summary.n_seeds} seeds" if summary.over == "seeds" else "particles"
    rows = [("", "score", f"68 % over {over}", "95 %")]
    for name, value in summary.metrics.items():
        rows.append((_TITLES[name], f"{value.mean:.4f}", *_bounds(value)))
    if summary.f_beta is not None:
        value = summary.f_beta
        rows.append(("weighted F-beta", f"{value.mean:.4f}", *_bounds(value)))
    return _table(rows)


def _classes(results: "list[Scores]", summary: "Summary") -> list[str]:
    rows = [("class", "objects", "found", "recall", "precision", "F1", "68 %", "95 %")]
    for i, (name, value) in enumerate(summary.class_f1.items()):
        each = [result.classification.classes[i] for result in results]
        n = len(each)
        rows.append(
            (
                name,
                str(each[0].n_objects),
                f"{sum(c.found for c in each) / n:.{int(n > 1)}f}",
                f"{sum(c.recall for c in each) / n:.3f}",
                f"{sum(c.precision for c in each) / n:.3f}",
                f"{value.mean:.3f}",
                *_bounds(value, 3),
            )
        )
    return _table(rows)


def _f_beta(results: "list[Scores]") -> list[str]:
    """Return the CZII challenge's score of each class: means over the files."""
    scores = [result.f_beta for result in results if result.f_beta is not None]
    rows = [("class", "radius", "weight", "hits", "recall", "precision", "F-beta")]
    for each in zip(*(score.classes for score in scores), strict=True):
        n, first = len(each), each[0]
        rows.append(
            (
                first.name,
                "–" if first.radius_A is None else f"{first.radius_A:.0f} Å",
                f"{first.weight:g}",
                f"{sum(c.true_positives for c in each) / n:.{int(n > 1)}f}",
                f"{sum(c.recall for c in each) / n:.3f}",
                f"{sum(c.precision for c in each) / n:.3f}",
                f"{sum(c.f_beta for c in each) / n:.3f}",
            )
        )
    return _table(rows)


def _orientations(picks: tuple[Path, ...], results: "list[Scores]") -> list[str]:
    """Return the table of angular errors: by class for one file, by file for several."""
    if len(results) == 1:
        items = [(item.name, item) for item in results[0].orientations]
    else:
        items = [(p.name, r.orientations[0]) for p, r in zip(picks, results, strict=True)
                 if r.orientations]  # fmt: skip
    rows = [("angular error", "particles", "median", "mean")]
    for name, item in items:
        if item.n:
            rows.append((name, str(item.n), f"{item.median_deg:.1f}°", f"{item.mean_deg:.1f}°"))
    return _table(rows)


def _bounds(value: "Interval", digits: int = 4) -> tuple[str, str]:
    pairs = (value.interval_68, value.interval_95)
    texts = ["–" if p is None else f"[{p[0]:.{digits}f}, {p[1]:.{digits}f}]" for p in pairs]
    return texts[0], texts[1]


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the lines of a table without frame: names at the left, numbers at the right."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    for column in range(len(rows[0])):
        table.add_column(justify="right" if column else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    # Chosen: a width at which no line of any table is cut. "[0.1, 0.2]" is text, not markup.
    console = Console(width=10_000, color_system=None, markup=False, emoji=False, highlight=False)
    with console.capture() as captured:
        console.print(table)
    return [line.rstrip() for line in captured.get().splitlines()]
