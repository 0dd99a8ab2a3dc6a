"""Writing a tomogram and its labels in SHREC'21's layout."""

from collections.abc import Sequence
from pathlib import Path

from faket.data import TiltSeries, Volume
from faket.io.acquisition import write_acquisition
from faket.io.membranes import write_membranes
from faket.io.model_folder import (
    ACQUISITION,
    ANGLES,
    CLASS_NAMES,
    DISTRACTORS,
    GEOMETRY,
    MEMBRANES,
    NOISE_FREE_PROJECTIONS,
    PARTICLES,
    PROJECTION_HALVES,
    PROJECTIONS_UNBINNED,
    RECONSTRUCTION_HALVES,
    tomogram_name,
)
from faket.io.particles import write_particles
from faket.io.shrec.model import write_shrec_model
from faket.io.tilts import write_tilt_angles, write_tilt_geometry, write_tilt_series
from faket.io.tomograms import write_tomogram
from faket.pipeline.methods import TomogramImages
from faket.pipeline.recipe import Recipe
from faket.pipeline.specimen_parts import SpecimenParts

_PARTS = {
    "tomogram": ("reconstruction",),
    "labels": ("class_mask", "occupancy_mask"),
    "potential": ("grandmodel",),
    "projections": ("projections_unbinned",),
    "noise-free": ("noisefree_projections",),
}


def write_model(
    folder: Path,
    recipe: Recipe,
    parts: SpecimenParts,
    images: TomogramImages,
    tomogram: Volume,
    halves: Sequence[Volume],
) -> None:
    """Write of tomogram, masks, particles, projections and angles what the recipe keeps."""
    series, keep, zarr = images.series, recipe.keep, recipe.tomogram_format == "ome-zarr"
    write_shrec_model(
        folder,
        reconstruction=tomogram,
        class_mask=parts.class_mask,
        occupancy_mask=parts.instance_mask,
        particles=parts.particles,
        grandmodel=parts.grandmodel,
        projections_unbinned=series,
        noisefree_projections=TiltSeries(parts.noise_free, series.geometry),
        written=[part for name in keep for part in _PARTS[name]],
        precision=recipe.precision,
        packed=recipe.pack,
        zarr=zarr,
        overwrite=True,  # of the empty folder that is being filled
    )
    write_particles(folder / PARTICLES, parts.particles)
    if parts.distractors is not None:
        write_particles(folder / DISTRACTORS, parts.distractors)
    if parts.membranes:
        write_membranes(folder / MEMBRANES, parts.membranes)
    kept = {"projections": PROJECTIONS_UNBINNED, "noise-free": NOISE_FREE_PROJECTIONS}
    for stack in [stack for name, stack in kept.items() if name in keep]:  # inputs of stages
        write_tilt_angles((folder / stack).with_suffix(ANGLES), series.geometry.angles_deg)
        write_tilt_geometry((folder / stack).with_suffix(GEOMETRY), series.geometry)
    if images.acquisition is not None:
        write_acquisition(folder / ACQUISITION, images.acquisition)
    if "projections" in keep:
        for stack, half in zip(PROJECTION_HALVES, images.halves or (), strict=False):
            write_tilt_series(folder / stack, half)
    if "tomogram" in keep:
        for file, half_tomogram in zip(RECONSTRUCTION_HALVES, halves, strict=False):
            place = folder / tomogram_name(file, zarr=zarr)
            write_tomogram(place, half_tomogram, dtype=recipe.precision)
    lines = [f"{label} {info.name}" for label, info in sorted(parts.classes.items())]
    (folder / CLASS_NAMES).write_text("\n".join(lines) + "\n")
