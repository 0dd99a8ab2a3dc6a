"""Where everything goes: the dice of a specimen, thrown into a record before it is painted."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from faket.data import AnyArray, DoubleArray, Particles, Species
from faket.errors import InputError
from faket.seeds import generator
from faket.specimen.classes import FIDUCIAL, VESICLE, check_species, class_labels
from faket.specimen.config import MAX_OBJECTS, SpecimenConfig
from faket.specimen.ellipsoids import scan_solid
from faket.specimen.membrane import LABEL_HALF_THICKNESS_A
from faket.specimen.molecules import first_fit
from faket.specimen.shapes import Shape, fibonacci_sphere, prepare_shape
from faket.specimen.shells import first_shell_fit

_MISSES_IN_A_ROW = 10  # orientations in which nothing fitted before a class is given up
_BATCH = 256  # positions drawn at once
_NO_AXES = np.full(3, np.nan)
_SURFACE_POINTS = fibonacci_sphere(4096)

Attempt = Callable[[], bool]


@dataclass(frozen=True)
class Placement:
    """What lies where, and what was asked for.

    Attributes
    ----------
    particles : Particles
        Exact poses; ids are 1 ... n in the order of placement.
    requested : mapping of str to int
        Number of objects asked for, by class name, "vesicle" and "fiducial" among them.
    """

    particles: Particles
    requested: Mapping[str, int]

    @property
    def placed(self) -> dict[str, int]:
        """Number of objects that fitted, by class name."""
        found = Counter(self.particles.species)
        return {name: found[name] for name in self.requested}


def requested_counts(
    config: SpecimenConfig, species: Sequence[Species], *, seed: int
) -> dict[str, int]:
    """Throw the dice that say how many objects of each class a specimen should hold.

    Parameters
    ----------
    config : SpecimenConfig
    species : sequence of Species
    seed : int

    Returns
    -------
    dict of str to int
        By class name: the species as given, "vesicle", "fiducial". A species with ``copies`` has
        that number; one with a ``volume_fraction`` the number whose envelopes fill it; the
        others share ``config.particles``, each molecule being any of them with equal chance.

    Raises
    ------
    InputError
        If ``config`` names unknown species, voxel sizes differ, a species has no envelope, or
        more than 65535 objects are asked for.
    """
    shapes = _checked_shapes(config, species)
    return _requested_counts(config, {name: s.volume_voxels for name, s in shapes.items()}, seed)


def place_particles(config: SpecimenConfig, species: Sequence[Species], *, seed: int) -> Placement:
    """Place vesicles, then gold, then molecules (largest first) without overlap.

    Random sequential addition: an orientation, uniform on SO(3), is drawn first and kept while
    up to ``config.max_tries`` uniform positions are tried. Objects may share no voxel; a
    molecule's voxels are those where its rotated envelope is at least 0.5, as they are painted.
    Only vesicles may reach beyond the box. Molecules may lie inside a vesicle, not in its
    membrane.

    Parameters
    ----------
    config : SpecimenConfig
    species : sequence of Species
        On the specimen's voxel size.
    seed : int

    Returns
    -------
    Placement

    Raises
    ------
    InputError
        As :func:`requested_counts`; and, with ``on_full="stop"``, if something does not fit.
    """
    shapes = _checked_shapes(config, species)
    volumes = {name: shape.volume_voxels for name, shape in shapes.items()}
    requested = _requested_counts(config, volumes, seed)
    nx, ny, nz = config.size_voxels
    occupancy = np.zeros((nz, ny, nx), np.bool_)
    record = _Record(config.voxel_size_A)
    attempts = {
        VESICLE: _vesicle_attempt(config, occupancy, record, generator(seed, "place", VESICLE)),
        # The stream keeps the name that fiducials had when it was first drawn from.
        FIDUCIAL: _gold_attempt(config, occupancy, record, generator(seed, "place", "gold")),
    }
    for name in sorted(shapes, key=lambda name: -volumes[name]):
        dice = generator(seed, "place", "molecule", name)
        attempts[name] = _molecule_attempt(config, name, shapes[name], occupancy, record, dice)
    for name, attempt in attempts.items():
        placed = _fill(requested[name], attempt)
        if placed < requested[name] and config.on_full == "stop":
            raise InputError(
                f"specimen: expected room for {requested[name]} of {name!r}, found room for "
                f"{placed} in {nx} x {ny} x {nz} voxels; ask for fewer, enlarge the box, raise "
                "`max_tries`, or set `on_full` = 'continue'"
            )
    return Placement(record.particles(), requested)


def _checked_shapes(config: SpecimenConfig, species: Sequence[Species]) -> dict[str, Shape]:
    class_labels(species)
    check_species(config, species)
    return {one.name: prepare_shape(one) for one in species}


def _requested_counts(
    config: SpecimenConfig, volumes_voxels: Mapping[str, float], seed: int
) -> dict[str, int]:
    dice = generator(seed, "counts")
    total, vesicles, gold = (
        int(dice.integers(low, high + 1))
        for low, high in (config.particles, config.vesicles, config.gold)
    )
    box = float(np.prod(config.size_voxels, dtype=np.float64))
    counts = dict.fromkeys(volumes_voxels, 0) | dict(config.copies)
    for name, fraction in config.volume_fractions.items():
        counts[name] = round(fraction * box / volumes_voxels[name])
    free = [n for n in counts if n not in config.copies and n not in config.volume_fractions]
    if free:
        shares = dice.multinomial(total, np.full(len(free), 1 / len(free)))
        counts |= {name: int(n) for name, n in zip(free, shares, strict=True)}
    counts |= {VESICLE: vesicles, FIDUCIAL: gold}
    if sum(counts.values()) > MAX_OBJECTS:
        raise InputError(
            f"specimen: expected at most {MAX_OBJECTS} objects (the instance mask has 16 bits), "
            f"found {sum(counts.values())}; lower `copies`, `volume_fractions` or `particles`"
        )
    return counts


class _Record:
    """Collects poses; positions in voxels as they are tried, kept in Å."""

    def __init__(self, voxel_size_A: float) -> None:
        self.voxel_size_A = voxel_size_A
        self.species: list[str] = []
        self.rows: list[tuple[DoubleArray, DoubleArray, DoubleArray]] = []

    def add(
        self, name: str, position_A: DoubleArray, rotation: Rotation, semi_axes_A: DoubleArray
    ) -> None:
        self.species.append(name)
        self.rows.append((position_A, rotation.as_quat(), semi_axes_A))

    def particles(self) -> Particles:
        rows = np.array([np.concatenate(row) for row in self.rows]).reshape(-1, 10)
        return Particles(
            ids=np.arange(1, len(rows) + 1, dtype=np.int64),
            species=tuple(self.species),
            positions_A=rows[:, :3],
            rotations=Rotation.from_quat(rows[:, 3:7]),
            semi_axes_A=rows[:, 7:],
        )


def _fill(n: int, attempt: Attempt) -> int:
    """Attempt until n objects are placed or too many in a row were not; return how many were."""
    placed = misses = 0
    while placed < n and misses < _MISSES_IN_A_ROW:
        fitted = attempt()
        placed += fitted
        misses = 0 if fitted else misses + 1
    return placed


def _random_rotation(dice: np.random.Generator) -> Rotation:
    """Uniform on SO(3): the direction of four normal deviates is a uniform unit quaternion."""
    return Rotation.from_quat(dice.normal(size=4))


def _positions_A(
    dice: np.random.Generator, low: DoubleArray, high: DoubleArray, config: SpecimenConfig
) -> Iterator[DoubleArray]:
    """Yield batches [n, 3] of uniform positions between low and high (voxels, x y z)."""
    if (low > high).any():
        return
    for start in range(0, config.max_tries, _BATCH):
        n = min(_BATCH, config.max_tries - start)
        yield (low + dice.random((n, 3)) * (high - low)) * config.voxel_size_A


def _vesicle_attempt(
    config: SpecimenConfig, occupancy: AnyArray, record: _Record, dice: np.random.Generator
) -> Attempt:
    size = np.array(config.size_voxels, np.float64)
    half = LABEL_HALF_THICKNESS_A / config.voxel_size_A

    def attempt() -> bool:
        rotation, axes_A = _random_rotation(dice), dice.uniform(*config.vesicle_semi_axes_A, 3)
        matrix, axes = rotation.as_matrix(), axes_A / config.voxel_size_A
        points = (_SURFACE_POINTS * axes) @ matrix.T
        for batch_A in _positions_A(dice, np.full(3, -0.5), size - 0.5, config):
            centres = batch_A / config.voxel_size_A
            chosen = first_shell_fit(occupancy, centres, matrix, axes, half, points)
            if chosen >= 0:
                record.add(VESICLE, batch_A[chosen], rotation, axes_A)
                return True
        return False

    return attempt


def _gold_attempt(
    config: SpecimenConfig, occupancy: AnyArray, record: _Record, dice: np.random.Generator
) -> Attempt:
    size = np.array(config.size_voxels, np.float64)

    def attempt() -> bool:
        radius_A = dice.uniform(*config.gold_diameter_A) / 2
        axes_A = radius_A * dice.uniform(*config.gold_axis_scale, 3)
        rotation = _random_rotation(dice)
        matrix, axes = rotation.as_matrix(), axes_A / config.voxel_size_A
        reach = np.sqrt(((matrix * axes) ** 2).sum(axis=1))  # of the rotated ellipsoid along x y z
        for batch_A in _positions_A(dice, reach - 0.5, size - 0.5 - reach, config):
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
    record: _Record,
    dice: np.random.Generator,
) -> Attempt:
    size = np.array(config.size_voxels, np.float64)

    def attempt() -> bool:
        rotation = _random_rotation(dice)
        matrix = rotation.as_matrix()
        points = shape.points @ matrix.T
        # Positions beyond these would put a voxel next to one of the points outside the box.
        low, high = -1 - points.min(axis=0), size - points.max(axis=0)
        for batch_A in _positions_A(dice, low, high, config):
            centres = batch_A / config.voxel_size_A
            chosen = first_fit(occupancy, centres, matrix, points, shape.envelope)
            if chosen >= 0:
                record.add(name, batch_A[chosen], rotation, _NO_AXES)
                return True
        return False

    return attempt
