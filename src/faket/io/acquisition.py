"""The record of a simulated acquisition as JSON, exact on reading back."""

from faket.io.failures import PathLike
from faket.io.records import read_record, write_record
from faket.microscope import AcquisitionRecord


def write_acquisition(path: PathLike, record: AcquisitionRecord) -> None:
    """Write everything that was drawn at random for an acquisition."""
    write_record(path, record)


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
