"""The geometry of a series as its files tell it together, with where each part comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from faket.data import DoubleArray, TiltGeometry
from faket.errors import InputError
from faket.io.metadata.facts import axis_angle_deg


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
    frames : tuple of str or None
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

    @property
    def used(self) -> NDArray[np.intp]:
        """Indices of the images that are not excluded."""
        return np.flatnonzero(~self.excluded)

    def tilt_geometry(self, *, pixel_size_A: float | None = None) -> TiltGeometry:
        """Return the geometry of the images that are used, in the order of the stack.

        The shifts are those of the raw images; unknown ones are 0. There is one tilt axis, the
        mean: at r pixels from the centre an axis that differs by 0.1 degrees moves 0.0017 r, for
        which ``matrices`` hold each image's own.

        Raises
        ------
        InputError
            If an angle or the pixel size is not known, or no image is left.
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
        dose, order = self.dose_e_per_A2[used], self.order[used]
        return TiltGeometry(
            angles,
            pixel,
            np.nan_to_num(self.shifts_px[used]) * pixel,
            mean_axis_deg(self.axes_deg[used]),
            dose if np.isfinite(dose).all() else None,
            np.argsort(np.argsort(order)).astype(np.int64) if (order >= 0).all() else None,
        )


def mean_axis_deg(axes_deg: DoubleArray) -> float:
    """Return the mean of axes that are alike but for turns of 360 degrees; 0 if none is known."""
    known = np.radians(axes_deg[np.isfinite(axes_deg)])
    if not len(known):
        return 0.0
    return float(np.degrees(np.arctan2(np.sin(known).mean(), np.cos(known).mean())))


def axes_of(matrices: DoubleArray) -> DoubleArray:
    """Return the tilt axis of each R [tilts, 2, 2]; NaN where there is none."""
    return np.array([axis_angle_deg(m) if np.isfinite(m).all() else np.nan for m in matrices])
