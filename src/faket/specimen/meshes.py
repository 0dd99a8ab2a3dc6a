"""Triangles of a level set, and what they tell: area, volume, curvature, Euler characteristic.

Each cube of the grid is cut into six tetrahedra around its diagonal, alike in every cube, so the
triangles of neighbours meet. Vertices lie on the interpolated surface.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from faket.data import AnyArray, DoubleArray
from faket.specimen.level_sets import (
    MARGIN,
    LevelSet,
    curvatures_at,
    node_values,
    projected,
)

# Corners of a cube are numbered x + 2 y + 4 z; each tetrahedron goes from 0 to 7 along three edges.
_TETRAHEDRA = ((0, 1, 3, 7), (0, 1, 5, 7), (0, 2, 3, 7), (0, 2, 6, 7), (0, 4, 5, 7), (0, 4, 6, 7))
_LEFT_HANDED = np.array([False, True, True, False, False, True])
# Triangles by the number of corners inside, which come first.
_SIDES = (
    (1, ((0, 1), (0, 2), (0, 3))),
    (3, ((3, 0), (3, 1), (3, 2))),
    (2, ((0, 2), (0, 3), (1, 3))),
    (2, ((0, 2), (1, 3), (1, 2))),
)


@dataclass(frozen=True, eq=False)
class Mesh:
    """A surface of triangles.

    Attributes
    ----------
    vertices_A : ndarray, shape (n, 3), float64
        x y z.
    normals : ndarray, shape (n, 3), float64
        Outward unit normals of the level set.
    mean_curvature_per_A, gauss_curvature_per_A2 : ndarray, shape (n,), float64
        The former is 1 / R of a sphere.
    triangles : ndarray of int, shape (m, 3)
        Vertices, counter-clockwise seen from outside.
    """

    vertices_A: DoubleArray
    normals: DoubleArray
    mean_curvature_per_A: DoubleArray
    gauss_curvature_per_A2: DoubleArray
    triangles: AnyArray

    def areas_A2(self) -> DoubleArray:
        """Return the area of each triangle."""
        return 0.5 * np.asarray(np.linalg.norm(self._crossed(), axis=1))

    def volume_A3(self) -> float:
        """Return the volume enclosed, by Gauss's theorem; of a closed surface only."""
        return float((self.vertices_A[self.triangles[:, 0]] * self._crossed()).sum() / 6)

    def euler_characteristic(self) -> int:
        """Return vertices less edges plus triangles: 2 - 2 genus of a closed surface."""
        return len(self.vertices_A) - len(_edges(self.triangles)[0]) + len(self.triangles)

    def closed(self) -> bool:
        """Tell whether every edge belongs to two triangles."""
        return bool((_edges(self.triangles)[1] == 2).all())

    def mean_of(self, values: DoubleArray) -> float:
        """Return the mean over the surface of a value of each vertex."""
        areas = self.areas_A2()
        return float((values[self.triangles].mean(axis=1) * areas).sum() / areas.sum())

    def moved(self, shift_A: DoubleArray) -> "Mesh":
        """Return it elsewhere."""
        return replace(self, vertices_A=self.vertices_A + shift_A)

    def inside(self, box_A: DoubleArray) -> "Mesh":
        """Return the triangles whose corners all lie between two corners, shape (2, 3)."""
        return self.where(
            ((self.vertices_A >= box_A[0]) & (self.vertices_A <= box_A[1])).all(axis=1)
        )

    def where(self, within: AnyArray) -> "Mesh":
        """Return the triangles whose corners are all among some of the vertices, shape (n,)."""
        triangles = self.triangles[within[self.triangles].all(axis=1)]
        kept, index = np.unique(triangles, return_inverse=True)
        return Mesh(
            self.vertices_A[kept],
            self.normals[kept],
            self.mean_curvature_per_A[kept],
            self.gauss_curvature_per_A2[kept],
            index.reshape(-1, 3),
        )

    def components(self) -> AnyArray:
        """Return the number of the connected part to which each vertex belongs."""
        n = len(self.vertices_A)
        pairs = _edges(self.triangles)[0]
        links = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), (n, n))
        return np.asarray(connected_components(links, directed=False)[1])

    def _crossed(self) -> DoubleArray:
        a, b, c = (self.vertices_A[self.triangles[:, i]] for i in range(3))
        return np.asarray(np.cross(b - a, c - a))


def mesh_of(surface: LevelSet) -> Mesh:
    """Return the triangles of a level set, without those in the grid's margin."""
    kept = slice(MARGIN - 1, 1 - MARGIN)
    values = np.ascontiguousarray(node_values(surface)[kept, kept, kept])
    pairs, triangles = _triangles(*_cut_tetrahedra(values))
    places = np.unravel_index(pairs, values.shape)  # z, y, x of both ends
    ends = np.stack(places[::-1], axis=-1).astype(np.float64)  # [n, end, x y z]
    levels = np.abs(values.ravel()[pairs].astype(np.float64)) + 1e-12
    share = (levels[:, 0] / levels.sum(axis=1))[:, None]
    nodes = ends[:, 0] * (1 - share) + ends[:, 1] * share + (MARGIN - 1)
    vertices, normals = projected(surface, surface.origin_A + surface.spacing_A * nodes)
    curvatures = curvatures_at(surface, vertices)
    return Mesh(vertices, normals, curvatures[:, 0], curvatures[:, 1], triangles)


def _cut_tetrahedra(values: AnyArray) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Return all tetrahedra that the surface cuts.

    Their nodes [n, 4], which of them are inside, and whether they are left-handed.
    """
    inside = values < 0
    low = np.ones(np.array(values.shape) - 1, bool)
    high = np.zeros_like(low)
    for corner in range(8):
        x, y, z = corner & 1, corner >> 1 & 1, corner >> 2
        part = inside[z : z + low.shape[0], y : y + low.shape[1], x : x + low.shape[2]]
        low &= part
        high |= part
    first = np.ravel_multi_index(np.nonzero(high & ~low), values.shape)
    _, ny, nx = values.shape
    offsets = np.array([(c & 1) + nx * (c >> 1 & 1) + nx * ny * (c >> 2) for c in range(8)])
    # [cells, 1, 1] + [tetrahedra, corners] → [cells x tetrahedra, corners]
    corners = (first[:, None, None] + offsets[np.array(_TETRAHEDRA)]).reshape(-1, 4)
    insides = inside.ravel()[corners]
    count = insides.sum(axis=1)
    cut = (count > 0) & (count < 4)
    left = np.tile(_LEFT_HANDED, len(first))
    return corners[cut], insides[cut], left[cut]


def _triangles(corners: AnyArray, insides: AnyArray, left: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Return the cut edges as pairs of nodes, and the triangles between them."""
    order = np.argsort(~insides, axis=1, kind="stable")  # those inside come first
    nodes = np.take_along_axis(corners, order, axis=1)
    count = insides.sum(axis=1)
    turned = left ^ _odd(order)
    sides = []
    for n, rows in _SIDES:  # of right-handed ones, seen from outside
        chosen = count == n
        edges = nodes[chosen][:, np.array(rows)]  # [tetrahedra, three edges, two nodes]
        sides.append(np.where(turned[chosen, None, None], edges[:, ::-1], edges))
    ends = np.concatenate(sides).reshape(-1, 2)  # [triangles x 3, two nodes]
    keys = np.sort(ends, axis=1)
    packed = keys[:, 0].astype(np.int64) << 32 | keys[:, 1]
    unique, index = np.unique(packed, return_inverse=True)
    pairs = np.stack([unique >> 32, unique & 0xFFFFFFFF], axis=1)
    return pairs, index.reshape(-1, 3)


def _odd(order: AnyArray) -> AnyArray:
    """Tell which rows are odd permutations."""
    swaps = sum(order[:, i] > order[:, j] for i in range(3) for j in range(i + 1, 4))
    return np.asarray(swaps % 2 == 1)


def _edges(triangles: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Return the different edges [n, 2] and the number of triangles of each."""
    ends = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    packed, counts = np.unique(ends[:, 0].astype(np.int64) << 32 | ends[:, 1], return_counts=True)
    return np.stack([packed >> 32, packed & 0xFFFFFFFF], axis=1), counts
