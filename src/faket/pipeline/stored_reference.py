"""The references of a data set: prepared and measured once, and stored beside its tomograms."""

from collections.abc import Sequence
from pathlib import Path

from faket.data import Species
from faket.evaluation import contrast_sign
from faket.io.acquisition import write_acquisition
from faket.io.atomic import atomic_folder
from faket.io.manifest import write_manifest
from faket.io.model_folder import (
    ACQUISITION,
    MANIFEST,
    NOISE_PROFILE,
    PROJECTIONS,
    REFERENCE_MODEL,
    STYLE_PROFILE,
    reference_name,
)
from faket.io.records import write_record
from faket.io.scratch import stacks_on_disk
from faket.io.style_profile import save_style_profile
from faket.io.tilts import write_tilt_series
from faket.methods.known import known_dose
from faket.methods.look_like import reference_properties
from faket.methods.notices import reference_notices
from faket.noise import NoiseProfile
from faket.pipeline.claim import claim, is_own
from faket.pipeline.clock import Clock
from faket.pipeline.methods import (
    load_recipe_network,
    method_of,
    read_noise,
)
from faket.pipeline.recipe import Recipe
from faket.pipeline.reference import PreparedReference, prepare_reference
from faket.references.reference import Reference
from faket.reports import Report
from faket.style import FeatureNetwork, StyleProfile


def prepare_references(
    recipe: Recipe,
    library: tuple[Species, ...],
    references: Sequence[Reference],
    weights: Path | None,
    inputs: tuple[Path, ...],
    out: Path,
    say: Report,
) -> NoiseProfile:
    """Prepare all references and return their average noise, as FakET averages it."""
    profiles, n = [], len(recipe.reference)
    for index in range(n):
        which = f"reference {index + 1} of {n}" if n > 1 else "the reference"
        say(f"preparing {which}", 0, recipe.tomograms)
        with stacks_on_disk(out):
            profile = _stored_reference(
                recipe, library, references, weights, inputs, out, index, say
            )
        profiles.append(profile)
    if n == 1:
        return profiles[0]
    return NoiseProfile.average([profile.polynomial() for profile in profiles])


def _stored_reference(
    recipe: Recipe,
    library: tuple[Species, ...],
    references: Sequence[Reference],
    weights: Path | None,
    inputs: tuple[Path, ...],
    out: Path,
    index: int,
    say: Report,
) -> NoiseProfile:
    """Prepare a reference and store it; a later run of the same recipe reads it."""
    folder = out / reference_name(index)
    if not (is_own(recipe, out) and (folder / MANIFEST).exists()):
        clock = Clock()
        with clock.stage("preparation"):
            reference = prepare_reference(recipe, library, references, index)
        if contrast_sign(reference.series.images).sign == "inverted":
            what = "expected dark protein, found bright; set `reference.invert` = true"
            say(f"{reference.source}: {what}", 0, 0)
        claim(recipe, out)
        with atomic_folder(folder, overwrite=True) as temporary:
            write_tilt_series(temporary / PROJECTIONS, reference.series)
            if reference.record is not None:
                write_acquisition(temporary / ACQUISITION, reference.record)
            notices = [*reference.notices]
            write_record(temporary / NOISE_PROFILE, reference.profile)
            with clock.stage("measurement"):
                if method_of(recipe).needs_spectra:
                    notices += _write_model(recipe, reference, temporary / REFERENCE_MODEL)
                if network := load_recipe_network(recipe, weights):
                    style = _measure_style(reference, network)
                    save_style_profile(style, temporary / STYLE_PROFILE)
            for notice in notices:
                say(notice, 0, 0)
            write_manifest(
                temporary / MANIFEST,
                kind="reference",
                settings=recipe.part_settings(),
                seed=recipe.seed,
                record={
                    "source": reference.source,
                    "noise": reference.profile.estimate,
                    "notices": notices,
                    "left_out": reference.left_out,
                },
                inputs=inputs,
                outputs=sorted(temporary.iterdir()),
                run={"stages": clock.stages},
                hashing=clock.stage("hashes"),
            )
    return read_noise(folder)


def _measure_style(reference: PreparedReference, network: FeatureNetwork) -> StyleProfile:
    geometry = reference.series.geometry
    return StyleProfile.measure(
        reference.series.images,
        network=network,
        angles_deg=geometry.angles_deg,
        pixel_size_A=geometry.pixel_size_A,
    )


def _write_model(recipe: Recipe, reference: PreparedReference, path: Path) -> list[str]:
    """Measure what method spectral needs, from the images alone, and write it.

    Returns notices about what was estimated or assumed.
    """
    known = recipe.reference
    properties = reference_properties(
        reference.series,
        defocus_um=known.defocus_um,
        dose_e_per_A2=known.dose_e_per_A2,
        counted=reference.counted,
        independent=reference.independent,
        noise=reference.profile if reference.profile.estimate != "paired" else None,
        halves=reference.halves,
    )
    write_record(path, properties, indent=None)  # its spectra would be a number a line
    geometry = reference.series.geometry
    return reference_notices(
        properties,
        dose=known_dose(geometry, known.dose_e_per_A2),
        order=geometry.order,
        counted=reference.counted,
    )
