"""A tomogram alone as a reference: its reprojections, made like the images it came from.

What the reconstruction did to the rows is measured and divided out
(:mod:`faket.reconstruction.row_filter`). In a reprojection the tilts beside its own support the
specimen, while their noise averages out; a single image holds the signal of this reprojection and
more noise. What is missing is drawn anew with the measured spectrum. So noise and signal per ring
are those of the images, but for one factor, as grey values of tomograms are arbitrary.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import fft

from faket.data import AnyArray, DoubleArray, FloatArray, TiltGeometry, TiltSeries
from faket.device import Device
from faket.errors import InputError
from faket.reconstruction.denoising import NoiseVerdict, judge_noise
from faket.reconstruction.reprojection import Reprojections, reproject, without_padding
from faket.reconstruction.row_filter import (
    COLUMNS,
    CORNER,
    RINGS,
    PowerTable,
    RowFilter,
    between_columns,
    fit_row_filters,
    power_table,
)
from faket.reconstruction.signal_rows import covered_below, signal_rows
from faket.reconstruction.tilt_overlap import coherent_gain, tilt_overlap
from faket.reconstruction.wedge import MissingWedge, find_wedge
from faket.rings import frequencies, ring_frequencies
from faket.seeds import generator
from faket.stacks import stack_of
from faket.tilts import LARGEST_TILT_DEG, checked_angles

_USUAL_RANGE_DEG, _USUAL_STEP_DEG = (-60.0, 60.0), 3.0  # chosen, because they are most common
# By which the range of a wedge may differ from the angles; chosen: 2° of error, and a last tilt
# that was left out.
_SAME_RANGE_DEG = 5.0
# Where noise begins, cycles per voxel; chosen, because the tilts of a tomogram of 10 Å agree by
# less than 1 % in their specimen there, and 41 of them add up.
_NOISE_FROM = 0.38
# Power of the rows over their maximum below which they are drawn anew; chosen, because float32
# and tapered edges leave less.
_LOST = 1e-5
_SMALLEST = 32  # voxels across the tilt axis and along it; chosen, for 16 columns of A


AnglesSource = Literal["given", "measured", "assumed"]


@dataclass(frozen=True, eq=False)
class TomogramReference:
    """A tilt-series like that behind a tomogram, and what was measured to make it.

    Attributes
    ----------
    series : TiltSeries
        Aligned, mean 0, with the tomogram's contrast sign, in arbitrary grey values: powers per
        ring are right but for one factor common to all tilts. They are no counts.
    angles_source : {"given", "measured", "assumed"}
        Measured: the range is that of the wedge, the step is assumed.
    wedge : MissingWedge
        Also which axis of the volume is which.
    noise : NoiseVerdict
        Whether the tomogram's noise can be measured; if not, noise and style of ``series`` are
        wrong.
    filters : tuple of RowFilter
        What the reconstruction did to the rows of each tilt, and the noise of its images.
    columns : ndarray of int, shape (tilts, 2)
        First column that the tomogram shows, and the one after the last; others are mirrored.
    notices : tuple of str
        What was assumed, and the words of the verdict, one line each.
    """

    series: TiltSeries
    angles_source: AnglesSource
    wedge: MissingWedge
    noise: NoiseVerdict
    filters: tuple[RowFilter, ...]
    columns: AnyArray
    notices: tuple[str, ...]


def tomogram_series(
    volume: AnyArray,
    voxel_size_A: float,
    angles_deg: ArrayLike | None = None,
    *,
    axes: tuple[int, int, int] | None = None,
    seed: int = 0,
    device: Device = "auto",
) -> TomogramReference:
    """Make a tilt-series for the methods from a tomogram.

    Parameters
    ----------
    volume : ndarray, 3 axes
        In any order and any linear scale of grey values; it may be a part.
    voxel_size_A : float
    angles_deg : array_like, shape (tilts,), optional
        Of its tilt-series; by default the range of its missing wedge by 3°, and −60° to 60° if no
        wedge shows. If they fit the wedge with the other sign, z is reversed.
    axes : (int, int, int), optional
        Axes of the array that are z (the beam), y (the tilt axis) and x; by default as the missing
        wedge shows.
    seed : int
        Of the noise that is drawn anew.
    device : {"auto", "cpu", "cuda"}

    Returns
    -------
    TomogramReference

    Raises
    ------
    InputError
        If the volume is too small, constant or not finite, or the angles are not valid.
    """
    volume = without_padding(_checked(volume))
    wedge = find_wedge(volume)
    ordered = volume.transpose(wedge.axes if axes is None else axes)
    noise = judge_noise(volume, wedge)
    angles, source, reverse, notices = _angles(angles_deg, wedge, axes is not None)
    seen = reproject(ordered[::-1] if reverse else ordered, angles, device=device)
    tables = _tables(seen)
    filters = fit_row_filters(tables, seen.on_grid, _NOISE_FROM)
    rows, strength, covered = signal_rows(tables, filters, _gains(seen))
    if below := covered_below(covered):
        notices.append(
            f"tomogram: below {below:.3f} cycles per pixel noise that the reconstruction added "
            "covers the specimen in most tilts: its strength there is guessed from other directions"
        )
    like_images = (
        _like_an_image(
            seen,
            tilt,
            filters[tilt],
            (rows[tilt], strength[tilt]),
            generator(seed, "tomogram", tilt),
        )
        for tilt in range(len(angles))
    )
    images = stack_of(like_images, len(angles))
    series = TiltSeries(images, TiltGeometry(angles, voxel_size_A))
    notices += [noise.words] if noise.words else []
    return TomogramReference(
        series, source, wedge, noise, tuple(filters), seen.columns, tuple(notices)
    )


def tomogram_angles(volume: AnyArray) -> tuple[DoubleArray, AnglesSource, list[str]]:
    """Return the tilt angles behind a tomogram as far as its missing wedge shows them.

    Parameters
    ----------
    volume : ndarray, 3 axes

    Returns
    -------
    angles : ndarray, shape (tilts,), float64
    source : {"measured", "assumed"}
    notices : list of str
    """
    wedge = find_wedge(without_padding(_checked(volume)))
    angles, source, _, notices = _angles(None, wedge, axes_given=False)
    return angles, source, notices


def _angles(
    angles_deg: ArrayLike | None, wedge: MissingWedge, axes_given: bool
) -> tuple[DoubleArray, AnglesSource, bool, list[str]]:
    """Return the angles, their source, whether they belong to the reversed z, and notices."""
    notices = []
    if not wedge.shows and not axes_given:
        z, y, _ = wedge.axes
        notices.append(
            f"tomogram: its missing wedge does not show; axis {z} of the array (from 0) is taken "
            f"for the beam's, axis {y} for the tilt axis"
        )
    if angles_deg is not None:
        angles = checked_angles(angles_deg, largest_deg=LARGEST_TILT_DEG)
        apart, reversed_apart = (_apart(sign * angles, wedge) for sign in (1, -1))
        reverse = reversed_apart + 1 < apart and apart > _SAME_RANGE_DEG
        if min(apart, reversed_apart) > _SAME_RANGE_DEG and wedge.range_deg is not None:
            low, high = wedge.range_deg
            notices.append(
                f"tomogram: the tilt angles given are {angles.min():.0f}° to {angles.max():.0f}°, "
                f"but its missing wedge shows {low:.0f}° to {high:.0f}°; the angles given are used"
            )
        return angles, "given", reverse, notices
    low, high = wedge.range_deg or _USUAL_RANGE_DEG
    steps = round((high - low) / _USUAL_STEP_DEG)
    first = 0.5 * (low + high - _USUAL_STEP_DEG * steps)
    angles = np.asarray(first + _USUAL_STEP_DEG * np.arange(steps + 1), np.float64)
    if wedge.range_deg is None:
        notices.append("tomogram: tilt angles of -60° to 60° by 3° are assumed")
        return angles, "assumed", False, notices
    notices.append(
        f"tomogram: its missing wedge shows tilts of {low:.0f}° to {high:.0f}°; steps of 3° are "
        "assumed"
    )
    return angles, "measured", False, notices


def _apart(angles: DoubleArray, wedge: MissingWedge) -> float:
    """Return by how much the ends of a range of angles differ from the wedge's; 0 without one."""
    if wedge.range_deg is None:
        return 0.0
    return float(np.abs(np.array([angles.min(), angles.max()]) - wedge.range_deg).max())


def _checked(volume: AnyArray) -> AnyArray:
    if np.ndim(volume) != 3 or sorted(np.shape(volume))[1] < _SMALLEST:
        raise InputError(
            f"tomogram: expected a volume of at least {_SMALLEST} voxels along two axes, found "
            f"shape {np.shape(volume)}; give a larger piece"
        )
    low, high = float(volume.min()), float(volume.max())
    if not (np.isfinite(low) and np.isfinite(high)) or low == high:
        raise InputError(
            f"tomogram: expected finite values with contrast, found {low:g} to {high:g}; give "
            "another tomogram"
        )
    return volume


def _tables(seen: Reprojections) -> list[PowerTable]:
    tables = []
    for tilt, (first, end) in enumerate(seen.columns):
        kx = fft.rfftfreq(int(end - first))
        overlap = tilt_overlap(seen.angles_deg, tilt, kx, depth=seen.depths[tilt])
        tables.append(power_table(seen.images[tilt, :, first:end], overlap))
    return tables


def _gains(seen: Reprojections) -> DoubleArray:
    """Return the gain of every tilt's overlap in the columns of the tables."""
    kx = ring_frequencies(COLUMNS)
    return np.array([
        coherent_gain(seen.angles_deg, tilt, kx, depth=depth, thickness=depth)
        for tilt, depth in enumerate(seen.depths)
    ])  # fmt: skip


def _like_an_image(
    seen: Reprojections,
    tilt: int,
    found: RowFilter,
    specimen: tuple[DoubleArray, DoubleArray],
    rng: np.random.Generator,
) -> FloatArray:
    """Return a reprojection with its row filter undone and the noise of a single image.

    ``specimen``: what :func:`signal_rows` gives. What the reconstruction left nothing of, at the
    lowest kx, is drawn anew too: as strong as the specimen is in other directions.
    """
    first, end = (int(column) for column in seen.columns[tilt])
    height, width = seen.images.shape[1:]
    shown = seen.images[tilt, :, first:end]
    # Of a cosine transform, which mirrors the rows. The mean of a row has a width, too.
    kx = np.maximum(np.arange(end - first), 0.5) / (2 * (end - first))
    overlap = tilt_overlap(seen.angles_deg, tilt, kx, depth=seen.depths[tilt])
    depth = float(seen.depths[tilt])
    gain = coherent_gain(seen.angles_deg, tilt, kx, depth=depth, thickness=depth)
    power = between_columns(kx, found.row) * kx**2 * overlap
    # The specimen's power over that in an image, if the noise's is right.
    stronger = gain * between_columns(kx, specimen[0])
    # Never so much that the noise exceeds the right one; the rest of the specimen is drawn.
    kept = np.sqrt(power / (power + _LOST * power.max()) / np.maximum(stronger, 1))
    rows = fft.idct(fft.dct(shown, axis=1) * (kept / np.sqrt(power)).astype(np.float32), axis=1)
    rows = np.pad(rows - rows.mean(), ((0, 0), (first, width - end)), mode="symmetric")
    radii, rings = frequencies((height, width)), ring_frequencies(RINGS, CORNER)
    across = fft.rfftfreq(width)
    lost = np.maximum(1 - np.interp(across, kx, kept) ** 2, 0)
    missing = np.maximum(1 - np.interp(across, kx, stronger * kept**2), 0)
    amplitude = np.sqrt(
        lost * np.interp(radii, rings, found.noise)
        + missing * np.interp(radii, rings, found.noise[-1] * specimen[1])
    )
    white = rng.standard_normal((height, width), np.float32)
    # [y, x] → [y, x // 2 + 1] → [y, x]
    drawn = fft.irfft2(fft.rfft2(white) * amplitude.astype(np.float32), s=(height, width))
    return np.asarray(rows + drawn, np.float32)
