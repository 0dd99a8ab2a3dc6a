"""Where the next molecule of a species is tried: anywhere, or in company.

Positions are in Å, order x y z; ``low`` and ``high`` are voxels.
"""

import math
from collections.abc import Iterator

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from faket.data import DoubleArray
from faket.specimen.company import Company
from faket.specimen.config import SpecimenConfig
from faket.specimen.worms import bends, concentration

_BATCH = 256  # positions drawn at once; chosen, for speed alone
_ROUNDS = 8  # other places for the next of a cluster or chain, before it ends; chosen
# Part of the decisions that begin a new pair, not extend a group: 0.6 of all molecules then are
# each other's nearest neighbours, as 0.59 of points at random in space are.
_NEW_PAIRS = 0.43
_SLACK_A = 1e-6


class Anywhere:
    """Evenly spread positions and orientations, or those that company restricts."""

    def __init__(self, config: SpecimenConfig, company: Company, rng: np.random.Generator) -> None:
        """Begin without molecules."""
        self.config, self.company, self.rng = config, company, rng

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
        for n in filter(None, (min(tries, _BATCH), max(tries - _BATCH, 0))):
            positions_A = (low + self.rng.random((n, 3)) * (high - low)) * voxel_A
            if layer_A is None:
                yield positions_A
            else:
                depth_A, upper = self.rng.uniform(*layer_A, n), self.rng.random(n) < 0.5
                faces_A = -0.5 * voxel_A, (self.config.size_voxels[2] - 0.5) * voxel_A
                positions_A[:, 2] = np.where(upper, faces_A[1] - depth_A, faces_A[0] + depth_A)
                yield self._within(positions_A, low, high)

    def _within(self, positions_A: DoubleArray, low: DoubleArray, high: DoubleArray) -> DoubleArray:
        """Return the positions that are between two corners, and in the layer if there is one."""
        voxel_A, layer_A = self.config.voxel_size_A, self.company.layer_A
        place = positions_A / voxel_A
        kept = ((place >= low) & (place <= high)).all(axis=1)
        if layer_A is not None:
            last = self.config.size_voxels[2] - 0.5
            depth_A = voxel_A * np.minimum(place[:, 2] + 0.5, last - place[:, 2])
            kept &= (depth_A >= layer_A[0] - _SLACK_A) & (depth_A <= layer_A[1] + _SLACK_A)
        return positions_A[kept]


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
        step = self.rng.normal(size=(_BATCH, 3))
        step /= np.linalg.norm(step, axis=1, keepdims=True)
        radius_A = self.company.cluster_radius_A * np.cbrt(self.rng.random((_BATCH, 1)))
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

    def __init__(self, config: SpecimenConfig, company: Company, rng: np.random.Generator) -> None:
        """Begin without a chain."""
        super().__init__(config, company, rng)
        self._kappa = concentration(float(np.mean(company.chain_spacing_A)),
                                    company.chain_persistence_A)  # fmt: skip
        self._number = self._left = self._link = self._misses = 0
        self._end_A = np.zeros(3)
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
        if not self._left:
            yield from self._uniform(low, high)
            return
        spacing_A = self.rng.uniform(*self.company.chain_spacing_A, (16, 1))
        yield self._within(self._end_A + spacing_A * self._next.apply([0, 0, 1]), low, high)

    def placed(self, position_A: DoubleArray, rotation: Rotation) -> dict[str, float]:
        """Lengthen the chain, or begin one."""
        assert self.company.chain is not None
        if not self._left:
            low, high = self.company.chain
            self._left, self._link = int(self.rng.integers(low, high + 1)), 0
            self._number += 1
            self._next = Rotation.from_quat(self.rng.normal(size=4))
            self._in_chain = self._next.inv() * rotation
        columns = {"chain": float(self._number), "link": float(self._link)}
        self._frame, self._end_A = self._next, position_A
        self._left, self._link, self._misses = self._left - 1, self._link + 1, 0
        return columns

    def missed(self) -> None:
        """End a chain that has no room ahead."""
        self._misses += 1
        if self._misses >= _ROUNDS:
            self._left = self._misses = 0


class AmongNeighbours(Anywhere):
    """Wanted distances to the nearest of the kind.

    Distances are taken from the smallest to the largest, so that none makes an earlier one smaller:
    either a new pair that far apart, away from all others, or one more beside those that are there.
    """

    def __init__(
        self, config: SpecimenConfig, company: Company, rng: np.random.Generator, count: int
    ) -> None:
        """Begin without molecules; ``count`` is how many are wanted."""
        super().__init__(config, company, rng)
        self._found_A = np.sort(np.array(company.neighbours_A, np.float64))
        part = (np.arange(count) + rng.random(count)) / max(count, 1)
        self._wanted_A = list(np.quantile(self._found_A, part))[::-1]  # the smallest is last
        self._points_A: list[DoubleArray] = []
        self._first: DoubleArray | None = None  # of a pair that lacks its second
        self._distance_A = 0.0

    def batches(self, low: DoubleArray, high: DoubleArray) -> Iterator[DoubleArray]:
        """Yield positions at the wanted distance; without room, as far off, then anywhere."""
        begins = self._first is None and (not self._points_A or self.rng.random() < _NEW_PAIRS)
        if self._first is None:
            self._distance_A = self._next_distance_A()
        if begins:  # both of a pair have one distance: one of the two that are next
            other_A = self._next_distance_A()
            self._distance_A = other_A if self.rng.random() < 0.5 else self._distance_A
        self._begins = begins
        if not begins:
            for _ in range(8):
                yield self._far_enough(self._beside(low, high))
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

    def _beside(self, low: DoubleArray, high: DoubleArray) -> DoubleArray:
        """Return positions at the wanted distance from some of the molecules that are there."""
        step = self.rng.normal(size=(_BATCH, 3))
        step *= self._distance_A / np.linalg.norm(step, axis=1, keepdims=True)
        anchors = self.rng.integers(len(self._points_A), size=_BATCH)
        if self._first is not None:
            anchors[:] = len(self._points_A) - 1
        return self._within(np.array(self._points_A)[anchors] + step, low, high)

    def _far_enough(self, positions_A: DoubleArray) -> DoubleArray:
        if not self._points_A or not len(positions_A):
            return positions_A
        nearest_A, _ = cKDTree(np.array(self._points_A)).query(positions_A)
        return np.asarray(positions_A[nearest_A >= self._distance_A - _SLACK_A])


def places_of(config: SpecimenConfig, name: str, rng: np.random.Generator, count: int) -> Anywhere:
    """Return where the molecules of a species are tried."""
    company = config.company.get(name, Company())
    if company.neighbours_A is not None:
        return AmongNeighbours(config, company, rng, count)
    kind = InClusters if company.cluster else InChains if company.chain else Anywhere
    return kind(config, company, rng)
