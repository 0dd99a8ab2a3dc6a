"""Tomograms like those of the user's own program: ``reconstruction.like`` of a recipe."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from faket.data import Volume
from faket.errors import InputError
from faket.io.atomic import atomic_folder
from faket.io.manifest import write_manifest
from faket.io.model_folder import (
    ANGLES,
    LIKE,
    MANIFEST,
    MEASURED_FILTER,
    PROJECTIONS,
    reference_name,
)
from faket.io.records import read_record, write_record
from faket.io.tilts import read_tilt_series
from faket.methods.phase_flipping import flip_phases
from faket.pipeline.clock import Clock
from faket.pipeline.methods import Plan, method_of, read_properties
from faket.pipeline.recipe import Recipe
from faket.pipeline.tomogram import reconstructed, reconstruction_settings
from faket.reconstruction import MeasuredFilter
from faket.references.reconstructed import (
    filter_of_series,
    filter_of_spectra,
    filter_words,
    open_tomogram,
)
from faket.references.reference import Reference
from faket.reports import Report

_SAME_VOXELS = 0.02  # chosen, as for stacks: over 30 voxels half a voxel


def open_like(recipe: Recipe) -> Volume | None:
    """Read the tomogram that ours are to be like; None if there is none.

    Raises
    ------
    InputError
        If it cannot be used, or its voxels are not those of the recipe.
    """
    if recipe.reconstruction.like is None:
        return None
    path = recipe.at(recipe.reconstruction.like)
    theirs = open_tomogram(path)
    full_A, binning = recipe.specimen.voxel_size_A, recipe.reconstruction.binning
    if abs(theirs.voxel_size_A / (full_A * binning) - 1) > _SAME_VOXELS:
        wanted = max(1, round(theirs.voxel_size_A / full_A))
        raise InputError(
            f"{path}: expected voxels of `specimen.voxel_size_A` {full_A:g} Å times "
            f"`reconstruction.binning` {binning}, found {theirs.voxel_size_A:g} Å; set "
            f"`specimen.voxel_size_A` = {theirs.voxel_size_A / wanted:.4g} and "
            f"`reconstruction.binning` = {wanted}"
        )
    return theirs


def with_measured_filter(
    plan: Plan, theirs: Volume | None, references: Sequence[Reference], say: Report
) -> Plan:
    """Return the plan with what the user's program did to its images, measured once and stored."""
    if theirs is None:
        return plan
    folder = plan.out / LIKE
    if not (folder / MANIFEST).exists():
        say("measuring the reconstruction", 0, plan.recipe.tomograms)
        clock = Clock()
        with clock.stage("measurement"):
            found = _measured(plan, theirs, references)
        _store(plan, folder, found, clock)
        say(f"{plan.recipe.reconstruction.like}: {filter_words(found)}", 0, 0)
    found = read_record(
        folder / MEASURED_FILTER,
        MeasuredFilter,
        what="what was measured of a reconstruction",
        remedy="remove the folder and run the same command to measure it again",
    )
    return replace(plan, measured_filter=found)


def _measured(plan: Plan, theirs: Volume, references: Sequence[Reference]) -> MeasuredFilter:
    settings = reconstruction_settings(plan.recipe)
    has_images = method_of(plan.recipe).needs_reference
    for index, reference in enumerate(references if has_images else ()):
        if reference.is_tomogram:
            continue
        stack = plan.out / reference_name(index) / PROJECTIONS
        series = read_tilt_series(stack, stack.with_suffix(ANGLES))
        if plan.recipe.reconstruction.ctf == "flip":
            ctf = read_properties(stack.parent).ctf
            series = flip_phases(series, [ctf.optics(tilt) for tilt in range(len(series.images))])
        found = filter_of_series(theirs, series, **settings)
        if found is not None:
            return found
    return filter_of_spectra(theirs, reconstructed(plan, 0))


def _store(plan: Plan, folder: Path, found: MeasuredFilter, clock: Clock) -> None:
    with atomic_folder(folder, overwrite=True) as temporary:
        write_record(temporary / MEASURED_FILTER, found, indent=None)
        write_manifest(
            temporary / MANIFEST,
            kind="reconstruction",
            settings=plan.recipe.model_dump(mode="json"),
            seed=plan.recipe.seed,
            record={
                "source": found.source,
                "coherence": found.coherence,
                "sign_changes": found.sign_changes,
                "flips": list(found.flips),
                "mean": found.mean,
            },
            inputs=plan.inputs,
            outputs=sorted(temporary.iterdir()),
            run={"stages": clock.stages},
        )
