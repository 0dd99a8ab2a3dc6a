"""Molecules on membranes, and what membranes enclose; placed once, before the others."""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from faket.data import DoubleArray
from faket.seeds import generator
from faket.specimen.config import SpecimenConfig
from faket.specimen.free_places import first_fit
from faket.specimen.level_sets import SPACING_A
from faket.specimen.membrane_placement import compartment_nodes_A, innermost
from faket.specimen.membrane_proteins import SitesOnMembrane, place_on_membrane
from faket.specimen.membranes import PlacedMembrane
from faket.specimen.records import random_rotation
from faket.specimen.rooms import Room
from faket.specimen.scene import Scene
from faket.specimen.shapes import Shape
from faket.specimen.shares import FEW_MISSES, Attempt, FairFilling, repeated

_SITES = 200  # in a row without room before a membrane counts as full; chosen
_BATCH = 256

Begin = partial[tuple[Room, dict[str, Attempt]]]


@dataclass(frozen=True, eq=False)
class FixedMolecules:
    """Places molecules on and in the membranes of a scene.

    Attributes
    ----------
    scene : Scene
        With its membranes; it is changed.
    config : SpecimenConfig
    shapes : mapping of str to Shape
        By name of species.
    seed : int
    """

    scene: Scene
    config: SpecimenConfig
    shapes: Mapping[str, Shape]
    seed: int

    def add_on_membranes(self) -> None:
        """Place what sits on membranes, before these are occupied."""
        for membrane in self.scene.membranes:
            wanted = self._numbers_on(membrane)
            vertices_A = membrane.mesh.vertices_A
            if wanted and len(vertices_A):
                how = self.config.on_membranes
                # As many as fit by chance, where no density is asked for: after the others.
                order = self._largest_first(wanted)
                order.sort(key=lambda name: how[name].density_per_um2 is None)
                aside_A = max(abs(how[name].depth_A or 0.0) for name in order)
                room = self._room(vertices_A, order, aside_A)
                begin = partial(self._on_membrane, room, membrane)
                free = {name for name in order if how[name].density_per_um2 is None}
                goals = {name: wanted[name] for name in order}
                self._fill(begin, goals, membrane.number, _SITES, free)
        for name in self.config.on_membranes:
            self.scene.requested.setdefault(name, 0)

    def _on_membrane(
        self, room: Room, membrane: PlacedMembrane, counts: Mapping[str, int]
    ) -> tuple[Room, dict[str, Attempt]]:
        room, voxel_A = room.copy(), self.config.voxel_size_A
        start_A = room.origin * voxel_A
        others = [one for one in self.scene.membranes if one is not membrane]

        def attempt(name: str, sites: SitesOnMembrane, rng: np.random.Generator) -> bool:
            how, shape = self.config.on_membranes[name], self.shapes[name]
            pose = place_on_membrane(
                sites, how, shape, others, room.occupancy, voxel_A, rng, start_A
            )
            if pose is not None:
                room.found.append((name, pose))
            return pose is not None

        attempts: dict[str, Attempt] = {}
        shared: dict[str, SitesOnMembrane] = {}  # conformations of a species keep apart, too
        states = self.config.states
        species = {state: name for name in states for state in states[name]}
        for name in counts:
            whose = species.get(name, name)
            rng = generator(self.seed, "place", "on membrane", name, membrane.number)
            if whose not in shared:
                shared[whose] = SitesOnMembrane(membrane, self.config.on_membranes[name], rng)
            attempts[name] = repeated(partial(attempt, name, shared[whose], rng))
        return room, attempts

    def _numbers_on(self, membrane: PlacedMembrane) -> dict[str, int]:
        """Return how many of each species, and conformation, a membrane should hold."""
        wanted: dict[str, int] = {}
        area_A2 = float(membrane.mesh.areas_A2().sum())
        states = self.config.states
        others = {state for name in states for state in states[name] if state != name}
        for name, how in self.config.on_membranes.items():
            if membrane.record.name != how.on or name in others:
                continue
            wanted[name] = how.number_on(area_A2)
            if name in states:
                weights = np.array(list(states[name].values()), np.float64)
                rng = generator(self.seed, "states", name, membrane.number)
                drawn = rng.multinomial(wanted[name], weights / weights.sum())
                wanted |= {s: int(n) for s, n in zip(states[name], drawn, strict=True)}
        return wanted

    def add_contents(self) -> None:
        """Place what membranes enclose, and close them to other molecules."""
        membranes = self.scene.membranes
        for kind in self.config.membranes:
            if not kind.contents:
                continue
            for membrane in innermost(membranes, kind.name):
                places_A = compartment_nodes_A(membrane, membranes)
                if len(places_A):
                    wanted = self._numbers_in(kind.contents, membrane, len(places_A))
                    room = self._room(places_A, wanted)
                    begin = partial(self._inside, room, places_A, membrane.number)
                    self._fill(begin, wanted, membrane.number, FEW_MISSES)
            for membrane in membranes:
                if membrane.record.name == kind.name:
                    self.scene.closed_to_others.append(membrane.surface)

    def _numbers_in(
        self, contents: Mapping[str, float], membrane: PlacedMembrane, nodes: int
    ) -> dict[str, int]:
        """Return how many of each species a compartment of so many nodes should hold."""
        voxels = nodes * (membrane.surface.spacing_A / self.config.voxel_size_A) ** 3
        wanted = {}
        for name in self._largest_first(contents):
            amount = contents[name]
            share = amount * voxels / self.shapes[name].volume_voxels
            wanted[name] = int(amount) if amount >= 1 else round(share)
        return wanted

    def _inside(
        self, room: Room, places_A: DoubleArray, number: int, counts: Mapping[str, int]
    ) -> tuple[Room, dict[str, Attempt]]:
        room, voxel_A = room.copy(), self.config.voxel_size_A

        def attempt(name: str, rng: np.random.Generator) -> bool:
            turn, shape = random_rotation(rng), self.shapes[name]
            matrix = turn.as_matrix()
            for drawn_A in _positions_A(places_A, rng, self.config.max_tries):
                pose = drawn_A / voxel_A - room.origin, matrix, shape.points @ matrix.T
                at = first_fit(room.occupancy, *pose, shape.envelope)
                if at >= 0:
                    room.found.append((name, (drawn_A[at], turn)))
                    return True
            return False

        streams = {n: generator(self.seed, "place", "contents", n, number) for n in counts}
        return room, {name: repeated(partial(attempt, name, rng)) for name, rng in streams.items()}

    def _room(self, points_A: DoubleArray, names: Collection[str], aside_A: float = 0.0) -> Room:
        own = {name: self.shapes[name] for name in names}
        return Room.about(self.scene, points_A, own, self.config.voxel_size_A, aside_A)

    def _largest_first(self, names: Collection[str]) -> list[str]:
        return sorted(names, key=lambda name: -self.shapes[name].volume_voxels)

    def _fill(
        self,
        begin: Begin,
        wanted: Mapping[str, int],
        number: int,
        misses: int,
        free: Collection[str] = (),
    ) -> None:
        """Fill a room, and keep it; nobody asked for a number of those that are ``free``."""
        volumes = {name: self.shapes[name].volume_voxels for name in wanted}
        filled = FairFilling(begin, wanted, volumes, misses, free).filled()
        filled.state.keep(self.scene, number)
        for name, n in wanted.items():
            asked = max(filled.placed.get(name, 0), min(n, 1)) if name in free else n
            self.scene.requested[name] = self.scene.requested.get(name, 0) + asked


def _positions_A(
    places_A: DoubleArray, rng: np.random.Generator, tries: int
) -> Iterator[DoubleArray]:
    """Yield positions [n, 3] around nodes inside a membrane."""
    for _ in range(math.ceil(tries / _BATCH)):
        chosen_A = places_A[rng.integers(len(places_A), size=_BATCH)]
        yield chosen_A + rng.uniform(-0.5, 0.5, (_BATCH, 3)) * SPACING_A
