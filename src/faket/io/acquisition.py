"""The record of a simulated acquisition as JSON, exact on reading back."""

import json

from faket.io.atomic import atomic_path
from faket.io.failures import PathLike
from faket.io.records import read_record
from faket.microscope import AcquisitionRecord


def write_acquisition(path: PathLike, record: AcquisitionRecord) -> None:
    """Write everything that was drawn at random for an acquisition."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(record.to_dict(), indent=1) + "\n")


def read_acquisition(path: PathLike) -> AcquisitionRecord:
    """Read a record, with which the same images can be simulated again.

    Raises
    ------
    InputError
        If the file is no such record.
    """
    return read_record(
        path,
        AcquisitionRecord,
        what="the record of an acquisition",
        remedy="give the .json that `faket acquire` wrote",
    )
