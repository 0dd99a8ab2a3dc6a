"""Tomograms like those of the user's own program: ``reconstruction.like`` of a recipe."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from faket.data import Volume
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
    check_voxels,
    filter_of_series,
    filter_of_spectra,
    filter_words,
    like_binning,
    open_tomogram,
)
from faket.references.reference import Reference
from faket.reports import Report


def with_grid_of_like(recipe: Recipe) -> Recipe:
    """Return a recipe with binning and depth of the tomogram that its own are to be like.

    What the recipe names itself stays.

    Raises
    ------
    InputError
        If that tomogram cannot be used, or its voxels are not those of the recipe.
    """
    settings = recipe.reconstruction
    if settings.like is None:
        return recipe
    path, pixel_A = recipe.at(settings.like), recipe.specimen.voxel_size_A
    theirs = open_tomogram(path)
    binning = settings.binning
    if "binning" not in settings.model_fields_set:
        binning = like_binning(theirs.voxel_size_A, pixel_A)
    check_voxels(path, theirs, pixel_A, binning)
    grid = {"binning": binning, "depth": settings.depth or len(theirs.data)}
    return recipe.model_copy(update={"reconstruction": settings.model_copy(update=grid)})


def with_measured_filter(plan: Plan, references: Sequence[Reference], say: Report) -> Plan:
    """Return the plan with what the user's program did to its images, measured once and stored."""
    like = plan.recipe.reconstruction.like
    if like is None:
        return plan
    folder = plan.out / LIKE
    if not (folder / MANIFEST).exists():
        say("measuring the reconstruction", 0, plan.recipe.tomograms)
        clock = Clock()
        with clock.stage("measurement"):
            found = _measured(plan, open_tomogram(plan.recipe.at(like)), references)
        _store(plan, folder, found, clock)
        say(f"{like}: {filter_words(found)}", 0, 0)
    found = read_record(
        folder / MEASURED_FILTER,
        MeasuredFilter,
        what="what was measured of a reconstruction",
        remedy="remove the folder and run the same command to measure it again",
    )
    return replace(plan, measured_filter=found)


def _measured(plan: Plan, theirs: Volume, references: Sequence[Reference]) -> MeasuredFilter:
    has_images = method_of(plan.recipe).needs_reference
    for index, reference in enumerate(references if has_images else ()):
        if not reference.is_tomogram:
            found = _of_reference(plan, theirs, plan.out / reference_name(index))
            if found is not None:
                return found
    flipped = plan.recipe.reconstruction.ctf == "flip"
    bright = bool(plan.recipe.reference.tomogram) and plan.recipe.reference.invert
    found = filter_of_spectra(theirs, reconstructed(plan, 0), bright=bright)
    return replace(found, phases_flipped=flipped)


def _of_reference(plan: Plan, theirs: Volume, folder: Path) -> MeasuredFilter | None:
    """Measure on a stored reference; with its phases flipped where that is more like theirs."""
    settings = reconstruction_settings(plan.recipe)
    stack = folder / PROJECTIONS
    series = read_tilt_series(stack, stack.with_suffix(ANGLES))
    wanted = plan.recipe.reconstruction.ctf == "flip"
    found = None if wanted else filter_of_series(theirs, series, **settings)
    # Corrected signs, if they change with the tilt too, leave no coherence at all.
    unclear = found is None or found.sign_changes > 0
    if not wanted and not (unclear and method_of(plan.recipe).needs_spectra):
        return found
    ctf = read_properties(folder).ctf
    series = flip_phases(series, [ctf.optics(tilt) for tilt in range(len(series.images))])
    other = filter_of_series(theirs, series, **settings)
    if other is None or (found is not None and found.coherence >= other.coherence):
        return found
    return replace(other, phases_flipped=True)


def _store(plan: Plan, folder: Path, found: MeasuredFilter, clock: Clock) -> None:
    with atomic_folder(folder, overwrite=True) as temporary:
        write_record(temporary / MEASURED_FILTER, found, indent=None)
        write_manifest(
            temporary / MANIFEST,
            kind="reconstruction",
            settings=plan.recipe.part_settings(),
            seed=plan.recipe.seed,
            record={
                "source": found.source,
                "coherence": found.coherence,
                "sign_changes": found.sign_changes,
                "phases_flipped": found.phases_flipped,
                "flips": list(found.flips),
                "mean": found.mean,
            },
            inputs=plan.inputs,
            outputs=sorted(temporary.iterdir()),
            run={"stages": clock.stages},
        )
