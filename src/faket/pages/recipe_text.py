"""A recipe as TOML, from the settings that a data set records."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def toml_lines(settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of settings in TOML; what has no value is left out.

    Parameters
    ----------
    settings : mapping
        As JSON gives them: texts, numbers, lists and mappings of these.
    """
    yield from _table(settings, "")


def _table(values: Mapping[str, Any], name: str) -> Iterator[str]:
    tables = {key: value for key, value in values.items() if isinstance(value, Mapping) and value}
    blocks = {key: value for key, value in values.items() if _is_blocks(value)}
    for key, value in values.items():
        if key not in tables and key not in blocks and value is not None:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in tables.items():
        yield from ("", f"[{name}{_key(key)}]")
        yield from _table(value, f"{name}{_key(key)}.")
    for key, items in blocks.items():
        for item in items:
            yield from ("", f"[[{name}{_key(key)}]]")
            yield from _table(item, f"{name}{_key(key)}.")


def _is_blocks(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, Mapping):
        pairs = (f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None)
        return "{ " + ", ".join(pairs) + " }" if value else "{}"
    return _like_json(value)


def _like_json(value: Any) -> str:
    """Return texts, numbers and truth values, which TOML spells like JSON; but it escapes DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    plain = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if plain else _like_json(name)
