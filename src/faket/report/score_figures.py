"""Pictures of scores and modalities: epochs, classes, confusion, images side by side."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faket.data import AnyArray
from faket.errors import InputError
from faket.evaluation.intervals import Summary, seed_interval
from faket.io.atomic import atomic_path
from faket.io.mrc import read_stack, read_volume
from faket.io.tilts import read_tilt_angles

# Okabe and Ito's colours: told apart by all kinds of colour vision.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#666666", "#F0E442")
_DASHES = ("-", "--", "-.", ":")
_HATCHES = ("", "///", "...", "xxx")
_DPI = 150
_WIDTH_IN = 11.0
_BAR_LENGTHS_NM = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True)
class ModalityPanel:
    """What is shown of one modality.

    Attributes
    ----------
    projection : ndarray, shape (y, x)
    pixel_size_A : float
    tilt_deg : float
    tomogram : ndarray, shape (y, x)
        A slice, or the mean of a few.
    voxel_size_A : float
    """

    projection: AnyArray
    pixel_size_A: float
    tilt_deg: float
    tomogram: AnyArray
    voxel_size_A: float


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
    figure = _figure(7.2, 4.4)
    axis = figure.subplots()
    _need(curves, "curves")
    for i, (name, (epochs, values)) in enumerate(curves.items()):
        at, table = np.asarray(epochs, float), np.atleast_2d(np.asarray(values, float))
        if table.ndim != 2 or at.shape != table.shape[1:]:
            raise InputError(
                f"{name}: expected values [seed, epoch] of {at.size} epochs, found {table.shape}"
            )
        style = {"color": _COLOURS[i % len(_COLOURS)], "linestyle": _DASHES[i % len(_DASHES)]}
        intervals = [seed_interval(column, seed=seed) for column in table.T]
        for which, alpha in (("interval_95", 0.12), ("interval_68", 0.25)):
            bounds = np.array([getattr(item, which) or (item.mean,) * 2 for item in intervals])
            colour = style["color"]
            axis.fill_between(at, *bounds.T, color=colour, alpha=alpha, linewidth=0)
        n = f"{len(table)} seed" + ("s" if len(table) > 1 else "")
        axis.plot(at, table.mean(axis=0), **style, linewidth=1.8, label=f"{name} ({n})")
    axis.set(xlabel="epoch", ylabel=score)
    _tidy(axis)
    axis.set_title("mean over seeds; bands: 68 % and 95 %", fontsize=9, loc="left")
    _legend_beside(figure, axis)
    return _save(figure, out)


def class_bars_figure(summaries: Mapping[str, Summary], out: Path) -> Path:
    """Draw the F1 of every class, a bar a modality, with 68 % intervals as error bars.

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
    _need(summaries, "modalities")
    classes = list(next(iter(summaries.values())).class_f1)
    if any(list(item.class_f1) != classes for item in summaries.values()):
        raise InputError("class bars: expected the same classes in all modalities, found others")
    _need(dict.fromkeys(classes), "classes")
    group_in = max(0.6, 0.14 * len(summaries) + 0.25)
    lines = max(1, math.ceil(len(classes) * group_in / _WIDTH_IN))
    per_line = math.ceil(len(classes) / lines)
    figure = _figure(max(5.0, per_line * group_in + 1.0), 3.1 * lines + 0.7)
    axes = figure.subplots(lines, 1, squeeze=False)[:, 0]
    for line, axis in enumerate(axes):
        _draw_bars(axis, summaries, classes[line * per_line : (line + 1) * per_line], per_line)
    handles, names = axes[0].get_legend_handles_labels()
    if len(names) > 1:
        columns = min(len(names), max(2, int(figure.get_figwidth() / 1.9)))
        figure.legend(handles, names, loc="outside upper center", ncols=columns, frameon=False)
    figure.supxlabel(_what(summaries), fontsize=9)
    return _save(figure, out)


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
    figure = _figure(side + 1.0, side)
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
    return _save(figure, out)


def modalities_figure(panels: Mapping[str, ModalityPanel], out: Path, *, columns: int = 6) -> Path:
    """Draw a projection and a tomogram slice of every modality, side by side.

    Grey values run from the 0.5th to the 99.5th percentile of each image; bars are in nm.

    Parameters
    ----------
    panels : mapping of str to ModalityPanel
    out : Path
        PNG to write.
    columns : int
        Modalities in a row of the picture.

    Raises
    ------
    InputError
        If there is none.
    """
    _need(panels, "modalities")
    rows = math.ceil(len(panels) / columns)
    columns = math.ceil(len(panels) / rows)
    figure = _figure(2.5 * columns + 0.3, 2 * rows * 2.5 + 0.35 * rows)
    grid = figure.subplots(2 * rows, columns, squeeze=False)
    for axis in grid.flat:
        axis.set_axis_off()
    for i, (name, panel) in enumerate(panels.items()):
        above, below = grid[2 * (i // columns) : 2 * (i // columns) + 2, i % columns]
        _show(above, panel.projection, panel.pixel_size_A)
        _show(below, panel.tomogram, panel.voxel_size_A)
        above.set_title(name, fontsize=10, fontweight="bold")
        if i % columns == 0:
            _beside(above, f"projection, {panel.tilt_deg:.0f}°")
            _beside(below, "tomogram, x-y slice")
    return _save(figure, out)


def read_panel(
    model: Path,
    *,
    z: int | None = None,
    tilt_deg: float = 0.0,
    field_nm: float | None = None,
    slab_A: float = 50.0,
) -> ModalityPanel:
    """Read what :func:`modalities_figure` shows of a model's folder.

    Parameters
    ----------
    model : Path
        With ``projections_unbinned.mrc``, its ``.tlt``, and ``reconstruction.mrc``.
    z : int, optional
        Slice of the tomogram; its middle by default.
    tilt_deg : float
        The nearest tilt is shown.
    field_nm : float, optional
        Show only the central square of this side.
    slab_A : float
        Thickness that the slice is averaged over.
    """
    stack = model / "projections_unbinned.mrc"
    angles = read_tilt_angles(stack.with_suffix(".tlt"))
    images, pixel_A = read_stack(stack, mmap=True)
    volume = read_volume(model / "reconstruction.mrc")
    tilt = int(np.abs(angles - tilt_deg).argmin())
    middle = len(volume.data) // 2 if z is None else z
    half = round(slab_A / volume.voxel_size_A / 2)
    slab = volume.data[max(0, middle - half) : middle + half + 1]
    return ModalityPanel(
        projection=_centre(images[tilt], pixel_A, field_nm),
        pixel_size_A=pixel_A,
        tilt_deg=float(angles[tilt]),
        tomogram=_centre(slab.mean(axis=0), volume.voxel_size_A, field_nm),
        voxel_size_A=volume.voxel_size_A,
    )


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
    _tidy(axis)


def _centre(image: AnyArray, pixel_A: float, field_nm: float | None) -> NDArray[np.float32]:
    if field_nm is None:
        return np.array(image, np.float32)
    half = max(1, round(field_nm * 10 / pixel_A / 2))
    y, x = (size // 2 for size in image.shape)
    return np.array(image[max(0, y - half) : y + half, max(0, x - half) : x + half], np.float32)


def _what(summaries: Mapping[str, Summary]) -> str:
    over = {(summary.over, summary.n_seeds) for summary in summaries.values()}
    if len(over) > 1:
        return "error bars: 68 %"
    kind, n = over.pop()
    return (
        f"error bars: 68 % over {n} seeds" if kind == "seeds" else "error bars: 68 % over particles"
    )


def _show(axis: Any, image: AnyArray, pixel_A: float) -> None:
    low, high = np.percentile(image, (0.5, 99.5))
    axis.imshow(image, cmap="gray", vmin=low, vmax=high, origin="lower")
    ny, nx = image.shape
    widest_nm = 0.35 * nx * pixel_A / 10
    fitting = [length for length in _BAR_LENGTHS_NM if length <= widest_nm]
    length_nm = fitting[-1] if fitting else _BAR_LENGTHS_NM[0]
    length = length_nm * 10 / pixel_A
    left, bottom, height = 0.05 * nx, 0.05 * ny, 0.018 * ny
    box = {"facecolor": "black", "edgecolor": "none"}
    axis.add_patch(_rectangle((left - 0.02 * nx, bottom - 0.02 * ny), length + 0.04 * nx,
                              0.135 * ny, alpha=0.6, **box))  # fmt: skip
    axis.add_patch(_rectangle((left, bottom), length, height, facecolor="white"))
    text = {"color": "white", "fontsize": 8, "ha": "center", "va": "bottom"}
    axis.text(left + length / 2, bottom + 1.4 * height, f"{length_nm} nm", **text)


def _rectangle(*arguments: Any, **options: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(*arguments, **options)


def _beside(axis: Any, text: str) -> None:
    axis.text(-0.04, 0.5, text, rotation=90, va="center", ha="right", transform=axis.transAxes,
              fontsize=9)  # fmt: skip


def _need(items: Mapping[str, Any], what: str) -> None:
    if not items:
        raise InputError(f"figure: expected at least one of the {what}, found none")


def _figure(width_in: float, height_in: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width_in, height_in), layout="constrained")


def _tidy(axis: Any) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="y", color="0.88", linewidth=0.7)
    axis.set_axisbelow(True)


def _legend_beside(figure: Any, axis: Any) -> None:
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=9)


def _save(figure: Any, out: Path) -> Path:
    with atomic_path(out) as temporary:
        figure.savefig(temporary, dpi=_DPI, format="png", bbox_inches="tight", pad_inches=0.08)
    return out
