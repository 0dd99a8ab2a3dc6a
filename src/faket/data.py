"""Data that the rooms exchange: frozen records with units in their names.

Axes are ``[z, y, x]`` for volumes and ``[tilt, y, x]`` for stacks. Lengths are in Å, angles in
degrees, potentials in volts above ice, doses in e/Å². Positions are Å from the centre of voxel
``[0, 0, 0]``, in the order x y z; the centre of an axis of N samples is sample N // 2.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from faket.errors import InputError

if TYPE_CHECKING:  # it takes longer to import than all else that `faket --help` needs
    from scipy.spatial.transform import Rotation

FloatArray = NDArray[np.float32]
DoubleArray = NDArray[np.float64]
AnyArray = NDArray[Any]
Material = Literal["protein", "membrane", "gold"]
_MAX_TILTS = 100_000  # chosen: more are a slip in the step


@dataclass(frozen=True)
class Volume:
    """A sampled volume.

    Attributes
    ----------
    data : ndarray, shape (z, y, x), float32
    voxel_size_A : float
    """

    data: FloatArray
    voxel_size_A: float


@dataclass(frozen=True)
class SpeciesReport:
    """Facts and notices to check before a molecule is used, for the screen and the manifest.

    Attributes
    ----------
    facts : mapping of str to int, float or str
        In the order of printing; names carry their units ("mass_kDa").
    notices : tuple of str
        Guesses, completions, omissions and doubts, one line each.
    """

    facts: Mapping[str, int | float | str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Species:
    """One kind of molecule, ready to be placed.

    Attributes
    ----------
    name : str
        Unique in a library; becomes the class name.
    potential : ndarray, shape (z, y, x), float32
        Electrostatic potential above ice, volts; the particle's origin (centre of mass) is at
        voxel (nz // 2, ny // 2, nx // 2); zero at the border.
    envelope : ndarray, shape (z, y, x), float32
        Soft molecular mask in [0, 1] on the same grid; its 0.5 level set is the label.
    voxel_size_A : float
    mass_kDa : float
        NaN if the source does not hold it (a map).
    symmetry : str
        Schoenflies symbol if known, otherwise "C1".
    synthetic : bool
        True for the embedded species that were built by code.
    labelled : bool
        False for a distractor: in the image, and in no label of a data set.
    state_of : str
        Name of the species of which this is another conformation; "" if it is of none.
    source : str
        File name and how it was processed, for the manifest.
    report : SpeciesReport
        Facts and notices to check before it is used.
    origin_A : tuple of float or None
        x y z of its origin in the coordinates of its file; None if it has no atoms.
    """

    name: str
    potential: FloatArray
    envelope: FloatArray
    voxel_size_A: float
    mass_kDa: float = float("nan")
    symmetry: str = "C1"
    synthetic: bool = False
    labelled: bool = True
    state_of: str = ""
    source: str = ""
    report: SpeciesReport = field(default_factory=SpeciesReport)
    origin_A: tuple[float, float, float] | None = None


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


@dataclass(frozen=True)
class Particles:
    """The objects in a specimen, one entry each; enough to paint the specimen again.

    Attributes
    ----------
    ids : ndarray of int, shape (n,)
        Value in the instance mask, >= 1, unique.
    species : tuple of str, length n
        Class name; "vesicle" and "fiducial" for objects that are no molecules.
    positions_A : ndarray, shape (n, 3), float64
        x y z in Å from the centre of voxel [0, 0, 0].
    rotations : scipy Rotation of length n
        Take the particle's frame to the tomogram's.
    semi_axes_A : ndarray, shape (n, 3), float64
        Ellipsoid semi-axes in the particle's frame for vesicles (mid-membrane) and gold,
        NaN for molecules.
    columns : mapping of str to ndarray, shape (n,), float64
        What else is known of some of them, by name, such as the filament of a subunit; NaN for
        the others.
    """

    ids: NDArray[np.int64]
    species: tuple[str, ...]
    positions_A: DoubleArray
    rotations: "Rotation"
    semi_axes_A: DoubleArray
    columns: Mapping[str, DoubleArray] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of particles."""
        return len(self.ids)

    def select(self, chosen: NDArray[np.intp]) -> "Particles":
        """Return some of the particles, in the order of the indices ``chosen``."""
        return Particles(
            self.ids[chosen],
            tuple(self.species[i] for i in chosen),
            self.positions_A[chosen],
            self.rotations[chosen] if len(self) else self.rotations,
            self.semi_axes_A[chosen],
            {name: values[chosen] for name, values in self.columns.items()},
        )


@dataclass(frozen=True)
class ClassInfo:
    """Name and material of one value of the class mask."""

    name: str
    material: Material


@dataclass(frozen=True)
class MembraneFacts:
    """What was measured on a membrane; of an open one on the part inside the specimen.

    Attributes
    ----------
    id : int
        In the particle table and the instance mask.
    name : str
        Of its class.
    parent : int
        Id of the membrane in which it lies, 0 if in none.
    closed : bool
    thickness_A : float
        From heads to heads.
    area_A2 : float
    volume_A3 : float
        Inside; NaN of an open one.
    mean_curvature_per_A, curvature_sd_per_A : float
        Mean and standard deviation over the surface of the mean curvature, 1 / R of a sphere.
    euler_characteristic : int
        2 - 2 genus of a closed one.
    """

    id: int
    name: str
    parent: int
    closed: bool
    thickness_A: float
    area_A2: float
    volume_A3: float
    mean_curvature_per_A: float
    curvature_sd_per_A: float
    euler_characteristic: int


@dataclass(frozen=True)
class Specimen:
    """A labelled specimen in ice.

    Attributes
    ----------
    potential : Volume
        Volts above ice.
    class_mask : ndarray, shape (z, y, x), uint8
        0 background, otherwise a key of ``classes``.
    instance_mask : ndarray, shape (z, y, x), uint16
        0 background, otherwise an entry of ``particles.ids``.
    particles : Particles
    classes : mapping of int to ClassInfo
    membranes : tuple of MembraneFacts
        Of those that were drawn as surfaces; not of vesicles, which are ellipsoids.
    """

    potential: Volume
    class_mask: NDArray[np.uint8]
    instance_mask: NDArray[np.uint16]
    particles: Particles
    classes: Mapping[int, ClassInfo]
    membranes: tuple[MembraneFacts, ...] = ()


def plain_record(record: Any) -> Any:
    """Return a record of any depth as dictionaries, lists, numbers and texts, as JSON has them.

    Fields of dataclasses become entries in their order; arrays and tuples become lists.
    """
    if is_dataclass(record):
        return {item.name: plain_record(getattr(record, item.name)) for item in fields(record)}
    if isinstance(record, Mapping):
        return {str(key): plain_record(value) for key, value in record.items()}
    if isinstance(record, list | tuple):
        return [plain_record(value) for value in record]
    return record.tolist() if isinstance(record, np.ndarray | np.generic) else record
