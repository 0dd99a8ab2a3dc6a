"""Parts of a specimen that are filled on trial before anything is kept."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from faket.data import AnyArray, DoubleArray
from faket.specimen.level_sets import SPACING_A
from faket.specimen.scene import Scene
from faket.specimen.shapes import Shape

Pose = tuple[DoubleArray, Rotation]


@dataclass(eq=False)
class Room:
    """A part of a specimen, which is filled on trial.

    Attributes
    ----------
    origin : ndarray, shape (3,)
        Its first voxel, x y z.
    occupancy : ndarray of bool, shape (z, y, x)
        A copy.
    found : list of (str, Pose)
        What was placed in it.
    """

    origin: AnyArray
    occupancy: AnyArray
    found: list[tuple[str, Pose]]

    @classmethod
    def about(
        cls,
        scene: Scene,
        points_A: DoubleArray,
        shapes: Mapping[str, Shape],
        voxel_A: float,
        aside_A: float = 0.0,
    ) -> "Room":
        """Return the part of a scene that molecules up to ``aside_A`` from points can reach."""
        reach = max(shape.envelope.radius for shape in shapes.values())
        reach += (aside_A + SPACING_A) / voxel_A
        size = np.array(scene.occupancy.shape[::-1])
        low, high = points_A.min(axis=0) / voxel_A, points_A.max(axis=0) / voxel_A
        first = np.clip(np.floor(low - reach).astype(int), 0, size)
        last = np.clip(np.ceil(high + reach).astype(int) + 1, 0, size)
        return cls(first, cls._part(scene, first, last - first).copy(), [])

    @staticmethod
    def _part(scene: Scene, first: AnyArray, size: AnyArray) -> AnyArray:
        (x, y, z), (nx, ny, nz) = first, size
        return scene.occupancy[z : z + nz, y : y + ny, x : x + nx]

    def copy(self) -> "Room":
        """Return a room of its own."""
        return Room(self.origin, self.occupancy.copy(), list(self.found))

    def keep(self, scene: Scene, number: int) -> None:
        """Put what was placed into the scene, as of a membrane."""
        part = self._part(scene, self.origin, np.array(self.occupancy.shape[::-1]))
        part[...] = self.occupancy
        for name, pose in self.found:
            scene.record.add(name, *pose, membrane=number)
