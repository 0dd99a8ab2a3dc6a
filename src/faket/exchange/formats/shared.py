"""What several formats need: numbers, names, pixel sizes, the tomogram under its name."""

from pathlib import Path

from faket.errors import InputError
from faket.exchange.face import Tomograms, refuse_names
from faket.exchange.links import link_as_mrc
from faket.exchange.source import SourceTomogram
from faket.io.model_folder import (
    ANGLES,
    CLASS_NAMES,
    GEOMETRY,
    PROJECTIONS_UNBINNED,
    is_reconstruction,
)
from faket.io.mrc import read_pixel_size
from faket.io.text import write_text

TOMOGRAMS = "tomograms"  # the folder of linked volumes


def link_tomogram(tomogram: SourceTomogram, folder: Path) -> None:
    """Link the volume as ``tomograms/NAME.mrc``."""
    link_as_mrc(tomogram.tomogram, folder / volume_name(tomogram))


def volume_name(tomogram: SourceTomogram) -> str:
    """Return the path of the linked volume in the export."""
    return f"{TOMOGRAMS}/{tomogram.name}.mrc"


def has_series(tomogram: SourceTomogram) -> bool:
    """Whether the tilt-series that the tomogram was made of is in the data set, with its angles."""
    stack = tomogram.folder / PROJECTIONS_UNBINNED
    beside = any(stack.with_suffix(suffix).exists() for suffix in (GEOMETRY, ANGLES))
    return is_reconstruction(tomogram.tomogram) and stack.exists() and beside


def unbinned_pixel_A(tomogram: SourceTomogram) -> float:
    """Return the pixel size of the tilt-series; without one, the tomogram's voxel size."""
    stack = tomogram.folder / PROJECTIONS_UNBINNED
    return read_pixel_size(stack) if stack.exists() else tomogram.voxel_size_A


def write_class_list(folder: Path, tomograms: Tomograms) -> None:
    """Write ``classes.txt``: number and name of each class, for formats that have only numbers."""
    classes = tomograms[0].classes
    write_text(folder / CLASS_NAMES, [f"{number} {name}" for number, name in classes.items()])


def refuse_blanks(tomograms: Tomograms, program: str) -> None:
    """Refuse names with blanks, at which programs divide lines."""
    refuse_names(tomograms, _has_no_blank, "names without blanks and quotes", program)
    for tomogram in tomograms:
        if not _has_no_blank(tomogram.name):
            raise InputError(
                f"{tomogram.folder}: expected a name of the tomogram without blanks and quotes, as "
                f"{program} reads it, found {tomogram.name!r}; rename it"
            )


def _has_no_blank(name: str) -> bool:
    return name.split() == [name] and not set("'\"#") & set(name)
