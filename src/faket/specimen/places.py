"""Where the next molecule of a species is tried: anywhere, or in company.

Positions are in Å, order x y z; ``low`` and ``high`` are voxels.
"""

import math
from collections.abc import Iterator

import numpy as np
from scipy.spatial.transform import Rotation

from faket.data import DoubleArray
from faket.specimen.anywhere import BATCH, Anywhere
from faket.specimen.company import Company
from faket.specimen.config import SpecimenConfig
from faket.specimen.neighbours import AmongNeighbours
from faket.specimen.surroundings import Surroundings
from faket.specimen.worms import bends, concentration

_DIRECTIONS = 64  # of a new chain, of which the first with room is taken; chosen
_ROUNDS = 8  # other places for the next of a cluster or chain, before it ends; chosen


class InClusters(Anywhere):
    """Balls of molecules; one that is full makes room for the next."""

    _centre_A: DoubleArray | None = None
    _left = 0

    def rounds(self) -> int:
        """Return how often the next one is tried: at last, elsewhere."""
        return _ROUNDS + 1 if self._left else 1

    def batches(self, low: DoubleArray, high: DoubleArray) -> Iterator[DoubleArray]:
        """Yield positions in the ball, or anywhere for the first of a cluster."""
        if not self._left or self._centre_A is None:
            yield from self._uniform(low, high)
            return
        step = self.rng.normal(size=(BATCH, 3))
        step /= np.linalg.norm(step, axis=1, keepdims=True)
        radius_A = self.company.cluster_radius_A * np.cbrt(self.rng.random((BATCH, 1)))
        yield self._within(self._centre_A + radius_A * step, low, high)

    def placed(self, position_A: DoubleArray, rotation: Rotation) -> dict[str, float]:
        """Count the members; the first one is the centre."""
        assert self.company.cluster is not None
        if not self._left:
            low, high = self.company.cluster
            self._centre_A, self._left = position_A, int(self.rng.integers(low, high + 1))
        self._left -= 1
        self._misses = 0
        return {}

    _misses = 0

    def missed(self) -> None:
        """Give a full cluster up."""
        self._misses += 1
        if self._misses >= _ROUNDS:
            self._left = self._misses = 0


class InChains(Anywhere):
    """Chains along worm-like paths, each molecule turned about the chain."""

    def __init__(
        self,
        config: SpecimenConfig,
        company: Company,
        rng: np.random.Generator,
        ice: Surroundings | None = None,
    ) -> None:
        """Begin without a chain."""
        super().__init__(config, company, rng, ice)
        self._kappa = concentration(float(np.mean(company.chain_spacing_A)),
                                    company.chain_persistence_A)  # fmt: skip
        self._number = self._left = self._link = self._misses = 0
        self._end_A, self._corners_A = np.zeros(3), (np.zeros(3), np.zeros(3))
        self._frame = self._next = Rotation.identity()
        self._in_chain = Rotation.identity()  # a molecule's orientation in the chain's frame

    def rounds(self) -> int:
        """Return how often the next one is tried: at last, as the first of a new chain."""
        return _ROUNDS + 1 if self._left else 1

    def rotation(self) -> Rotation:
        """Draw the first one's orientation; the others follow the chain."""
        if not self._left:
            return super().rotation()
        bend = Rotation.from_matrix(bends(self.rng, 1, self._kappa)[0])
        self._next = self._frame * bend
        turn = math.radians(self.company.chain_twist_deg) * self._link
        return self._next * Rotation.from_rotvec([0, 0, turn]) * self._in_chain

    def batches(self, low: DoubleArray, high: DoubleArray) -> Iterator[DoubleArray]:
        """Yield positions ahead, or anywhere for the first of a chain."""
        self._corners_A = low * self.config.voxel_size_A, high * self.config.voxel_size_A
        if not self._left:
            yield from self._uniform(low, high)
            return
        spacing_A = self.rng.uniform(*self.company.chain_spacing_A, (16, 1))
        yield self._within(self._end_A + spacing_A * self._next.apply([0, 0, 1]), low, high)

    def before(self) -> DoubleArray | None:
        """Return the end of the chain; None if the next one begins another."""
        return self._end_A if self._left else None

    def placed(self, position_A: DoubleArray, rotation: Rotation) -> dict[str, float]:
        """Lengthen the chain, or begin one."""
        assert self.company.chain is not None
        if not self._left:
            low, high = self.company.chain
            self._left, self._link = int(self.rng.integers(low, high + 1)), 0
            self._number += 1
            self._next = self._with_room(position_A)
            self._in_chain = self._next.inv() * rotation
        columns = {"chain": float(self._number), "link": float(self._link)}
        self._frame, self._end_A = self._next, position_A
        self._left, self._link, self._misses = self._left - 1, self._link + 1, 0
        return columns

    def _with_room(self, start_A: DoubleArray) -> Rotation:
        """Draw a direction in which a straight chain stays in the box, if there is one."""
        low_A, high_A = self._corners_A
        lower_A, upper_A = self._faces_A(start_A[None])
        low_A = np.maximum(low_A, [-np.inf, -np.inf, lower_A[0]])
        high_A = np.minimum(high_A, [np.inf, np.inf, upper_A[0]])
        length_A = (self._left - 1) * float(np.mean(self.company.chain_spacing_A))
        # Twice the root mean square by which a chain's end leaves its first direction.
        aside_A = 2 * math.sqrt(length_A**3 / (3 * self.company.chain_persistence_A))
        turns = Rotation.from_quat(self.rng.normal(size=(_DIRECTIONS, 4)))
        ends_A = start_A + length_A * turns.apply([0, 0, 1])
        beyond_A = np.maximum(low_A - ends_A, ends_A - high_A).max(axis=1) + aside_A
        return turns[int(np.argmax(beyond_A <= max(0.0, float(beyond_A.min()))))]

    def missed(self) -> None:
        """End a chain that has no room ahead."""
        self._misses += 1
        if self._misses >= _ROUNDS:
            self._left = self._misses = 0


def places_of(
    config: SpecimenConfig,
    name: str,
    rng: np.random.Generator,
    count: int,
    ice: Surroundings | None = None,
) -> Anywhere:
    """Return where the molecules of a species are tried."""
    company = config.company.get(name, Company())
    if company.neighbours_A is not None:
        return AmongNeighbours(config, company, rng, count, ice)
    kind = InClusters if company.cluster else InChains if company.chain else Anywhere
    return kind(config, company, rng, ice)
