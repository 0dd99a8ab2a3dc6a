"""Projections and tomogram slices of all modalities, side by side."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faket.data import AnyArray
from faket.io.model_folder import ANGLES, PROJECTIONS_UNBINNED, RECONSTRUCTION, stored
from faket.io.mrc import read_stack
from faket.io.tilts import read_tilt_angles
from faket.io.tomograms import read_tomogram
from faket.report.plotting import need, new_figure, save
from faket.tilts import nearest_tilts

_BAR_LENGTHS_NM = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True)
class ModalityPanel:
    """The images shown for one modality.

    Attributes
    ----------
    projection : ndarray, shape (y, x)
    pixel_size_A : float
    tilt_deg : float
    tomogram : ndarray, shape (y, x)
        A slice, or the mean of several.
    voxel_size_A : float
    """

    projection: AnyArray
    pixel_size_A: float
    tilt_deg: float
    tomogram: AnyArray
    voxel_size_A: float


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
    need(panels, "modalities")
    rows = math.ceil(len(panels) / columns)
    columns = math.ceil(len(panels) / rows)
    figure = new_figure(2.5 * columns + 0.3, 2 * rows * 2.5 + 0.35 * rows)
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
    return save(figure, out)


def read_panel(
    model: Path,
    *,
    z: int | None = None,
    tilt_deg: float = 0.0,
    field_nm: float | None = None,
    slab_A: float = 50.0,
) -> ModalityPanel:
    """Read the images that :func:`modalities_figure` shows from a model's folder.

    Parameters
    ----------
    model : Path
        With ``projections_unbinned.mrc``, its ``.tlt``, and ``reconstruction.mrc``.
    z : int, optional
        Slice of the tomogram; its middle by default.
    tilt_deg : float
        The tilt with the nearest angle is shown.
    field_nm : float, optional
        Show only the central square of this side.
    slab_A : float
        Thickness that the slice is averaged over.
    """
    stack = model / PROJECTIONS_UNBINNED
    angles = read_tilt_angles(stack.with_suffix(ANGLES))
    images, pixel_A = read_stack(stack, mmap=True)
    volume = read_tomogram(stored(model / RECONSTRUCTION))
    (tilt,) = nearest_tilts(tilt_deg, angles)
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


def _centre(image: AnyArray, pixel_A: float, field_nm: float | None) -> NDArray[np.float32]:
    if field_nm is None:
        return np.array(image, np.float32)
    half = max(1, round(field_nm * 10 / pixel_A / 2))
    y, x = (size // 2 for size in image.shape)
    return np.array(image[max(0, y - half) : y + half, max(0, x - half) : x + half], np.float32)


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
