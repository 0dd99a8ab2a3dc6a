"""The formats of `faket export`, by their names there and in the recipe's ``export``."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from faket.errors import InputError

if TYPE_CHECKING:
    from faket.exchange.face import Format


@dataclass(frozen=True)
class Entry:
    """A row of the table.

    Attributes
    ----------
    module : str
        In :mod:`faket.exchange.formats`; its ``FORMAT`` is the format, or, if it has several, an
        attribute of it after a colon.
    summary : str
        What it is, on one line.
    """

    module: str
    summary: str


FORMATS = {
    "csv": Entry("tables", "faket's own tables, a file for each tomogram"),
    "faket": Entry("models", "folders that `faket train` learns from, of a truth or of picks"),
    "relion5": Entry("relion:RELION5", "particles.star with optics, tomograms.star"),
    "relion4": Entry("relion:RELION4", "particles.star in pixels of the tilt-series"),
    "dynamo": Entry("numbered:DYNAMO", "tables (.tbl) and a list of volumes for a catalogue"),
    "stopgap": Entry("numbered:STOPGAP", "motive lists (.star)"),
    "em": Entry("numbered:MOTIVE_LISTS", "motive lists of TOM and AV3 (.em)"),
    "imod": Entry("points:IMOD", "models (.mod) with names and sizes"),
    "eman2": Entry("points:EMAN2", "boxes (info/NAME_info.json)"),
    "portal": Entry("points:PORTAL", "(oriented) points of the CryoET Data Portal (.ndjson)"),
    "copick": Entry("copick", "a copick project: OME-Zarr, labels, picks"),
    "czii": Entry("copick:CHALLENGE", "the training folder of CZII's challenge"),
    "deepfinder": Entry("deepfinder", "DeepFinder's training folder"),
    "deepict": Entry("deepict", "tables, masks and places for DeePiCt"),
    "deepetpicker": Entry("deepetpicker", "DeepETPicker's raw data"),
    "nnunet": Entry("nnunet", "a raw data set of nnU-Net (NIfTI)"),
    "membrain-seg": Entry("membrain_seg", "MemBrain-seg's training patches (NIfTI)"),
    "tomotwin": Entry("tomotwin", "TomoTwin's training volumes"),
    "tilt-series": Entry("tilt_series", "stack and what IMOD, AreTomo, Warp, RELION read of it"),
    "tilt-series-frames": Entry("tilt_series:FRAMES", "the same, and each image as a file (Warp)"),
}


def load_format(name: str) -> "Format":
    """Return the format of a name; its module is imported only now.

    Raises
    ------
    InputError
        If there is none of this name; with all names.
    """
    if name not in FORMATS:
        raise InputError(f"expected a format of {', '.join(FORMATS)}, found {name!r}; correct it")
    module, _, attribute = FORMATS[name].module.partition(":")
    found: Format = getattr(
        import_module(f"faket.exchange.formats.{module}"), attribute or "FORMAT"
    )
    return found


def format_list() -> str:
    """Return name and summary of all formats, for the help."""
    return "; ".join(f"{name}: {entry.summary}" for name, entry in FORMATS.items())
