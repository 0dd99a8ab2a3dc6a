"""Placement of all objects: poses are drawn into a record before anything is painted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from faket.data import Particles, Species
from faket.errors import InputError
from faket.seeds import generator
from faket.specimen.attempts import attempts_by_class, fill
from faket.specimen.classes import check_species, class_labels
from faket.specimen.config import MAX_OBJECTS, SpecimenConfig
from faket.specimen.membranes import PlacedMembrane
from faket.specimen.records import PoseRecord
from faket.specimen.scene import Scene, fixed_scene
from faket.specimen.shapes import Shape, prepare_shape
from faket.specimen.surroundings import Surroundings
from faket.vocabulary import FIDUCIAL, VESICLE

_LESS = 0.9  # factor on a share that did not fit; chosen, because each pass takes long


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
    grown : mapping of str to int
        Number of filaments and bundles that found room, by those names.
    membranes : tuple of PlacedMembrane
        The surfaces of those among the particles.
    surroundings : Surroundings or None
        What bounds the ice.
    """

    particles: Particles
    requested: Mapping[str, int]
    grown: Mapping[str, int] = field(default_factory=dict)
    membranes: tuple[PlacedMembrane, ...] = ()
    surroundings: Surroundings | None = None

    @property
    def placed(self) -> dict[str, int]:
        """Number of placed objects, by class name."""
        found = Counter(self.particles.species)
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
    volumes = {name: shape.volume_voxels for name, shape in shapes.items()}
    counts = _without_subunits(config, _requested_counts(config, volumes, seed))
    return _with_partners(config, counts)


def place_particles(config: SpecimenConfig, species: Sequence[Species], *, seed: int) -> Placement:
    """Place membranes, vesicles, gold, filaments, then molecules (largest first) without overlap.

    If there is no room for a molecule, all are placed anew: first the same share of each requested
    number, then more molecules of the species that still fit.

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
    volumes = {name: shape.volume_voxels for name, shape in shapes.items()}
    requested = _requested_counts(config, volumes, seed)
    scene = fixed_scene(config, shapes, seed)
    record, placed = _one_class_after_another(config, shapes, requested, scene, seed)
    lacking = [name for name in placed if placed[name] < requested[name]]
    short = next(iter([*(n for n in lacking if n in shapes), *lacking]), None)
    if short and config.on_full == "stop":
        nx, ny, nz = config.size_voxels
        raise InputError(
            f"specimen: expected room for {requested[short]} of {short!r}, found room for "
            f"{placed[short]} in {nx} x {ny} x {nz} voxels; ask for fewer, enlarge "
            "the box, raise `max_tries`, or set `on_full` = 'continue'"
        )
    if short in shapes and sum(requested[name] > 0 for name in shapes) > 1:
        loose = record.species[len(scene.record.species) :]
        room = sum(volumes.get(name, 0.0) for name in loose if requested[name])
        share = room / sum(volumes[name] * requested[name] for name in shapes)
        record, placed = _in_equal_shares(config, shapes, requested, scene, seed, share)
    if len(record.species) > MAX_OBJECTS:
        raise InputError(
            f"specimen: expected at most {MAX_OBJECTS} objects (the instance mask has 16 bits), "
            f"found {len(record.species)}, subunits of filaments included; ask for fewer"
        )
    grown = {name: placed[name] for name in config.filaments_by_name()}
    asked = Counter(_with_partners(config, _without_subunits(config, requested)))
    asked.update(scene.requested)
    around = scene.membranes, scene.surroundings
    return Placement(record.particles(), dict(asked), grown, *around)


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


def _one_class_after_another(
    config: SpecimenConfig,
    shapes: Mapping[str, Shape],
    requested: Mapping[str, int],
    scene: Scene,
    seed: int,
) -> tuple[PoseRecord, dict[str, int]]:
    """Place all classes in turn; return also how many of each fitted."""
    record, attempts = attempts_by_class(config, shapes, scene, seed, requested)
    placed: dict[str, int] = {}
    for name, attempt in attempts.items():
        placed[name] = fill(requested[name], attempt)
        if placed[name] < requested[name] and config.on_full == "stop":
            break
    return record, placed


def _in_equal_shares(
    config: SpecimenConfig,
    shapes: Mapping[str, Shape],
    requested: Mapping[str, int],
    scene: Scene,
    seed: int,
    share: float,
) -> tuple[PoseRecord, dict[str, int]]:
    """Place the same share of each requested number of molecules, then more while there is room.

    If classes were filled one after another, the last ones would find no room at all; if they took
    turns from the start, large molecules would find no room between small ones. So the share begins
    with the volume that was placed before, and is lowered until all of it fits, largest first.
    """
    hopeless: set[str] = set()  # too large for the room that the box leaves
    while True:
        goals = {
            name: 0 if name in hopeless else int(n * share) if name in shapes else n
            for name, n in requested.items()
        }
        record, attempts = attempts_by_class(config, shapes, scene, seed, goals)
        placed = {name: fill(goals[name], attempt) for name, attempt in attempts.items()}
        short = [name for name in shapes if placed[name] < goals[name]]
        if not short:
            break
        hopeless.update(name for name in short if not placed[name])
        share *= _LESS
    waiting = [name for name in attempts if name in shapes and placed[name] < requested[name]]
    while waiting:
        name = min(waiting, key=lambda name: placed[name] / requested[name])
        fitted = fill(1, attempts[name])
        placed[name] += fitted
        if not fitted or placed[name] == requested[name]:
            waiting.remove(name)
    return record, placed


def _checked_shapes(config: SpecimenConfig, species: Sequence[Species]) -> dict[str, Shape]:
    class_labels(species)
    check_species(config, species)
    return {one.name: prepare_shape(one) for one in species}


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
        counts[name] = int(generator(seed, "counts", name).integers(low, high + 1))
    if sum(counts.values()) > MAX_OBJECTS:
        raise InputError(
            f"specimen: expected at most {MAX_OBJECTS} objects (the instance mask has 16 bits), "
            f"found {sum(counts.values())}; lower `copies`, `volume_fractions` or `particles`"
        )
    return counts
