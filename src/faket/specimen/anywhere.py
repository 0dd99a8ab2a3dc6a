"""Where the next molecule of a species is tried if it has no company: anywhere, or in a layer.

Positions are in Å, order x y z; ``low`` and ``high`` are voxels.
"""

import math
from collections.abc import Iterator

import numpy as np
from scipy.spatial.transform import Rotation

from faket.data import DoubleArray
from faket.specimen.company import Company
from faket.specimen.config import SpecimenConfig
from faket.specimen.surroundings import Surroundings

BATCH = 256  # positions drawn at once; chosen, for speed alone
_SLACK_A = 1e-6


class Anywhere:
    """Evenly spread positions and orientations, or those that company restricts."""

    def __init__(
        self,
        config: SpecimenConfig,
        company: Company,
        rng: np.random.Generator,
        ice: Surroundings | None = None,
    ) -> None:
        """Begin without molecules; ``ice`` tells its faces, if they are not those of the box."""
        self.config, self.company, self.rng, self.ice = config, company, rng, ice

    def rounds(self) -> int:
        """Return how often the next molecule is tried, each time with a new orientation."""
        return 1

    def rotation(self) -> Rotation:
        """Draw an orientation: uniform on SO(3), or with the z axis near to the ice's normal."""
        if self.company.tilt_deg is None:
            # The direction of four normal deviates is a uniform unit quaternion.
            return Rotation.from_quat(self.rng.normal(size=4))
        low, high = np.cos(np.radians(self.company.tilt_deg))
        tilt = math.acos(self.rng.uniform(min(low, high), max(low, high)))
        spin, azimuth = self.rng.uniform(0, 2 * math.pi, 2)
        turns = ([0, 0, azimuth], [0, tilt, 0], [0, 0, spin])
        about, lean, around = (Rotation.from_rotvec(turn) for turn in turns)
        return about * lean * around

    def anywhere(self) -> bool:
        """Return whether neither positions nor orientations are restricted."""
        company = self.company
        return type(self) is Anywhere and company.layer_A is None and company.tilt_deg is None

    def batches(self, low: DoubleArray, high: DoubleArray) -> Iterator[DoubleArray]:
        """Yield positions [n, 3] to be tried in turn."""
        yield from self._uniform(low, high)

    def before(self) -> DoubleArray | None:
        """Return the position of what the next molecule is bound to; None if it is to nothing."""
        return None

    def placed(self, position_A: DoubleArray, rotation: Rotation) -> dict[str, float]:
        """Take note of a molecule that found room; return its columns of the particle table."""
        return {}

    def missed(self) -> None:
        """Take note that there was no room."""

    def _uniform(self, low: DoubleArray, high: DoubleArray) -> Iterator[DoubleArray]:
        if (low > high).any():
            return
        voxel_A, layer_A = self.config.voxel_size_A, self.company.layer_A
        # A few first: mostly one of them is free. If none is, many are tried at once.
        tries = self.config.max_tries
        for n in filter(None, (min(tries, BATCH), max(tries - BATCH, 0))):
            positions_A = (low + self.rng.random((n, 3)) * (high - low)) * voxel_A
            if layer_A is None:
                yield positions_A
            else:
                depth_A, upper = self.rng.uniform(*layer_A, n), self.rng.random(n) < 0.5
                lower_A, upper_A = self._faces_A(positions_A)
                positions_A[:, 2] = np.where(upper, upper_A - depth_A, lower_A + depth_A)
                yield self._within(positions_A, low, high)

    def _within(self, positions_A: DoubleArray, low: DoubleArray, high: DoubleArray) -> DoubleArray:
        """Return the positions that are between two corners, and in the layer if there is one."""
        layer_A, place = self.company.layer_A, positions_A / self.config.voxel_size_A
        kept = ((place >= low) & (place <= high)).all(axis=1)
        if layer_A is not None:
            lower_A, upper_A = self._faces_A(positions_A)
            depth_A = np.minimum(positions_A[:, 2] - lower_A, upper_A - positions_A[:, 2])
            kept &= (depth_A >= layer_A[0] - _SLACK_A) & (depth_A <= layer_A[1] + _SLACK_A)
        return positions_A[kept]

    def _faces_A(self, positions_A: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        """Return the heights of the lower and the upper face of the ice at positions [n, 3]."""
        voxel_A, n = self.config.voxel_size_A, len(positions_A)
        lower_A = np.full(n, -0.5 * voxel_A)
        upper_A = np.full(n, (self.config.size_voxels[2] - 0.5) * voxel_A)
        if self.ice is None:
            return lower_A, upper_A
        faces_A = self.ice.faces_at(positions_A)
        return np.maximum(lower_A, faces_A[0]), np.minimum(upper_A, faces_A[1])
