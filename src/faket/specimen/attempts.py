"""Attempts to place one object: a random orientation, then random positions until one is free."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from faket.data import AnyArray, DoubleArray, Particles
from faket.seeds import generator
from faket.specimen.config import SpecimenConfig
from faket.specimen.ellipsoids import scan_solid
from faket.specimen.membrane import LABEL_HALF_THICKNESS_A
from faket.specimen.molecules import first_fit
from faket.specimen.shapes import Shape, fibonacci_sphere
from faket.specimen.shells import first_shell_fit
from faket.vocabulary import FIDUCIAL, VESICLE

# Orientations without a free position before a class is given up; chosen, because with the default
# of 2000 positions each, a free fraction of 1.5e-4 is missed only once in twenty.
_MISSES_IN_A_ROW = 10
_BATCH = 256  # positions drawn at once; chosen, for speed alone
_NO_AXES = np.full(3, np.nan)
_SURFACE_POINTS = fibonacci_sphere(4096)

Attempt = Callable[[], bool]


def largest_first(shapes: Mapping[str, Shape]) -> list[str]:
    """Return the names of molecules in the order in which they are placed."""
    return sorted(shapes, key=lambda name: -shapes[name].volume_voxels)


def attempts_by_class(
    config: SpecimenConfig, shapes: Mapping[str, Shape], seed: int
) -> tuple["PoseRecord", dict[str, Attempt]]:
    """Return the record of an empty specimen, and for each class what places one object in it."""
    nx, ny, nz = config.size_voxels
    occupancy = np.zeros((nz, ny, nx), np.bool_)
    record = PoseRecord(config.voxel_size_A)
    attempts = {
        VESICLE: _vesicle_attempt(config, occupancy, record, generator(seed, "place", VESICLE)),
        # The random stream keeps the old name of fiducials, so that seeds give the same specimens.
        FIDUCIAL: _gold_attempt(config, occupancy, record, generator(seed, "place", "gold")),
    }
    for name in largest_first(shapes):
        rng = generator(seed, "place", "molecule", name)
        attempts[name] = _molecule_attempt(config, name, shapes[name], occupancy, record, rng)
    return record, attempts


class PoseRecord:
    """Collects the poses of one specimen, positions in Å."""

    def __init__(self, voxel_size_A: float) -> None:
        """Begin without objects."""
        self.voxel_size_A = voxel_size_A
        self.species: list[str] = []
        self.rows: list[tuple[DoubleArray, DoubleArray, DoubleArray]] = []
        self.columns: list[Mapping[str, float]] = []

    def add(
        self,
        name: str,
        position_A: DoubleArray,
        rotation: Rotation,
        semi_axes_A: DoubleArray = _NO_AXES,
        **columns: float,
    ) -> None:
        """Add an object: position x y z, orientation, semi-axes (NaN for molecules), columns."""
        self.species.append(name)
        self.rows.append((position_A, rotation.as_quat(), semi_axes_A))
        self.columns.append(columns)

    def particles(self) -> Particles:
        """Return all objects, with ids 1 ... n in the order in which they were added."""
        # [objects, position 3 + quaternion 4 + semi-axes 3], without objects too
        rows = np.array([np.concatenate(row) for row in self.rows]).reshape(-1, 10)
        names = dict.fromkeys(name for columns in self.columns for name in columns)
        return Particles(
            ids=np.arange(1, len(rows) + 1, dtype=np.int64),
            species=tuple(self.species),
            positions_A=rows[:, :3],
            rotations=Rotation.from_quat(rows[:, 3:7]),
            semi_axes_A=rows[:, 7:],
            columns={
                name: np.array([columns.get(name, np.nan) for columns in self.columns], np.float64)
                for name in names
            },
        )


def fill(n: int, attempt: Attempt) -> int:
    """Attempt until n objects are placed or too many attempts in a row fail; return the number."""
    placed = misses = 0
    while placed < n and misses < _MISSES_IN_A_ROW:
        fitted = attempt()
        placed += fitted
        misses = 0 if fitted else misses + 1
    return placed


def _random_rotation(rng: np.random.Generator) -> Rotation:
    """Uniform on SO(3): the direction of four normal deviates is a uniform unit quaternion."""
    return Rotation.from_quat(rng.normal(size=4))


def _positions_A(
    rng: np.random.Generator, low: DoubleArray, high: DoubleArray, config: SpecimenConfig
) -> Iterator[DoubleArray]:
    """Yield batches [n, 3] of uniform positions between low and high (voxels, x y z)."""
    if (low > high).any():
        return
    for start in range(0, config.max_tries, _BATCH):
        n = min(_BATCH, config.max_tries - start)
        yield (low + rng.random((n, 3)) * (high - low)) * config.voxel_size_A


def _vesicle_attempt(
    config: SpecimenConfig, occupancy: AnyArray, record: PoseRecord, rng: np.random.Generator
) -> Attempt:
    size = np.array(config.size_voxels, np.float64)
    half = LABEL_HALF_THICKNESS_A / config.voxel_size_A

    def attempt() -> bool:
        rotation, axes_A = _random_rotation(rng), rng.uniform(*config.vesicle_semi_axes_A, 3)
        matrix, axes = rotation.as_matrix(), axes_A / config.voxel_size_A
        points = (_SURFACE_POINTS * axes) @ matrix.T  # [n, 3], rotated
        for batch_A in _positions_A(rng, np.full(3, -0.5), size - 0.5, config):
            centres = batch_A / config.voxel_size_A
            chosen = first_shell_fit(occupancy, centres, matrix, axes, half, points)
            if chosen >= 0:
                record.add(VESICLE, batch_A[chosen], rotation, axes_A)
                return True
        return False

    return attempt


def _gold_attempt(
    config: SpecimenConfig, occupancy: AnyArray, record: PoseRecord, rng: np.random.Generator
) -> Attempt:
    size = np.array(config.size_voxels, np.float64)

    def attempt() -> bool:
        radius_A = rng.uniform(*config.gold_diameter_A) / 2
        axes_A = radius_A * rng.uniform(*config.gold_axis_scale, 3)
        rotation = _random_rotation(rng)
        matrix, axes = rotation.as_matrix(), axes_A / config.voxel_size_A
        reach = np.sqrt(((matrix * axes) ** 2).sum(axis=1))  # of the rotated ellipsoid along x y z
        for batch_A in _positions_A(rng, reach - 0.5, size - 0.5 - reach, config):
            for position_A in batch_A:
                centre = position_A / config.voxel_size_A
                if scan_solid(occupancy, centre, matrix, axes, False) > 0:
                    scan_solid(occupancy, centre, matrix, axes, True)
                    record.add(FIDUCIAL, position_A, rotation, axes_A)
                    return True
        return False

    return attempt


def _molecule_attempt(
    config: SpecimenConfig,
    name: str,
    shape: Shape,
    occupancy: AnyArray,
    record: PoseRecord,
    rng: np.random.Generator,
) -> Attempt:
    size = np.array(config.size_voxels, np.float64)

    def attempt() -> bool:
        rotation = _random_rotation(rng)
        matrix = rotation.as_matrix()
        points = shape.points @ matrix.T  # [n, 3], rotated
        # Positions beyond these would put a voxel next to one of the points outside the box.
        low, high = -1 - points.min(axis=0), size - points.max(axis=0)
        for batch_A in _positions_A(rng, low, high, config):
            centres = batch_A / config.voxel_size_A
            chosen = first_fit(occupancy, centres, matrix, points, shape.envelope)
            if chosen >= 0:
                record.add(name, batch_A[chosen], rotation, _NO_AXES)
                return True
        return False

    return attempt
