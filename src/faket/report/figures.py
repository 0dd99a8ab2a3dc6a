"""The figure of a data set: projections, reference, tomogram slice and labels."""

from pathlib import Path
from typing import Any

import numpy as np

from faket.data import AnyArray
from faket.io.atomic import atomic_path
from faket.io.model_folder import (
    ALL_MODELS,
    ALL_REFERENCES,
    ANGLES,
    NOISE_FREE_PROJECTIONS,
    OCCUPANCY_MASK,
    PARTICLES,
    PROJECTIONS,
    PROJECTIONS_UNBINNED,
    RECONSTRUCTION,
    number_of,
    reference_name,
    stored,
)
from faket.io.mrc import read_mask, read_stack
from faket.io.particles import read_particles
from faket.io.tilts import read_tilt_angles
from faket.io.tomograms import read_tomogram
from faket.tilts import nearest_tilts

_MAX_MODELS = 4
_SLAB_A = 50.0  # thickness averaged for the slice that is shown


def dataset_figure(folder: Path, out: Path) -> Path:
    """Draw the first models of a data set.

    Each row is one tomogram: its noise-free projection at 0°, the image made from it, the reference
    at the same angle, the slice with the most labels (averaged over 50 Å), and that slice with
    outlines of its instances and dots at its particles.

    Parameters
    ----------
    folder : Path
        As :func:`faket.pipeline.generate` writes it.
    out : Path
        PNG to write.

    Returns
    -------
    Path
        ``out``.
    """
    from matplotlib.figure import Figure

    models = sorted(folder.glob(ALL_MODELS), key=lambda p: number_of(p.name))[:_MAX_MODELS]
    figure = Figure(figsize=(20, 4.2 * len(models)), layout="constrained")
    rows = figure.subplots(len(models), 5, squeeze=False)
    references = len(list(folder.glob(ALL_REFERENCES))) or 1
    for model, axes in zip(models, rows, strict=True):
        index = number_of(model.name) % references
        _draw_model(model, folder / reference_name(index) / PROJECTIONS, axes)
    with atomic_path(out) as temporary:
        figure.savefig(temporary, dpi=80, format="png")
    return out


def _draw_model(model: Path, reference: Path, axes: Any) -> None:
    for axis in axes:
        axis.set_axis_off()
    _draw_image(axes[0], model / NOISE_FREE_PROJECTIONS, f"{model.name}: noise-free")
    _draw_image(axes[1], model / PROJECTIONS_UNBINNED, "projection")
    _draw_image(axes[2], reference, "reference")
    mask = stored(model / OCCUPANCY_MASK)
    tomogram = stored(model / RECONSTRUCTION)
    if not tomogram.exists() or not mask.exists():
        return
    volume = read_tomogram(tomogram)
    instances = read_mask(mask)
    centre = int((instances > 0).sum(axis=(1, 2)).argmax())
    half = max(0, round(_SLAB_A / volume.voxel_size_A / 2))
    slab = slice(max(0, centre - half), centre + half + 1)
    mean = volume.data[slab].mean(axis=0)
    for axis, title in ((axes[3], f"tomogram, z = {centre}"), (axes[4], "labels")):
        _show(axis, mean, title, volume.voxel_size_A)
    _outline(axes[4], instances[centre])
    particles = read_particles(model / PARTICLES)
    x, y, z = particles.positions_A.T / volume.voxel_size_A
    near = np.abs(z - centre) <= half + 1
    axes[4].scatter(x[near], y[near], s=6, c="tab:red", linewidths=0)


def _draw_image(axis: Any, stack: Path, title: str) -> None:
    """Draw the image nearest to 0° of a stack, if it was kept."""
    if not stack.exists():
        return
    angles = read_tilt_angles(stack.with_suffix(ANGLES))
    images, pixel_A = read_stack(stack, mmap=True)
    (tilt,) = nearest_tilts(0.0, angles)
    _show(axis, images[tilt], f"{title}, {angles[tilt]:.0f}°", pixel_A)


def _show(axis: Any, image: AnyArray, title: str, pixel_A: float) -> None:
    low, high = np.percentile(image, (0.5, 99.5))
    axis.imshow(image, cmap="gray", vmin=low, vmax=high, origin="lower", interpolation="nearest")
    axis.set_title(f"{title} ({image.shape[1]} x {image.shape[0]}, {pixel_A:g} Å)", fontsize=10)
    axis.set_axis_off()


def _outline(axis: Any, instances: AnyArray) -> None:
    """Draw the borders between instances."""
    border = np.zeros(instances.shape, bool)
    border[1:] |= instances[1:] != instances[:-1]
    border[:, 1:] |= instances[:, 1:] != instances[:, :-1]
    colour = np.zeros((*border.shape, 4))
    colour[border] = (1.0, 0.75, 0.1, 0.8)
    axis.imshow(colour, origin="lower", interpolation="nearest")
