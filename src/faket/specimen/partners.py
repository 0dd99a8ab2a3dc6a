"""Bound pairs: a second molecule in a given pose beside the first."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from faket.data import AnyArray, DoubleArray
from faket.specimen.collisions import occupy
from faket.specimen.config import SpecimenConfig
from faket.specimen.molecules import scan_molecule
from faket.specimen.records import PoseRecord
from faket.specimen.shapes import Shape


@dataclass(frozen=True, eq=False)
class Partner:
    """What is bound to each molecule of a species."""

    name: str
    shape: Shape
    offset_A: DoubleArray
    turn: Rotation
    voxel_size_A: float

    @classmethod
    def of(cls, config: SpecimenConfig, name: str, shapes: Mapping[str, Shape]) -> "Partner | None":
        """Return the partner of a species; None if it has none."""
        company = config.company.get(name)
        if company is None or company.partner is None:
            return None
        # Turns about the axes of the molecule, which stay in place.
        turn = Rotation.from_euler("xyz", company.partner_turn_deg, degrees=True)
        offset_A = np.array(company.partner_offset_A, np.float64)
        shape = shapes[company.partner]
        return cls(company.partner, shape, offset_A, turn, config.voxel_size_A)

    def with_room(
        self, occupancy: AnyArray, positions_A: DoubleArray, rotation: Rotation
    ) -> DoubleArray:
        """Return the positions [n, 3] of a molecule beside which the partner has room."""
        matrix = (rotation * self.turn).as_matrix()
        centres = (positions_A + rotation.apply(self.offset_A)) / self.voxel_size_A
        grid = self.shape.envelope
        free = [scan_molecule(occupancy, centre, matrix, grid, False) == 0 for centre in centres]
        return np.asarray(positions_A[np.array(free, bool)])

    def bind(
        self, occupancy: AnyArray, position_A: DoubleArray, rotation: Rotation, record: PoseRecord
    ) -> None:
        """Place the partner of the molecule that the record ends with."""
        own, place_A = rotation * self.turn, position_A + rotation.apply(self.offset_A)
        occupy(
            occupancy, place_A[None] / self.voxel_size_A, own.as_matrix()[None], self.shape.envelope
        )
        record.add(self.name, place_A, own, bound=float(len(record.species)))
