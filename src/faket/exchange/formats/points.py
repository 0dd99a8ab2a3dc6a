"""Formats that know classes by name: IMOD's models, EMAN2's boxes, the CryoET Data Portal's points.

Classes without particles are there too, so that an object's number means the same class in every
tomogram; vesicles and fiducials only if they are among the particles.
"""

import json
import math
from colorsys import hsv_to_rgb
from pathlib import Path

import numpy as np

from faket.errors import InputError
from faket.exchange.face import Format, Tomograms, class_names, refuse_names
from faket.exchange.formats.shared import link_tomogram, unbinned_pixel_A
from faket.exchange.links import link_as_mrc
from faket.exchange.radii import radii_A
from faket.exchange.source import SourceTomogram
from faket.io.eman_boxes import write_eman_boxes
from faket.io.imod_models import MAX_NAME_BYTES, PointObject, write_imod_model
from faket.io.portal_points import write_portal_points
from faket.io.text import write_text

# Chosen: about three radii leave a margin around a particle of a third of its diameter.
_BOX_PER_RADIUS = 3.0
_USUAL_BOX = 32  # where no radius is known
_POINT_RADIUS = 5  # voxels, where no radius is known
# The hues of classes are this far apart, in turns: the golden ratio keeps them different.
_HUE_STEP = (math.sqrt(5) - 1) / 2


def _written_classes(tomogram: SourceTomogram) -> list[str]:
    """Return the classes that lists of particles have, in the order of their numbers."""
    every = tomogram.every_object or not tomogram.is_truth
    return [name for name in tomogram.classes.values() if every or tomogram.holds_molecules(name)]


def colour_of(place: int) -> tuple[float, float, float]:
    """Return red, green, blue (0 to 1) of a class by its place in the list of classes."""
    return hsv_to_rgb(place * _HUE_STEP % 1.0, 0.65, 0.95)


def _write_imod(tomogram: SourceTomogram, folder: Path) -> None:
    picks, radii = tomogram.particles(), radii_A([tomogram])
    voxels = picks.positions_A / tomogram.voxel_size_A
    species = np.array(picks.species)
    objects = []
    for place, name in enumerate(_written_classes(tomogram)):
        radius = radii.get(name, _POINT_RADIUS * tomogram.voxel_size_A)
        size = max(1, round(radius / tomogram.voxel_size_A))
        mine = voxels[species == name] if len(picks) else voxels
        objects.append(PointObject(name, colour_of(place), size, mine))
    write_imod_model(
        folder / f"{tomogram.name}.mod", objects, tomogram.shape, tomogram.voxel_size_A
    )
    link_as_mrc(tomogram.tomogram, folder / f"{tomogram.name}.mrc")


def _check_imod(tomograms: Tomograms) -> None:
    refuse_names(
        tomograms,
        lambda name: name.isascii() and len(name) <= MAX_NAME_BYTES,
        f"at most {MAX_NAME_BYTES} letters, digits and signs of ASCII",
        "IMOD",
    )


def _write_eman(tomogram: SourceTomogram, folder: Path) -> None:
    pixel_A, radii = unbinned_pixel_A(tomogram), radii_A([tomogram])
    sides = {
        name: _even(radii[name] * _BOX_PER_RADIUS / pixel_A) if name in radii else _USUAL_BOX
        for name in _written_classes(tomogram)
    }
    write_eman_boxes(
        folder / "info" / f"{tomogram.name}_info.json",
        tomogram.particles(),
        tomogram.shape,
        tomogram.voxel_size_A,
        pixel_size_A=pixel_A,
        box_sizes=sides,
    )
    link_tomogram(tomogram, folder)


def _even(size: float) -> int:
    return max(2, 2 * math.ceil(size / 2))


def _check_eman(tomograms: Tomograms) -> None:
    for tomogram in tomograms:
        if "__" in tomogram.name or "." in tomogram.name:
            raise InputError(
                f"{tomogram.folder}: expected a name of the tomogram without two underscores and "
                f"without a dot, at which EMAN2 cuts names, found {tomogram.name!r}; rename it"
            )


def _write_portal(tomogram: SourceTomogram, folder: Path) -> None:
    place = folder / tomogram.name / "Reconstructions" / f"VoxelSpacing{tomogram.voxel_size_A:.3f}"
    picks = tomogram.particles()
    species = np.array(picks.species)
    kind = "point" if picks.rotations is None else "orientedpoint"
    for number, name in enumerate(_written_classes(tomogram), start=101):
        mine = np.flatnonzero(species == name) if len(picks) else np.zeros(0, np.int64)
        stem = place / "Annotations" / str(number) / f"{name}-1.0"
        write_portal_points(
            stem.with_name(f"{stem.name}_{kind}.ndjson"), picks.subset(mine), tomogram.voxel_size_A
        )
        about = {
            "annotation_object": {"name": name},
            "annotation_method": "simulation" if tomogram.is_truth else "picking",
            "ground_truth_status": tomogram.is_truth,
            "object_count": len(mine),
        }
        write_text(stem.with_name(f"{stem.name}.json"), [json.dumps(about, indent=1)])
    link_as_mrc(tomogram.tomogram, place / "Tomograms" / "100" / f"{tomogram.name}.mrc")


def _check_portal(tomograms: Tomograms) -> None:
    refuse_names(
        tomograms,
        lambda name: not set("/\\\0") & set(name) and name not in (".", ".."),
        "names without slashes, because they become names of files",
        "the CryoET Data Portal",
    )
    folded = [name.casefold() for name in class_names(tomograms)]
    for name in class_names(tomograms):
        if folded.count(name.casefold()) > 1:
            raise InputError(
                f"class names: expected names that differ in more than upper and lower case, "
                f"because they become names of files, found {name!r}; give `map`"
            )


IMOD = Format(write=_write_imod, check=_check_imod)
EMAN2 = Format(write=_write_eman, check=_check_eman)
PORTAL = Format(write=_write_portal, check=_check_portal)
