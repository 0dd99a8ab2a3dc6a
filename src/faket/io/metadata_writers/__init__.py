"""Files that programs read of a tilt-series, written: the mirror of :mod:`faket.io.metadata`.

Each module writes the files of one program, from the same record into which that program's files
are read. Digits are those that the program prints.
"""

from faket.io.metadata_writers.errors import SeriesErrors, with_errors
from faket.io.metadata_writers.files import SeriesNames, write_metadata

__all__ = ["SeriesErrors", "SeriesNames", "with_errors", "write_metadata"]
