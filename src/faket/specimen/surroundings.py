"""What bounds the ice: vacuum beyond its faces, a carbon film, crystals; drawn, then painted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from faket.constants import CARBON_POTENTIAL_V, ICE_CRYSTAL_POTENTIAL_V, ICE_POTENTIAL_V
from faket.data import AnyArray, DoubleArray, FloatArray
from faket.seeds import generator
from faket.specimen.carbon_film import CarbonFilm, draw_carbon
from faket.specimen.ice_crystals import IceCrystal, draw_crystals
from faket.specimen.ice_faces import IceFaces, draw_faces, full_box
from faket.specimen.surroundings_settings import CarbonSettings, CrystalSettings, LamellaSettings
from faket.vocabulary import CARBON, ICE_CRYSTAL, VACUUM

# Of the blur of what a mill has damaged all through. Chosen: a ribosome of 250 Å is still a blob
# that no template matches, as Lucas and Grigorieff, PNAS 120 (2023), found within 60 nm of a face.
_DAMAGE_SIGMA_A = 25.0
_REACH = 2.5  # σ at which the blur is cut off; chosen, for speed


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What is not ice with molecules in it.

    Attributes
    ----------
    voxel_A : float
    faces : IceFaces
    carbon : CarbonFilm or None
    crystals : tuple of IceCrystal
    first_id : int
        Number of the film, or else of the first crystal, in the instance mask; the others follow.
    """

    voxel_A: float
    faces: IceFaces
    carbon: CarbonFilm | None = None
    crystals: tuple[IceCrystal, ...] = ()
    first_id: int = 0

    def objects(self) -> Iterator[tuple[str, AnyArray]]:
        """Yield class and position of film and crystals, in the order of their numbers."""
        if self.carbon is not None:
            yield CARBON, self.carbon.centre_A(self.voxel_A)
        for crystal in self.crystals:
            yield ICE_CRYSTAL, crystal.centre_A

    def free(self, positions_A: DoubleArray) -> NDArray[np.bool_]:
        """Tell of positions [n, 3] in the box whether they lie between the faces of the ice."""
        lower_A, upper_A = self.faces_at(positions_A)
        z_A = positions_A[:, 2]
        return np.asarray((z_A >= lower_A) & (z_A <= upper_A))

    def faces_at(self, positions_A: DoubleArray) -> tuple[FloatArray, FloatArray]:
        """Return the heights of the lower and the upper face at positions [n, 3]."""
        ny, nx = self.faces.lower_A.shape
        x, y = np.rint(positions_A[:, :2] / self.voxel_A).astype(np.int64).T
        y, x = np.clip(y, 0, ny - 1), np.clip(x, 0, nx - 1)
        return self.faces.lower_A[y, x], self.faces.upper_A[y, x]

    def facts(self) -> dict[str, Any]:
        """Return what was drawn, for the manifest."""
        facts: dict[str, Any] = {"lamella": self.faces.drawn} if self.faces.drawn else {}
        if self.carbon is not None:
            facts["carbon"] = self.carbon.drawn
        return facts | ({"crystals": len(self.crystals)} if self.crystals else {})

    def apply(self, potential: FloatArray, first: int) -> None:
        """Change planes [z, y, x] from z = ``first`` on: damage, vacuum, crystals, carbon."""
        for plane, z in zip(potential, range(first, first + len(potential)), strict=True):
            z_A = z * self.voxel_A
            self._damage(plane, z_A)
            ice = self.faces.part(z_A, self.voxel_A)
            if ice is not None:  # V above ice is -V_ice in vacuum
                plane += np.float32(ICE_POTENTIAL_V)
                plane *= ice
                plane -= np.float32(ICE_POTENTIAL_V)
            for crystal in self.crystals:
                found = crystal.part(z_A, self.voxel_A, plane.shape)
                if found is not None:
                    window, part = found
                    _mix(plane[window], part, ICE_CRYSTAL_POTENTIAL_V)
            carbon = None if self.carbon is None else self.carbon.part(z_A, self.voxel_A)
            if carbon is not None:
                _mix(plane, carbon, CARBON_POTENTIAL_V)

    def _damage(self, plane: FloatArray, z_A: float) -> None:
        """Blur a plane [y, x] of molecules, the more the nearer it is to a face."""
        damaged_A = self.faces.damaged_A
        if not damaged_A:
            return
        depth_A = self.faces.depth_A(z_A)
        if depth_A.min() >= damaged_A or depth_A.max() < -self.voxel_A or not plane.any():
            return
        blurred = gaussian_filter(plane, _DAMAGE_SIGMA_A / self.voxel_A, truncate=_REACH)
        plane -= blurred
        plane *= np.clip(depth_A / damaged_A, 0, 1)
        plane += blurred

    def label(
        self,
        class_mask: NDArray[np.uint8],
        instance_mask: NDArray[np.uint16],
        origin: tuple[int, int, int],
        step: int,
        labels: Mapping[str, int],
    ) -> None:
        """Label the samples [z, y, x] of carbon, crystals and vacuum, before all other objects."""
        ox, oy, oz = origin
        for k in range(len(class_mask)):
            for name, number, mask in self._masks((oz + step * k) * self.voxel_A):
                sampled = mask[oy::step, ox::step][: class_mask.shape[1], : class_mask.shape[2]]
                free = sampled & (class_mask[k] == 0)
                class_mask[k][free] = labels[name]
                instance_mask[k][free] = number

    def occupy(self, occupancy: AnyArray) -> None:
        """Mark the voxels [z, y, x] in which no molecule can lie as occupied."""
        for k, plane in enumerate(occupancy):
            for _, _, mask in self._masks(k * self.voxel_A):
                plane |= mask

    def _masks(self, z_A: float) -> Iterator[tuple[str, int, NDArray[np.bool_]]]:
        """Yield class, number and voxels [y, x] of what a plane shows, film and crystals first."""
        number, shape = self.first_id, self.faces.lower_A.shape
        if self.carbon is not None:
            carbon = self.carbon.part(z_A, self.voxel_A)
            if carbon is not None:
                yield CARBON, number, carbon >= 0.5
            number += 1
        for crystal in self.crystals:
            found = crystal.part(z_A, self.voxel_A, (shape[0], shape[1]))
            if found is not None:
                mask = np.zeros(shape, np.bool_)
                mask[found[0]] = found[1] >= 0.5
                yield ICE_CRYSTAL, number, mask
            number += 1
        ice = self.faces.part(z_A, self.voxel_A)
        if ice is not None:
            yield VACUUM, 0, ice < 0.5


def _mix(plane: FloatArray, part: FloatArray, potential_V: float) -> None:
    """Replace a part of each voxel by a material."""
    plane += part * (np.float32(potential_V - ICE_POTENTIAL_V) - plane)


def draw_surroundings(
    lamella: LamellaSettings | None,
    carbon: CarbonSettings | None,
    crystals: CrystalSettings | None,
    size_voxels: tuple[int, int, int],
    voxel_A: float,
    seed: int,
) -> Surroundings | None:
    """Draw what bounds the ice; None if the box is full of ice.

    Parameters
    ----------
    lamella, carbon, crystals : settings or None
    size_voxels : (int, int, int)
        x, y, z.
    voxel_A : float
    seed : int
    """
    if lamella is None and carbon is None:
        return None
    faces = full_box(size_voxels)
    ends_A = -0.5 * voxel_A, (size_voxels[2] - 0.5) * voxel_A
    if lamella is not None:
        faces = draw_faces(lamella, size_voxels, voxel_A, seed)
        ends_A = float(faces.lower_A.mean()), float(faces.upper_A.mean())
    film = None if carbon is None else draw_carbon(carbon, size_voxels, voxel_A, ends_A, seed)
    found: tuple[IceCrystal, ...] = ()
    if crystals is not None and lamella is not None:
        rng = generator(seed, "crystals")
        found = draw_crystals(crystals, faces.lower_A, faces.upper_A, voxel_A, rng)
    return Surroundings(voxel_A, faces, film, found)
