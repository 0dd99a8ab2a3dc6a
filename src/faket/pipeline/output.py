"""Writing a tomogram and its labels in SHREC'21's layout."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from faket.data import AnyArray, FloatArray, Specimen, TiltSeries, Volume
from faket.io.model_folder import (
    ANGLES,
    CLASS_NAMES,
    GEOMETRY,
    NOISE_FREE_PROJECTIONS,
    PARTICLES,
    PROJECTIONS_UNBINNED,
)
from faket.io.particles import write_particles
from faket.io.shrec.model import write_shrec_model
from faket.io.tilts import write_tilt_angles, write_tilt_geometry
from faket.pipeline.recipe import Recipe
from faket.reconstruction import binned_offset, fourier_crop


def labels_at(mask: AnyArray, binning: int) -> AnyArray:
    """Return the labels at the samples of the binned tomogram.

    The label of a binned voxel is the label of the voxel at its centre, so boundaries do not move
    and small objects do not disappear by a majority.
    """
    slices = [
        slice(offset, offset + binning * (size // binning), binning)
        for size, offset in ((size, binned_offset(size, binning)) for size in mask.shape)
    ]
    return mask[tuple(slices)]


def write_model(
    folder: Path,
    recipe: Recipe,
    specimen: Specimen,
    noise_free: FloatArray,
    series: TiltSeries,
    tomogram: Volume,
) -> None:
    """Write tomogram, masks, particles, projections and angles of one model."""
    binning = recipe.reconstruction.binning
    full_A = specimen.potential.voxel_size_A
    shape = specimen.potential.data.shape
    origin_A = np.array([binned_offset(size, binning) * full_A for size in shape[::-1]])
    # Positions in a model's folder are relative to voxel [0, 0, 0] of its volumes.
    positions_A = specimen.particles.positions_A - origin_A
    particles = replace(specimen.particles, positions_A=positions_A)
    grandmodel = fourier_crop(specimen.potential.data, binning, axes=(2, 1, 0))
    write_shrec_model(
        folder,
        reconstruction=tomogram,
        class_mask=labels_at(specimen.class_mask, binning),
        occupancy_mask=labels_at(specimen.instance_mask, binning),
        particles=particles,
        grandmodel=Volume(grandmodel, tomogram.voxel_size_A),
        projections_unbinned=series,
        noisefree_projections=TiltSeries(noise_free, series.geometry),
        overwrite=True,  # of the empty folder that is being filled
    )
    write_particles(folder / PARTICLES, particles)
    for stack in (PROJECTIONS_UNBINNED, NOISE_FREE_PROJECTIONS):  # each as an input of a stage
        write_tilt_angles((folder / stack).with_suffix(ANGLES), series.geometry.angles_deg)
        write_tilt_geometry((folder / stack).with_suffix(GEOMETRY), series.geometry)
    lines = [f"{label} {info.name}" for label, info in sorted(specimen.classes.items())]
    (folder / CLASS_NAMES).write_text("\n".join(lines) + "\n")
