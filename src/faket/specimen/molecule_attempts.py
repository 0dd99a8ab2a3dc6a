"""Attempts to place a molecule: a random orientation, then random positions until one is free."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from faket.seeds import generator
from faket.specimen.anywhere import BATCH, Anywhere
from faket.specimen.config import SpecimenConfig
from faket.specimen.free_places import UNKNOWN, Glance, first_fit
from faket.specimen.free_poses import first_free_pose
from faket.specimen.partners import Partner
from faket.specimen.places import places_of
from faket.specimen.records import NO_AXES
from faket.specimen.scene import Scene
from faket.specimen.shapes import Shape
from faket.specimen.shares import Attempt, repeated

_POSITIONS = 16_000  # that are tried at once, by all threads; chosen, for speed alone


def order_of_placement(config: SpecimenConfig, shapes: Mapping[str, Shape]) -> list[str]:
    """Return the names of molecules: first those that have only a layer, then the largest."""
    company = config.company

    def key(name: str) -> tuple[bool, float]:
        layered = name in company and company[name].layer_A is not None
        return not layered, -shapes[name].volume_voxels

    return sorted(shapes, key=key)


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
    molecules, attempts = _Molecules(config, shapes, scene, Glance(scene.occupancy)), {}
    for name, count in counts.items():
        rng = generator(seed, "place", "molecule", name)
        places = places_of(config, name, rng, count, scene.surroundings)
        partner = Partner.of(config, name, shapes)
        if partner is None and places.anywhere() and not scene.closed_to_others:
            attempts[name] = molecules.anywhere(name, places.rng)
        else:
            attempts[name] = molecules.in_company(name, places, partner)
    return scene, attempts


@dataclass(frozen=True, eq=False)
class _Molecules:
    """Places molecules in a scene."""

    config: SpecimenConfig
    shapes: Mapping[str, Shape]
    scene: Scene
    glance: Glance

    def anywhere(self, name: str, rng: np.random.Generator) -> Attempt:
        """Return what places molecules that nothing but their shape restricts."""
        scene, glance, shape = self.scene, self.glance, self.shapes[name]

        def attempt(times: int) -> bool:
            for orientations, tries in _rounds(times, self.config.max_tries):
                known = (glance.bits, shape.balls) if len(glance.bits) else UNKNOWN
                place = scene.occupancy, shape.points, shape.envelope, *known
                position_A, quaternion = first_free_pose(
                    rng, orientations, tries, self.config.voxel_size_A, *place
                )
                if len(position_A):
                    glance.occupied(shape.volume_voxels)
                    scene.record.add(name, position_A, Rotation.from_quat(quaternion), NO_AXES)
                    return True
                glance.refresh()
            return False

        return attempt

    def in_company(self, name: str, places: Anywhere, partner: Partner | None) -> Attempt:
        """Return what places molecules where their company, or a compartment, lets them be."""
        size = np.array(self.config.size_voxels, np.float64)
        scene, glance, shape = self.scene, self.glance, self.shapes[name]
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
                centres = batch_A / self.config.voxel_size_A
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


def _rounds(times: int, tries: int) -> Iterator[tuple[int, int]]:
    """Yield numbers of orientations, and of positions in each, to be tried in turn.

    In an uncrowded box one of a few positions is free. After these, ``times`` orientations follow,
    more and more of them at once.
    """
    yield 1, min(BATCH, tries)
    left, at_once = times if tries > BATCH else times - 1, 1
    while left > 0:
        yield min(left, at_once), tries
        left -= at_once
        at_once = max(1, min(2 * at_once, _POSITIONS // tries))
