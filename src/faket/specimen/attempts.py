"""Attempts to place a vesicle, a fiducial or a filament: a random pose until one is free."""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.seeds import generator
from faket.specimen.config import SpecimenConfig
from faket.specimen.ellipsoids import scan_solid
from faket.specimen.filament_places import NO_FACES, Place
from faket.specimen.filaments import grow_one
from faket.specimen.membrane import label_half_thickness_A
from faket.specimen.membrane_placement import elsewhere, innermost
from faket.specimen.records import PoseRecord, random_rotation
from faket.specimen.scene import Scene
from faket.specimen.shapes import Shape, fibonacci_sphere
from faket.specimen.shares import Attempt, repeated
from faket.specimen.shells import first_shell_fit
from faket.vocabulary import FIDUCIAL, VESICLE

_BATCH = 256  # positions drawn at once; chosen, for speed alone
_SURFACE_POINTS = fibonacci_sphere(4096)


def scenery_attempts(
    config: SpecimenConfig, shapes: Mapping[str, Shape], scene: Scene, seed: int
) -> dict[str, Attempt]:
    """Return for vesicles, gold and each kind of filaments what places one more in a scene."""
    occupancy, record = scene.occupancy, scene.record
    attempts = {
        VESICLE: _vesicle_attempt(config, occupancy, record, generator(seed, "place", VESICLE)),
        # The random stream keeps the old name of fiducials, so that seeds give the same specimens.
        FIDUCIAL: _gold_attempt(config, occupancy, record, generator(seed, "place", "gold")),
    }
    for name, settings in config.filaments_by_name().items():
        around = innermost(scene.membranes, settings.inside) if settings.inside else []
        others = elsewhere(around, scene.membranes) if settings.inside else []
        place = Place(
            occupancy,
            config.voxel_size_A,
            shapes[settings.subunit],
            tuple(one.surface for one in around),
            tuple(one.surface for one in others),
            _cutting_faces(config, scene) if settings.through else NO_FACES,
        )
        rng = generator(seed, "place", "filaments", name)
        attempts[name] = repeated(partial(grow_one, place, settings, record, rng))
        if settings.inside and not around:  # none of these membranes found room
            attempts[name] = lambda _: False
    return attempts


def _cutting_faces(config: SpecimenConfig, scene: Scene) -> tuple[FloatArray, FloatArray]:
    """Return the heights of the faces of a lamella, voxels; empty if there is none."""
    if config.lamella is None or scene.surroundings is None:
        return NO_FACES
    faces, voxel_A = scene.surroundings.faces, np.float32(config.voxel_size_A)
    return faces.lower_A / voxel_A, faces.upper_A / voxel_A


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
    half = label_half_thickness_A() / config.voxel_size_A

    def attempt() -> bool:
        rotation, axes_A = random_rotation(rng), rng.uniform(*config.vesicle_semi_axes_A, 3)
        matrix, axes = rotation.as_matrix(), axes_A / config.voxel_size_A
        points = (_SURFACE_POINTS * axes) @ matrix.T  # [n, 3], rotated
        for batch_A in _positions_A(rng, np.full(3, -0.5), size - 0.5, config):
            centres = batch_A / config.voxel_size_A
            chosen = first_shell_fit(occupancy, centres, matrix, axes, half, points)
            if chosen >= 0:
                record.add(VESICLE, batch_A[chosen], rotation, axes_A)
                return True
        return False

    return repeated(attempt)


def _gold_attempt(
    config: SpecimenConfig, occupancy: AnyArray, record: PoseRecord, rng: np.random.Generator
) -> Attempt:
    size = np.array(config.size_voxels, np.float64)

    def attempt() -> bool:
        radius_A = rng.uniform(*config.gold_diameter_A) / 2
        axes_A = radius_A * rng.uniform(*config.gold_axis_scale, 3)
        rotation = random_rotation(rng)
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

    return repeated(attempt)
