"""Positions of the slices of a tilted slab along the beam, and the part of the slab in each."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from faket.data import AnyArray, DoubleArray

MAX_PHASE_RAD = 0.1  # of the propagator over half a slice, at Nyquist; chosen


def automatic_thickness_A(wavelength_A: float, pixel_size_A: float) -> float:
    """Return the thickness 0.2 / (πλk²), k being the Nyquist frequency.

    Propagation over half of it changes no phase by more than 0.1 rad. It is 323 Å at 300 kV and
    5 Å pixels, 1293 Å at 10 Å.
    """
    return 2 * MAX_PHASE_RAD * (2 * pixel_size_A) ** 2 / (math.pi * wavelength_A)


@dataclass(frozen=True)
class Plane:
    """A plane at beam coordinate z' in which the wave is changed.

    Attributes
    ----------
    z_A : float
        From the middle of the slab, along the beam.
    fine : int or None
        Slice of the specimen's potential that acts here.
    group : int or None
        Group whose slowly varying part (ice, losses, damage) acts here.
    """

    z_A: float
    fine: int | None
    group: int | None


@dataclass(frozen=True)
class Slicing:
    """Slices of one tilt: fine slices of the potential, and groups of them for the rest.

    Ice, absorption and damage of a group of ``per_group`` (odd) fine slices act in its middle
    plane. Groups without fine slices lie before and after the specimen, where the tilted slab
    holds ice alone.

    Attributes
    ----------
    thickness_A : float
        Of a fine slice.
    per_group : int
    core_groups : int
        Groups that hold the specimen.
    outer_groups : int
        Groups of ice alone, on either side.
    """

    thickness_A: float
    per_group: int
    core_groups: int
    outer_groups: int

    @property
    def group_A(self) -> float:
        """Thickness of a group."""
        return self.thickness_A * self.per_group

    @property
    def fine_slices(self) -> int:
        """Number of fine slices."""
        return self.core_groups * self.per_group

    @property
    def groups(self) -> int:
        """Number of groups."""
        return self.core_groups + 2 * self.outer_groups

    def group_edges_A(self, group: int) -> tuple[float, float]:
        """Return where a group begins and ends along the beam."""
        start = (group - self.groups / 2) * self.group_A
        return start, start + self.group_A

    def planes(self) -> list[Plane]:
        """Return all planes in the order in which the beam meets them."""
        planes = []
        for group in range(self.groups):
            middle = sum(self.group_edges_A(group)) / 2
            core = group - self.outer_groups
            if not 0 <= core < self.core_groups:
                planes.append(Plane(middle, None, group))
                continue
            for i in range(self.per_group):
                offset = i - self.per_group // 2
                planes.append(
                    Plane(
                        middle + offset * self.thickness_A,
                        core * self.per_group + i,
                        group if offset == 0 else None,
                    )
                )
        return planes


def plan_slices(
    angle_deg: float,
    specimen_A: tuple[float, float],
    field_A: float,
    thickness_A: float,
    automatic_A: float,
) -> Slicing:
    """Divide a tilted slab into slices.

    Parameters
    ----------
    angle_deg : float
    specimen_A : (float, float)
        Extent of the specimen along z and x.
    field_A : float
        Extent along x' over which the slab of ice is included; 0 for the specimen alone.
    thickness_A : float
        Of a fine slice; infinite for a single one.
    automatic_A : float
        Bound of a group's thickness (a fine slice may be thicker).

    Returns
    -------
    Slicing
    """
    cos, sin = math.cos(math.radians(angle_deg)), abs(math.sin(math.radians(angle_deg)))
    depth, width = specimen_A
    specimen = depth * cos + width * sin
    slab = max(specimen, field_A * sin / cos + depth / cos) if field_A else specimen
    if math.isinf(thickness_A):
        return Slicing(2 * slab, 1, 1, 0)
    per_group = max(1, int(automatic_A / thickness_A + 1e-6))
    per_group -= 1 - per_group % 2
    group = thickness_A * per_group
    core = max(1, math.ceil(specimen / group - 1e-6))
    outer = max(0, math.ceil((slab / group - core) / 2 - 1e-6))
    return Slicing(thickness_A, per_group, core, outer)


def slab_path_A(
    x_A: AnyArray, edges_A: tuple[float, float], depth_A: float, angle_deg: float
) -> DoubleArray:
    """Return the length of the beam's path in a tilted slab, between two beam coordinates.

    Parameters
    ----------
    x_A : ndarray, shape (x,)
        Detector position x' from the tilt axis.
    edges_A : (float, float)
    depth_A : float
        Thickness of the slab, which has no end along x.
    angle_deg : float

    Returns
    -------
    ndarray, shape (x,), float64
        Its sum over all slices is depth / cos θ.
    """
    cos, sin = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    middle, half = -np.asarray(x_A, np.float64) * sin / cos, depth_A / (2 * cos)
    first, last = edges_A
    path = np.minimum(last, middle + half) - np.maximum(first, middle - half)
    return np.asarray(np.maximum(path, 0.0))


def slice_band(
    edges_A: tuple[float, float], box_A: tuple[float, float, float, float], angle_deg: float
) -> tuple[float, float]:
    """Return the range of x' that a tilted box covers between two beam coordinates.

    Parameters
    ----------
    edges_A : (float, float)
        From and to, z'; may be infinite.
    box_A : (float, float, float, float)
        Lowest and highest z, lowest and highest x of the box.
    angle_deg : float

    Returns
    -------
    first, last : float
        Å from the tilt axis; first > last if the range is empty.
    """
    z_low, z_high, x_low, x_high = box_A
    cos, sin = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    if sin < 0:  # look at the mirror image
        first, last = slice_band(edges_A, (z_low, z_high, -x_high, -x_low), -angle_deg)
        return -last, -first

    def reach(z: float, x: float, pick: Callable[[float, float], float]) -> float:
        # z' of the edge where the faces z and x meet, moved between the two coordinates: the
        # farthest point of the box lies there.
        w = min(max(z * cos - x * sin, edges_A[0]), edges_A[1])
        at_x = (x + w * sin) / cos
        return pick(at_x, (z - w * cos) / sin) if sin > 1e-9 else at_x

    return reach(z_low, x_low, max), reach(z_high, x_high, min)
