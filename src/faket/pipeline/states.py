"""Several conformations of a species: drawn by weights, and labelled as one class.

Inside, every conformation is a species of its own; a data set has them as one, with the column
``state`` in its particle table.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from faket.data import Species, Specimen
from faket.errors import InputError
from faket.pipeline.recipe import Recipe
from faket.pipeline.recipe_specimen import SpeciesEntry
from faket.pipeline.specimen_parts import SpecimenParts
from faket.seeds import generator

CONFORMATION_OF = "conformation_of"  # in the facts of a conformation, but of the first
_Parts = TypeVar("_Parts", SpecimenParts, Specimen)


@dataclass(frozen=True)
class Form:
    """How a conformation differs from the model in its file.

    Attributes
    ----------
    amplitudes_A : tuple of float
        Of its softest normal modes.
    without : tuple of str
        Chains that are absent.
    model : int, optional
        Number of the MODEL in the file.
    """

    amplitudes_A: tuple[float, ...] = ()
    without: tuple[str, ...] = ()
    model: int | None = None


def state_name(species: str, state: int) -> str:
    """Return the name of a conformation; the first is called as the species."""
    return f"{species}~{state}" if state else species


def other_states(
    recipe: Recipe, library: Sequence[Species]
) -> Iterator[tuple[SpeciesEntry, str, str, Form]]:
    """Yield what to load for all conformations but the first ones.

    Each with its name; the species of which it is a conformation, "" if it has a class of its own;
    and its form.

    Raises
    ------
    InputError
        If subunits or models are given beside other conformations.
    """
    for entry, species in zip(recipe.species, library, strict=False):
        of = "" if entry.state_classes else species.name
        _check_alone(entry)
        for number, model in enumerate(entry.models[1:], start=1):
            yield entry, state_name(species.name, number), of, Form(model=model)
        if entry.models:
            continue
        for state, source in enumerate(entry.states, start=1):
            own = entry.model_copy(update={"source": source, "name": None})
            yield own, state_name(species.name, state), of, Form()
        for state in range(1, count_of(entry)) if entry.subunits else ():
            yield entry, state_name(species.name, state), of, Form(without=absent(entry, state))
        for state in range(len(entry.states) + 1, count_of(entry)) if not entry.subunits else ():
            name = state_name(species.name, state)
            rng = generator(recipe.seed, "modes", name)
            drawn = rng.normal(0, entry.mode_amplitude_A, entry.modes) / np.sqrt(entry.modes)
            yield entry, name, of, Form(tuple(drawn.tolist()))


def _check_alone(entry: SpeciesEntry) -> None:
    """Refuse subunits and models of a file beside other kinds of conformations."""
    others = entry.states or entry.mode_amplitude_A
    if entry.subunits and (others or entry.weights or entry.models):
        raise InputError(
            "species.subunits: expected no states, models, weights or normal modes beside them, "
            "found some; give each an entry of its own"
        )
    if entry.models and others:
        raise InputError(
            "species.models: expected no states or normal modes beside them, found some; give "
            "each an entry of its own"
        )


def first_form(entry: SpeciesEntry) -> Form:
    """Return the form of the first conformation."""
    return Form(model=entry.models[0] if entry.models else None)


def absent(entry: SpeciesEntry, state: int) -> tuple[str, ...]:
    """Return the chains that a state lacks: bit i of its number tells that subunit i is absent."""
    lacking = [chains for i, chains in enumerate(entry.subunits) if state >> i & 1]
    return tuple(chain.strip() for chains in lacking for chain in chains.split(","))


def count_of(entry: SpeciesEntry) -> int:
    """Return the number of conformations of a species."""
    if entry.subunits:
        return int(2 ** len(entry.subunits))
    if entry.models:
        return len(entry.models)
    return 1 + len(entry.states) + (entry.mode_states if entry.mode_amplitude_A else 0)


def state_weights(recipe: Recipe, library: Sequence[Species]) -> dict[str, dict[str, float]]:
    """Return the weights of conformations by name, of species that have several.

    Raises
    ------
    InputError
        If there is not one weight for each.
    """
    found = {}
    for entry, species in zip(recipe.species, library, strict=False):
        n = count_of(entry)
        weights = _subunit_weights(entry) or entry.weights or (1.0,) * n
        if len(weights) != n:
            raise InputError(
                f"species.weights: expected {n} numbers, one for the source and one for each of "
                f"the states, found {len(weights)}; correct them"
            )
        if n > 1:
            names = (state_name(species.name, state) for state in range(n))
            found[species.name] = dict(zip(names, weights, strict=True))
    return found


def _subunit_weights(entry: SpeciesEntry) -> tuple[float, ...]:
    """Return the probability of each combination of subunits; none without subunits."""
    if not entry.subunits:
        return ()
    present = np.array(list(entry.subunits.values()))
    bits = np.arange(count_of(entry))[:, None] >> np.arange(len(present)) & 1
    weights = np.where(bits, 1 - present, present).prod(axis=1)
    return tuple(float(weight) for weight in weights)


def with_states(parts: _Parts, library: Sequence[Species]) -> _Parts:
    """Give conformations the class of their species, and the particle table their numbers.

    Those that have classes of their own keep them. The whole specimen of parts keeps all apart,
    because it is painted from them.
    """
    forms = {
        one.name: str(one.report.facts[CONFORMATION_OF])
        for one in library
        if CONFORMATION_OF in one.report.facts
    }
    if not forms:
        return parts
    label_of = {info.name: label for label, info in parts.classes.items()}
    of = {one.name: one.state_of for one in library if one.state_of and one.name in label_of}
    table = np.arange(256, dtype=np.uint8)
    for name, species in of.items():
        table[label_of[name]] = label_of[species]
    bent = {one.name: float(one.report.facts.get("mode_amplitude_A", 0.0)) for one in library}
    state = dict.fromkeys(forms.values(), 0.0)
    state |= {name: float(name.rpartition("~")[2]) for name in forms}
    names, particles = parts.particles.species, parts.particles
    columns = {
        "state": np.array([state.get(name, np.nan) for name in names], np.float64),
        "mode_amplitude_A": np.array(
            [bent[name] if name in state else np.nan for name in names], np.float64
        ),
    }
    return replace(
        parts,
        class_mask=table[parts.class_mask],
        particles=replace(
            particles,
            species=tuple(of.get(name, name) for name in names),
            columns={**particles.columns, **columns},
        ),
        classes={label: info for label, info in parts.classes.items() if info.name not in of},
    )
