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
from faket.seeds import generator

Amplitudes = tuple[float, ...]


def state_name(species: str, state: int) -> str:
    """Return the name of a conformation; the first is called as the species."""
    return f"{species}~{state}" if state else species


def other_states(
    recipe: Recipe, library: Sequence[Species]
) -> Iterator[tuple[SpeciesEntry, str, str, Amplitudes]]:
    """Yield what to load for all conformations but the first ones.

    Each with its name; the species of which it is a conformation, "" if it has a class of its own;
    and the amplitudes of its normal modes.
    """
    for entry, species in zip(recipe.species, library, strict=False):
        of = "" if entry.state_classes else species.name
        for state, source in enumerate(entry.states, start=1):
            own = entry.model_copy(update={"source": source, "name": None})
            yield own, state_name(species.name, state), of, ()
        for state in range(len(entry.states) + 1, count_of(entry)):
            name = state_name(species.name, state)
            rng = generator(recipe.seed, "modes", name)
            drawn = rng.normal(0, entry.mode_amplitude_A, entry.modes) / np.sqrt(entry.modes)
            yield entry, name, of, tuple(drawn.tolist())


def count_of(entry: SpeciesEntry) -> int:
    """Return the number of conformations of a species."""
    return 1 + len(entry.states) + (entry.mode_states if entry.mode_amplitude_A else 0)


def state_weights(recipe: Recipe, library: Sequence[Species]) -> dict[str, dict[str, float]]:
    """Return the weights of conformations by name, of species that have several.

    Raises
    ------
    InputError
        If there is not one weight for each, or the species lies on membranes.
    """
    found = {}
    for entry, species in zip(recipe.species, library, strict=False):
        n = count_of(entry)
        weights = entry.weights or (1.0,) * n
        if len(weights) != n:
            raise InputError(
                f"species.weights: expected {n} numbers, one for the source and one for each of "
                f"the states, found {len(weights)}; correct them"
            )
        if n > 1:
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
    bent = {one.name: float(one.report.facts.get("mode_amplitude_A", 0.0)) for one in library}
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
            columns={
                **particles.columns,
                "state": np.array(state, np.float64),
                "mode_amplitude_A": np.array(
                    [
                        bent[name] if name in of or name in families else np.nan
                        for name in particles.species
                    ],
                    np.float64,
                ),
            },
        ),
        classes={label: info for label, info in parts.classes.items() if info.name not in of},
    )
