"""The formats of `faket export`, by the names of ``--to`` and of the recipe's ``export``."""

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
    "copick": Entry("copick", "a copick project: OME-Zarr, labels, picks"),
    "czii": Entry("copick:CHALLENGE", "the training folder of CZII's challenge"),
    "deepfinder": Entry("deepfinder", "DeepFinder's training folder"),
    "deepict": Entry("deepict", "tables, masks and places for DeePiCt"),
    "deepetpicker": Entry("deepetpicker", "DeepETPicker's raw data"),
    "nnunet": Entry("nnunet", "a raw data set of nnU-Net (NIfTI)"),
    "membrain-seg": Entry("membrain_seg", "MemBrain-seg's training patches (NIfTI)"),
    "tomotwin": Entry("tomotwin", "TomoTwin's training volumes"),
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
