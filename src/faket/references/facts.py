"""What is known of a series beside its files of metadata: the stack's header, the user's word."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from faket.io.metadata.facts import SeriesFacts, TiltFacts, rotation
from faket.io.metadata.geometry import axes_of, mean_axis_deg
from faket.io.model_folder import GEOMETRY
from faket.io.mrc import read_spacing
from faket.io.tilts import read_tilt_angles, read_tilt_geometry

# What a program writes as the pixel size if it does not know it.
_NO_SIZE = (0.0, 1.0)
_SQUARE = 0.01  # chosen: headers round sizes, and programs differ by less


@dataclass(frozen=True)
class Given:
    """What the user gives; it wins over all files.

    Attributes
    ----------
    angles : Path or None
        ``.tlt``, ``.rawtlt``, or the ``.csv`` of ``faket acquire`` with shifts and axis.
    metadata : tuple of Path
        Further files; those beside the stack are read, too.
    series : str or None
        Which one, where a file or folder holds several.
    pixel_size_A, tilt_axis_deg, voltage_kV, spherical_aberration_mm, amplitude_contrast
    aligned : bool or None
        Whether the images are aligned already; by default files and names tell.
    tomogram : bool
        Whether what the path names is a tomogram, and not a stack.
    invert : bool
        Whether protein is bright in the images.
    angles_option : str
        What the caller calls ``angles``, for errors.
    """

    angles: Path | None = None
    metadata: tuple[Path, ...] = ()
    series: str | None = None
    pixel_size_A: float | None = None
    tilt_axis_deg: float | None = None
    voltage_kV: float | None = None
    spherical_aberration_mm: float | None = None
    amplitude_contrast: float | None = None
    aligned: bool | None = None
    tomogram: bool = False
    invert: bool = False
    angles_option: str = "angles"

    def facts(self) -> list[SeriesFacts]:
        """Return what is given as the facts of a file, and those of the angles' file."""
        names = ("pixel_size_A", "tilt_axis_deg", "voltage_kV", "spherical_aberration_mm",
                 "amplitude_contrast")  # fmt: skip
        values: dict[str, Any] = {name: getattr(self, name) for name in names}
        told = [] if self.angles is None else [angle_facts(self.angles)]
        if any(value is not None for value in values.values()):
            told.append(SeriesFacts("given", "the user", "given", complete=False, **values))
        return told


def angle_facts(path: Path) -> SeriesFacts:
    """Return the facts of a file of angles that the user gives."""
    if path.suffix.lower() != GEOMETRY:
        tilts = [TiltFacts(section=i, refined_angle_deg=float(a))
                 for i, a in enumerate(read_tilt_angles(path))]  # fmt: skip
        return SeriesFacts("angles given", str(path), "given", tuple(tilts))
    geometry = read_tilt_geometry(path)
    matrix = rotation(geometry.tilt_axis_deg)
    dose, order = geometry.dose_e_per_A2, geometry.order
    tilts = [
        TiltFacts(
            section=i,
            refined_angle_deg=float(angle),
            matrix=matrix,
            shift_A=(float(x), float(y)),
            dose=None if dose is None else float(dose[i]),
            order=None if order is None else int(order[i]),
        )
        for i, (angle, (x, y)) in enumerate(
            zip(geometry.angles_deg, geometry.shifts_A, strict=True)
        )
    ]
    return SeriesFacts(
        "faket acquire .csv", str(path), "given", tuple(tilts), pixel_size_A=None,
        tilt_axis_deg=geometry.tilt_axis_deg,
    )  # fmt: skip


def header_facts(path: Path, count: int | None = None) -> SeriesFacts:
    """Return what the header of a stack tells: pixel size, image size and number of images.

    Raises
    ------
    InputError
        If it is no MRC file.
    """
    (tilts, height, width), spacing = read_spacing(path)
    x, y = spacing[:2]
    known = x not in _NO_SIZE and y not in _NO_SIZE
    pixel: float | None = x if known else None
    notices: tuple[str, ...] = ()
    if known and abs(x / y - 1) > _SQUARE:
        pixel, notices = None, (f"pixels of {x:g} × {y:g} Å are no squares: left out",)
    return SeriesFacts(
        "header of the stack", str(path), "header", complete=False, pixel_size_A=pixel,
        image_size=(width, height), count=count or tilts, notices=notices,
    )  # fmt: skip


def in_nanometres(header: SeriesFacts, files: Sequence[SeriesFacts]) -> SeriesFacts:
    """Return a header without its pixel size, if all files say ten times as much: it is in nm."""
    told = [e.pixel_size_A for e in files if e.pixel_size_A is not None and e.role != "header"]
    size = header.pixel_size_A
    if size is None or not told or any(abs(10 * size / value - 1) > _SQUARE for value in told):
        return header
    notice = f"pixel size: {size:g} Å are taken for nm, as the other files say {told[0]:g} Å"
    return replace(header, pixel_size_A=None, notices=(*header.notices, notice))


def without_alignment(files: Sequence[SeriesFacts]) -> list[SeriesFacts]:
    """Return the facts for images that are aligned already: no transforms, shifts or axes.

    Pixel and image sizes are those of the raw stack, and so are left out, too. The direction of
    astigmatism is that in the raw image, and turns with it.
    """
    matrices = [tilt.matrix for entry in files for tilt in entry.tilts if tilt.matrix]
    nominal = next((e.tilt_axis_deg for e in files if e.tilt_axis_deg is not None), 0.0)
    turn = mean_axis_deg(axes_of(np.array(matrices))) if matrices else nominal
    return [
        replace(
            entry,
            tilts=tuple(
                replace(
                    tilt,
                    matrix=None,
                    shift_px=None,
                    shift_A=None,
                    astigmatism_deg=None
                    if tilt.astigmatism_deg is None
                    else tilt.astigmatism_deg - turn,
                )
                for tilt in entry.tilts
            ),
            tilt_axis_deg=None,
            image_size=None if entry.role != "header" else entry.image_size,
            pixel_size_A=entry.pixel_size_A if entry.role in ("header", "given") else None,
            aligned_size=None,
        )
        for entry in files
    ]
