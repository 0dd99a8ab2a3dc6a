"""Records in JSON: one strict, typed way to read what faket wrote.

The annotations of a dataclass describe its record, and reading follows them strictly at every
depth: no text for a number, no NaN or infinity, no unknown entry, lists of the right length. An
error names the entry in one line.
"""

import json
from dataclasses import fields, is_dataclass
from functools import cache, partial
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    create_model,
)

from faket.data import DoubleArray, plain_record
from faket.io.atomic import atomic_path
from faket.io.failures import PathLike, input_error, shown
from faket.io.text import LARGEST, read_text

Record = TypeVar("Record")
# Chosen, because a reference's spectra and the manifest of a large data set take some MB.
MAX_JSON_BYTES = 32_000_000
_STRICT = ConfigDict(strict=True, extra="forbid")
_LENIENT = ConfigDict(strict=True, extra="ignore")
_LONGEST_NAME = 80  # chosen: no entry of ours is longer
_MAX_DEPTH = 8  # chosen: arrays in records have three axes


def read_record(
    path: PathLike, kind: type[Record], *, what: str, remedy: str, others: bool = False
) -> Record:
    """Read a JSON file as a dataclass, or a list or dict of them.

    Parameters
    ----------
    path : str or Path
    kind : type
        Its annotations are followed. A field with metadata (a setting of a stage, or one that
        earlier versions did not write) may be missing where it has a default; no other may. A
        field whose metadata says ``formerly`` is also read by that name, which it had in files of
        earlier versions.
    what, remedy : str
        For the error: what is expected, and what to do.
    others : bool
        Pass over entries that ``kind`` does not have.

    Returns
    -------
    kind

    Raises
    ------
    InputError
        If the file cannot be read, is too large, or anything in it does not fit.
    """
    text = read_text(path, MAX_JSON_BYTES)
    return parse_record(text, kind, path, what=what, remedy=remedy, others=others)


def parse_record(
    text: str, kind: type[Record], path: PathLike, *, what: str, remedy: str, others: bool = False
) -> Record:
    """Read a text from ``path`` in the same way."""
    try:
        hashable: Any = kind  # mypy does not know that a class is hashable
        record: Record = _adapter(hashable, others).validate_json(text, strict=True)
    except ValidationError as error:
        raise input_error(path, f"{_first(error, what)}; {remedy}") from None
    return record


def write_record(path: PathLike, record: Any, *, indent: int | None = 1) -> None:
    """Write a dataclass, or a list or mapping of them, as :func:`read_record` reads it.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    text = json.dumps(plain_record(record), indent=indent, allow_nan=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n")


@cache
def _adapter(kind: Any, others: bool) -> TypeAdapter[Any]:
    return TypeAdapter(_shape(kind, _LENIENT if others else _STRICT))


def _shape(hint: Any, config: ConfigDict) -> Any:
    """Return the annotation with which pydantic reads what ``hint`` describes."""
    if is_dataclass(hint):
        return Annotated[_entries(hint, config), AfterValidator(partial(_built, hint))]
    if hint is float:
        return Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
    if hint is int:
        return Annotated[int, Field(ge=-(2**63), lt=2**63)]
    # numpy's NDArray is an alias by name from 2.5 on.
    origin, parts = get_origin(getattr(hint, "__value__", hint)), get_args(hint)
    if origin is Annotated:
        return Annotated[float, Field(allow_inf_nan=True)] if "may be NaN" in parts else hint
    if origin is np.ndarray:
        return Annotated[Any, PlainValidator(_numbers)]
    if origin in (Union, UnionType):
        return Union[tuple(_shape(part, config) for part in parts)]  # noqa: UP007
    if origin in (tuple, list, dict):
        return origin[tuple(part if part is ... else _shape(part, config) for part in parts)]
    return hint


def _entries(kind: Any, config: ConfigDict) -> type[BaseModel]:
    hints = get_type_hints(kind, include_extras=True)
    names = {item.name: item.metadata.get("formerly") for item in fields(kind)}
    later = {item.name for item in fields(kind) if item.metadata.keys() - {"formerly"}}
    entries: dict[str, Any] = {}
    for name, hint in hints.items():
        shape, former = _shape(hint, config), names.get(name)
        if former is not None:
            shape = Annotated[shape, Field(validation_alias=AliasChoices(name, former))]
        entries[name] = (shape, None if name in later else ...)
    return create_model(kind.__name__, __config__=config, **entries)


def _built(kind: Any, entries: BaseModel) -> Any:
    try:
        return kind(**{name: getattr(entries, name) for name in entries.model_fields_set})
    except (TypeError, OverflowError, IndexError, AttributeError) as error:
        raise ValueError(f"{kind.__name__}: {error}") from None


def _numbers(value: Any) -> DoubleArray:
    """Return nested lists of numbers as an array; ValueError for anything else."""
    if not isinstance(value, list) or not _are_numbers(value):
        raise ValueError(f"expected lists of numbers, found {shown(value)}")
    try:
        array = np.array(value, np.float64)
    except ValueError:
        raise ValueError("expected rows of one length, found several lengths") from None
    if not (np.abs(array) <= LARGEST).all():
        raise ValueError(f"expected finite numbers up to {LARGEST:g}, found others")
    return array


def _are_numbers(value: Any, depth: int = 0) -> bool:
    if isinstance(value, list):
        return depth < _MAX_DEPTH and all(_are_numbers(item, depth + 1) for item in value)
    # A larger whole number would overflow.
    return isinstance(value, float) or (type(value) is int and abs(value) < 2**63)


def _cut(entry: str) -> str:
    """Return the end of a name that a damaged file made long."""
    return entry if len(entry) <= _LONGEST_NAME else f"…{entry[-_LONGEST_NAME:]}"


def _first(error: ValidationError, what: str) -> str:
    """Return the first mistake in one line: entry, what was expected and what was found."""
    details = error.errors(include_url=False)[0]
    kind, entry = details["type"], _cut(".".join(map(str, details["loc"])))
    message = details["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if kind == "value_error":  # our own: it says what is expected and found
        return f"{entry}: {message}" if entry else message
    if kind == "missing":
        return f"expected {what}, found no entry {entry} in it"
    if kind == "extra_forbidden":
        return f"expected {what}, found the unknown entry {entry} in it"
    if kind == "json_invalid":
        return f"expected {what}, found no JSON ({message.removeprefix('Invalid JSON: ')})"
    if not entry:
        return f"expected {what}, found {shown(details['input'])}"
    wanted = "a list" if kind in ("list_type", "tuple_type") else message
    return f"expected {what}, found {shown(details['input'])} as {entry} (should be {wanted})"
