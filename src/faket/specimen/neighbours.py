"""Wanted distances to the nearest of the kind, as they were found in real data."""

from collections.abc import Iterator, Mapping

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from faket.data import DoubleArray, Particles
from faket.specimen.anywhere import BATCH, Anywhere
from faket.specimen.company import Company
from faket.specimen.config import SpecimenConfig
from faket.specimen.surroundings import Surroundings

# Part of the decisions that begin a new pair, not extend a group: 0.6 of all molecules then are
# each other's nearest neighbours, as 0.59 of points at random in space are.
_NEW_PAIRS = 0.43
_STRETCHES = (*[1.0] * 8, *(1.1**k for k in range(1, 10)))  # of a wanted distance; chosen
_SLACK_A = 1e-6
_ENOUGH = 10  # molecules, for percentiles of their distances; chosen


class AmongNeighbours(Anywhere):
    """Wanted distances to the nearest of the kind.

    Distances are taken from the smallest to the largest, so that none makes an earlier one smaller:
    either a new pair that far apart, away from all others, or one more beside those that are there.
    """

    def __init__(
        self,
        config: SpecimenConfig,
        company: Company,
        rng: np.random.Generator,
        count: int,
        ice: Surroundings | None = None,
    ) -> None:
        """Begin without molecules; ``count`` is how many are wanted."""
        super().__init__(config, company, rng, ice)
        self._found_A = np.sort(np.array(company.neighbours_A, np.float64))
        part = (np.arange(count) + rng.random(count)) / max(count, 1)
        self._wanted_A = list(np.quantile(self._found_A, part))[::-1]  # the smallest is last
        self._points_A: list[DoubleArray] = []
        self._first: DoubleArray | None = None  # of a pair that lacks its second
        self._distance_A = 0.0

    def batches(self, low: DoubleArray, high: DoubleArray) -> Iterator[DoubleArray]:
        """Yield positions at the wanted distance; without room, farther off, at last anywhere."""
        begins = self._first is None and (not self._points_A or self.rng.random() < _NEW_PAIRS)
        if self._first is None:
            self._distance_A = self._next_distance_A()
        if begins:  # both of a pair have one distance: one of the two that are next
            other_A = self._next_distance_A()
            self._distance_A = other_A if self.rng.random() < 0.5 else self._distance_A
        self._begins = begins
        if not begins:
            for stretch in _STRETCHES:
                yield self._far_enough(self._beside(low, high, stretch * self._distance_A))
        for positions_A in self._uniform(low, high):
            yield self._far_enough(positions_A)
        yield from self._uniform(low, high)

    def _next_distance_A(self) -> float:
        return self._wanted_A.pop() if self._wanted_A else float(self.rng.choice(self._found_A))

    def placed(self, position_A: DoubleArray, rotation: Rotation) -> dict[str, float]:
        """Remember the molecule; the first of a pair waits for its second."""
        self._points_A.append(position_A)
        self._first = position_A if self._begins else None
        return {}

    def _beside(self, low: DoubleArray, high: DoubleArray, distance_A: float) -> DoubleArray:
        """Return positions at a distance from some of the molecules that are there."""
        step = self.rng.normal(size=(BATCH, 3))
        step *= distance_A / np.linalg.norm(step, axis=1, keepdims=True)
        anchors = self.rng.integers(len(self._points_A), size=BATCH)
        if self._first is not None:
            anchors[:] = len(self._points_A) - 1
        return self._within(np.array(self._points_A)[anchors] + step, low, high)

    def _far_enough(self, positions_A: DoubleArray) -> DoubleArray:
        if not self._points_A or not len(positions_A):
            return positions_A
        nearest_A, _ = cKDTree(np.array(self._points_A)).query(positions_A)
        return np.asarray(positions_A[nearest_A >= self._distance_A - _SLACK_A])


def neighbour_facts(
    config: SpecimenConfig, particles: Particles, state_of: Mapping[str, str]
) -> dict[str, dict[str, tuple[float, float]]]:
    """Return wanted and placed distances to the nearest of the kind, by species.

    Both as their 10th percentile and median, Å: ``wanted_A`` and ``placed_A``. Of fewer than
    ten molecules they tell little; these are left out.

    Parameters
    ----------
    config : SpecimenConfig
    particles : Particles
    state_of : mapping of str to str
        Species of conformations.
    """
    names = np.array([state_of.get(name, name) for name in particles.species])
    found = {}
    for species, company in config.company.items():
        points_A = particles.positions_A[names == species]
        if company.neighbours_A is None or species in state_of or len(points_A) < _ENOUGH:
            continue
        placed_A = cKDTree(points_A).query(points_A, k=2)[0][:, 1]
        found[species] = {
            "wanted_A": _percentiles(np.array(company.neighbours_A)),
            "placed_A": _percentiles(placed_A),
        }
    return found


def _percentiles(distances_A: DoubleArray) -> tuple[float, float]:
    low, middle = np.percentile(distances_A, [10, 50])
    return float(low), float(middle)
