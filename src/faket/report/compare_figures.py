"""The figure of `faket compare`: how similar stacks are to a reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faket.data import AnyArray, DoubleArray, TiltSeries
from faket.evaluation import ContentCorrelation, Separability, SpectrumDistance
from faket.io.atomic import atomic_path
from faket.tilts import nearest_tilts

_SHOWN_PX = 512
_GREY = (-3.0, 3.0)  # range of grey values, in σ of the tilt


@dataclass(frozen=True, eq=False)
class Comparison:
    """A stack and its measured differences from the reference."""

    name: str
    series: TiltSeries
    spectrum: SpectrumDistance
    separability: Separability
    content: ContentCorrelation | None = None


def compare_figure(
    out: Path,
    reference: TiltSeries,
    stacks: Sequence[Comparison],
    reference_content: ContentCorrelation | None = None,
) -> Path:
    """Draw spectra, distances, the classifier's AUC, content, and examples of images.

    The first row shows the radial power spectra of three tilts (lowest, middle, highest angle
    that the first stack shares with the reference) and the ring correlation with the noise-free
    projections; the second distance, AUC and content per tilt; the others the middle 512 pixels
    of the lowest and the highest tilt, each at mean 0 and σ 1, in the same grey scale.

    Parameters
    ----------
    out : Path
        PNG to write.
    reference : TiltSeries
    stacks : sequence of Comparison
    reference_content : ContentCorrelation, optional
        Of the reference with its own noise-free projections.

    Returns
    -------
    Path
        ``out``.
    """
    from matplotlib.figure import Figure

    columns = 1 + len(stacks)
    figure: Any = Figure(figsize=(max(16.0, 4.0 * columns), 16), layout="constrained")
    graphs, pictures = figure.subfigures(2, 1)
    axes = graphs.subplots(2, 4)
    chosen = _example_tilts(stacks[0], reference)
    for axis, angle in zip(axes[0], chosen, strict=False):
        _draw_spectra(axis, angle, reference, stacks)
    for axis in axes[0, len(chosen) : 3]:
        axis.set_axis_off()
    _draw_rings(axes[0, 3], reference.geometry.pixel_size_A, stacks, reference_content)
    _draw_tilts(axes[1], reference, stacks, reference_content)
    handles, labels = axes[1, 0].get_legend_handles_labels()
    axes[1, 3].legend(handles, labels, loc="center", fontsize=9)
    axes[1, 3].set_axis_off()
    shown = dict.fromkeys((chosen[0], chosen[-1]))
    rows = pictures.subplots(len(shown), columns, squeeze=False)
    everything = [("reference", reference), *((item.name, item.series) for item in stacks)]
    for row, angle in zip(rows, shown, strict=True):
        for axis, (name, series) in zip(row, everything, strict=True):
            _draw_image(axis, name, series, angle)
    with atomic_path(out) as temporary:
        figure.savefig(temporary, dpi=80, format="png")
    return out


def _example_tilts(first: Comparison, reference: TiltSeries) -> list[float]:
    """Angles of the reference's lowest, middle and highest tilt that the first stack has."""
    angles = np.unique(reference.geometry.angles_deg[first.spectrum.tilts[:, 1]])
    angles = angles[np.argsort(np.abs(angles), kind="stable")]
    return [float(a) for a in dict.fromkeys(angles[[0, len(angles) // 2, -1]].tolist())]


def _nearest(series: TiltSeries, angle_deg: float) -> int:
    return int(nearest_tilts(angle_deg, series.geometry.angles_deg)[0])


def _draw_spectra(
    axis: Any, angle: float, reference: TiltSeries, stacks: Sequence[Comparison]
) -> None:
    tilt = _nearest(reference, angle)
    pixel_A = reference.geometry.pixel_size_A
    drawn = False
    for number, item in enumerate(stacks):
        rows = np.flatnonzero(item.spectrum.tilts[:, 1] == tilt)
        if not len(rows):
            continue
        frequency = item.spectrum.frequency / pixel_A
        if not drawn:
            axis.semilogy(frequency, item.spectrum.other_power[rows[0]], "k", lw=2)
            drawn = True
        axis.semilogy(frequency, item.spectrum.power[rows[0]], c=f"C{number}", lw=1.2)
    axis.set_title(f"power at {angle:.0f}°, tilts of σ 1", fontsize=10)
    axis.set_xlabel("spatial frequency, 1/Å")


def _draw_rings(
    axis: Any,
    pixel_A: float,
    stacks: Sequence[Comparison],
    reference_content: ContentCorrelation | None,
) -> None:
    curves = [(item.content, f"C{number}") for number, item in enumerate(stacks)]
    for content, colour in [(reference_content, "k"), *curves]:
        if content is not None:
            axis.plot(content.frequency / pixel_A, content.by_ring.mean(axis=0), c=colour)
            axis.axhline(0, c="0.8", lw=0.8)
            axis.set_title("correlation with noise-free, by ring, mean of tilts", fontsize=10)
            axis.set_xlabel("spatial frequency, 1/Å")
    axis.set_visible(bool(axis.lines))


def _draw_tilts(
    axes: Any,
    reference: TiltSeries,
    stacks: Sequence[Comparison],
    reference_content: ContentCorrelation | None,
) -> None:
    axes[0].plot([], [], "k", lw=2, label="reference")
    axes[0].plot([], [], "k:", label="expected by chance")
    for number, item in enumerate(stacks):
        colour, angles = f"C{number}", item.series.geometry.angles_deg
        spectrum, content = item.spectrum, item.content
        _line(axes[0], angles[spectrum.tilts[:, 0]], spectrum.per_tilt, c=colour, label=item.name)
        axes[0].axhline(spectrum.floor, c="k", ls=":", lw=1)
        auc = item.separability
        _line(axes[1], angles[auc.tilts[:, 0]], auc.auc_per_tilt, c=colour)
        if content is not None:
            _line(axes[2], angles[content.tilts[:, 0]], content.per_tilt, c=colour)
    if reference_content is not None:
        angles = reference.geometry.angles_deg[reference_content.tilts[:, 0]]
        _line(axes[2], angles, reference_content.per_tilt, c="k", lw=2)
    axes[1].axhline(0.5, c="k", ls=":", lw=1)
    axes[1].set_ylim(0.0, 1.03)
    axes[0].set_ylim(bottom=0)
    titles = ("spectrum distance", "AUC of the classifier", "correlation with noise-free")
    for axis, title in zip(axes, titles, strict=False):
        axis.set_title(f"{title} per tilt", fontsize=10)
        axis.set_xlabel("tilt angle, degrees")
    axes[2].set_visible(bool(axes[2].lines))


def _line(axis: Any, angles: DoubleArray, values: DoubleArray, **style: Any) -> None:
    order = np.argsort(angles, kind="stable")
    axis.plot(angles[order], values[order], **{"lw": 1.2, **style})


def _draw_image(axis: Any, name: str, series: TiltSeries, angle: float) -> None:
    tilt = _nearest(series, angle)
    image = np.asarray(series.images[tilt], np.float64)
    image = _middle((image - image.mean()) / image.std())
    low, high = _GREY
    axis.imshow(image, cmap="gray", vmin=low, vmax=high, origin="lower", interpolation="nearest")
    axis.set_title(f"{name}, {series.geometry.angles_deg[tilt]:.0f}°", fontsize=10)
    axis.set_axis_off()


def _middle(image: AnyArray) -> AnyArray:
    y, x = ((n - min(n, _SHOWN_PX)) // 2 for n in image.shape)
    return image[y : y + _SHOWN_PX, x : x + _SHOWN_PX]
