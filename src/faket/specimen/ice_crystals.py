"""Ice crystals: hexagonal prisms with flat faces, at any angle."""

import math
from dataclasses import dataclass

import numpy as np

from faket.data import DoubleArray, FloatArray
from faket.specimen.records import random_rotation
from faket.specimen.surroundings_settings import CrystalSettings

_CUT = (0.7, 1.0)  # distances of the faces, of the radius; chosen: no two crystals look alike
_HEIGHT = (0.5, 1.2)  # of a prism, of its radius; chosen: from plates to columns
_OUTSIDE = 0.3  # of the radius, by which the middle lies above the ice; chosen: they stick to it


@dataclass(frozen=True, eq=False)
class IceCrystal:
    """A convex crystal.

    Attributes
    ----------
    centre_A : ndarray, shape (3,), float64
        x y z from the centre of voxel [0, 0, 0].
    normals : ndarray, shape (8, 3), float64
    offsets_A : ndarray, shape (8,), float64
        Distance of each face from the centre.
    """

    centre_A: DoubleArray
    normals: DoubleArray
    offsets_A: DoubleArray

    @property
    def reach_A(self) -> float:
        """Return a distance from the centre within which all of it lies."""
        sides, caps = self.offsets_A[:6].max(), self.offsets_A[6:].max()
        return float(math.hypot(2 * sides, caps))  # two sides at 60 degrees meet within 2 / √3

    def part(
        self, z_A: float, voxel_A: float, shape: tuple[int, int]
    ) -> tuple[tuple[slice, slice], FloatArray] | None:
        """Return a window [y, x] of a plane and the part of each voxel in it that is crystal."""
        if abs(z_A - self.centre_A[2]) > self.reach_A + voxel_A:
            return None
        reach = self.reach_A / voxel_A + 1
        window = []
        for centre, n in zip(self.centre_A[1::-1] / voxel_A, shape, strict=True):
            first = min(max(0, math.floor(centre - reach)), n)
            window.append(slice(first, max(first, min(n, math.ceil(centre + reach) + 1))))
        y, x = (np.arange(side.start, side.stop) * voxel_A for side in window)
        place = (x - self.centre_A[0], y[:, None] - self.centre_A[1], z_A - self.centre_A[2])
        outside = np.full((len(y), len(x)), -np.inf)
        for normal, offset in zip(self.normals, self.offsets_A, strict=True):
            plane = normal[0] * place[0] + normal[1] * place[1] + (normal[2] * place[2] - offset)
            np.maximum(outside, plane, out=outside)
        return (window[0], window[1]), np.clip(0.5 - outside / voxel_A, 0, 1).astype(np.float32)


def draw_crystals(
    settings: CrystalSettings,
    lower_A: FloatArray,
    upper_A: FloatArray,
    voxel_A: float,
    rng: np.random.Generator,
) -> tuple[IceCrystal, ...]:
    """Draw crystals on two faces, whose heights are [y, x]."""
    ny, nx = lower_A.shape
    crystals = []
    for _ in range(int(rng.integers(settings.count[0], settings.count[1] + 1))):
        radius_A = rng.uniform(*settings.diameter_A) / 2
        x, y = int(rng.integers(nx)), int(rng.integers(ny))
        upper = rng.random() < 0.5
        height_A = upper_A[y, x] if upper else lower_A[y, x]
        z_A = height_A + (1 if upper else -1) * _OUTSIDE * radius_A
        angles = math.pi / 3 * np.arange(6)
        sides = np.column_stack([np.cos(angles), np.sin(angles), np.zeros(6)])
        normals = np.vstack([sides, [[0, 0, 1], [0, 0, -1]]])
        offsets_A = radius_A * np.append(
            rng.uniform(*_CUT, 6), rng.uniform(*_CUT, 2) * rng.uniform(*_HEIGHT)
        )
        turned = random_rotation(rng).apply(normals)
        crystals.append(
            IceCrystal(np.array([x * voxel_A, y * voxel_A, z_A], np.float64), turned, offsets_A)
        )
    return tuple(crystals)
