"""The geometry of a series as its files tell it together, with where each part comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faket.data import DoubleArray, TiltGeometry
from faket.errors import InputError
from faket.io.metadata.facts import axis_angle_deg
from faket.tilts import LEAST_RANGE_DEG


@dataclass(frozen=True)
class JoinedGeometry:
    """One series as told by several files; NaN, -1 or None where none tells.

    What lies at p in the aligned image, in pixels from sample N // 2, lies in the raw one at
    ``matrices`` p + ``shifts_px``.

    Attributes
    ----------
    angles_deg, nominal_angles_deg : ndarray, shape (tilts,)
        After the alignment where there is one, and as the microscope told them.
    x_tilts_deg : ndarray, shape (tilts,)
    axes_deg : ndarray, shape (tilts,)
        Tilt axis, counter-clockwise from y: the alignment's, or the nominal one.
    matrices : ndarray, shape (tilts, 2, 2)
    shifts_px : ndarray, shape (tilts, 2)
        x, y in pixels of the raw stack.
    order : ndarray of int, shape (tilts,)
        Place in the acquisition, from 0.
    dose_e_per_A2, dose_before_e_per_A2 : ndarray, shape (tilts,)
    defocus_u_um, defocus_v_um, astigmatism_deg, phase_shift_deg : ndarray, shape (tilts,)
    excluded : ndarray of bool, shape (tilts,)
    frames, images : tuple of str or None
        Names of the movies, and paths of images that are files of their own.
    halves : tuple of pairs of str, or None
        File names of the even and odd halves of each image.
    pixel_size_A, voltage_kV, spherical_aberration_mm, amplitude_contrast, hand
    target_defocus_um : float or None
        What was asked of the microscope.
    image_size : tuple of int, or None
        x, y of the raw stack.
    stack, series : str or None
        File name of the raw stack, name of the series.
    sources : mapping of str to str
        Field → the file that told it.
    notices : tuple of str
        What contradicts, was guessed or left out, one line each.
    """

    angles_deg: DoubleArray
    nominal_angles_deg: DoubleArray
    x_tilts_deg: DoubleArray
    axes_deg: DoubleArray
    matrices: DoubleArray
    shifts_px: DoubleArray
    order: NDArray[np.int64]
    dose_e_per_A2: DoubleArray
    dose_before_e_per_A2: DoubleArray
    defocus_u_um: DoubleArray
    defocus_v_um: DoubleArray
    astigmatism_deg: DoubleArray
    phase_shift_deg: DoubleArray
    excluded: NDArray[np.bool_]
    frames: tuple[str | None, ...]
    images: tuple[str | None, ...]
    halves: tuple[tuple[str, str] | None, ...]
    pixel_size_A: float | None = None
    voltage_kV: float | None = None
    spherical_aberration_mm: float | None = None
    amplitude_contrast: float | None = None
    hand: int | None = None
    target_defocus_um: float | None = None
    image_size: tuple[int, int] | None = None
    stack: str | None = None
    series: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of images of the raw stack."""
        return len(self.angles_deg)

    def of_images(self, kept: NDArray[np.intp]) -> "JoinedGeometry":
        """Return the geometry of some of the images, as if there were no others."""
        parts: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, np.ndarray):
                parts[item.name] = value[kept]
            elif item.name in ("frames", "images", "halves"):
                parts[item.name] = tuple(value[i] for i in kept)
        return replace(self, **parts)

    @property
    def used(self) -> NDArray[np.intp]:
        """Indices of the images that are not excluded."""
        return np.flatnonzero(~self.excluded)

    def tilt_geometry(self, *, pixel_size_A: float | None = None) -> TiltGeometry:
        """Return the geometry of the images that are used, in the order of the stack.

        Shifts and matrices are those of the raw images; unknown shifts are 0. An image without
        an estimate of its defocus has the median of the others.

        Raises
        ------
        InputError
            If an angle or the pixel size is not known, all angles are equal, or no image is left.
        """
        used, pixel = self.used, pixel_size_A or self.pixel_size_A
        if not len(used):
            raise InputError("tilt-series: expected images, found all of them excluded; check the "
                             "files of its alignment")  # fmt: skip
        if pixel is None:
            raise InputError("tilt-series: expected its pixel size in one of the files, found "
                             "none; give `pixel_size_A`")  # fmt: skip
        angles = self.angles_deg[used]
        if not np.isfinite(angles).all():
            raise InputError(
                f"tilt-series: expected an angle for each image, found none for image "
                f"{used[~np.isfinite(angles)][0]}; give a .tlt, .rawtlt or .mdoc with all of them"
            )
        if len(angles) > 1 and np.ptp(angles) < LEAST_RANGE_DEG:
            source = self.sources.get("angles_deg", "its metadata")
            raise InputError(
                f"tilt-series: expected tilt angles that differ, found {len(angles)} times "
                f"{angles[0]:g} degrees in {source}; give the stage's angles"
            )
        order = self.order[used]
        matrices = self.matrices[used]
        return TiltGeometry(
            angles,
            pixel,
            np.nan_to_num(self.shifts_px[used]) * pixel,
            mean_axis_deg(self.axes_deg[used]),
            _all_or_none(self.dose_e_per_A2[used]),
            np.argsort(np.argsort(order)).astype(np.int64) if (order >= 0).all() else None,
            _all_or_none(self.dose_before_e_per_A2[used]),
            matrices if np.isfinite(matrices).all() else None,
            *self._defocus(used),
            phase_shift_deg=_filled(self.phase_shift_deg[used]),
            voltage_kV=self.voltage_kV,
            spherical_aberration_mm=self.spherical_aberration_mm,
            amplitude_contrast=self.amplitude_contrast,
        )

    def _defocus(
        self, used: NDArray[np.intp]
    ) -> tuple[DoubleArray | None, DoubleArray | None, DoubleArray | None]:
        """Return mean defocus, half the difference of U and V, and the direction of U."""
        u = self.defocus_u_um[used]
        v = np.where(np.isfinite(self.defocus_v_um[used]), self.defocus_v_um[used], u)
        mean = _filled((u + v) / 2)
        if mean is None:
            return None, None, None
        apart = np.nan_to_num((u - v) / 2)
        return mean, apart, np.nan_to_num(self.astigmatism_deg[used])


def _all_or_none(values: DoubleArray) -> DoubleArray | None:
    return values if np.isfinite(values).all() else None


def _filled(values: DoubleArray) -> DoubleArray | None:
    """Return values with the median of the known ones where one is missing; None without any."""
    known = np.isfinite(values)
    return np.where(known, values, np.median(values[known])) if known.any() else None


def mean_axis_deg(axes_deg: DoubleArray) -> float:
    """Return the mean of axes that are alike but for turns of 360 degrees; 0 if none is known."""
    known = np.radians(axes_deg[np.isfinite(axes_deg)])
    if not len(known):
        return 0.0
    return float(np.degrees(np.arctan2(np.sin(known).mean(), np.cos(known).mean())))


def axes_of(matrices: DoubleArray) -> DoubleArray:
    """Return the tilt axis of each R [tilts, 2, 2]; NaN where there is none."""
    return np.array([axis_angle_deg(m) if np.isfinite(m).all() else np.nan for m in matrices])
