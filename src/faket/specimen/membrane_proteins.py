"""Molecules on membranes: a site of the surface, the normal there, and a pose that fits."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from faket.data import AnyArray, DoubleArray
from faket.specimen.free_places import first_fit
from faket.specimen.level_sets import projected, values_at
from faket.specimen.membrane_settings import OnMembrane
from faket.specimen.membranes import PlacedMembrane
from faket.specimen.shapes import Shape

_TURNS = 4  # orientations tried at one site; chosen
_MISSES = 40  # sites of a cluster in a row without room, after which it is full; chosen


class SitesOnMembrane:
    """Random sites of a membrane, alike likely on every area, or clustered."""

    def __init__(self, membrane: PlacedMembrane, how: OnMembrane, rng: np.random.Generator) -> None:
        """Begin without sites."""
        self._membrane, self._how, self._rng = membrane, how, rng
        mesh = membrane.mesh
        areas = mesh.areas_A2()
        self._cumulative = np.cumsum(areas) / areas.sum()
        self._middles = cKDTree(mesh.vertices_A[mesh.triangles].mean(axis=1))
        self._left = 0  # in the cluster
        self._misses = 0  # in a row
        self._centre: DoubleArray | None = None
        self.taken: list[DoubleArray] = []

    def draw(self) -> tuple[DoubleArray, DoubleArray] | None:
        """Return a site and the outward normal there; None if it is too near to a taken one."""
        triangle = self._triangle()
        mesh = self._membrane.mesh
        corners = mesh.vertices_A[mesh.triangles[triangle]]
        r, s = self._rng.random(2)
        weights = np.array([1 - math.sqrt(r), math.sqrt(r) * (1 - s), math.sqrt(r) * s])
        sites, normals = projected(self._membrane.surface, (weights @ corners)[None])
        if self._centre is None:
            self._centre = sites[0]
        spacing_A = self._how.spacing_A
        if spacing_A is not None and self.taken:
            gaps = np.linalg.norm(np.array(self.taken) - sites[0], axis=1)
            if gaps.min() < spacing_A:
                self.miss()
                return None
        return sites[0], normals[0]

    def take(self, site_A: DoubleArray) -> None:
        """Count a site, and end its cluster when that is complete."""
        self.taken.append(site_A)
        self._left -= 1
        self._misses = 0

    def miss(self) -> None:
        """Count a site without room, and end a cluster that is full."""
        self._misses += 1
        if self._misses >= _MISSES:
            self._left = self._misses = 0

    def _triangle(self) -> int:
        if self._left <= 0:
            low, high = self._how.cluster
            self._left = int(self._rng.integers(low, high + 1))
            self._centre = None
        if self._centre is not None:
            near = self._middles.query_ball_point(self._centre, self._how.cluster_radius_A)
            if near:
                near.sort()
                steps = np.diff(self._cumulative, prepend=0.0)[near]
                return int(self._rng.choice(near, p=steps / steps.sum()))
        last = len(self._cumulative) - 1
        return min(int(np.searchsorted(self._cumulative, self._rng.random())), last)


def pose_on_membrane(how: OnMembrane, normal: DoubleArray, rng: np.random.Generator) -> Rotation:
    """Draw an orientation that takes the molecule's axis to the normal, but for its wobble."""
    inward = how.facing == "in" or (how.facing == "both" and rng.random() < 0.5)
    along = turn_between(np.array(how.axis), -normal if inward else normal)
    across = np.cross(normal, rng.normal(size=3))
    across /= np.linalg.norm(across)
    # Uniform on the cap of directions within the wobble.
    cosine = rng.uniform(math.cos(math.radians(how.wobble_deg)), 1.0)
    tilt = Rotation.from_rotvec(across * math.acos(cosine))
    axis = np.array(how.axis) / np.linalg.norm(how.axis)
    spin = Rotation.from_rotvec(axis * rng.uniform(0, 2 * math.pi))
    return tilt * along * spin


def turn_between(one: DoubleArray, other: DoubleArray) -> Rotation:
    """Return the shortest rotation from one direction to another."""
    one, other = one / np.linalg.norm(one), other / np.linalg.norm(other)
    cosine = float(one @ other)
    if cosine < -1 + 1e-12:  # opposite: half a turn about any axis across
        across = np.cross(one, np.eye(3)[np.argmin(np.abs(one))])
        return Rotation.from_rotvec(math.pi * across / np.linalg.norm(across))
    x, y, z = np.cross(one, other)
    return Rotation.from_quat([x, y, z, 1 + cosine])


def place_on_membrane(
    sites: SitesOnMembrane,
    how: OnMembrane,
    shape: Shape,
    others: Sequence[PlacedMembrane],
    occupancy: AnyArray,
    voxel_A: float,
    rng: np.random.Generator,
    start_A: DoubleArray,
) -> tuple[DoubleArray, Rotation] | None:
    """Try one site; return position and orientation if the molecule fits there.

    It may share no voxel with what is occupied (an array that begins at ``start_A``, x y z), and
    come into no other membrane.
    """
    drawn = sites.draw()
    if drawn is None:
        return None
    site_A, normal = drawn
    depth_A = 0.0 if how.depth_A is None else how.depth_A
    axis = np.array(how.axis) / np.linalg.norm(how.axis)
    for _ in range(_TURNS):
        turn = pose_on_membrane(how, normal, rng)
        position_A = site_A - depth_A * turn.apply(axis)
        points = shape.points @ turn.as_matrix().T
        if _meets(others, position_A + points * voxel_A):
            continue
        centre = ((position_A - start_A) / voxel_A)[None]
        pose = centre, turn.as_matrix(), points
        if first_fit(occupancy, *pose, shape.envelope) >= 0:
            sites.take(site_A)
            return position_A, turn
    sites.miss()
    return None


def _meets(others: Sequence[PlacedMembrane], points_A: DoubleArray) -> Any:
    return any((np.abs(values_at(one.surface, points_A)) < one.half_A).any() for one in others)
