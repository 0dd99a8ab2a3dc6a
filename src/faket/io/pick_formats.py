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

PickFormat = Literal["text", "csv", "star", "dynamo"]

_MODEL_POINTS = "convert it to a .csv with the columns species, x_A, y_A, z_A"
_BINARY = (
    (0, b"IMODV1", "an IMOD model"),
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
    _refuse_binary(path)
    suffix = Path(path).suffix.lower()
    named: dict[str, PickFormat] = {".star": "star", ".csv": "csv", ".tbl": "dynamo"}
    lines = [line.strip() for line in read_text(path).splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        return named.get(suffix, "text")
    _refuse_markup(path, lines)
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


def _refuse_binary(path: PathLike) -> None:
    size = regular_file_size(path)
    try:
        with open(path, "rb") as stream:
            head = stream.read(4096)
    except OSError as error:
        raise cannot_read(path, error) from error
    for offset, magic, name in _BINARY:
        if head[offset : offset + len(magic)] == magic:
            raise _refusal(path, name)
    if _is_em(head, size):
        raise _refusal(path, "an EM file, such as a motive list of TOM or AV3")
    if b"\0" in head:
        raise _refusal(path, "a binary file")


def _is_em(head: bytes, size: int) -> bool:
    if len(head) < 512 or head[3] not in _EM_BYTES:
        return False
    shape = [int.from_bytes(head[i : i + 4], "little") for i in (4, 8, 12)]
    return size == 512 + shape[0] * shape[1] * shape[2] * _EM_BYTES[head[3]]


def _refuse_markup(path: PathLike, lines: list[str]) -> None:
    """Refuse JSON and XML, by the name of the program that writes them."""
    start = "".join(lines[:20])
    if lines[0].startswith("<"):
        known = {"<objlist": "DeepFinder's object list", "<ParticleList": "PyTom's particle list"}
        name = next((what for tag, what in known.items() if tag in start), "an XML file")
        raise _refusal(path, name)
    if not lines[0].startswith(("{", "[")):
        return
    if '"pickable_object' in start:
        raise _refusal(path, "picks or a project of copick")
    if '"boxes_3d"' in start:
        raise _refusal(path, "boxes of EMAN2")
    if len(lines) > 1 and _is_json(lines[0]):
        raise _refusal(path, "lines of JSON, as in the CryoET Data Portal")
    raise _refusal(path, "a JSON file")


def _refusal(path: PathLike, name: str) -> Exception:
    return input_error(
        path,
        f"expected picks as .csv, .star, Dynamo's .tbl or SHREC'21's text, found {name}; "
        f"{_MODEL_POINTS}",
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
