"""Tilt-series: images, and how they were taken."""

import math
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faket.data.arrays import DoubleArray, FloatArray
from faket.errors import InputError

_MAX_TILTS = 100_000  # chosen: more are a slip in the step


def evenly_spaced_tilts(start_deg: float, stop_deg: float, step_deg: float) -> DoubleArray:
    """Return the tilt angles from start to stop, both included where the step allows.

    Raises
    ------
    InputError
        If stop is before start, the step is not positive, or there would be over 100 000 tilts.
    """
    if not (-math.inf < start_deg <= stop_deg < math.inf and step_deg > 0):
        raise InputError(
            "tilt angles: expected `start_deg` <= `stop_deg` and `step_deg` > 0, found "
            f"{start_deg:g}, {stop_deg:g} and {step_deg:g}; correct them"
        )
    steps = (stop_deg - start_deg) / step_deg
    if steps >= _MAX_TILTS:
        raise InputError(
            f"tilt angles: expected at most {_MAX_TILTS}, found a step of {step_deg:g} degrees "
            f"from {start_deg:g} to {stop_deg:g}; take a larger step"
        )
    count = int(steps + 1e-6) + 1
    return np.asarray(start_deg + step_deg * np.arange(count), np.float64)


@dataclass(frozen=True)
class TiltGeometry:
    """How the images of a tilt-series were taken.

    Attributes
    ----------
    angles_deg : ndarray, shape (tilts,), float64
        Stage angle θ of each image: x' = x cos θ + z sin θ.
    pixel_size_A : float
    shifts_A : ndarray, shape (tilts, 2), float64
        Displacement (x, y) of the image content from its position in the ideal geometry.
    tilt_axis_deg : float
        In-plane angle from the image's y axis to the tilt axis, counter-clockwise.
    dose_e_per_A2 : ndarray, shape (tilts,), or None
        Exposure of each image.
    order : ndarray of int, shape (tilts,), or None
        Position of each image in the sequence of acquisition, from 0.
    dose_before_e_per_A2 : ndarray, shape (tilts,), or None
        Exposure before each image, that of images which are no longer there included.
    matrices : ndarray, shape (tilts, 2, 2), or None
        R (x y) of each image: what alignment puts at p from the centre was imaged at R p + shift.
        None: the rotation by ``tilt_axis_deg`` for all.
    defocus_um, astigmatism_um, astigmatism_deg : ndarray, shape (tilts,), or None
        Mean of the two extreme defoci (underfocus positive), half their difference, and the
        direction of the larger one in the image, from x counter-clockwise.
    phase_shift_deg : ndarray, shape (tilts,), or None
        Of a phase plate.
    voltage_kV, spherical_aberration_mm, amplitude_contrast : float or None
    """

    angles_deg: DoubleArray
    pixel_size_A: float
    shifts_A: DoubleArray = field(default_factory=lambda: np.zeros((0, 2)))
    tilt_axis_deg: float = 0.0
    dose_e_per_A2: DoubleArray | None = None
    order: NDArray[np.int64] | None = None
    dose_before_e_per_A2: DoubleArray | None = None
    matrices: DoubleArray | None = None
    defocus_um: DoubleArray | None = None
    astigmatism_um: DoubleArray | None = None
    astigmatism_deg: DoubleArray | None = None
    phase_shift_deg: DoubleArray | None = None
    voltage_kV: float | None = None
    spherical_aberration_mm: float | None = None
    amplitude_contrast: float | None = None

    def __post_init__(self) -> None:
        """Fill the default shifts: none."""
        if self.shifts_A.shape[0] == 0:
            object.__setattr__(self, "shifts_A", np.zeros((len(self.angles_deg), 2)))

    def of_tilts(self, kept: NDArray[np.intp]) -> "TiltGeometry":
        """Return the geometry of some of the images; their order counts from 0 again."""
        arrays: dict[str, Any] = {
            item.name: value[kept]
            for item in fields(self)
            if isinstance(value := getattr(self, item.name), np.ndarray)
        }
        if self.order is not None:
            arrays["order"] = self.order[kept].argsort().argsort()
        return replace(self, **arrays)

    def aligned(self, pixel_size_A: float | None = None) -> "TiltGeometry":
        """Return the geometry of the images after alignment, with pixels of another size."""
        turn = self.axes_deg()
        direction = self.astigmatism_deg
        return replace(
            self,
            pixel_size_A=pixel_size_A or self.pixel_size_A,
            shifts_A=np.zeros((len(self.angles_deg), 2)),
            tilt_axis_deg=0.0,
            matrices=None,
            astigmatism_deg=None if direction is None else direction - turn,
        )

    def axes_deg(self) -> DoubleArray:
        """Return the tilt axis in each image, counter-clockwise from y."""
        if self.matrices is None:
            return np.full(len(self.angles_deg), self.tilt_axis_deg)
        return np.degrees(np.arctan2(self.matrices[:, 1, 0], self.matrices[:, 0, 0]))


@dataclass(frozen=True)
class TiltSeries:
    """Images and their geometry; protein is dark.

    Attributes
    ----------
    images : ndarray, shape (tilt, y, x), float32
    geometry : TiltGeometry
    """

    images: FloatArray
    geometry: TiltGeometry
