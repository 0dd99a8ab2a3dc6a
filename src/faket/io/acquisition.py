"""The record of a simulated acquisition as JSON, exact on reading back."""

import json

from faket.errors import InputError
from faket.io.atomic import atomic_path
from faket.io.failures import PathLike, input_error
from faket.io.text import read_text
from faket.microscope import AcquisitionRecord


def write_acquisition(path: PathLike, record: AcquisitionRecord) -> None:
    """Write all that was drawn for an acquisition."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(record.to_dict(), indent=1) + "\n")


def read_acquisition(path: PathLike) -> AcquisitionRecord:
    """Read a record, to replay its acquisition to the same bytes.

    Raises
    ------
    InputError
        If the file is no such record.
    """
    try:
        return AcquisitionRecord.from_dict(json.loads(read_text(path)))
    except InputError as error:
        raise input_error(path, str(error)) from None
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise input_error(
            path, f"expected the record of an acquisition (JSON), found: {error}"
        ) from None
