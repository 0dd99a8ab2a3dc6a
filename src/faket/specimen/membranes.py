"""A membrane of a specimen: drawn, built, and moved to where it meets nothing."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from faket.data import AnyArray, DoubleArray, FloatArray, MembraneFacts
from faket.specimen.bilayers import add_bilayer, label_bilayer
from faket.specimen.level_sets import LevelSet, node_values, values_at
from faket.specimen.membrane import label_half_thickness_A, tabulated_bilayer
from faket.specimen.membrane_curvature import with_curvature
from faket.specimen.membrane_records import MembraneRecord, draw_membrane, inner_of_double
from faket.specimen.membrane_settings import MembraneSettings
from faket.specimen.membrane_shapes import half_extents_A, surface_of
from faket.specimen.meshes import Mesh, mesh_of
from faket.vocabulary import membrane_class

# Of one membrane that does not fit. Chosen: of fields of 600 Å seven in eight come too near to
# themselves, and each is built anew.
_DRAWS = 20
_BATCH = 16  # positions looked at together; chosen, for speed alone
_GAP_A = 20.0  # between the labels of two membranes, at least; chosen: a node of their grids
_POINTS = 1000  # of a surface, looked at before all of them; chosen, for speed alone
_TOUCH = 1e-3  # of a surface, that may come too near to another part of it; chosen
_BENT_A = 3.0  # by which the distance then is too short; chosen


@dataclass(frozen=True, eq=False)
class PlacedMembrane:
    """A membrane in its place.

    Attributes
    ----------
    number : int
        Value in the instance mask, and id in the particle table.
    parent : int
        Number of the membrane in which it lies; 0: in none.
    record : MembraneRecord
    surface : LevelSet
        Signed distance, Å, negative inside.
    mesh : Mesh
    """

    number: int
    parent: int
    record: MembraneRecord
    surface: LevelSet
    mesh: Mesh

    @property
    def half_A(self) -> float:
        """Distance from the surface up to which voxels are labelled."""
        return label_half_thickness_A(self.record.thickness_A)

    def add_to(self, potential: FloatArray, first: int, voxel_A: float) -> None:
        """Add its potential to planes [z, y, x] from z = ``first`` on."""
        profile = tabulated_bilayer(voxel_A, thickness_A=self.record.thickness_A)
        add_bilayer(potential, first, voxel_A, self.surface, profile.values_V, profile.step_A)

    def label(
        self,
        class_mask: AnyArray,
        instance_mask: AnyArray,
        origin: tuple[int, int, int],
        step: int,
        voxel_A: float,
        label: int,
    ) -> None:
        """Label the samples [z, y, x] that no other object has."""
        masks = class_mask, instance_mask, origin, step, voxel_A
        label_bilayer(*masks, self.surface, self.half_A, label, self.number)

    def occupy(self, occupancy: AnyArray, voxel_A: float) -> None:
        """Mark its voxels [z, y, x] as occupied."""
        mask = occupancy.view(np.uint8)
        label_bilayer(mask, mask, (0, 0, 0), 1, voxel_A, self.surface, self.half_A, 1, 1)

    def facts(self) -> MembraneFacts:
        """Measure it."""
        mesh, closed = self.mesh, not self.record.is_open
        curvature = mesh.mean_of(mesh.mean_curvature_per_A)
        variance = mesh.mean_of((mesh.mean_curvature_per_A - curvature) ** 2)
        return MembraneFacts(
            id=self.number,
            name=membrane_class(self.record.name),
            parent=self.parent,
            closed=closed,
            thickness_A=self.record.thickness_A,
            area_A2=float(mesh.areas_A2().sum()),
            volume_A3=mesh.volume_A3() if closed else math.nan,
            mean_curvature_per_A=curvature,
            curvature_sd_per_A=math.sqrt(variance),
            euler_characteristic=mesh.euler_characteristic(),
        )


@dataclass(frozen=True, eq=False)
class _Candidate:
    record: MembraneRecord
    surface: LevelSet
    mesh: Mesh

    @classmethod
    def of(cls, record: MembraneRecord, box_A: DoubleArray) -> "_Candidate | None":
        """Build it; None if it has no surface, or one that comes too near to itself."""
        surface = surface_of(record, box_A)
        mesh = mesh_of(surface)
        if record.is_open:
            mesh = mesh.inside(box_A)
        if not len(mesh.triangles) or mesh.closed() == record.is_open:
            return None
        half_A = label_half_thickness_A(record.thickness_A)
        for side in (half_A, -half_A):
            found = values_at(surface, mesh.vertices_A + side * mesh.normals)
            if (np.abs(found - side) > _BENT_A).mean() > _TOUCH:
                return None
        return cls(record, surface, mesh)

    def at(self, centre_A: DoubleArray) -> "_Candidate":
        """Move it from the origin, if it is not built in its place."""
        if self.record.is_open:
            return self
        x, y, z = (float(c) for c in centre_A)
        return _Candidate(
            replace(self.record, centre_A=(x, y, z)),
            self.surface._replace(origin_A=self.surface.origin_A + centre_A),
            replace(self.mesh, vertices_A=self.mesh.vertices_A + centre_A),
        )


class Membranes:
    """The membranes of a specimen, one placed after another."""

    def __init__(self, size_voxels: Sequence[int], voxel_A: float, occupancy: AnyArray) -> None:
        """Begin with those voxels [z, y, x] occupied in which no membrane may lie."""
        self.voxel_A = voxel_A
        self.box_A = np.array([[-0.5] * 3, np.array(size_voxels) - 0.5]) * voxel_A
        self.occupancy = occupancy
        self.placed: list[PlacedMembrane] = []

    def add(
        self, settings: MembraneSettings, rng: np.random.Generator, parent: int, tries: int
    ) -> bool:
        """Draw a membrane (both of a double) and place it; tell whether there was room."""
        for _ in range(_DRAWS):
            drawn = draw_membrane(settings, rng)
            if drawn.is_open:
                drawn = self._sheet_in_place(drawn, rng)
            layers = [] if self._is_too_large(drawn) else self._layers(settings, drawn, rng)
            if not layers:
                continue
            for centre_A in self._centres_A(layers[0], parent, rng, tries):
                if self._free(layers[0], centre_A, parent):
                    for layer in layers:
                        parent = self._keep(layer.at(centre_A), parent)
                    return True
        return False

    def _sheet_in_place(self, drawn: MembraneRecord, rng: np.random.Generator) -> MembraneRecord:
        """Draw where a sheet crosses the box, whose middle lies on the sheet's inner side."""
        middle_A = self.box_A.mean(axis=0)
        centre_A = self.box_A[0] + rng.random(3) * np.ptp(self.box_A, axis=0)
        if (middle_A - centre_A) @ drawn.matrix()[:, 2] > 0:
            centre_A = 2 * middle_A - centre_A
        x, y, z = (float(c) for c in centre_A)
        return replace(drawn, centre_A=(x, y, z))

    def _is_too_large(self, drawn: MembraneRecord) -> bool:
        """Tell whether it is too large for the box, before it is built."""
        size_A = 2 * half_extents_A(drawn) - 4 * drawn.undulation_A
        return not drawn.is_open and bool((size_A > self.box_A[1] - self.box_A[0]).any())

    def _layers(
        self, settings: MembraneSettings, drawn: MembraneRecord, rng: np.random.Generator
    ) -> list[_Candidate]:
        """Build a membrane, of a double both; nothing if one of them cannot be."""
        drawn = with_curvature(drawn, self.box_A)
        records = [drawn]
        if settings.shape == "double":
            records.append(inner_of_double(drawn, settings, rng))
        layers = [_Candidate.of(record, self.box_A) for record in records]
        built = [layer for layer in layers if layer is not None]
        return built if len(built) == len(layers) else []

    def _centres_A(
        self, candidate: _Candidate, parent: int, rng: np.random.Generator, tries: int
    ) -> Iterator[DoubleArray]:
        if candidate.record.is_open:
            yield np.zeros(3)
            return
        half_A = label_half_thickness_A(candidate.record.thickness_A)
        low = self.box_A[0] - candidate.mesh.vertices_A.min(axis=0) + half_A
        high = self.box_A[1] - candidate.mesh.vertices_A.max(axis=0) - half_A
        if (low > high).any():
            return
        if not parent:
            for _ in range(tries):
                yield rng.uniform(low, high)
            return
        places_A = inside_nodes_A(self.of(parent))
        for _ in range(tries if len(places_A) else 0):
            place_A = places_A[rng.integers(len(places_A))]
            if (place_A >= low).all() and (place_A <= high).all():
                yield place_A

    def _free(self, candidate: _Candidate, centre_A: DoubleArray, parent: int) -> bool:
        """Tell whether it meets no membrane, nothing that is occupied, and encloses nothing."""
        points, normals = candidate.mesh.vertices_A, candidate.mesh.normals
        few = slice(None, None, max(1, len(points) // _POINTS))
        half_A = label_half_thickness_A(candidate.record.thickness_A)
        around = self._ancestors(parent)
        ends = candidate.record.is_open  # at carbon and at the faces of the ice
        for part in (few, slice(None)):
            for other in self.placed:
                sign = -1.0 if other.number in around else 1.0
                least_A = half_A + other.half_A + _GAP_A
                gaps = sign * values_at(other.surface, points[part] + centre_A)
                if other.record.is_open and other.number not in around:
                    gaps = np.abs(gaps)  # either side of a sheet
                if (gaps < least_A).any():
                    return False
            for side in (0.0, half_A, -half_A):
                if not ends and self._meets_occupied(
                    points[part] + side * normals[part] + centre_A
                ):
                    return False
        if candidate.record.is_open:
            return True
        others = [one.mesh.vertices_A[:1] for one in self.placed if one.number not in around]
        return all(values_at(candidate.surface, point - centre_A)[0] > 0 for point in others)

    def _meets_occupied(self, points_A: DoubleArray) -> bool:
        x, y, z = np.rint(points_A / self.voxel_A).astype(np.int64).T
        nz, ny, nx = self.occupancy.shape
        here = (x >= 0) & (x < nx) & (y >= 0) & (y < ny) & (z >= 0) & (z < nz)
        return bool(self.occupancy[z[here], y[here], x[here]].any())

    def _ancestors(self, parent: int) -> set[int]:
        found = set()
        while parent:
            found.add(parent)
            parent = self.of(parent).parent
        return found

    def _keep(self, candidate: _Candidate, parent: int) -> int:
        number = len(self.placed) + 1
        self.placed.append(
            PlacedMembrane(number, parent, candidate.record, candidate.surface, candidate.mesh)
        )
        return number

    def of(self, number: int) -> PlacedMembrane:
        """Return the membrane of a number."""
        return self.placed[number - 1]


def inside_nodes_A(membrane: PlacedMembrane) -> DoubleArray:
    """Return the nodes x y z inside a closed membrane, beyond its bilayer, shape (n, 3)."""
    surface = membrane.surface
    found = np.argwhere(node_values(surface) < -membrane.half_A)[:, ::-1]  # z y x → x y z
    return np.asarray(surface.origin_A + surface.spacing_A * found)
