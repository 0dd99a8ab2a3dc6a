"""Figures of scores: epochs, classes, confusion."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from faket.data import AnyArray
from faket.errors import InputError
from faket.evaluation.intervals import Summary, seed_interval
from faket.report.plotting import legend_beside, need, new_figure, save, tidy

# Okabe and Ito's colours, which people with all kinds of colour vision can distinguish.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#666666", "#F0E442")
_DASHES = ("-", "--", "-.", ":")
_HATCHES = ("", "///", "...", "xxx")
_WIDTH_IN = 11.0


def epochs_figure(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    out: Path,
    *,
    score: str = "macro F1",
    seed: int = 0,
) -> Path:
    """Draw a score against the epoch: the mean over seeds, with 68 % and 95 % bootstrap bands.

    Parameters
    ----------
    curves : mapping of str to (epochs, values)
        Modality → epochs, shape (n,), and values, shape (seeds, n). One seed has no band.
    out : Path
        PNG to write.
    score : str
        Name of the score, for the axis.
    seed : int
        Of the bootstrap.

    Raises
    ------
    InputError
        If there is no curve, or the shapes do not fit.
    """
    figure = new_figure(7.2, 4.4)
    axis = figure.subplots()
    need(curves, "curves")
    for i, (name, (epochs, values)) in enumerate(curves.items()):
        at, table = np.asarray(epochs, float), np.atleast_2d(np.asarray(values, float))
        if table.ndim != 2 or at.shape != table.shape[1:]:
            raise InputError(
                f"{name}: expected values [seed, epoch] of {at.size} epochs, found {table.shape}"
            )
        # When colours repeat, the dash changes, so that no two curves look the same.
        dash = _DASHES[(i + i // len(_COLOURS)) % len(_DASHES)]
        style = {"color": _COLOURS[i % len(_COLOURS)], "linestyle": dash}
        intervals = [seed_interval(column, seed=seed) for column in table.T]
        for which, alpha in (("interval_95", 0.12), ("interval_68", 0.25)):
            bounds = np.array([getattr(item, which) or (item.mean,) * 2 for item in intervals])
            colour = style["color"]
            axis.fill_between(at, *bounds.T, color=colour, alpha=alpha, linewidth=0)
        n = f"{len(table)} seed" + ("s" if len(table) > 1 else "")
        axis.plot(at, table.mean(axis=0), **style, linewidth=1.8, label=f"{name} ({n})")
    axis.set(xlabel="epoch", ylabel=score)
    tidy(axis)
    axis.set_title("mean over seeds; bands: 68 % and 95 %", fontsize=9, loc="left")
    legend_beside(figure, axis)
    return save(figure, out)


def class_bars_figure(summaries: Mapping[str, Summary], out: Path) -> Path:
    """Draw the F1 of every class, one bar per modality, with 68 % intervals as error bars.

    Parameters
    ----------
    summaries : mapping of str to Summary
        Modality → scores; the classes of the first are drawn.
    out : Path
        PNG to write.

    Raises
    ------
    InputError
        If there is none, or classes differ.
    """
    need(summaries, "modalities")
    classes = list(next(iter(summaries.values())).class_f1)
    if any(list(item.class_f1) != classes for item in summaries.values()):
        raise InputError("class bars: expected the same classes in all modalities, found others")
    need(dict.fromkeys(classes), "classes")
    group_in = max(0.6, 0.14 * len(summaries) + 0.25)
    lines = max(1, math.ceil(len(classes) * group_in / _WIDTH_IN))
    per_line = math.ceil(len(classes) / lines)
    figure = new_figure(max(5.0, per_line * group_in + 1.0), 3.1 * lines + 0.7)
    axes = figure.subplots(lines, 1, squeeze=False)[:, 0]
    for line, axis in enumerate(axes):
        _draw_bars(axis, summaries, classes[line * per_line : (line + 1) * per_line], per_line)
    handles, names = axes[0].get_legend_handles_labels()
    if len(names) > 1:
        columns = min(len(names), max(2, int(figure.get_figwidth() / 1.9)))
        figure.legend(handles, names, loc="outside upper center", ncols=columns, frameon=False)
    figure.supxlabel(_what(summaries), fontsize=9)
    return save(figure, out)


def confusion_figure(
    labels: Sequence[str], confusion: AnyArray, out: Path, *, title: str = ""
) -> Path:
    """Draw a confusion matrix: colour is the share of the true class, figures are counts.

    Parameters
    ----------
    labels : sequence of str
        "background" first.
    confusion : ndarray of int, shape (labels, labels)
        Rows are the truth. The empty row of background is not drawn.
    out : Path
        PNG to write.
    title : str

    Raises
    ------
    InputError
        If the shape is another.
    """
    matrix = np.asarray(confusion)
    if matrix.shape != (len(labels),) * 2 or len(labels) < 2:
        raise InputError(f"confusion matrix: expected {len(labels)} labels, found {matrix.shape}")
    counts = matrix[1:]
    totals = counts.sum(axis=1, keepdims=True)
    share = counts / np.maximum(totals, 1)
    side = max(4.2, 1.6 + 0.5 * len(labels))
    figure = new_figure(side + 1.0, side)
    axis = figure.subplots()
    image = axis.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="equal")
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if share[row, column] > 0.55 else "black"
            axis.text(column, row, f"{count}", ha="center", va="center", fontsize=8, color=colour)
    axis.set_xticks(range(len(labels)), labels, rotation=45, ha="right", rotation_mode="anchor")
    names = [f"{name} ({total})" for name, total in zip(labels[1:], totals[:, 0], strict=True)]
    axis.set_yticks(range(len(names)), names)
    axis.set(xlabel="class named (background: missed)", ylabel="true class (objects)")
    axis.tick_params(length=0)
    axis.axvline(0.5, color="0.3", linewidth=1)
    if title:
        axis.set_title(title, fontsize=10, loc="left")
    bar = figure.colorbar(image, ax=axis, shrink=0.8, pad=0.02)
    bar.set_label("share of the true class")
    bar.outline.set_visible(False)
    return save(figure, out)


def _draw_bars(
    axis: Any, summaries: Mapping[str, Summary], classes: Sequence[str], places: int
) -> None:
    n = len(summaries)
    for i, (name, summary) in enumerate(summaries.items()):
        at = np.arange(len(classes)) + (i - (n - 1) / 2) * 0.84 / n
        values = [summary.class_f1[c] for c in classes]
        means = np.array([value.mean for value in values])
        bounds = np.array([value.interval_68 or (value.mean,) * 2 for value in values])
        # A percentile interval need not hold the mean.
        error = np.maximum(np.stack([means - bounds[:, 0], bounds[:, 1] - means]), 0)
        axis.bar(
            at,
            means,
            0.84 / n,
            yerr=error,
            color=_COLOURS[i % len(_COLOURS)],
            hatch=_HATCHES[i // len(_COLOURS) % len(_HATCHES)],
            edgecolor="white",
            linewidth=0.5,
            error_kw={"elinewidth": 0.9, "ecolor": "0.15"},
            label=name,
        )
    axis.set_xticks(np.arange(len(classes)), classes)
    axis.tick_params(axis="x", length=0)
    if max(map(len, classes)) > 8:
        axis.tick_params(axis="x", labelrotation=30)
    axis.set(ylabel="F1", ylim=(0, 1.02), xlim=(-0.6, places - 0.4))
    tidy(axis)


def _what(summaries: Mapping[str, Summary]) -> str:
    over = {(summary.over, summary.n_seeds) for summary in summaries.values()}
    if len(over) > 1:
        return "error bars: 68 %"
    kind, n = over.pop()
    seeds = kind.replace("seeds", f"{n} seeds")
    return f"error bars: 68 % over {seeds}"
