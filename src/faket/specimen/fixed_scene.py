"""What is placed once, before the molecules: membranes, their proteins and their contents."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from faket.errors import InputError
from faket.specimen.config import SpecimenConfig
from faket.specimen.fixed_molecules import FixedMolecules
from faket.specimen.membrane_placement import place_membranes
from faket.specimen.records import PoseRecord
from faket.specimen.scene import Scene
from faket.specimen.shapes import Shape
from faket.specimen.surroundings import Surroundings, draw_surroundings
from faket.vocabulary import membrane_class


def fixed_scene(config: SpecimenConfig, shapes: Mapping[str, Shape], seed: int) -> Scene:
    """Place membranes, the molecules on them, and what they enclose.

    Raises
    ------
    InputError
        With ``on_full="stop"``, if something does not fit.
    """
    nx, ny, nz = config.size_voxels
    scene = Scene(np.zeros((nz, ny, nx), np.bool_), PoseRecord(config.voxel_size_A))
    ice = config.lamella, config.carbon, config.crystals
    drawn = draw_surroundings(*ice, config.size_voxels, config.voxel_size_A, seed)
    if drawn is not None:
        drawn.occupy(scene.occupancy)
        scene.surroundings = drawn
    if config.membranes:
        _add_membranes(scene, config, seed)
    if scene.surroundings is not None:
        _add_surroundings(scene, scene.surroundings)
    if config.membranes:
        molecules = FixedMolecules(scene, config, shapes, seed)
        molecules.add_on_membranes()
        for membrane in scene.membranes:
            membrane.occupy(scene.occupancy, config.voxel_size_A)
        molecules.add_contents()
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


def _add_membranes(scene: Scene, config: SpecimenConfig, seed: int) -> None:
    scene.membranes, asked = place_membranes(
        [kind for kind in config.membranes if not config.is_elsewhere(kind.inside)],
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


def _check_full(scene: Scene, config: SpecimenConfig) -> None:
    for name, wanted in scene.requested.items():
        found = scene.record.species.count(name)
        if found < wanted and config.on_full == "stop":
            raise InputError(
                f"specimen: expected room for {wanted} of {name!r}, found room for {found}; ask "
                "for fewer or smaller ones, enlarge the box, or set `on_full` = 'continue'"
            )
