"""Which format a file of picks has, found from its content, because its name may be wrong.

A format that is known but cannot be read is named in the error. A file of unknown format is never
read as SHREC'21's text.
"""

import json
from pathlib import Path
from typing import Literal

from faket.io.dynamo import WIDTH as _DYNAMO_WIDTH
from faket.io.failures import PathLike, cannot_read, input_error
from faket.io.text import read_text, regular_file_size

PickFormat = Literal[
    "text", "csv", "star", "dynamo", "em", "imod", "eman", "portal", "copick", "object list"
]

_MODEL_POINTS = "convert it to a .csv with the columns species, x_A, y_A, z_A"
_BINARY = (
    (0, b"\x89HDF\r\n", "an HDF5 file"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"PK\x03\x04", "a zip archive"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (208, b"MAP ", "an MRC map"),
)
_EM_BYTES = {1: 1, 2: 2, 4: 4, 5: 4, 8: 8, 9: 8}  # by the type in byte 3 of the 512 of the header
_MOTIVE_LIST_WIDTH = 20  # numbers of a particle in TOM's and AV3's motive lists


def recognise(path: PathLike) -> PickFormat:
    """Return the format of a file of picks; if it is empty, the format of its suffix.

    Raises
    ------
    InputError
        If it cannot be read; with the name of its format if that is known.
    """
    if Path(path).is_dir():  # a run's folder of picks
        return "copick"
    binary = _binary(path)
    if binary is not None:
        return binary
    suffix = Path(path).suffix.lower()
    named: dict[str, PickFormat] = {".star": "star", ".csv": "csv", ".tbl": "dynamo"}
    empty: dict[str, PickFormat] = {**named, ".ndjson": "portal"}
    lines = [line.strip() for line in read_text(path).splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        return empty.get(suffix, "text")
    markup = _markup(path, lines)
    if markup is not None:
        return markup
    if lines[0].lower().startswith(("data_", "loop_")):
        return "star"
    if suffix in named:
        return named[suffix]
    return _of_columns(path, lines[0])


def _of_columns(path: PathLike, line: str) -> PickFormat:
    cells = line.replace(",", " ").split()
    if not all(_is_number(cell) for cell in cells):
        return "csv" if "," in line else "text"
    if len(cells) >= _DYNAMO_WIDTH:
        return "dynamo"
    if len(cells) == _MOTIVE_LIST_WIDTH:
        raise _refusal(path, "a motive list of TOM or AV3")
    if len(cells) in (4, 7) and "," not in line:  # class x y z (Z1 X Z2), the class as a number
        return "text"
    raise input_error(
        path,
        f"expected a line name x y z for each pick, found {len(cells)} numbers a line without "
        f"names or units; {_MODEL_POINTS}",
    )


def _binary(path: PathLike) -> PickFormat | None:
    """Return which binary format it is, None for text; InputError if it is not read."""
    size = regular_file_size(path)
    try:
        with open(path, "rb") as stream:
            head = stream.read(4096)
    except OSError as error:
        raise cannot_read(path, error) from error
    if head.startswith(b"IMODV1"):
        return "imod"
    for offset, magic, name in _BINARY:
        if head[offset : offset + len(magic)] == magic:
            raise _refusal(path, name)
    if _is_em(head, size):
        return "em"
    if b"\0" in head:
        raise _refusal(path, "a binary file")
    return None


def _is_em(head: bytes, size: int) -> bool:
    if len(head) < 512 or head[3] not in _EM_BYTES:
        return False
    shape = [int.from_bytes(head[i : i + 4], "little") for i in (4, 8, 12)]
    return size == 512 + shape[0] * shape[1] * shape[2] * _EM_BYTES[head[3]]


def _markup(path: PathLike, lines: list[str]) -> PickFormat | None:
    """Return which format of JSON or XML it is, None for neither; InputError if it is not read."""
    start = "".join(lines[:20])
    if lines[0].startswith("<"):
        if "<objlist" in start:
            return "object list"
        is_pytom = "<ParticleList" in start
        raise _refusal(path, "PyTom's particle list" if is_pytom else "an XML file")
    if not lines[0].startswith(("{", "[")):
        return None
    if '"location"' in lines[0] and '"type"' in lines[0] and _is_json(lines[0]):
        return "portal"
    if '"pickable_object_name"' in start:
        return "copick"
    if '"pickable_objects"' in start:
        raise _refusal(path, "a project of copick")
    if any('"boxes_3d"' in line for line in lines):
        return "eman"
    raise _refusal(path, "lines of JSON" if _is_lines(lines) else "a JSON file")


def _is_lines(lines: list[str]) -> bool:
    return len(lines) > 1 and _is_json(lines[0])


def _refusal(path: PathLike, name: str) -> Exception:
    return input_error(
        path,
        f"expected picks in a format that is read (docs/formats.md), found {name}; {_MODEL_POINTS}",
    )


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
