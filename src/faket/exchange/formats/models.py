"""Folders ``model_NAME`` on which `faket train` learns: tomogram, class mask, list of classes.

The labels of a truth are its own; its particles come along, with the names to be written. Those of
picks, of whatever program, are balls of the classes' radii, so that a picker can be fine-tuned on
real tomograms.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from faket.exchange.face import Format, class_numbers
from faket.exchange.formats.shared import write_class_list
from faket.exchange.labels import label_planes
from faket.exchange.links import link
from faket.exchange.source import SourceTomogram
from faket.io.model_folder import (
    ALL_MODELS,
    CLASS_MASK,
    OCCUPANCY_MASK,
    PARTICLES,
    RECONSTRUCTION,
    stored,
    tomogram_name,
)
from faket.io.mrc import write_mask
from faket.io.ome_zarr import is_ome_zarr
from faket.io.particles import write_particles

_PREFIX = ALL_MODELS.rstrip("*")  # of the folders that `faket train` finds


def _write(tomogram: SourceTomogram, folder: Path) -> None:
    name = tomogram.name
    place = folder / (name if name.startswith(_PREFIX) else _PREFIX + name)
    kept = tomogram_name(RECONSTRUCTION, zarr=is_ome_zarr(tomogram.tomogram))
    link(tomogram.tomogram, place / kept)
    labels = np.stack(list(label_planes(tomogram, class_numbers(tomogram))))
    write_mask(place / CLASS_MASK, labels, tomogram.voxel_size_A)
    write_class_list(place, [tomogram])
    instances = stored(tomogram.folder / OCCUPANCY_MASK)
    if tomogram.is_truth and instances.exists():
        link(instances, place / instances.name)
        truth = tomogram.truth()
        species = tuple(tomogram.renames.get(species, species) for species in truth.species)
        write_particles(place / PARTICLES, replace(truth, species=species))


FORMAT = Format(write=_write)
