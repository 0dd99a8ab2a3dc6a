"""Making one tomogram of a data set, from the placement of molecules to its folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from faket.data import TiltSeries, Volume
from faket.io.atomic import atomic_folder
from faket.io.manifest import write_manifest
from faket.io.model_folder import MANIFEST, model_name, number_of
from faket.methods.phase_flipping import flip_phases
from faket.microscope import Optics
from faket.pipeline.clock import Clock
from faket.pipeline.depth import with_depth
from faket.pipeline.drawn_plan import plan_of
from faket.pipeline.label_files import write_labels
from faket.pipeline.methods import Plan, TomogramImages, make_images, method_of, read_properties
from faket.pipeline.output import write_model
from faket.pipeline.own_specimen import read_own_specimen
from faket.pipeline.recipe import Recipe
from faket.pipeline.specimen_parts import SpecimenParts, paint_parts, parts_of
from faket.pipeline.states import with_states
from faket.reconstruction import reconstruct
from faket.reconstruction.wbp import Normalize
from faket.seeds import derive
from faket.specimen import Placement, neighbour_facts, place_particles


@dataclass(frozen=True)
class Imaged:
    """A specimen and its images, before it is reconstructed."""

    placement: Placement
    parts: SpecimenParts
    images: TomogramImages
    neighbours: Mapping[str, Any]


def make_model(plan: Plan, index: int, say: Callable[[str], None] | None = None) -> None:
    """Make one tomogram with its labels and write it as ``model_<index>``."""
    recipe, name, clock = plan.recipe, model_name(index), Clock()
    plan, drawn = plan_of(plan, name)
    tell = say or (lambda what: None)
    made = _imaged(plan, name, clock, tell)
    tell(f"{name}: reconstruction")
    with clock.stage("reconstruction"):
        tomogram = _tomogram(plan, made, made.images.series, name)
        halves = [_tomogram(plan, made, half, name) for half in made.images.halves or ()]
    tell(f"{name}: writing")
    with atomic_folder(plan.out / name, overwrite=True) as folder:
        with clock.stage("writing"):
            write_model(folder, recipe, made.parts, made.images, tomogram, halves)
            write_labels(folder, recipe, made.parts, plan.library)
        outputs = sorted(path for path in folder.iterdir())
        record: dict[str, Any] = {
            "model": name,
            "requested": dict(made.placement.requested),
            "placed": dict(made.placement.placed),
            "noise": plan.profile.estimate if plan.profile else None,
        }
        if drawn:
            record["drawn"] = drawn
        if made.neighbours:
            record["neighbours"] = made.neighbours
        if made.placement.surroundings is not None:
            record["surroundings"] = made.placement.surroundings.facts()
        write_manifest(
            folder / MANIFEST,
            kind="tomogram",
            settings=recipe.part_settings(),
            seed=recipe.seed,
            record=record,
            inputs=plan.inputs,
            outputs=outputs,
            run={"stages": clock.stages},
            hashing=clock.stage("hashes"),
        )


def reconstructed(plan: Plan, index: int) -> Volume:
    """Return a tomogram of the plan, without writing it."""
    name = model_name(index)
    plan, _ = plan_of(plan, name)
    made = _imaged(plan, name, Clock(), lambda what: None)
    return _tomogram(plan, made, made.images.series, name)


def _imaged(plan: Plan, name: str, clock: Clock, tell: Callable[[str], None]) -> Imaged:
    recipe = plan.recipe
    tell(f"{name}: specimen")
    with clock.stage("placement"):
        if recipe.own_specimen is not None:
            specimen, placement = read_own_specimen(recipe, number_of(name))
        else:
            specimen, seed = None, derive(recipe.seed, name, "specimen")
            placement = place_particles(plan.specimen, plan.library, seed=seed)
    tell(f"{name}: projections")
    if specimen is not None:
        parts = parts_of(plan, specimen, clock)
    else:
        parts = with_states(paint_parts(plan, placement, clock), plan.library)
    tell(f"{name}: {recipe.method}")
    with clock.stage(recipe.method):
        images = make_images(plan, parts.noise_free, parts.whole, name)
    facts = neighbour_facts(plan.specimen, placement.particles, placement.state_of)
    return Imaged(placement, with_depth(parts, recipe.tomogram_size[2]), images, facts)


def _tomogram(plan: Plan, made: Imaged, series: TiltSeries, name: str) -> Volume:
    """Reconstruct the images of a tomogram, or half of them."""
    settings = reconstruction_settings(plan.recipe)
    depth = len(made.parts.grandmodel.data)
    measured = plan.measured_filter
    # Measured beside one of the two, as that was more like the other program's tomogram.
    wanted = plan.recipe.reconstruction.ctf == "flip"
    if wanted if measured is None else measured.phases_flipped:
        series = flip_phases(series, _optics(plan, made, name))
    tomogram = reconstruct(series, depth=depth, measured=measured, **settings)
    if plan.recipe.reconstruction.invert:
        np.negative(tomogram.data, out=tomogram.data)
    return tomogram


def _optics(plan: Plan, made: Imaged, name: str) -> list[Optics]:
    """Return the optics of the images of a tomogram, in their aligned frame."""
    record, tilts = made.images.acquisition, range(len(plan.angles_deg))
    if record is None:
        ctf = read_properties(plan.reference_of(name)).ctf.at(plan.angles_deg)
        return [ctf.optics(tilt) for tilt in tilts]
    # Astigmatism belongs to the image as recorded, which alignment turns back.
    every = [record.optics(tilt) for tilt in tilts]
    return [replace(o, astigmatism_deg=o.astigmatism_deg - record.tilt_axis_deg) for o in every]


def reconstruction_settings(recipe: Recipe) -> dict[str, Any]:
    """Return the settings of a recipe's reconstruction, as the function of that name takes them."""
    settings = recipe.reconstruction
    return {
        "binning": settings.binning,
        "method": settings.method,
        "filter": settings.filter,
        "iterations": settings.iterations,
        "normalize": _normalization(recipe),
        "taper": settings.taper,
    }


def _normalization(recipe: Recipe) -> Normalize:
    """Return the normalisation; noise-free projections have no mean intensity to divide by."""
    wanted = recipe.reconstruction.normalize
    return wanted if method_of(recipe).has_intensity or wanted != "contrast" else "mean"
