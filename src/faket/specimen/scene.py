"""What is placed once, before the molecules: membranes, their proteins and their contents."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.spatial.transform import Rotation

from faket.data import AnyArray, DoubleArray
from faket.errors import InputError
from faket.seeds import generator
from faket.specimen.config import SpecimenConfig
from faket.specimen.level_sets import SPACING_A, LevelSet, values_at
from faket.specimen.membrane_placement import innermost, place_membranes
from faket.specimen.membrane_proteins import SitesOnMembrane, place_on_membrane
from faket.specimen.membranes import PlacedMembrane, inside_nodes_A
from faket.specimen.molecules import first_fit
from faket.specimen.records import PoseRecord, random_rotation
from faket.specimen.shapes import Shape
from faket.specimen.surroundings import Surroundings, draw_surroundings
from faket.vocabulary import membrane_class

_MISSES = 200  # in a row before a membrane counts as full; chosen
_BATCH = 256


@dataclass(eq=False)
class Scene:
    """Objects that stay where they are while molecules are placed around them.

    Attributes
    ----------
    occupancy : ndarray of bool, shape (z, y, x)
    record : PoseRecord
    membranes : tuple of PlacedMembrane
    requested : dict of str to int
        Numbers asked for, by class name.
    closed_to_others : list of LevelSet
        Compartments in which only their own contents may lie.
    surroundings : Surroundings or None
        What bounds the ice; None if the box is full of it.
    """

    occupancy: AnyArray
    record: PoseRecord
    membranes: tuple[PlacedMembrane, ...] = ()
    requested: dict[str, int] = field(default_factory=dict)
    closed_to_others: list[LevelSet] = field(default_factory=list)
    surroundings: Surroundings | None = None

    def copy(self) -> "Scene":
        """Return a scene in which more can be placed."""
        return Scene(
            self.occupancy.copy(),
            self.record.copy(),
            self.membranes,
            self.requested,
            self.closed_to_others,
            self.surroundings,
        )

    def allowed(self, positions_A: DoubleArray) -> DoubleArray:
        """Return those of the positions [n, 3] that lie in no closed compartment."""
        for surface in self.closed_to_others:
            positions_A = positions_A[values_at(surface, positions_A) > 0]
        return positions_A


def fixed_scene(config: SpecimenConfig, shapes: Mapping[str, Shape], seed: int) -> Scene:
    """Place membranes, the molecules on them, and what they enclose.

    Raises
    ------
    InputError
        If a setting names membranes or species that are not there; and, with ``on_full="stop"``,
        if something does not fit.
    """
    nx, ny, nz = config.size_voxels
    scene = Scene(np.zeros((nz, ny, nx), np.bool_), PoseRecord(config.voxel_size_A))
    ice = config.lamella, config.carbon, config.crystals
    drawn = draw_surroundings(*ice, config.size_voxels, config.voxel_size_A, seed)
    if drawn is not None:
        drawn.occupy(scene.occupancy)
        scene.surroundings = drawn
    _check_names(config, shapes)
    if config.membranes:
        _add_membranes(scene, config, seed)
    if scene.surroundings is not None:
        _add_surroundings(scene, scene.surroundings)
    if config.membranes:
        _add_proteins(scene, config, shapes, seed)
        for membrane in scene.membranes:
            membrane.occupy(scene.occupancy, config.voxel_size_A)
        _add_contents(scene, config, shapes, seed)
        _check_full(scene, config)
    return scene


def _add_surroundings(scene: Scene, drawn: Surroundings) -> None:
    """Number film and crystals; of open membranes keep what lies in the ice."""
    scene.surroundings = replace(drawn, first_id=len(scene.record.species) + 1)
    for name, position_A in drawn.objects():
        scene.record.add(name, position_A, Rotation.identity())
        scene.requested[name] = scene.requested.get(name, 0) + 1
    scene.membranes = tuple(
        replace(one, mesh=one.mesh.where(drawn.free(one.mesh.vertices_A)))
        if one.record.is_open
        else one
        for one in scene.membranes
    )


def _check_names(config: SpecimenConfig, shapes: Mapping[str, Shape]) -> None:
    names = {kind.name for kind in config.membranes}
    for species, how in config.on_membranes.items():
        if how.on not in names:
            raise InputError(
                f"species {species!r}: expected on = the name of membranes "
                f"({', '.join(sorted(names - {''})) or 'none has a name'}), found {how.on!r}"
            )
    for settings in config.filaments:
        if settings.inside and settings.inside not in names:
            raise InputError(
                f"filaments of {settings.subunit}: expected inside = the name of membranes "
                f"({', '.join(sorted(names - {''})) or 'none has a name'}), found "
                f"{settings.inside!r}; give one of them"
            )
    for kind in config.membranes:
        for name in kind.contents:
            if name not in shapes:
                raise InputError(
                    f"membranes, contents: expected species among "
                    f"{', '.join(shapes) or '(none)'}, found {name!r}; correct the name"
                )


def _add_membranes(scene: Scene, config: SpecimenConfig, seed: int) -> None:
    scene.membranes, asked = place_membranes(
        config.membranes,
        config.size_voxels,
        config.voxel_size_A,
        scene.occupancy,
        config.max_tries,
        seed,
    )
    scene.requested |= {membrane_class(name): count for name, count in asked.items()}
    for one in scene.membranes:
        name = membrane_class(one.record.name)
        turn = Rotation.from_quat(one.record.rotation)
        scene.record.add(name, np.array(one.record.centre_A), turn, membrane=one.number)


def _add_proteins(
    scene: Scene, config: SpecimenConfig, shapes: Mapping[str, Shape], seed: int
) -> None:
    for name, how in config.on_membranes.items():
        scene.requested.setdefault(name, 0)
        for membrane in scene.membranes:
            if membrane.record.name != how.on:
                continue
            others = [one for one in scene.membranes if one is not membrane]
            rng = generator(seed, "place", "on membrane", name, membrane.number)
            wanted = how.number_on(float(membrane.mesh.areas_A2().sum()))
            scene.requested[name] += wanted
            sites = SitesOnMembrane(membrane, how, rng)
            misses = 0
            while len(sites.taken) < wanted and misses < _MISSES:
                pose = place_on_membrane(
                    sites, how, shapes[name], others, scene.occupancy, config.voxel_size_A, rng
                )
                misses = misses + 1 if pose is None else 0
                if pose is not None:
                    scene.record.add(name, *pose, membrane=membrane.number)


def _add_contents(
    scene: Scene, config: SpecimenConfig, shapes: Mapping[str, Shape], seed: int
) -> None:
    for kind in config.membranes:
        if not kind.contents:
            continue
        for membrane in innermost(scene.membranes, kind.name):
            places_A = inside_nodes_A(membrane)
            room = len(places_A) * (membrane.surface.spacing_A / config.voxel_size_A) ** 3
            # The largest first, as everywhere.
            for name in sorted(kind.contents, key=lambda name: -shapes[name].volume_voxels):
                amount = kind.contents[name]
                share = amount * room / shapes[name].volume_voxels
                wanted = int(amount) if amount >= 1 else round(share)
                scene.requested[name] = scene.requested.get(name, 0) + wanted
                rng = generator(seed, "place", "contents", name, membrane.number)
                _fill(scene, config, name, shapes[name], places_A, wanted, membrane.number, rng)
        for membrane in scene.membranes:
            if membrane.record.name == kind.name:
                scene.closed_to_others.append(membrane.surface)


def _fill(
    scene: Scene,
    config: SpecimenConfig,
    name: str,
    shape: Shape,
    places_A: DoubleArray,
    wanted: int,
    number: int,
    rng: np.random.Generator,
) -> None:
    """Place molecules of one species around nodes inside a membrane, until ten do not fit."""
    placed = misses = 0
    while len(places_A) and placed < wanted and misses < 10:
        turn = random_rotation(rng)
        points = shape.points @ turn.as_matrix().T
        misses += 1
        for _ in range(math.ceil(config.max_tries / _BATCH)):
            chosen_A = places_A[rng.integers(len(places_A), size=_BATCH)]
            chosen_A = chosen_A + rng.uniform(-0.5, 0.5, (_BATCH, 3)) * SPACING_A
            centres = chosen_A / config.voxel_size_A
            at = first_fit(scene.occupancy, centres, turn.as_matrix(), points, shape.envelope)
            if at >= 0:
                scene.record.add(name, chosen_A[at], turn, membrane=number)
                placed, misses = placed + 1, 0
                break


def _check_full(scene: Scene, config: SpecimenConfig) -> None:
    for name, wanted in scene.requested.items():
        found = scene.record.species.count(name)
        if found < wanted and config.on_full == "stop":
            raise InputError(
                f"specimen: expected room for {wanted} of {name!r}, found room for {found}; ask "
                "for fewer or smaller ones, enlarge the box, or set `on_full` = 'continue'"
            )
