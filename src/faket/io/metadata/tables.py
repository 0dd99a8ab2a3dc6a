"""Columns of a STAR table as numbers, with errors that name row and column."""

from dataclasses import dataclass

from faket.io.failures import shown
from faket.io.metadata.document import MOST_TILTS, Document
from faket.io.star import Table


@dataclass(frozen=True)
class Rows:
    """A table of one row an image (or a series).

    Attributes
    ----------
    document : Document
    table : dict of str to list of str
        Column without underscore → values.
    """

    document: Document
    table: Table

    def __post_init__(self) -> None:
        """Refuse columns of several lengths, and more rows than any series has images."""
        if len({len(values) for values in self.table.values()}) > 1:
            raise self.document.error("expected columns of one length, found several")
        if len(self) > MOST_TILTS:
            raise self.document.error(f"expected at most {MOST_TILTS} rows, found more")

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.table.values()), []))

    def filled(self) -> "Rows":
        """Return itself; InputError where there is no row."""
        if not len(self):
            raise self.document.error("expected a row an image, found none; copy the file again")
        return self

    def __contains__(self, column: object) -> bool:
        """Tell whether there is such a column."""
        return column in self.table

    def texts(self, column: str) -> list[str]:
        """Return a column as it stands; InputError where it is missing."""
        if column not in self.table:
            raise self.document.error(f"expected a column {column}, found none; give the STAR file "
                                      "of a tilt-series")  # fmt: skip
        return self.table[column]

    def required(self, column: str, what: str, factor: float = 1.0) -> list[float]:
        """Return a column as numbers in the range of ``what`` after multiplication."""
        return [
            self.document.number(text, f"row {i}, {column}", what, factor=factor)
            for i, text in enumerate(self.texts(column), 1)
        ]

    def optional(self, column: str, what: str, factor: float = 1.0) -> list[float | None]:
        """Return the same, or None for each row where the column is missing."""
        if column not in self.table:
            return [None] * len(self)
        return [*self.required(column, what, factor)]

    def one(self, column: str, what: str) -> float | None:
        """Return the one value of a column that repeats it; None where it is missing."""
        if column not in self.table:
            return None
        found = set(self.required(column, what))
        if len(found) != 1:
            raise self.document.error(f"{column}: expected one value in all rows, found "
                                      f"{shown(sorted(found)[:3])}; give one series")  # fmt: skip
        return found.pop()
