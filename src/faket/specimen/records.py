"""The record of poses that a specimen is painted from, while it is filled."""

from collections.abc import Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from faket.data import DoubleArray, Particles

NO_AXES = np.full(3, np.nan)


def random_rotation(rng: np.random.Generator) -> Rotation:
    """Uniform on SO(3): the direction of four normal deviates is a uniform unit quaternion."""
    return Rotation.from_quat(rng.normal(size=4))


class PoseRecord:
    """Collects the poses of one specimen, positions in Å."""

    def __init__(self, voxel_size_A: float) -> None:
        """Begin without objects."""
        self.voxel_size_A = voxel_size_A
        self.species: list[str] = []
        self.rows: list[tuple[DoubleArray, DoubleArray, DoubleArray]] = []
        self.columns: list[Mapping[str, float]] = []
        self.filaments = 0  # their number, of all kinds

    def add(
        self,
        name: str,
        position_A: DoubleArray,
        rotation: Rotation,
        semi_axes_A: DoubleArray = NO_AXES,
        **columns: float,
    ) -> None:
        """Add an object: position x y z, orientation, semi-axes (NaN for molecules), columns."""
        self.species.append(name)
        self.rows.append((position_A, rotation.as_quat(), semi_axes_A))
        self.columns.append(columns)

    def copy(self) -> "PoseRecord":
        """Return a record that begins with these objects."""
        other = PoseRecord(self.voxel_size_A)
        other.species, other.rows = list(self.species), list(self.rows)
        other.columns, other.filaments = list(self.columns), self.filaments
        return other

    def particles(self) -> Particles:
        """Return all objects, with ids 1 ... n in the order in which they were added."""
        # [objects, position 3 + quaternion 4 + semi-axes 3], without objects too
        rows = np.array([np.concatenate(row) for row in self.rows]).reshape(-1, 10)
        names = dict.fromkeys(name for columns in self.columns for name in columns)
        return Particles(
            ids=np.arange(1, len(rows) + 1, dtype=np.int64),
            species=tuple(self.species),
            positions_A=rows[:, :3],
            rotations=Rotation.from_quat(rows[:, 3:7]),
            semi_axes_A=rows[:, 7:],
            columns={
                name: np.array([columns.get(name, np.nan) for columns in self.columns], np.float64)
                for name in names
            },
        )
