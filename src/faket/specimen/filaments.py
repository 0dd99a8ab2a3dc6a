"""Growing filaments into what is there: along a worm-like chain, subunit by subunit.

Axes are in Å; the occupancy is in voxels.
"""

import math
from collections.abc import Iterator

import numpy as np
from scipy.spatial.transform import Rotation

from faket.data import AnyArray, DoubleArray
from faket.specimen.filament_places import STARTS, Place
from faket.specimen.filament_settings import FilamentSettings
from faket.specimen.lattices import Lattice, Path, Subunits, hexagonal, subunits_on
from faket.specimen.records import PoseRecord
from faket.specimen.worms import bends, concentration, walk
from faket.units import A_PER_UM

# How hard growth tries; chosen, because a filament that meets a vesicle needs about this to turn.
_TRIES = 12  # other bends for one piece, before the piece before it is given up, too
_RETREATS = 12
_BRANCH_STARTS = 20
_GENERATIONS = 3  # of branches on branches; chosen, because few filaments in a cell have more
_PIECE_A = 160.0  # grown at once; chosen: a few subunits, so that a hit costs little


class Growth:
    """A bundle of filaments, or one, that grows at both ends of its axis."""

    def __init__(
        self,
        place: Place,
        settings: FilamentSettings,
        rng: np.random.Generator,
        start_A: DoubleArray,
        frame: DoubleArray,
    ) -> None:
        """Begin with a start, x y z, and a frame whose z leads along the axis."""
        self.place, self.settings, self.rng = place, settings, rng
        self.lattice = settings.lattice()
        self.walls = not settings.through
        self.step_A = min(self.lattice.rise_A, _PIECE_A / 2)
        self.kappa = concentration(self.step_A, self.lattice.persistence_A)
        self.reach_A = reach_A(self.lattice, place)
        self.nodes, self.frames = start_A[None], frame[None]
        self.before = 0  # nodes before the start
        n = settings.bundle
        self.offsets = hexagonal(n, settings.axes_apart_A(self.reach_A))
        self.phases = rng.uniform(0, 2 * math.pi, n)
        self.polarities = _polarities(settings, n, rng)
        self.width_A = 2 * (self.reach_A + float(np.linalg.norm(self.offsets, axis=1).max()))

    def extend(self, length_A: float, sign: int) -> float:
        """Grow by ``length_A`` at the end (sign 1) or before the start (-1); return how far.

        The box's sides end a filament: what is beyond them is not part of the specimen, and counts
        as grown.
        """
        wanted = max(1, round(length_A / self.step_A))
        piece = max(2, round(_PIECE_A / self.step_A))
        grown, retreats, pieces = 0, 0, list[int]()
        while grown < wanted:
            n = min(piece, wanted - grown)
            if any(self._add(n, sign) for _ in range(_TRIES)):
                grown += n
                pieces.append(n)
                end = self.nodes[-1 if sign > 0 else 0]
                if not self.place.holds(end[None], self.width_A)[0]:
                    return length_A
            elif pieces and retreats < _RETREATS:
                retreats += 1
                grown -= self._drop(pieces.pop(), sign)
            else:
                break
        return grown * self.step_A

    def _add(self, n: int, sign: int) -> bool:
        """Try to grow by n steps."""
        end = -1 if sign > 0 else 0
        turns = bends(self.rng, n, self.kappa)
        nodes, frames = walk(self.nodes[end], self.frames[end], turns, sign * self.step_A)
        if self._meets_itself(nodes, sign):
            return False
        before = self.nodes, self.frames, self.before
        if sign > 0:
            self.nodes = np.concatenate([self.nodes, nodes])
            self.frames = np.concatenate([self.frames, frames])
        else:
            self.nodes = np.concatenate([nodes[::-1], self.nodes])
            self.frames = np.concatenate([frames[::-1], self.frames])
            self.before += n
        new = slice(-n - 1, None) if sign > 0 else slice(0, n + 1)
        if any(self.place.meets(subunits, self.walls) for subunits in self._between(new)):
            self.nodes, self.frames, self.before = before
            return False
        return True

    def _drop(self, n: int, sign: int) -> int:
        kept = slice(0, -n) if sign > 0 else slice(n, None)
        self.nodes, self.frames = self.nodes[kept], self.frames[kept]
        self.before -= n if sign < 0 else 0
        return n

    def _meets_itself(self, nodes: DoubleArray, sign: int) -> bool:
        """Return whether new nodes lie closer to older ones than filaments can."""
        near = math.ceil(math.pi / 2 * self.width_A / self.step_A)
        older = self.nodes[: -near or None] if sign > 0 else self.nodes[near:]
        if len(self.nodes) <= near:
            return False
        # [new, 1, 3] - [1, older, 3] → [new, older]
        gaps = np.linalg.norm(nodes[:, None] - older[None], axis=2)
        return bool((gaps < self.width_A).any())

    def _between(self, nodes: slice) -> Iterator[Subunits]:
        """Yield each filament's subunits between the first and the last of some nodes."""
        path = self.path()
        for offset, phase, polarity in zip(self.offsets, self.phases, self.polarities, strict=True):
            own = path.beside(offset)
            low, high = own.lengths_A[nodes][[0, -1]]
            yield subunits_on(own, self.lattice, phase, polarity, low, high)

    def path(self) -> Path:
        """Return the axis, whose distances count from the start."""
        lengths_A = self.step_A * np.arange(float(len(self.nodes))) - self.step_A * self.before
        return Path(self.nodes, self.frames, lengths_A)

    def filaments(self) -> list[tuple[Subunits, int]]:
        """Return all filaments, each with its polarity."""
        every = self._between(slice(None))
        return [(s, int(p)) for s, p in zip(every, self.polarities, strict=True)]


def reach_A(lattice: Lattice, place: Place) -> float:
    """Return how far subunits reach from their axis."""
    points = place.shape.points * place.voxel_size_A + np.array([lattice.radius_A, 0, 0])
    return float(np.linalg.norm(points[:, :2], axis=1).max()) + place.voxel_size_A / 2


def _polarities(settings: FilamentSettings, n: int, rng: np.random.Generator) -> AnyArray:
    if n == 1:
        return np.ones(1, np.int64)
    if settings.order == "mixed":
        return rng.choice([-1, 1], n)
    return np.where(np.arange(n) % 2 == 0, 1, -1 if settings.order == "antiparallel" else 1)


def grow_one(
    place: Place, settings: FilamentSettings, record: PoseRecord, rng: np.random.Generator
) -> bool:
    """Grow one filament or bundle with its branches into the record; return whether it fitted.

    One that has no room for its shortest length is tried elsewhere.
    """
    for _ in range(STARTS):
        length_A = rng.uniform(*settings.length_A)
        start_A = place.start_A(rng)
        if not place.holds(start_A[None])[0]:
            continue
        frame = _random_frame(rng, _steepest(place, settings, length_A))
        growth = Growth(place, settings, rng, start_A, frame)
        ahead = rng.random() * length_A
        grown = growth.extend(ahead, 1)
        # What it lacks ahead is grown behind, as far as there is room.
        grown += growth.extend(length_A - grown, -1)
        if grown >= settings.length_A[0] - growth.step_A:
            first = _keep(growth, record)
            _branch(growth, first, 1, record)
            return True
    return False


def _keep(growth: Growth, record: PoseRecord, parent: float = math.nan) -> int:
    """Add all filaments of a growth to the record; return the number of the first."""
    place, first = growth.place, record.filaments + 1
    for subunits, polarity in growth.filaments():
        record.filaments += 1
        place.occupy(subunits)
        rotations = Rotation.from_matrix(subunits.rotations)
        for index in np.flatnonzero(place.holds(subunits.positions_A)):
            record.add(
                growth.settings.subunit,
                subunits.positions_A[index],
                rotations[index],
                filament=record.filaments,
                subunit=int(index),
                polarity=polarity,
                parent=parent,
            )
    return first


def _branch(mother: Growth, number: int, generation: int, record: PoseRecord) -> None:
    """Grow branches on a filament: their minus ends beside it, at an angle to its plus end."""
    settings, rng = mother.settings, mother.rng
    if not settings.branches_per_um or generation > _GENERATIONS:
        return
    path = mother.path()
    length_A = path.lengths_A[-1] - path.lengths_A[0]
    for _ in range(rng.poisson(settings.branches_per_um * length_A / A_PER_UM)):
        for _ in range(_BRANCH_STARTS):
            start_A, frame = _branch_start(mother, path)
            wanted_A = rng.uniform(*settings.length_A)
            if not mother.place.holds(start_A[None])[0]:
                continue
            growth = Growth(mother.place, settings, rng, start_A, frame)
            if growth.extend(wanted_A, 1) >= settings.length_A[0] - growth.step_A:
                daughter = _keep(growth, record, parent=number)
                _branch(growth, daughter, generation + 1, record)
                break


def _branch_start(mother: Growth, path: Path) -> tuple[DoubleArray, DoubleArray]:
    """Draw where a branch starts, beside the mother, and the frame whose z it follows."""
    node, azimuth = mother.rng.integers(len(path.nodes)), mother.rng.uniform(0, 2 * math.pi)
    about = path.frames[node] @ Rotation.from_rotvec([0, 0, azimuth]).as_matrix()
    lean = Rotation.from_rotvec([0, math.radians(mother.settings.branch_angle_deg), 0])
    # The complex at the branch is not painted; it keeps the first subunits off the mother.
    gap_A = mother.rng.uniform(1.5, 2.5) * mother.reach_A
    return path.nodes[node] + gap_A * about[:, 0], about @ lean.as_matrix()


def _steepest(place: Place, settings: FilamentSettings, length_A: float) -> float:
    """Return the largest sine of the angle to the faces at which a filament may fit."""
    return 1.0 if settings.through else min(1.0, float(place.size_A[2]) / length_A)


def _random_frame(rng: np.random.Generator, steepest: float) -> DoubleArray:
    """Draw a frame whose z is evenly spread over directions of at most that |sine| to the faces."""
    z, longitude, turn = rng.uniform(-steepest, steepest), *rng.uniform(0, 2 * math.pi, 2)
    lean = Rotation.from_rotvec([0, math.acos(z), 0])
    about = Rotation.from_rotvec([0, 0, longitude])
    return np.asarray((about * lean * Rotation.from_rotvec([0, 0, turn])).as_matrix())
