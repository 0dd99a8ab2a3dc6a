"""A carbon film with a round hole, of which the field shows the edge."""

import math
from dataclasses import dataclass

import numpy as np

from faket.data import DoubleArray, FloatArray
from faket.seeds import generator
from faket.specimen.surroundings_settings import CarbonSettings

_WAVES_ALONG = 12  # harmonics of the edge's raggedness; chosen
_RAGGED_A = 400.0  # longest period along the edge; chosen
_HALVINGS = 40  # of an interval of some µm, to below 1e-6 Å


@dataclass(frozen=True, eq=False)
class CarbonFilm:
    """A film in its place.

    Attributes
    ----------
    low_A, high_A : float
        Heights between which it lies, from the centre of voxel [0, 0, 0].
    beyond_A : ndarray, shape (y, x), float32
        Distance from the hole's edge, positive in the film.
    drawn : dict of str to float
    """

    low_A: float
    high_A: float
    beyond_A: FloatArray
    drawn: dict[str, float]

    def part(self, z_A: float, voxel_A: float) -> FloatArray | None:
        """Return the part of each voxel [y, x] of a plane that is carbon; None: of none."""
        low, high = z_A - voxel_A / 2, z_A + voxel_A / 2
        height = (min(high, self.high_A) - max(low, self.low_A)) / voxel_A
        if height <= 0:
            return None
        part = height * np.clip(self.beyond_A / voxel_A + 0.5, 0, 1)
        return np.asarray(part, np.float32)

    def centre_A(self, voxel_A: float) -> DoubleArray:
        """Return the middle x y z of what the field shows of it."""
        y, x = np.nonzero(self.beyond_A >= 0)
        return np.array([x.mean() * voxel_A, y.mean() * voxel_A, (self.low_A + self.high_A) / 2])


def draw_carbon(
    settings: CarbonSettings,
    size_voxels: tuple[int, int, int],
    voxel_A: float,
    faces_A: tuple[float, float],
    seed: int,
) -> CarbonFilm | None:
    """Draw a film; None if it covers nothing of the field.

    Parameters
    ----------
    settings : CarbonSettings
    size_voxels : (int, int, int)
        x, y, z.
    voxel_A : float
    faces_A : (float, float)
        Mean heights of the ice's faces.
    seed : int
    """
    nx, ny, _ = size_voxels
    rng = generator(seed, "carbon")
    drawn = {
        name: float(rng.uniform(*getattr(settings, name)))
        for name in ("cover", "thickness_A", "hole_diameter_A", "edge_A")
    }
    drawn["direction_deg"] = float(rng.uniform(0, 360))
    if not drawn["cover"]:
        return None
    x_A = ((np.arange(nx) - (nx - 1) / 2) * voxel_A).astype(np.float32)
    y_A = ((np.arange(ny)[:, None] - (ny - 1) / 2) * voxel_A).astype(np.float32)
    shift_A = _shift_A(drawn, nx * voxel_A, ny * voxel_A)
    direction = math.radians(drawn["direction_deg"])
    u_A, v_A = x_A + shift_A * math.cos(direction), y_A + shift_A * math.sin(direction)
    radius_A = drawn["hole_diameter_A"] / 2
    along_A = radius_A * np.arctan2(v_A, u_A)  # around the hole [y, x]
    beyond_A = np.hypot(u_A, v_A) - radius_A
    for _ in range(_WAVES_ALONG):
        # Whole periods around the hole, so that its edge closes.
        periods = max(1, round(2 * math.pi * radius_A / _RAGGED_A * rng.uniform(0.2, 1)))
        wave = np.cos(along_A / radius_A * periods + rng.uniform(0, 2 * math.pi))
        beyond_A = beyond_A + drawn["edge_A"] * math.sqrt(2 / _WAVES_ALONG) * wave
    if not (beyond_A >= 0).any():  # less than a voxel
        return None
    lower, upper = faces_A
    low_A = lower if settings.side == "lower" else upper - drawn["thickness_A"]
    return CarbonFilm(low_A, low_A + drawn["thickness_A"], beyond_A.astype(np.float32), drawn)


def _shift_A(drawn: dict[str, float], width_A: float, height_A: float) -> float:
    """Return how far the field's middle lies from the hole's, so that the cover is as wanted."""
    direction, radius_A = math.radians(drawn["direction_deg"]), drawn["hole_diameter_A"] / 2
    x_A = np.linspace(-0.5, 0.5, 201) * width_A
    y_A = np.linspace(-0.5, 0.5, 201)[:, None] * height_A
    low, high = 0.0, radius_A + math.hypot(width_A, height_A)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        u_A, v_A = x_A + middle * math.cos(direction), y_A + middle * math.sin(direction)
        covered = (np.hypot(u_A, v_A) > radius_A).mean()
        low, high = (middle, high) if covered < drawn["cover"] else (low, middle)
    return (low + high) / 2
