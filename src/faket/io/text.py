"""Small text tables: read at once, with errors that name the line; written atomically."""

import csv
import io
import math
import os
import stat
from collections.abc import Iterable, Iterator, Sequence

from faket.io.atomic import atomic_path
from faket.io.failures import PathLike, cannot_read, input_error, shown

MAX_TEXT_BYTES = 64_000_000  # chosen: MAX_ROWS rows of some numbers
MAX_ROWS = 1_000_000  # chosen: more than the picks and tilts of any tomogram; a row takes 1 kB
LARGEST = 1e30  # chosen: above any length or angle, and products of two do not overflow


def regular_file_size(path: PathLike) -> int:
    """Return the size in bytes of a plain file; InputError if there is none."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise cannot_read(path, error) from error
    except ValueError as error:  # a NUL in the name
        raise input_error(
            path, f"expected a file name, found one that cannot be used ({error}); check the path"
        ) from error
    if stat.S_ISDIR(status.st_mode):
        raise input_error(path, "expected a file, found a folder; give the name of a file")
    if not stat.S_ISREG(status.st_mode):
        raise input_error(path, "expected a plain file, found a device or pipe; give a file")
    return status.st_size


def read_text(path: PathLike, limit: int = MAX_TEXT_BYTES) -> str:
    """Return the text of a small UTF-8 file.

    Raises
    ------
    InputError
        If it cannot be read, has more than ``limit`` bytes, or is no text.
    """
    check_size(path, limit)
    try:
        with open(path, "rb") as stream:
            return stream.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise input_error(
            path, f"expected UTF-8 text, found other bytes from {error.start} on; convert it"
        ) from error
    except OSError as error:
        raise cannot_read(path, error) from error


def check_size(path: PathLike, limit: int) -> None:
    """Raise InputError unless ``path`` is a plain file of at most ``limit`` bytes."""
    size = regular_file_size(path)
    if size > limit:
        raise input_error(
            path,
            f"expected a text file of at most {limit / 1e6:g} MB, found {size / 1e6:.1f} MB; check "
            "that it is the right file",
        )


def text_lines(path: PathLike, limit: int = MAX_TEXT_BYTES) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, stripped line) of each line that is not blank.

    Raises
    ------
    InputError
        As :func:`read_text`, or if there are over ``MAX_ROWS`` lines.
    """
    check_size(path, limit)
    try:
        with open(path, encoding="utf-8-sig") as stream:
            for number, line in enumerate(stream, 1):
                _check_rows(path, number)
                if text := line.strip():
                    yield number, text
    except UnicodeDecodeError as error:
        raise input_error(path, "expected UTF-8 text, found other bytes; convert it") from error
    except OSError as error:
        raise cannot_read(path, error) from error


def _check_rows(path: PathLike, number: int) -> None:
    if number > MAX_ROWS:
        raise input_error(
            path,
            f"expected at most {MAX_ROWS} lines, found more; check that it is the right file",
        )


def csv_rows(path: PathLike, columns: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Return (line number from 1, cells by column) of a CSV table with a header line.

    The columns may stand in any order, with others among them; blank lines are skipped. Cells are
    separated by commas, or by tabs if the first line has tabs and no comma.

    Raises
    ------
    InputError
        If it is no such table; with the missing columns, or the line of another length.
    """
    text = read_text(path)
    first = text.partition("\n")[0]
    tabs = "\t" in first and "," not in first
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if tabs else ",")
    try:
        table = []
        for row in reader:
            if row:
                table.append((reader.line_num, row))
            _check_rows(path, reader.line_num)
    except csv.Error as error:
        raise input_error(
            path, f"line {reader.line_num}: expected CSV, found a mistake ({error}); correct it"
        ) from error
    header = [name.strip() for name in table[0][1]] if table else []
    missing = [name for name in columns if header.count(name) != 1]
    if missing:
        raise input_error(
            path, f"expected each of the columns {', '.join(missing)} once in the first line, "
            f"found {shown(', '.join(header), 80)}; correct it"
        )  # fmt: skip
    for number, row in table[1:]:
        if len(row) != len(header):
            raise input_error(
                path, f"line {number}: expected {len(header)} columns, found {len(row)}; correct it"
            )
    return [(number, dict(zip(header, row, strict=True))) for number, row in table[1:]]


def write_text(path: PathLike, lines: Iterable[str]) -> None:
    """Write ``lines``, each ended by a newline, in UTF-8 on every system."""
    with atomic_path(path) as temporary, open(temporary, "wb") as stream:
        stream.write("".join(f"{line}\n" for line in lines).encode("utf-8"))


def parse_number(text: str, path: PathLike, where: str, *, finite: bool = True) -> float:
    """Return ``text`` as a float; InputError, naming ``where``, if it is no number."""
    try:
        if "_" in text:  # Python accepts 1_000
            raise ValueError
        number = float(text)
    except ValueError:
        raise input_error(
            path, f"{where}: expected a number, found {shown(text)}; correct it"
        ) from None
    if (finite and not math.isfinite(number)) or LARGEST < abs(number) < math.inf:
        raise input_error(
            path, f"{where}: expected a finite number, found {shown(text)}; correct it"
        )
    return number


def is_number(value: object) -> bool:
    """Return whether a value of JSON is a finite number of at most ``LARGEST``, and no bool."""
    return type(value) in (int, float) and abs(value) <= LARGEST  # type: ignore[arg-type]


def parse_whole(text: str, path: PathLike, where: str, *, low: int, high: int) -> int:
    """Return ``text`` as a whole number from ``low`` to ``high``; InputError otherwise."""
    number = parse_number(text, path, where)
    if not number.is_integer() or not low <= number <= high:
        raise input_error(
            path, f"{where}: expected a whole number {low} to {high}, found {shown(text)}; "
            "correct it"
        )  # fmt: skip
    return int(number)


def format_number(value: float) -> str:
    """Return the shortest text that reads back as exactly ``value``."""
    return repr(float(value))
