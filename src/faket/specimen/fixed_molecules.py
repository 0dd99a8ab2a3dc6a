"""Molecules on membranes, and what membranes enclose; placed once, before the others."""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.spatial.transform import Rotation

from faket.data import AnyArray, DoubleArray
from faket.seeds import generator
from faket.specimen.config import SpecimenConfig
from faket.specimen.free_places import first_fit
from faket.specimen.level_sets import SPACING_A
from faket.specimen.membrane_placement import innermost
from faket.specimen.membrane_proteins import SitesOnMembrane, place_on_membrane
from faket.specimen.membranes import PlacedMembrane, inside_nodes_A
from faket.specimen.records import random_rotation
from faket.specimen.scene import Scene
from faket.specimen.shapes import Shape
from faket.specimen.shares import FEW_MISSES, Attempt, FairFilling, repeated

_SITES = 200  # in a row without room before a membrane counts as full; chosen
_BATCH = 256

Pose = tuple[DoubleArray, Rotation]


@dataclass(eq=False)
class Room:
    """A part of a specimen, which is filled on trial.

    Attributes
    ----------
    origin : ndarray, shape (3,)
        Its first voxel, x y z.
    occupancy : ndarray of bool, shape (z, y, x)
        A copy.
    found : list of (str, Pose)
        What was placed in it.
    """

    origin: AnyArray
    occupancy: AnyArray
    found: list[tuple[str, Pose]]

    @classmethod
    def about(
        cls,
        scene: Scene,
        points_A: DoubleArray,
        shapes: Mapping[str, Shape],
        voxel_A: float,
        aside_A: float = 0.0,
    ) -> "Room":
        """Return the part of a scene that molecules up to ``aside_A`` from points can reach."""
        reach = max(shape.envelope.radius for shape in shapes.values())
        reach += (aside_A + SPACING_A) / voxel_A
        size = np.array(scene.occupancy.shape[::-1])
        low, high = points_A.min(axis=0) / voxel_A, points_A.max(axis=0) / voxel_A
        first = np.clip(np.floor(low - reach).astype(int), 0, size)
        last = np.clip(np.ceil(high + reach).astype(int) + 1, 0, size)
        return cls(first, cls._part(scene, first, last - first).copy(), [])

    @staticmethod
    def _part(scene: Scene, first: AnyArray, size: AnyArray) -> AnyArray:
        (x, y, z), (nx, ny, nz) = first, size
        return scene.occupancy[z : z + nz, y : y + ny, x : x + nx]

    def copy(self) -> "Room":
        """Return a room of its own."""
        return Room(self.origin, self.occupancy.copy(), list(self.found))

    def keep(self, scene: Scene, number: int) -> None:
        """Put what was placed into the scene, as of a membrane."""
        part = self._part(scene, self.origin, np.array(self.occupancy.shape[::-1]))
        part[...] = self.occupancy
        for name, pose in self.found:
            scene.record.add(name, *pose, membrane=number)


def add_proteins(
    scene: Scene, config: SpecimenConfig, shapes: Mapping[str, Shape], seed: int
) -> None:
    """Place molecules on membranes."""
    for membrane in scene.membranes:
        area_A2 = float(membrane.mesh.areas_A2().sum())
        wanted = _numbers_on(membrane, area_A2, config, seed)
        vertices_A = membrane.mesh.vertices_A
        if wanted and len(vertices_A):
            # As many as fit by chance, where no density is asked for: after the others.
            order = _largest_first(wanted, shapes)
            order.sort(key=lambda name: config.on_membranes[name].density_per_um2 is None)
            own = {name: shapes[name] for name in order}
            aside_A = max(abs(config.on_membranes[name].depth_A or 0.0) for name in own)
            room = Room.about(scene, vertices_A, own, config.voxel_size_A, aside_A)
            others = [one for one in scene.membranes if one is not membrane]
            begin = partial(_on_membrane, room, membrane, others, config, own, seed)
            free = {name for name in own if config.on_membranes[name].density_per_um2 is None}
            _fill(scene, begin, wanted, own, membrane.number, _SITES, free)
    for name in config.on_membranes:
        scene.requested.setdefault(name, 0)


def _on_membrane(
    room: Room,
    membrane: PlacedMembrane,
    others: list[PlacedMembrane],
    config: SpecimenConfig,
    shapes: Mapping[str, Shape],
    seed: int,
    counts: Mapping[str, int],
) -> tuple[Room, dict[str, Attempt]]:
    room, voxel_A = room.copy(), config.voxel_size_A
    start_A = room.origin * voxel_A

    def attempt(name: str, sites: SitesOnMembrane, rng: np.random.Generator) -> bool:
        how = config.on_membranes[name]
        pose = place_on_membrane(
            sites, how, shapes[name], others, room.occupancy, voxel_A, rng, start_A
        )
        if pose is not None:
            room.found.append((name, pose))
        return pose is not None

    attempts: dict[str, Attempt] = {}
    shared: dict[str, SitesOnMembrane] = {}  # conformations of a species keep apart, too
    species = {state: name for name, states in config.states.items() for state in states}
    for name in counts:
        whose = species.get(name, name)
        rng = generator(seed, "place", "on membrane", name, membrane.number)
        if whose not in shared:
            shared[whose] = SitesOnMembrane(membrane, config.on_membranes[name], rng)
        attempts[name] = repeated(partial(attempt, name, shared[whose], rng))
    return room, attempts


def _numbers_on(
    membrane: PlacedMembrane, area_A2: float, config: SpecimenConfig, seed: int
) -> dict[str, int]:
    """Return how many molecules of each species, and conformation, a membrane should hold."""
    wanted: dict[str, int] = {}
    others = {state for name, states in config.states.items() for state in states if state != name}
    for name, how in config.on_membranes.items():
        if membrane.record.name != how.on or name in others:
            continue
        wanted[name] = how.number_on(area_A2)
        if name in config.states:
            weights = np.array(list(config.states[name].values()), np.float64)
            rng = generator(seed, "states", name, membrane.number)
            drawn = rng.multinomial(wanted[name], weights / weights.sum())
            wanted |= {s: int(n) for s, n in zip(config.states[name], drawn, strict=True)}
    return wanted


def add_contents(
    scene: Scene, config: SpecimenConfig, shapes: Mapping[str, Shape], seed: int
) -> None:
    """Place what membranes enclose, and close them to other molecules."""
    for kind in config.membranes:
        if not kind.contents:
            continue
        own = {name: shapes[name] for name in _largest_first(kind.contents, shapes)}
        for membrane in innermost(scene.membranes, kind.name):
            places_A = inside_nodes_A(membrane)
            nodes = len(places_A) * (membrane.surface.spacing_A / config.voxel_size_A) ** 3
            wanted = {}
            for name, shape in own.items():
                amount = kind.contents[name]
                share = amount * nodes / shape.volume_voxels
                wanted[name] = int(amount) if amount >= 1 else round(share)
            if len(places_A):
                room = Room.about(scene, places_A, own, config.voxel_size_A)
                begin = partial(_inside, room, places_A, membrane.number, config, own, seed)
                _fill(scene, begin, wanted, own, membrane.number, FEW_MISSES)
        for membrane in scene.membranes:
            if membrane.record.name == kind.name:
                scene.closed_to_others.append(membrane.surface)


def _inside(
    room: Room,
    places_A: DoubleArray,
    number: int,
    config: SpecimenConfig,
    shapes: Mapping[str, Shape],
    seed: int,
    counts: Mapping[str, int],
) -> tuple[Room, dict[str, Attempt]]:
    room, voxel_A = room.copy(), config.voxel_size_A

    def attempt(name: str, rng: np.random.Generator) -> bool:
        turn, shape = random_rotation(rng), shapes[name]
        matrix = turn.as_matrix()
        for drawn_A in _positions_A(places_A, rng, config.max_tries):
            pose = drawn_A / voxel_A - room.origin, matrix, shape.points @ matrix.T
            at = first_fit(room.occupancy, *pose, shape.envelope)
            if at >= 0:
                room.found.append((name, (drawn_A[at], turn)))
                return True
        return False

    streams = {name: generator(seed, "place", "contents", name, number) for name in counts}
    return room, {name: repeated(partial(attempt, name, rng)) for name, rng in streams.items()}


def _positions_A(
    places_A: DoubleArray, rng: np.random.Generator, tries: int
) -> Iterator[DoubleArray]:
    """Yield positions [n, 3] around nodes inside a membrane."""
    for _ in range(math.ceil(tries / _BATCH)):
        chosen_A = places_A[rng.integers(len(places_A), size=_BATCH)]
        yield chosen_A + rng.uniform(-0.5, 0.5, (_BATCH, 3)) * SPACING_A


def _largest_first(names: Mapping[str, object], shapes: Mapping[str, Shape]) -> list[str]:
    return sorted(names, key=lambda name: -shapes[name].volume_voxels)


def _fill(
    scene: Scene,
    begin: partial[tuple[Room, dict[str, Attempt]]],
    wanted: Mapping[str, int],
    shapes: Mapping[str, Shape],
    number: int,
    misses: int,
    apart: Collection[str] = (),
) -> None:
    volumes = {name: shape.volume_voxels for name, shape in shapes.items()}
    in_order = {name: wanted[name] for name in shapes}
    FairFilling(begin, in_order, volumes, misses, apart).filled().state.keep(scene, number)
    for name, n in wanted.items():
        scene.requested[name] = scene.requested.get(name, 0) + n
