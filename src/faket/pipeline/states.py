"""Several conformations of a species: drawn by weights, and labelled as one class.

Inside, every conformation is a species of its own; a data set has them as one, with the column
``state`` in its particle table.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from faket.data import Species
from faket.errors import InputError
from faket.pipeline.recipe import Recipe
from faket.pipeline.recipe_specimen import SpeciesEntry
from faket.pipeline.specimen_parts import SpecimenParts


def state_name(species: str, state: int) -> str:
    """Return the name of a conformation; the first is called as the species."""
    return f"{species}~{state}" if state else species


def other_states(
    recipe: Recipe, library: Sequence[Species]
) -> Iterator[tuple[SpeciesEntry, str, str]]:
    """Yield what to load for all conformations but the first ones.

    Each with its name, and the species of which it is a conformation; "" if it has a class of its
    own.
    """
    for entry, species in zip(recipe.species, library, strict=False):
        for state, source in enumerate(entry.states, start=1):
            own = entry.model_copy(update={"source": source, "name": None})
            of = "" if entry.state_classes else species.name
            yield own, state_name(species.name, state), of


def state_weights(recipe: Recipe, library: Sequence[Species]) -> dict[str, dict[str, float]]:
    """Return the weights of conformations by name, of species that have several.

    Raises
    ------
    InputError
        If there is not one weight for each, or the species lies on membranes.
    """
    found = {}
    for entry, species in zip(recipe.species, library, strict=False):
        n = len(entry.states) + 1
        weights = entry.weights or (1.0,) * n
        if len(weights) != n:
            raise InputError(
                f"species.weights: expected {n} numbers, one for the source and one for each of "
                f"the states, found {len(weights)}; correct them"
            )
        if entry.states:
            names = (state_name(species.name, state) for state in range(n))
            found[species.name] = dict(zip(names, weights, strict=True))
    return found


def with_states(parts: SpecimenParts, library: Sequence[Species]) -> SpecimenParts:
    """Give conformations the class of their species, and the particle table their numbers.

    The whole specimen keeps them apart, because it is painted from them.
    """
    label_of = {info.name: label for label, info in parts.classes.items()}
    of = {one.name: one.state_of for one in library if one.state_of and one.name in label_of}
    if not of:
        return parts
    table = np.arange(256, dtype=np.uint8)
    for name, species in of.items():
        table[label_of[name]] = label_of[species]
    families = set(of.values())
    particles = parts.particles
    state = [
        float(name.rpartition("~")[2]) if name in of else 0.0 if name in families else np.nan
        for name in particles.species
    ]
    return replace(
        parts,
        class_mask=table[parts.class_mask],
        particles=replace(
            particles,
            species=tuple(of.get(name, name) for name in particles.species),
            columns={**particles.columns, "state": np.array(state, np.float64)},
        ),
        classes={label: info for label, info in parts.classes.items() if info.name not in of},
    )
