"""What one file says of a tilt-series, in faket's units and signs, before files are joined.

The geometry of an aligned image: what lies at p in it lies in the raw image at

    raw = R p + shift,

both in pixels of the raw stack, x to the right and y along the rows' order. From which point
positions count differs between programs, and with it ``shift``, by up to a pixel where the axis is
turned by 90°. Each file's own is kept in ``centre`` and :func:`sample_shift` makes them alike:

- ``"sample"``: from sample N // 2 of either image (faket; RELION 5, `tomogram.cpp`).
- ``"middle"``: from (N - 1) / 2 (IMOD: `cubinterp` maps nx / 2 + 0.5 of 1, 2, 3 …; AreTomo, as
  `GCorrPatchShift` says; the CryoET Data Portal, which takes both unchanged).
- ``"half"``: from N / 2 (Warp: half the physical size, sample 0 at 0).
- ``"corner"``: p from sample N // 2 of the tomogram, raw from sample 0 (RELION 4's matrices).

R is a rotation by the angle of the tilt axis, counter-clockwise from y, times a magnification.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import Literal

import numpy as np

from faket.data import DoubleArray

Centre = Literal["sample", "middle", "half", "corner"]
Role = Literal["given", "alignment", "ctf", "header", "acquisition"]
Matrix = tuple[tuple[float, float], tuple[float, float]]
Pair = tuple[float, float]

_EXTENSIONS = (".mdoc", ".mrcs", ".mrc", ".tiff", ".tif", ".eer", ".dm4", ".st", ".ali", ".gz")


@dataclass(frozen=True)
class TiltFacts:
    """What one file says of one image; None where it says nothing.

    Attributes
    ----------
    section : int or None
        Place in the raw stack, from 0.
    frame : str or None
        Name of the movie or image, without folders and endings.
    image : str or None
        Path of an image of its own, as the file tells it; not of a movie, nor of a stack.
    angle_deg, refined_angle_deg : float or None
        Stage angle as the microscope told it, and after the alignment.
    x_tilt_deg : float or None
        Rotation of the specimen about x, before the tilt.
    matrix, shift_px, shift_A : tuple or None
        R and shift of the module's formula; the shift in pixels of the raw stack or in Å.
    time : datetime or None
        When it was taken: only the order counts.
    order : int or None
        Place in the acquisition, if the file tells it.
    dose, dose_before : float or None
        e/Å², of this image and of all before it.
    defocus_u_um, defocus_v_um : float or None
        Underfocus positive, along the axis at ``astigmatism_deg`` from x and across it.
    astigmatism_deg, phase_shift_deg : float or None
    excluded : bool or None
        Whether the file says not to use this image.
    halves : tuple of str, or None
        File names of the image from even and from odd frames.
    """

    section: int | None = None
    frame: str | None = None
    image: str | None = None
    angle_deg: float | None = None
    refined_angle_deg: float | None = None
    x_tilt_deg: float | None = None
    matrix: Matrix | None = None
    shift_px: Pair | None = None
    shift_A: Pair | None = None
    time: datetime | None = None
    order: int | None = None
    dose: float | None = None
    dose_before: float | None = None
    defocus_u_um: float | None = None
    defocus_v_um: float | None = None
    astigmatism_deg: float | None = None
    phase_shift_deg: float | None = None
    excluded: bool | None = None
    halves: tuple[str, str] | None = None

    @property
    def any_angle_deg(self) -> float | None:
        """The nominal angle, or the refined one where that is all there is."""
        return self.refined_angle_deg if self.angle_deg is None else self.angle_deg


@dataclass(frozen=True)
class SeriesFacts:
    """What one file says of one series; None where it says nothing.

    Attributes
    ----------
    kind : str
        Program and file, for the reader of a notice: "IMOD transforms (.xf)".
    path : str
    role : str
        Decides which file wins (:mod:`faket.io.metadata.join`).
    tilts : tuple of TiltFacts
        In the order of the file.
    complete : bool
        Whether ``tilts`` are meant to be all images of the raw stack.
    by_angle : bool
        Sections count in a stack that is sorted by angle, whatever the raw one is.
    sign_unknown : bool
        All angles may have the other sign (Warp).
    centre : str
        From where shifts count.
    series : str or None
        Name of the series.
    pixel_size_A, tilt_axis_deg, voltage_kV, spherical_aberration_mm, amplitude_contrast : float
        The tilt axis is the nominal one: counter-clockwise from y.
    hand : int or None
        RELION's rlnTomoHand as it stands; no other program's is read.
    target_defocus_um : float or None
        What was asked of the microscope: not a measurement.
    image_size, count
        (x, y) in pixels of the raw stack, and its number of images.
    aligned_size, aligned_binning
        Of the aligned stack, from the command that makes it.
    stack : str or None
        File name of the raw stack.
    notices : tuple of str
        What was guessed, left out or looks wrong.
    """

    kind: str
    path: str
    role: Role
    tilts: tuple[TiltFacts, ...] = ()
    complete: bool = True
    by_angle: bool = False
    sign_unknown: bool = False
    centre: Centre = "sample"
    series: str | None = None
    pixel_size_A: float | None = None
    tilt_axis_deg: float | None = None
    voltage_kV: float | None = None
    spherical_aberration_mm: float | None = None
    amplitude_contrast: float | None = None
    hand: int | None = None
    target_defocus_um: float | None = None
    image_size: tuple[int, int] | None = None
    count: int | None = None
    aligned_size: tuple[int, int] | None = None
    aligned_binning: int | None = None
    stack: str | None = None
    notices: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """File and kind, for notices and errors."""
        return f"{file_name(self.path)} ({self.kind})"


def negated(facts: SeriesFacts) -> SeriesFacts:
    """Return facts with all tilt angles of the other sign."""
    tilts = tuple(
        replace(
            tilt,
            angle_deg=None if tilt.angle_deg is None else -tilt.angle_deg,
            refined_angle_deg=None if tilt.refined_angle_deg is None else -tilt.refined_angle_deg,
        )
        for tilt in facts.tilts
    )
    return replace(facts, tilts=tilts, sign_unknown=False)


def rotation(angle_deg: float) -> Matrix:
    """Return the matrix that turns counter-clockwise by ``angle_deg``."""
    cosine, sine = float(np.cos(np.radians(angle_deg))), float(np.sin(np.radians(angle_deg)))
    return ((cosine, -sine), (sine, cosine))


def axis_angle_deg(matrix: DoubleArray) -> float:
    """Return the tilt axis' angle in R, counter-clockwise from y, in (-180, 180]."""
    inverse = np.linalg.inv(matrix)  # IMOD's A: its first row is where x of the aligned image lies
    return float(np.degrees(np.arctan2(inverse[0, 1], inverse[0, 0])))


def sample_shift(
    shift: DoubleArray,
    matrix: DoubleArray,
    centre: Centre,
    raw_size: tuple[int, int],
    aligned_size: tuple[int, int],
) -> DoubleArray:
    """Return a shift that counts from sample N // 2 of both images.

    Parameters
    ----------
    shift : ndarray, shape (2,)
        x, y in pixels of the raw stack.
    matrix : ndarray, shape (2, 2)
    centre : str
        From where ``shift`` counts.
    raw_size, aligned_size : tuple of int
        x, y; of the aligned one only whether it is even matters.
    """
    from_sample = _offset(centre, raw_size)
    of_aligned = np.zeros(2) if centre == "corner" else _offset(centre, aligned_size)
    return np.asarray(shift + from_sample - matrix @ of_aligned)


def shift_from(
    shift: DoubleArray,
    matrix: DoubleArray,
    centre: Centre,
    raw_size: tuple[int, int],
    aligned_size: tuple[int, int],
) -> DoubleArray:
    """Return a shift that counts from ``centre``: the inverse of :func:`sample_shift`."""
    return shift - sample_shift(np.zeros(2), matrix, centre, raw_size, aligned_size)


def _offset(centre: Centre, size: tuple[int, int]) -> DoubleArray:
    """Return where ``centre`` lies, from sample N // 2."""
    n = np.array(size)
    point = {"sample": n // 2, "middle": (n - 1) / 2, "half": n / 2, "corner": 0 * n}[centre]
    return np.asarray(point - n // 2, np.float64)


def file_name(path: str) -> str:
    """Return the last part of a path of any system."""
    return PurePosixPath(path.strip().replace("\\", "/")).name


def frame_name(path: str) -> str | None:
    """Return the name of an image without folders, number@ and endings; None if none is left."""
    name = file_name(path.split("@")[-1])
    while name.lower().endswith(_EXTENSIONS):
        name = name[: name.rfind(".")]
    return name or None
