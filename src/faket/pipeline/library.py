"""Loading the molecules of a recipe."""

import math
from dataclasses import fields, replace
from pathlib import Path

from faket.data import DoubleArray, Species, SpeciesReport
from faket.errors import InputError
from faket.io.molecules import default_name, load_species
from faket.io.neighbours import neighbour_distances
from faket.io.specimen_files import read_species
from faket.io.structure_files import find_structure
from faket.pipeline.recipe import Recipe
from faket.pipeline.recipe_membranes import membrane_names, membrane_settings, on_membrane
from faket.pipeline.recipe_specimen import FilamentEntry, SpeciesEntry, told_of
from faket.pipeline.states import (
    CONFORMATION_OF,
    Form,
    count_of,
    first_form,
    other_states,
    state_name,
    state_weights,
)
from faket.specimen import Company, FilamentSettings, SpecimenConfig
from faket.structures import SYNTHETIC_SPECIES

# Of 30, 50 and 110 kDa, a third of the volume each; chosen, as usual sizes of proteins.
_CROWDERS = ("syn-bean", "syn-hook", "syn-elbow")
_EMBEDDED = {"actin": "syn-actin", "microtubule": "syn-tubulin"}


def load_library(recipe: Recipe) -> tuple[Species, ...]:
    """Load the species of a recipe, or the embedded library if it names none.

    Raises
    ------
    InputError
        If a source cannot be used or two species have one name.
    """
    entries = recipe.species or tuple(
        SpeciesEntry(source=f"synthetic:{name}") for name in SYNTHETIC_SPECIES
    )
    library = tuple(_load(entry, recipe) for entry in entries)
    library += tuple(_load(entry, recipe) for entry in subunit_entries(recipe))
    library += tuple(
        _bent(_load(entry, recipe, form), name, of, form)
        for entry, name, of, form in other_states(recipe, library)
    )
    library += tuple(_load(entry, recipe) for entry in crowder_entries(recipe))
    names = [species.name for species in library]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InputError(
            f"species: expected unique names, found {sorted(twice)} twice; set `species.name`"
        )
    return library


def specimen_config(recipe: Recipe, library: tuple[Species, ...]) -> SpecimenConfig:
    """Return the specimen's settings with the amounts given in the species entries."""
    copies, fractions = dict(recipe.specimen.copies), dict(recipe.specimen.volume_fractions)
    on_membranes, by_name = {}, {one.name: one for one in library}
    for entry, species in zip(recipe.species, library, strict=False):
        if entry.copies is not None:
            copies[species.name] = entry.copies
        if entry.volume_fraction is not None:
            fractions[species.name] = entry.volume_fraction
        for state in range(count_of(entry)):  # each has its own origin
            own = by_name[state_name(species.name, state)]
            if (how := on_membrane(entry.model_dump(), own)) is not None:
                on_membranes[own.name] = how
    filaments = []
    for filament in recipe.filaments:
        given = {item.name: getattr(filament, item.name) for item in fields(FilamentSettings)}
        filaments.append(FilamentSettings(**given | {"subunit": subunit_name(filament)}))
    for entry in crowder_entries(recipe):
        fractions[str(entry.name)] = recipe.specimen.crowding / len(_CROWDERS)
    return replace(
        recipe.specimen,
        copies=copies,
        volume_fractions=fractions,
        filaments=tuple(filaments),
        company=_company(recipe, library),
        states=state_weights(recipe, library),
        membranes=tuple(membrane_settings(entry) for entry in recipe.membranes),
        membrane_names=membrane_names(recipe.membranes, recipe.varied),
        on_membranes=on_membranes,
    )


def _company(recipe: Recipe, library: tuple[Species, ...]) -> dict[str, Company]:
    """Return the company of species that have some."""
    table, found = recipe.specimen.neighbours, dict[str, DoubleArray]()
    if table is not None:
        found = neighbour_distances(recipe.at(Path(table)))
    every = {}
    # Without entries, the species are the embedded ones.
    entries = recipe.species or (SpeciesEntry(source="-"),) * len(SYNTHETIC_SPECIES)
    for entry, species in zip(entries, library, strict=False):
        name = entry.neighbours or species.name
        if entry.neighbours is not None and name not in found:
            raise InputError(
                f"species.neighbours: expected a species of the table `specimen.neighbours` "
                f"({', '.join(found) or 'none is given'}), found {name!r}; correct it"
            )
        distances_A = tuple(float(value) for value in found.get(name, ())) or None
        for state in range(count_of(entry)):
            with told_of(species.name):
                every[state_name(species.name, state)] = entry.company(distances_A)
    return {name: company for name, company in every.items() if company != Company()}


def crowder_entries(recipe: Recipe) -> tuple[SpeciesEntry, ...]:
    """Return the small proteins that crowd the specimen; none if it is not to be crowded."""
    if not (recipe.specimen.crowding or "specimen.crowding" in recipe.varied):
        return ()
    return tuple(
        SpeciesEntry(source=f"synthetic:{name}", name=f"crowder-{name}", labelled=False)
        for name in _CROWDERS
    )


def subunit_name(entry: FilamentEntry) -> str:
    """Return the class name of the subunits of a filament."""
    source = entry.subunit or f"synthetic:{_EMBEDDED[entry.kind]}"
    return entry.name or Path(source.removeprefix("synthetic:")).name.partition(".")[0]


def name_of(entry: SpeciesEntry) -> str:
    """Return the class name of a species, before it is loaded."""
    return entry.name or default_name(entry.source)


def subunit_entries(recipe: Recipe) -> tuple[SpeciesEntry, ...]:
    """Return the subunits of filaments that are no species of the recipe, each once."""
    known = {name_of(entry) for entry in recipe.species}
    entries = {}
    for filament in recipe.filaments:
        name = subunit_name(filament)
        source = filament.subunit or f"synthetic:{_EMBEDDED[filament.kind]}"
        if name not in known:
            entries[name] = SpeciesEntry(source=source, name=name)
    return tuple(entries.values())


def source_path(entry: SpeciesEntry, recipe: Recipe) -> Path | None:
    """Return the file or folder of a species; None for an embedded one."""
    if entry.source.startswith("synthetic:"):
        return None
    beside = recipe.at(Path(entry.source))
    if beside.exists():
        return beside
    folders = [recipe.at(folder) for folder in recipe.structure_folders]
    return find_structure(entry.source, folders=folders)


def _bent(one: Species, name: str, of: str, form: Form) -> Species:
    """Return a conformation under its own name."""
    facts = dict(one.report.facts) | {CONFORMATION_OF: name.rpartition("~")[0]}
    if form.amplitudes_A:
        facts["mode_amplitude_A"] = math.hypot(*form.amplitudes_A)
    if form.model:
        facts["model"] = form.model
    if form.without:
        facts["absent_chains"] = ", ".join(form.without)
    return replace(one, name=name, state_of=of, report=SpeciesReport(facts, one.report.notices))


def _load(entry: SpeciesEntry, recipe: Recipe, form: Form | None = None) -> Species:
    return replace(_loaded(entry, recipe, form or first_form(entry)), labelled=entry.labelled)


def _loaded(entry: SpeciesEntry, recipe: Recipe, form: Form) -> Species:
    voxel_size_A = recipe.specimen.voxel_size_A
    path = source_path(entry, recipe)
    if path is not None and path.is_dir():
        if form != Form():
            raise InputError(
                f"{path}: expected an atomic model for models, subunits or normal modes, found a "
                "folder of `faket species`; give its PDB or mmCIF file"
            )
        species = read_species(path)
        if abs(species.voxel_size_A / voxel_size_A - 1) > 1e-3:
            raise InputError(
                f"{path}: expected voxels of {voxel_size_A:g} Å as in [specimen], found "
                f"{species.voxel_size_A:g} Å; make it again with the specimen's voxel size"
            )
        return species if entry.name is None else replace(species, name=entry.name)
    return load_species(
        entry.source if path is None else path,
        voxel_size_A=voxel_size_A,
        name=entry.name,
        contour=entry.contour,
        mean_potential_V=entry.mean_potential_V,
        map_voxel_size_A=entry.map_voxel_size_A,
        assembly=entry.assembly,
        mode_amplitudes_A=form.amplitudes_A,
        without_chains=form.without,
        model=form.model,
    )
