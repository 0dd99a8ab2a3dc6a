"""The text of one metadata file, with errors that name it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from faket.errors import InputError
from faket.io.failures import PathLike, cannot_read, input_error, shown
from faket.io.text import check_size, parse_number

MOST_BYTES = 32_000_000  # chosen: Warp's XML of 100 tilts with spectra takes 2 MB
MOST_LINES = 300_000  # chosen: an mdoc of 10 000 images has as many
MOST_TILTS = 10_000  # chosen: no stage takes more

# Values beyond are of another column, another unit or another program.
RANGES = {
    "tilt angle": (-90.0, 90.0),
    "pixel size in Å": (0.1, 1000.0),
    "voltage in kV": (20.0, 1500.0),
    "spherical aberration in mm": (0.0, 100.0),
    "amplitude contrast": (0.0, 1.0),
    "defocus in µm": (-200.0, 200.0),
    "exposure in e/Å²": (0.0, 10_000.0),
    "angle": (-1080.0, 1080.0),
    "shift": (-1e6, 1e6),
    "number": (-1e6, 1e6),
}
_ROWS_ABOVE = 20  # that are looked at; chosen: enough to see how many decimals are written
_PLAIN_NUMBER = re.compile(r"[-+]?\d*(?:\.(\d*))?")


class UnknownMetadata(InputError):
    """A whole file, but none that is known: of another program, or of something else."""


@dataclass(frozen=True)
class Document:
    """A text file that was read whole.

    Attributes
    ----------
    path : Path
    text : str
    """

    path: Path
    text: str

    @cached_property
    def lines(self) -> list[tuple[int, str]]:
        """(line number from 1, stripped line) of all lines that are not blank."""
        rows = enumerate(self.text.splitlines(), 1)
        return [(number, line.strip()) for number, line in rows if line.strip()]

    @property
    def is_ended(self) -> bool:
        """Whether the last line ends: programs end it, and a file cut short does not."""
        return self.text.endswith(("\n", "\r"))

    def check_last_number(self) -> None:
        """Refuse a table whose last number lacks decimals that all before it have, and its end.

        Raises
        ------
        InputError
            If so: most likely the file was cut within the number.
        """
        if self.is_ended:
            return
        number, line = self.lines[-1]
        words = line.split()
        above = [row.split() for _, row in self.lines[-_ROWS_ABOVE - 1 : -1]]
        endings = [_decimals(row[-1]) for row in above if len(row) == len(words)]
        last = _decimals(words[-1])
        if len(endings) > 1 and None not in endings and last is not None:
            usual = set(endings)
            if len(usual) == 1 and last < (wanted := endings[0] or 0):
                raise self.error(
                    f"line {number}: expected {wanted} decimals, as above it, found "
                    f"{shown(words[-1])} at the end: the file is cut short; copy it again"
                )

    def error(self, message: str) -> InputError:
        """Return "path: message" as an InputError."""
        return input_error(self.path, message)

    def unknown(self, message: str) -> UnknownMetadata:
        """Return "path: message" for a file that is of something else."""
        return UnknownMetadata(str(self.error(message)))

    def number(self, text: str, where: str, what: str, *, factor: float = 1.0) -> float:
        """Return a number in the range of ``what``, a key of ``RANGES``, times ``factor``.

        The range holds for the product.
        """
        if "," in text:
            raise self.error(
                f"{where}: expected {_article(what)} {what} with a decimal point, "
                f"found {shown(text)}; write it so"
            )
        value = parse_number(text.strip(), self.path, f"{where}: {what}") * factor
        low, high = RANGES[what]
        if not low <= value <= high:
            raise self.error(
                f"{where}: expected {_article(what)} {what} of {low:g} to {high:g}, found "
                f"{value:g}; check that it is the right file"
            )
        return value

    def whole(self, text: str, where: str, low: int = 0, high: int = 10_000_000) -> int:
        """Return a whole number from ``low`` to ``high``."""
        value = parse_number(text.strip(), self.path, where)
        if not value.is_integer() or not low <= value <= high:
            raise self.error(f"{where}: expected a whole number {low} to {high}, found {value:g}")
        return int(value)

    def numbers(self, words: Sequence[str], where: str) -> list[float]:
        """Return finite numbers."""
        return [parse_number(word, self.path, f"{where}, column {i}") for i, word in
                enumerate(words, 1)]  # fmt: skip


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def read_document(path: PathLike) -> Document:
    """Read a text file: UTF-8, UTF-16 with its mark (Warp 1), or a byte a letter (old mdocs).

    Raises
    ------
    InputError
        If it cannot be read, is larger than 32 MB, has over 300 000 lines, is empty or no text.
    """
    check_size(path, MOST_BYTES)
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise cannot_read(path, error) from error
    text = _decoded(raw, path)
    if "\0" in text:
        raise input_error(path, "expected a text file of metadata, found a binary one")
    if not text.strip():
        raise input_error(path, "expected metadata, found an empty file; copy it again")
    if text.count("\n") > MOST_LINES:
        raise input_error(path, f"expected at most {MOST_LINES} lines of metadata, found more; "
                                "check that it is the right file")  # fmt: skip
    return Document(Path(path), text)


def _decimals(word: str) -> int | None:
    """Return how many decimals a number has; None for another word."""
    found = _PLAIN_NUMBER.fullmatch(word)
    return None if found is None else len(found[1] or "")


def _decoded(raw: bytes, path: PathLike) -> str:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return raw.decode("utf-16")
        except UnicodeDecodeError as error:
            raise input_error(path, "expected UTF-16 text, found a part of it") from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
