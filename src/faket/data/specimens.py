"""Molecules, and the labelled volumes that they are placed in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from faket.data.arrays import DoubleArray, FloatArray

if TYPE_CHECKING:  # it takes longer to import than all else that `faket --help` needs
    from scipy.spatial.transform import Rotation

Material = Literal["protein", "membrane", "gold", "carbon", "crystal", "vacuum"]


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
    """Name and material of one value of the class mask, and whether data sets label it."""

    name: str
    material: Material
    labelled: bool = field(default=True, metadata={"may": "be missing"})


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
