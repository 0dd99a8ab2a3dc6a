"""What all tomograms of a data set need: molecules, settings, and references measured once."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from faket.errors import InputError
from faket.io.content import sha256_once
from faket.io.model_folder import LIKE, MANIFEST, reference_name
from faket.pipeline.claim import claim, is_own
from faket.pipeline.foreign_microscope import check_foreign, foreign_formation
from faket.pipeline.library import load_library, specimen_config
from faket.pipeline.like import with_measured_filter
from faket.pipeline.made_once import make_once
from faket.pipeline.methods import Plan, method_of, network_weights
from faket.pipeline.notices import tomogram_notice
from faket.pipeline.own_specimen import check_own, own_files
from faket.pipeline.progress_records import PREPARATION
from faket.pipeline.recipe import Recipe
from faket.pipeline.reference import (
    check_references,
    chosen_microscope,
    input_files,
    open_references,
    tilt_angles,
)
from faket.pipeline.stored_reference import prepare_references
from faket.references.reference import Reference
from faket.references.words import short_form
from faket.reports import Report
from faket.specimen import check_species


def prepare(
    recipe: Recipe, out: Path, made: Mapping[Path, dict[str, Any]], *, alone: bool, say: Report
) -> Plan:
    """Return what every tomogram needs; what is measured is measured once for all tasks.

    Parameters
    ----------
    recipe : Recipe
    out : Path
    made : mapping of Path to dict
        Manifests of finished parts, whose input files must be those of today.
    alone : bool
        Whether no other process works in the folder.
    say : callable

    Raises
    ------
    InputError
        If the recipe or a file that it names cannot be used.
    """
    # All checks come before the parts that take long.
    check_foreign(recipe)
    foreign = foreign_formation(recipe.microscope) is not None
    microscope = None if foreign else chosen_microscope(recipe.microscope)
    references = open_references(recipe)
    angles_deg = tilt_angles(recipe, references)
    check_references(recipe, references)
    check_own(recipe)
    files = (*input_files(recipe, references), *own_files(recipe))
    for reference in references:
        for notice in (short_form(reference), *reference.notices):
            say(f"{reference.path}: {notice}", 0, 0)
    say(tomogram_notice(recipe), 0, 0)
    weights = network_weights(recipe)
    say("loading molecules", 0, recipe.tomograms)
    # Of another program's specimen molecules are known only where a reference is simulated.
    simulated = method_of(recipe).needs_reference and not references
    library = load_library(recipe) if simulated or recipe.own_specimen is None else ()
    for species in library:
        for notice in species.report.notices:
            say(f"{species.name}: {notice}", 0, 0)
    specimen = specimen_config(recipe, library)
    if recipe.own_specimen is None:
        check_species(specimen, library)  # what no tomogram could be made of
    plan = Plan(recipe, library, specimen, angles_deg, microscope, None, weights, files, out)

    def measure() -> None:
        _measure(plan, references, made, say)

    make_once(out, PREPARATION, lambda: is_prepared(recipe, out), measure, alone=alone, say=say)
    return _measure(plan, references, made, say)  # what is there is only read


def is_prepared(recipe: Recipe, out: Path) -> bool:
    """Return whether the folder is this recipe's and all is there that is measured once."""
    needed = []
    if method_of(recipe).needs_reference:
        needed += [reference_name(index) for index in range(len(recipe.reference))]
    if recipe.reconstruction.like is not None:
        needed.append(LIKE)
    return is_own(recipe, out) and all((out / name / MANIFEST).exists() for name in needed)


def _measure(
    plan: Plan, references: tuple[Reference, ...], made: Mapping[Path, dict[str, Any]], say: Report
) -> Plan:
    """Measure references and reconstruction, or read what was measured, and claim the folder."""
    recipe, out = plan.recipe, plan.out
    if method_of(recipe).needs_reference:
        profile = prepare_references(
            recipe, plan.library, references, plan.weights, plan.inputs, out, say
        )
        plan = replace(plan, profile=profile)
    claim(recipe, out)
    _check_inputs(plan.inputs, made)
    return with_measured_filter(plan, references, say)


def _check_inputs(files: tuple[Path, ...], made: Mapping[Path, dict[str, Any]]) -> None:
    """Refuse to continue if finished parts were made from input files that have changed since."""
    now = sorted(sha256_once(file) for file in files) if made else []
    for folder, manifest in made.items():
        then = sorted(entry["sha256"] for entry in manifest["inputs"])
        if then != now:
            raise InputError(
                f"{folder}: expected finished parts of the recipe's present input files, found "
                "that a file has changed since; choose another folder"
            )
