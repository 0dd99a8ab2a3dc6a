"""The figures of a study's page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faket.evaluation import Scores, Summary, summarise_scores
from faket.report.score_figures import class_bars_figure, confusion_figure, epochs_figure
from faket.study.modality_figure import modalities_figure, read_panel

Curve = tuple[tuple[int, ...], tuple[float, ...]]


@dataclass(frozen=True)
class StudyRow:
    """One row of the table with all its results.

    Attributes
    ----------
    key, title, about : str
    wanted : int
        Number of runs wanted.
    scores : tuple of Scores
        For each finished run one in every test tomogram; empty if none is finished.
    tests : int
        Number of test tomograms.
    seeds : tuple of int
        Of each finished training; empty for template matching, which has no random numbers.
    curves : tuple of (epochs, F1)
        Of each finished run, on its own validation tomogram; empty for template matching.
    run_costs, data_costs : tuple of mappings
        Of each finished run, and of each tomogram that it is trained on.
    steps : tuple of int
        Of each finished training.
    """

    key: str
    title: str
    about: str
    wanted: int
    scores: tuple[Scores, ...] = ()
    seeds: tuple[int, ...] = ()
    curves: tuple[Curve, ...] = ()
    run_costs: tuple[Mapping[str, float], ...] = ()
    data_costs: tuple[Mapping[str, float], ...] = ()
    steps: tuple[int, ...] = ()
    tests: int = 1

    @property
    def finished(self) -> int:
        """Number of finished runs."""
        return len(self.scores) // self.tests

    @property
    def late_gain(self) -> float | None:
        """By how much the best validated F1 rose in the last quarter of a training, mean."""
        gains = [_gain(epochs, values) for epochs, values in self.curves if len(epochs) > 1]
        return float(np.mean(gains)) if gains else None

    @property
    def summary(self) -> Summary | None:
        """Means and intervals; None if no run is finished."""
        return summarise_scores(self.scores, tomograms=self.tests) if self.scores else None


def study_figures(
    rows: Sequence[StudyRow], models: Mapping[str, Path], folder: Path
) -> dict[str, Path]:
    """Draw the figures of the rows that have finished runs.

    Parameters
    ----------
    rows : sequence of StudyRow
    models : mapping of str to Path
        Title → folder of a model of the same specimen in each modality, for the comparison.
    folder : Path
        Where to write the PNG files.

    Returns
    -------
    dict of str to Path
        Files drawn: "modalities", "classes", "epochs", and "confusion KEY" for each row.
    """
    drawn: dict[str, Path] = {}
    done = {row.title: summary for row in rows if (summary := row.summary) is not None}
    if done:
        drawn["classes"] = class_bars_figure(done, folder / "classes.png")
    curves = {row.title: joined for row in rows if (joined := _joined(row.curves)) is not None}
    if curves:
        score = "mean voxel-wise F1 on its own validation tomogram"
        drawn["epochs"] = epochs_figure(curves, folder / "epochs.png", score=score)
    for row in rows:
        if row.scores:
            drawn[f"confusion {row.key}"] = _confusion(row, folder / f"confusion-{row.key}.png")
    if models:
        panels = {title: read_panel(model) for title, model in models.items()}
        drawn["modalities"] = modalities_figure(panels, folder / "modalities.png", columns=5)
    return drawn


def _gain(epochs: Sequence[int], values: Sequence[float]) -> float:
    before = [f1 for epoch, f1 in zip(epochs, values, strict=True) if epoch <= 0.75 * epochs[-1]]
    return max(values) - max(before, default=0.0)


def _joined(curves: Sequence[Curve]) -> tuple[tuple[int, ...], np.ndarray] | None:
    """Return epochs and values of all seeds that were validated in the first seed's epochs."""
    known = [curve for curve in curves if curve[0]]
    if not known:
        return None
    epochs = known[0][0]
    return epochs, np.array([values for at, values in known if at == epochs])


def _confusion(row: StudyRow, out: Path) -> Path:
    total = np.sum([scores.classification.confusion for scores in row.scores], axis=0)
    n = row.finished
    title = row.title if n == 1 else f"{row.title}, sum of {n} runs"
    return confusion_figure(row.scores[0].classification.labels, total, out, title=title)
