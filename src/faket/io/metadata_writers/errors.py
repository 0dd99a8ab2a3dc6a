"""Errors of alignment and defocus, such as the files of a real tilt-series have."""

from dataclasses import dataclass, replace

import numpy as np

from faket.errors import InputError
from faket.io.metadata.facts import rotation
from faket.io.metadata.geometry import JoinedGeometry
from faket.seeds import generator

_LARGEST = {"shift_A": 10_000.0, "axis_deg": 45.0, "defocus_um": 50.0}  # chosen: beyond any slip


@dataclass(frozen=True)
class SeriesErrors:
    """Standard deviations of what files tell from the truth, drawn anew for each image.

    Attributes
    ----------
    shift_A : float
        Of the shifts along x and along y.
    axis_deg : float
        Of the direction of the tilt axis.
    defocus_um : float
        Of the mean defocus.
    """

    shift_A: float = 0.0
    axis_deg: float = 0.0
    defocus_um: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no standard deviation."""
        for name, largest in _LARGEST.items():
            value = getattr(self, name)
            if not 0 <= value <= largest:
                raise InputError(
                    f"`{name}`: expected a standard deviation from 0 to {largest:g}, found "
                    f"{value:g}; correct it"
                )


def with_errors(geometry: JoinedGeometry, errors: SeriesErrors, *, seed: int) -> JoinedGeometry:
    """Return what files with errors tell of a series.

    Each kind of error has a random stream of its own: asking for one does not change another.
    """
    n = len(geometry)
    shifts_A, axes, defoci = (
        getattr(errors, name) * generator(seed, "errors", name).normal(size=shape)
        for name, shape in (("shift_A", (n, 2)), ("axis_deg", n), ("defocus_um", n))
    )
    if errors.shift_A and geometry.pixel_size_A is None:
        raise InputError(
            "errors of shifts: expected a series of known pixel size, found none; leave them out"
        )
    turned = np.array([rotation(angle) for angle in axes])
    return replace(
        geometry,
        shifts_px=geometry.shifts_px + shifts_A / (geometry.pixel_size_A or 1.0),
        matrices=turned @ geometry.matrices,
        axes_deg=geometry.axes_deg + axes,
        defocus_u_um=geometry.defocus_u_um + defoci,
        defocus_v_um=geometry.defocus_v_um + defoci,
    )
