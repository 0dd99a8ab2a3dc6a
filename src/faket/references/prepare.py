"""A reference's images as they are measured: repaired, aligned, at the pixel size wanted."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faket.data import AnyArray, TiltGeometry, TiltSeries
from faket.errors import InputError
from faket.io.failures import input_error
from faket.methods.usable import usable_reference
from faket.noise import check_halves
from faket.noise.grey_levels import Units
from faket.reconstruction import align, crop_images, resample
from faket.references.reference import Reference
from faket.references.tomogram import tomogram_images

# Chosen: headers round pixel sizes, and magnification is rarely known to better than 2 %.
_SAME_PIXELS = 0.02
# Chosen, because at the edge of 4096 pixels 0.02 % are less than half a pixel from the centre.
_SAME_BINNED = 0.0002


@dataclass(frozen=True)
class Prepared:
    """Images of a reference, ready to be measured.

    Attributes
    ----------
    series : TiltSeries
        Aligned, without excluded and blank images.
    noise_free : ndarray, shape (tilt, y, x), or None
        The reference's own noise-free projections at the same pixels.
    counted : bool
        Whether grey values may be counts of electrons.
    halves : tuple of two ndarrays, or None
        Its half sets at the same pixels, if it has usable ones.
    left_out : dict
        What was repaired or left out, for the manifest.
    units : str or None
        What the grey values are (:class:`faket.noise.GreyLevels`); None of a tomogram.
    gain : float
        Grey values of one electron; NaN where they are no counts.
    kept : tuple of int
        Places of the images in the stack, from 0; empty of a tomogram.
    notices : tuple of str
        What was done, one line each, without the reference's name.
    """

    series: TiltSeries
    noise_free: AnyArray | None = None
    counted: bool = True
    left_out: dict[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    halves: tuple[AnyArray, AnyArray] | None = None
    units: Units | None = None
    gain: float = math.nan
    kept: tuple[int, ...] = ()


def prepare(
    reference: Reference, pixel_size_A: float | None = None, noise_free: AnyArray | None = None
) -> Prepared:
    """Read a reference's images and make them measurable.

    Parameters
    ----------
    reference : Reference
    pixel_size_A : float, optional
        Of the result; by default that of the images.
    noise_free : ndarray, shape (tilt, y, x), optional
        Its own noise-free projections, aligned, at the pixel size of the images.

    Raises
    ------
    InputError
        If the pixel size is not known or larger than the one wanted, or images cannot be used.
    """
    geometry = raw_geometry(reference)
    if reference.is_tomogram:
        return _prepared_tomogram(reference, pixel_size_A)
    kept = reference.geometry.used
    images = reference.images.read(kept, geometry.pixel_size_A)
    if noise_free is not None and len(noise_free) == reference.images.count:
        noise_free = noise_free[kept]
    halves, told = _halves(reference, images, kept, geometry.pixel_size_A)
    usable = usable_reference(
        TiltSeries(images, geometry),
        noise_free,
        halves=halves,
        invert=reference.given.invert,
        where=str(reference.path),
        numbers=kept,
    )
    wanted_A = pixel_size_A or geometry.pixel_size_A
    series, small, notices = at_pixel_size(
        usable.series, usable.noise_free, wanted_A, reference.path
    )
    excluded = len(reference.geometry) - len(kept)
    left_out = dict(usable.left_out)
    if excluded:
        left_out["excluded_views"] = np.flatnonzero(reference.geometry.excluded).tolist()
    if usable.halves is not None:
        moved = [TiltSeries(half, usable.series.geometry) for half in usable.halves]
        first, second = (
            at_pixel_size(half, None, wanted_A, reference.path)[0].images for half in moved
        )
        halves = first, second
    said = [*([usable.notice] if usable.notice else []), *(f.line for f in usable.faults)]
    return Prepared(
        series,
        small,
        not usable.scaled,
        left_out,
        (*told, *said, *notices),
        halves,
        usable.units,
        usable.gain,
        usable.kept,
    )


def _halves(
    reference: Reference, images: AnyArray, kept: NDArray[np.intp], pixel_size_A: float
) -> tuple[tuple[AnyArray, AnyArray] | None, list[str]]:
    """Read the half sets and look at them; None, and why, if they cannot be used."""
    if reference.halves is None:
        return None, []
    first, second = (half.read(kept, pixel_size_A) for half in reference.halves)
    found = check_halves(first, second, full=images)
    faults = [replace(fault, tilts=tuple(int(kept[tilt]) for tilt in fault.tilts))
              for fault in found.faults]  # fmt: skip
    refused = next((fault.line for fault in faults if fault.severity == "refuse"), None)
    if refused is not None:
        return None, [f"half sets are left out: {refused}"]
    return (first, second), [f"half sets: {fault.line}" for fault in faults]


def _prepared_tomogram(reference: Reference, pixel_size_A: float | None) -> Prepared:
    """Return the images that a tomogram shows; grey values are no counts."""
    found = tomogram_images(reference.path, raw_geometry(reference), reference.given)
    if found.noise.verdict == "denoised":
        raise input_error(reference.path, found.noise.words.removeprefix("tomogram: "))
    series = replace(
        found.series,
        geometry=replace(
            raw_geometry(reference).aligned(found.series.geometry.pixel_size_A),
            angles_deg=found.series.geometry.angles_deg,
        ),
    )
    wanted_A = pixel_size_A or series.geometry.pixel_size_A
    made, _, notices = at_pixel_size(series, None, wanted_A, reference.path)
    words = [text.removeprefix("tomogram: ") for text in found.notices]
    told = [text for text in words if text not in reference.notices]
    return Prepared(made, None, False, {}, (*told, *notices))


def raw_geometry(reference: Reference) -> TiltGeometry:
    """Return the geometry of the images that are used, as they lie in the file.

    Raises
    ------
    InputError
        If an angle or the pixel size is not known.
    """
    try:
        geometry = reference.geometry.tilt_geometry()
    except InputError as error:
        words = str(error).removeprefix("tilt-series: ")
        raise input_error(reference.path, words) from None
    if reference.aligned is False:
        return geometry
    return replace(
        geometry, tilt_axis_deg=0.0, matrices=None, shifts_A=np.zeros_like(geometry.shifts_A)
    )


def at_pixel_size(
    series: TiltSeries, noise_free: AnyArray | None, wanted_A: float, where: Path
) -> tuple[TiltSeries, AnyArray | None, list[str]]:
    """Align a reference, and bin it and its noise-free projections to the data's pixel size.

    Returns
    -------
    series : TiltSeries
    noise_free : ndarray or None
    notices : list of str

    Raises
    ------
    InputError
        If the reference's pixels are larger than those wanted.
    """
    pixel_size_A = series.geometry.pixel_size_A
    check_pixel_size(pixel_size_A, wanted_A, where)
    geometry = series.geometry.aligned(wanted_A)
    binning = whole_number_binning(pixel_size_A, wanted_A)
    turned = _is_turned(series.geometry)
    if binning is None or turned:
        # The noise-free projections are aligned already: only their pixels change.
        plain = TiltGeometry(series.geometry.angles_deg, pixel_size_A)
        wanted_A = wanted_A if binning is None else pixel_size_A * binning
        shape = _turned_shape(series.images.shape, wanted_A / pixel_size_A) if turned else None
        images = resample(series.images, series.geometry, pixel_size_A=wanted_A, shape=shape)
        small = None if noise_free is None else resample(noise_free, plain, pixel_size_A=wanted_A)
    else:
        images = crop_images(align(series.images, series.geometry), binning)
        small = None if noise_free is None else crop_images(noise_free, binning)
    return TiltSeries(images, geometry), small, pixels_notice(pixel_size_A, wanted_A, binning)


def check_pixel_size(pixel_size_A: float, wanted_A: float, where: Path) -> None:
    """Refuse a reference that shows less detail than the data are to have."""
    if wanted_A < (1 - _SAME_PIXELS) * pixel_size_A:
        raise InputError(
            f"{where}: expected a pixel size of at most {wanted_A:g} Å, that of the data to be "
            f"made, found {pixel_size_A:g} Å; set `specimen.voxel_size_A` = {pixel_size_A:g}, or "
            "give `pixel_size_A` if the header is wrong"
        )


def whole_number_binning(pixel_size_A: float, wanted_A: float) -> int | None:
    """Return by how many pixels to bin; None where only interpolation gives the pixels wanted."""
    ratio = wanted_A / pixel_size_A
    binning = max(1, round(ratio))
    tolerance = _SAME_PIXELS if ratio < 1 else _SAME_BINNED
    return binning if abs(ratio / binning - 1) <= tolerance else None


def pixels_notice(pixel_size_A: float, wanted_A: float, binning: int | None) -> list[str]:
    """Say that a stack was brought to the pixels of the data; ``binning`` None: interpolated."""
    if binning == 1:
        return []
    how = "resampled" if binning is None else f"binned by {binning}"
    return [f"{how}, from {pixel_size_A:g} to {wanted_A:g} Å"]


def _is_turned(geometry: TiltGeometry) -> bool:
    """Tell whether the tilt axis is nearer to x than to y."""
    sine = np.sin(np.radians(geometry.axes_deg()))
    return bool(np.median(np.abs(sine)) > np.sqrt(0.5))


def _turned_shape(shape: tuple[int, ...], ratio: float) -> tuple[int, int]:
    """Return y, x of images that alignment turns by about 90 degrees: sides exchanged."""
    _, height, width = shape
    return int(width / ratio + 1e-6), int(height / ratio + 1e-6)
