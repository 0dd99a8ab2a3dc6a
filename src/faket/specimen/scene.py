"""What stays where it is while molecules are placed around it."""

from dataclasses import dataclass, field

import numpy as np

from faket.data import AnyArray, DoubleArray
from faket.specimen.level_sets import LevelSet, values_at
from faket.specimen.membranes import PlacedMembrane
from faket.specimen.records import PoseRecord
from faket.specimen.surroundings import Surroundings


@dataclass(eq=False)
class Scene:
    """Objects that stay where they are while molecules are placed around them.

    Attributes
    ----------
    occupancy : ndarray of bool, shape (z, y, x)
    record : PoseRecord
    membranes : tuple of PlacedMembrane
    requested : dict of str to int
        Numbers asked for, by class name.
    closed_to_others : list of LevelSet
        Compartments in which only their own contents may lie.
    surroundings : Surroundings or None
        What bounds the ice; None if the box is full of it.
    """

    occupancy: AnyArray
    record: PoseRecord
    membranes: tuple[PlacedMembrane, ...] = ()
    requested: dict[str, int] = field(default_factory=dict)
    closed_to_others: list[LevelSet] = field(default_factory=list)
    surroundings: Surroundings | None = None

    def copy(self) -> "Scene":
        """Return a scene in which more can be placed."""
        return Scene(
            self.occupancy.copy(),
            self.record.copy(),
            self.membranes,
            self.requested,
            self.closed_to_others,
            self.surroundings,
        )

    def together(self, positions_A: DoubleArray, others_A: DoubleArray) -> DoubleArray:
        """Return those of the positions [n, 3] that no membrane parts from others [n, 3]."""
        kept = np.ones(len(positions_A), np.bool_)
        for one in self.membranes:
            inside = values_at(one.surface, positions_A) < 0
            kept &= inside == (values_at(one.surface, others_A) < 0)
        return positions_A[kept]

    def allowed(self, positions_A: DoubleArray) -> DoubleArray:
        """Return those of the positions [n, 3] that lie in no closed compartment."""
        for surface in self.closed_to_others:
            positions_A = positions_A[values_at(surface, positions_A) > 0]
        return positions_A
