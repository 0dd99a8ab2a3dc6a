"""Placement of all objects: poses are drawn into a record before anything is painted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from faket.data import Particles, Species
from faket.errors import InputError
from faket.seeds import generator
from faket.specimen.attempts import scenery_attempts
from faket.specimen.classes import check_species, class_labels
from faket.specimen.config import MAX_OBJECTS, SpecimenConfig
from faket.specimen.fixed_scene import fixed_scene
from faket.specimen.membranes import PlacedMembrane
from faket.specimen.molecule_attempts import molecule_attempts, order_of_placement
from faket.specimen.scene import Scene
from faket.specimen.shapes import Shape, prepare_shape
from faket.specimen.shares import FEW_MISSES, FairFilling, fill
from faket.specimen.surroundings import Surroundings
from faket.vocabulary import FIDUCIAL, VESICLE


@dataclass(frozen=True)
class Placement:
    """The placed objects, and the numbers that were asked for.

    Attributes
    ----------
    particles : Particles
        Their exact poses; ids are 1 ... n in the order of placement.
    requested : mapping of str to int
        Number of objects asked for, by class name, "vesicle" and "fiducial" among them; of
        filaments and bundles by the names of :meth:`SpecimenConfig.filaments_by_name`.
        Conformations count as their species.
    grown : mapping of str to int
        Number of filaments and bundles that found room, by those names.
    membranes : tuple of PlacedMembrane
        The surfaces of those among the particles.
    surroundings : Surroundings or None
        What bounds the ice.
    state_of : mapping of str to str
        Species of the conformations that have no class of their own.
    """

    particles: Particles
    requested: Mapping[str, int]
    grown: Mapping[str, int] = field(default_factory=dict)
    membranes: tuple[PlacedMembrane, ...] = ()
    surroundings: Surroundings | None = None
    state_of: Mapping[str, str] = field(default_factory=dict)

    @property
    def placed(self) -> dict[str, int]:
        """Number of placed objects, by class name."""
        found = Counter(self.state_of.get(name, name) for name in self.particles.species)
        return {name: self.grown.get(name, found[name]) for name in self.requested}


def requested_counts(
    config: SpecimenConfig, species: Sequence[Species], *, seed: int
) -> dict[str, int]:
    """Draw how many objects of each class a specimen should hold.

    Parameters
    ----------
    config : SpecimenConfig
    species : sequence of Species
    seed : int

    Returns
    -------
    dict of str to int
        By class name: the species as given, "vesicle", "fiducial". A species with ``copies`` has
        that number; one with a ``volume_fraction`` has the number whose envelopes fill it. The
        number drawn from ``config.particles`` is shared by the others, all equally likely.

    Raises
    ------
    InputError
        If ``config`` names unknown species, voxel sizes differ, a species has no envelope, or
        more than 65535 objects are asked for.
    """
    shapes = _checked_shapes(config, species)
    counts = _without_subunits(config, _requested_counts(config, _volumes(shapes), seed))
    return _with_partners(config, counts)


def place_particles(config: SpecimenConfig, species: Sequence[Species], *, seed: int) -> Placement:
    """Place membranes, vesicles, gold, filaments, then molecules (largest first) without overlap.

    If there is no room for a molecule, all are placed anew, with the same share of each requested
    number, to one molecule (:mod:`faket.specimen.shares`).

    Random sequential addition: an orientation, uniform on SO(3), is drawn first and kept while
    up to ``config.max_tries`` uniform positions are tried. Objects may share no voxel; a
    molecule's voxels are those where its rotated envelope is at least 0.5, as they are painted.
    Only vesicles and filaments may reach beyond the box. Molecules may lie inside a vesicle, not in
    its membrane.

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
    requested = _requested_counts(config, _volumes(shapes), seed)
    scene = fixed_scene(config, shapes, seed)
    grown = _add_scenery(scene, config, shapes, requested, seed)
    scene = _add_molecules(scene, config, shapes, requested, seed)
    record = scene.record
    if len(record.species) > MAX_OBJECTS:
        raise InputError(
            f"specimen: expected at most {MAX_OBJECTS} objects (the instance mask has 16 bits), "
            f"found {len(record.species)}, subunits of filaments included; ask for fewer"
        )
    grown = {name: grown[name] for name in config.filaments_by_name()}
    asked = Counter(_with_partners(config, _without_subunits(config, requested)))
    asked.update(scene.requested)
    state_of = {one.name: one.state_of for one in species if one.state_of}
    around = scene.membranes, scene.surroundings
    return Placement(record.particles(), _by_species(asked, state_of), grown, *around, state_of)


def _by_species(counts: Mapping[str, int], state_of: Mapping[str, str]) -> dict[str, int]:
    """Count conformations as their species."""
    found: dict[str, int] = {}
    for name, n in counts.items():
        whose = state_of.get(name, name)
        found[whose] = found.get(whose, 0) + n
    return found


def _with_partners(config: SpecimenConfig, requested: dict[str, int]) -> dict[str, int]:
    """Count the molecules that come bound to others, too."""
    return requested | {
        one.partner: requested.get(one.partner, 0) + requested[name]
        for name, one in config.company.items()
        if one.partner is not None and name in requested
    }


def _without_subunits(config: SpecimenConfig, requested: Mapping[str, int]) -> dict[str, int]:
    """Leave out species that are wanted in filaments only."""
    subunits = {settings.subunit for settings in config.filaments}
    return {name: n for name, n in requested.items() if n or name not in subunits}


def _add_scenery(
    scene: Scene,
    config: SpecimenConfig,
    shapes: Mapping[str, Shape],
    requested: Mapping[str, int],
    seed: int,
) -> dict[str, int]:
    """Place vesicles, gold and filaments, which stay; return how many of each fitted."""
    placed = {}
    for name, attempt in scenery_attempts(config, shapes, scene, seed).items():
        placed[name] = fill(requested[name], attempt, FEW_MISSES)
        _check_room(config, name, requested[name], placed[name])
    return placed


def _add_molecules(
    scene: Scene,
    config: SpecimenConfig,
    shapes: Mapping[str, Shape],
    requested: Mapping[str, int],
    seed: int,
) -> Scene:
    """Place molecules; if there is no room for all, the same share of each species."""
    wanted = {name: requested[name] for name in order_of_placement(config, shapes)}
    begin = partial(molecule_attempts, config, shapes, scene, seed)
    layered = [name for name, one in config.company.items() if one.layer_A is not None]
    filling = FairFilling(begin, wanted, _volumes(shapes), apart=layered)
    filled = filling.in_turn()
    placed = filled.placed
    for name in shapes:
        _check_room(config, name, requested[name], placed.get(name, 0))
    if not filling.is_fair(placed):
        del filled  # its occupancy is large
        filled = filling.in_equal_shares(placed)
    state: Scene = filled.state
    return state


def _check_room(config: SpecimenConfig, name: str, wanted: int, placed: int) -> None:
    if placed < wanted and config.on_full == "stop":
        nx, ny, nz = config.size_voxels
        raise InputError(
            f"specimen: expected room for {wanted} of {name!r}, found room for "
            f"{placed} in {nx} x {ny} x {nz} voxels; ask for fewer, enlarge "
            "the box, raise `max_tries`, or set `on_full` = 'continue'"
        )


def _checked_shapes(config: SpecimenConfig, species: Sequence[Species]) -> dict[str, Shape]:
    class_labels(species)
    check_species(config, species)
    return {one.name: prepare_shape(one) for one in species}


def _volumes(shapes: Mapping[str, Shape]) -> dict[str, float]:
    return {name: shape.volume_voxels for name, shape in shapes.items()}


def _requested_counts(
    config: SpecimenConfig, volumes_voxels: Mapping[str, float], seed: int
) -> dict[str, int]:
    rng = generator(seed, "counts")
    total, vesicles, gold = (
        int(rng.integers(low, high + 1))
        for low, high in (config.particles, config.vesicles, config.gold)
    )
    box = float(np.prod(config.size_voxels, dtype=np.float64))
    counts = dict.fromkeys(volumes_voxels, 0) | dict(config.copies)
    for name, fraction in config.volume_fractions.items():
        counts[name] = round(fraction * box / volumes_voxels[name])
    given = {*config.copies, *config.volume_fractions, *(f.subunit for f in config.filaments)}
    given |= config.placed_with_membranes()
    given |= {state for name, states in config.states.items() for state in states if state != name}
    free = [name for name in counts if name not in given]
    if free:
        shares = rng.multinomial(total, np.full(len(free), 1 / len(free)))
        counts |= {name: int(n) for name, n in zip(free, shares, strict=True)}
    for name, states in config.states.items():
        weights = np.array(list(states.values()), np.float64)
        drawn = generator(seed, "states", name).multinomial(counts[name], weights / weights.sum())
        counts |= {state: int(n) for state, n in zip(states, drawn, strict=True)}
    counts |= {VESICLE: vesicles, FIDUCIAL: gold}
    for name, settings in config.filaments_by_name().items():
        low, high = settings.copies
        there = 0 if config.is_elsewhere(settings.inside) else 1  # nothing to be inside of
        counts[name] = there * int(generator(seed, "counts", name).integers(low, high + 1))
    if sum(counts.values()) > MAX_OBJECTS:
        raise InputError(
            f"specimen: expected at most {MAX_OBJECTS} objects (the instance mask has 16 bits), "
            f"found {sum(counts.values())}; lower `copies`, `volume_fractions` or `particles`"
        )
    return counts
