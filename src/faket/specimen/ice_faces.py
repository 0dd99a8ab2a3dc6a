"""The faces of a slab of ice: heights over the field."""

import math
from dataclasses import dataclass

import numpy as np

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.seeds import derive, generator
from faket.specimen.random_fields import field_on_grid, random_waves
from faket.specimen.surroundings_settings import LamellaSettings

_WAVES = 24  # of a field; chosen: more look the same


@dataclass(frozen=True, eq=False)
class IceFaces:
    """Heights of both faces, Å from the centre of voxel [0, 0, 0].

    Attributes
    ----------
    lower_A, upper_A : ndarray, shape (y, x), float32
        Infinite where the box is full of ice.
    damaged_A : float
        Depth of the layer at each face that a mill has damaged.
    drawn : dict of str to float
        What was drawn, for the manifest.
    """

    lower_A: FloatArray
    upper_A: FloatArray
    damaged_A: float
    drawn: dict[str, float]

    def part(self, z_A: float, voxel_A: float) -> FloatArray | None:
        """Return the part of each voxel [y, x] of a plane that is ice; None: all of all voxels."""
        low, high = z_A - voxel_A / 2, z_A + voxel_A / 2
        if self.lower_A.max() <= low and self.upper_A.min() >= high:
            return None
        part = (np.minimum(high, self.upper_A) - np.maximum(low, self.lower_A)) / voxel_A
        return np.clip(part, 0, 1).astype(np.float32)

    def depth_A(self, z_A: float) -> FloatArray:
        """Return the distance of a plane's voxels [y, x] from the nearer face, negative outside."""
        return np.asarray(np.minimum(z_A - self.lower_A, self.upper_A - z_A))


def full_box(size_voxels: tuple[int, int, int]) -> IceFaces:
    """Return the faces of a box that is full of ice."""
    nx, ny, _ = size_voxels
    beyond = np.full((ny, nx), np.inf, np.float32)
    return IceFaces(-beyond, beyond, 0.0, {})


def draw_faces(
    settings: LamellaSettings, size_voxels: tuple[int, int, int], voxel_A: float, seed: int
) -> IceFaces:
    """Draw the faces of a slab whose middle is that of the box.

    Parameters
    ----------
    settings : LamellaSettings
    size_voxels : (int, int, int)
        x, y, z.
    voxel_A : float
    seed : int
    """
    nx, ny, nz = size_voxels
    rng = generator(seed, "lamella")
    drawn = {
        name: float(rng.uniform(*getattr(settings, name)))
        for name in (
            "thickness_A", "wedge_deg", "uneven_A", "uneven_wavelength_A", "roughness_A",
            "roughness_wavelength_A", "curtains_A", "curtain_spacing_A", "mill_deg", "damaged_A",
        )
    }  # fmt: skip
    drawn["wedge_direction_deg"] = float(rng.uniform(0, 360))
    x_A = (np.arange(nx) - (nx - 1) / 2) * voxel_A
    y_A = (np.arange(ny)[:, None] - (ny - 1) / 2) * voxel_A
    direction = math.radians(drawn["wedge_direction_deg"])
    along_A = x_A * math.cos(direction) + y_A * math.sin(direction)  # [y, x]
    thickness_A = drawn["thickness_A"] + math.tan(math.radians(drawn["wedge_deg"])) * along_A
    thickness_A = thickness_A + drawn["uneven_A"] * _field(
        drawn["uneven_wavelength_A"], (ny, nx), voxel_A, derive(seed, "lamella", "uneven")
    )
    middle_A = (nz - 1) / 2 * voxel_A
    heights = [
        sign * thickness_A / 2
        + drawn["roughness_A"]
        * _field(drawn["roughness_wavelength_A"], (ny, nx), voxel_A, derive(seed, "lamella", side))
        + drawn["curtains_A"] * _stripes(drawn, x_A, y_A, derive(seed, "curtains", side))
        for sign, side in ((-1, "lower"), (1, "upper"))
    ]
    lower_A, upper_A = (np.asarray(middle_A + height, np.float32) for height in heights)
    return IceFaces(lower_A, upper_A, drawn["damaged_A"], drawn)


def _field(wavelength_A: float, shape: tuple[int, int], voxel_A: float, seed: int) -> FloatArray:
    """Return a random field [y, x] of variance 1."""
    waves = random_waves(seed, _WAVES, wavelength_A, flat=True)
    return np.asarray(field_on_grid(waves, np.zeros(3), voxel_A, (1, *shape))[0])


def _stripes(drawn: dict[str, float], x_A: AnyArray, y_A: AnyArray, seed: int) -> DoubleArray:
    """Return a random field [y, x] of variance 1 that is constant along the milling direction."""
    mill = math.radians(drawn["mill_deg"])
    across_A = y_A * math.cos(mill) - x_A * math.sin(mill)  # [y, x]
    places_A = np.linspace(across_A.min(), across_A.max(), 4096)
    waves = random_waves(seed, _WAVES, drawn["curtain_spacing_A"], flat=True)
    numbers = np.linalg.norm(waves.vectors_per_A, axis=1)
    profile = waves.amplitude * np.cos(places_A[:, None] * numbers + waves.phases).sum(axis=1)
    return np.asarray(np.interp(across_A, places_A, profile))
