"""Attempts to place one object: a random orientation, then random positions until one is free."""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
from scipy.spatial.transform import Rotation

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.seeds import generator
from faket.specimen.anywhere import Anywhere
from faket.specimen.config import SpecimenConfig
from faket.specimen.ellipsoids import scan_solid
from faket.specimen.filament_places import NO_FACES, Place
from faket.specimen.filaments import grow_one
from faket.specimen.free_places import UNKNOWN, Glance, first_fit
from faket.specimen.free_poses import first_free_pose
from faket.specimen.membrane import label_half_thickness_A
from faket.specimen.membrane_placement import elsewhere, innermost
from faket.specimen.partners import Partner
from faket.specimen.places import places_of
from faket.specimen.records import NO_AXES, PoseRecord, random_rotation
from faket.specimen.scene import Scene
from faket.specimen.shapes import Shape, fibonacci_sphere
from faket.specimen.shares import Attempt, repeated
from faket.specimen.shells import first_shell_fit
from faket.vocabulary import FIDUCIAL, VESICLE

_BATCH = 256  # positions drawn at once; chosen, for speed alone
_AT_ONCE = 8  # orientations that are tried at once, by all threads; chosen, for speed alone
_SURFACE_POINTS = fibonacci_sphere(4096)


def order_of_placement(config: SpecimenConfig, shapes: Mapping[str, Shape]) -> list[str]:
    """Return the names of molecules: first those that have only a layer, then the largest."""
    company = config.company

    def key(name: str) -> tuple[bool, float]:
        layered = name in company and company[name].layer_A is not None
        return not layered, -shapes[name].volume_voxels

    return sorted(shapes, key=key)


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


def molecule_attempts(
    config: SpecimenConfig,
    shapes: Mapping[str, Shape],
    scene: Scene,
    seed: int,
    counts: Mapping[str, int],
) -> tuple[Scene, dict[str, Attempt]]:
    """Return a copy of a scene, and for each species of ``counts`` what places one more in it.

    ``counts`` tells how many of each are wanted.
    """
    scene = scene.copy()
    attempts, glance = {}, Glance(scene.occupancy)
    for name, count in counts.items():
        rng = generator(seed, "place", "molecule", name)
        places = places_of(config, name, rng, count, scene.surroundings)
        alone = Partner.of(config, name, shapes) is None and not scene.closed_to_others
        how = _anywhere if alone and places.anywhere() else _in_company
        attempts[name] = how(config, name, shapes, scene, places, glance)
    return scene, attempts


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


def _anywhere(
    config: SpecimenConfig,
    name: str,
    shapes: Mapping[str, Shape],
    scene: Scene,
    places: Anywhere,
    glance: Glance,
) -> Attempt:
    """Return what places molecules that nothing but their shape restricts."""
    shape, record, voxel_A = shapes[name], scene.record, config.voxel_size_A

    def attempt(times: int) -> bool:
        for orientations, tries in _rounds(times, config.max_tries):
            known = (glance.bits, shape.balls) if len(glance.bits) else UNKNOWN
            place = scene.occupancy, shape.points, shape.envelope, *known
            pose = first_free_pose(places.rng, orientations, tries, voxel_A, *place)
            if len(pose[0]):
                glance.occupied(shape.volume_voxels)
                record.add(name, pose[0], Rotation.from_quat(pose[1]), NO_AXES)
                return True
            glance.refresh()
        return False

    return attempt


def _rounds(times: int, tries: int) -> Iterator[tuple[int, int]]:
    """Yield numbers of orientations, and of positions in each, to be tried in turn.

    In an uncrowded box one of a few positions is free. After these, ``times`` orientations follow.
    """
    yield 1, min(_BATCH, tries)
    left = times if tries > _BATCH else times - 1
    while left > 0:
        yield min(left, _AT_ONCE), tries
        left -= _AT_ONCE


def _in_company(
    config: SpecimenConfig,
    name: str,
    shapes: Mapping[str, Shape],
    scene: Scene,
    places: Anywhere,
    glance: Glance,
) -> Attempt:
    size = np.array(config.size_voxels, np.float64)
    shape, partner = shapes[name], Partner.of(config, name, shapes)
    occupancy, record = scene.occupancy, scene.record

    def attempt_here() -> bool:
        rotation = places.rotation()
        matrix = rotation.as_matrix()
        points = shape.points @ matrix.T  # [n, 3], rotated
        balls = np.hstack([shape.balls[:, :3] @ matrix.T, shape.balls[:, 3:]])
        # Positions beyond these would put a voxel next to one of the points outside the box.
        low, high = -1 - points.min(axis=0), size - points.max(axis=0)
        for drawn_A in places.batches(low, high):
            batch_A = scene.allowed(drawn_A)
            if (before_A := places.before()) is not None:
                batch_A = scene.together(batch_A, np.tile(before_A, (len(batch_A), 1)))
            if partner is not None:
                batch_A = partner.with_room(occupancy, batch_A, rotation)
                batch_A = scene.together(batch_A, batch_A + rotation.apply(partner.offset_A))
            centres = batch_A / config.voxel_size_A
            place = occupancy, centres, matrix, points, shape.envelope, glance.bits, balls
            chosen = first_fit(*place)
            if chosen >= 0:
                glance.occupied(shape.volume_voxels)
                columns = places.placed(batch_A[chosen], rotation)
                record.add(name, batch_A[chosen], rotation, NO_AXES, **columns)
                if partner is not None:
                    partner.bind(occupancy, batch_A[chosen], rotation, record)
                return True
            glance.refresh()
        places.missed()
        return False

    return repeated(lambda: any(attempt_here() for _ in range(places.rounds())))
