"""Where filaments grow: in what is free, inside membranes, and cut by the faces of the ice."""

from dataclasses import dataclass

import numpy as np

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.specimen.collisions import NO_FACE, any_meets, occupy
from faket.specimen.lattices import Subunits
from faket.specimen.level_sets import LevelSet, values_at
from faket.specimen.shapes import Shape

STARTS = 20  # of one filament; chosen
NO_FACES = NO_FACE, NO_FACE


@dataclass(frozen=True, eq=False)
class Place:
    """Where filaments grow.

    Attributes
    ----------
    occupancy : ndarray of bool, shape (z, y, x)
    voxel_size_A : float
    shape : Shape
        The subunit's.
    within : tuple of LevelSet
        Surfaces inside one of which every subunit lies; none: anywhere.
    outside : tuple of LevelSet
        Surfaces inside none of which a subunit lies, such as those nested in the former.
    cut_by : tuple of two ndarray, shape (y, x), float32
        Heights (voxels) of the lower and upper face of the ice, if these cut filaments. Empty:
        filaments stay in what is free.
    """

    occupancy: AnyArray
    voxel_size_A: float
    shape: Shape
    within: tuple[LevelSet, ...] = ()
    outside: tuple[LevelSet, ...] = ()
    cut_by: tuple[FloatArray, FloatArray] = NO_FACES

    @property
    def size_A(self) -> DoubleArray:
        """Size of the box along x, y, z."""
        return np.array(self.occupancy.shape[::-1], np.float64) * self.voxel_size_A

    def holds(self, positions_A: DoubleArray, margin_A: float = 0.0) -> AnyArray:
        """Return which positions [n, 3] are in the box, or no farther from it than a margin."""
        low, high = -0.5 * self.voxel_size_A - margin_A, self.size_A + margin_A
        inside = ((positions_A >= low) & (positions_A < high - 0.5 * self.voxel_size_A)).all(axis=1)
        lower, upper = self.cut_by
        if len(lower):
            x, y = np.rint(positions_A[:, :2] / self.voxel_size_A).astype(np.int64).T
            y, x = np.clip(y, 0, lower.shape[0] - 1), np.clip(x, 0, lower.shape[1] - 1)
            z, margin = positions_A[:, 2] / self.voxel_size_A, margin_A / self.voxel_size_A
            inside &= (z >= lower[y, x] - margin) & (z <= upper[y, x] + margin)
        return np.asarray(inside)

    def meets(self, subunits: Subunits, walls: bool) -> bool:
        """Return whether one of the subunits meets something, the box's faces along z too."""
        if not self.encloses(subunits.positions_A):
            return True
        poses = self._in_voxels(subunits)
        return bool(any_meets(self.occupancy, *poses, self.shape.envelope, walls, *self.cut_by))

    def encloses(self, positions_A: DoubleArray) -> bool:
        """Return whether all positions [n, 3] lie in the compartment, if it is one."""
        depths_A = [values_at(surface, positions_A) for surface in self.within]
        if depths_A and (np.min(depths_A, axis=0) >= 0).any():
            return False
        return all((values_at(surface, positions_A) > 0).all() for surface in self.outside)

    def start_A(self, rng: np.random.Generator) -> DoubleArray:
        """Draw a start, x y z."""
        for _ in range(STARTS):
            start_A = (rng.random(3) * self.size_A) - 0.5 * self.voxel_size_A
            if self.encloses(start_A[None]) and self.holds(start_A[None])[0]:
                break
        return start_A

    def occupy(self, subunits: Subunits) -> None:
        """Occupy the subunits' voxels."""
        occupy(self.occupancy, *self._in_voxels(subunits), self.shape.envelope)

    def _in_voxels(self, subunits: Subunits) -> tuple[DoubleArray, DoubleArray]:
        return subunits.positions_A / self.voxel_size_A, subunits.rotations
