"""Short forms in a recipe, and errors that say how to write a field."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from faket.errors import InputError
from faket.pipeline.recipe_membranes import RANGES as MEMBRANE_RANGES
from faket.pipeline.recipe_specimen import SURROUNDING_SECTIONS

_RANGES = (
    "particles",
    "vesicles",
    "gold",
    "vesicle_semi_axes_A",
    "gold_diameter_A",
    "gold_axis_scale",
)
_TILTS = "{ start_deg = -60, stop_deg = 60, step_deg = 2 }, or { file = 'angles.tlt' }"


def understood(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recipe's content with short forms written out.

    A number means a range of only that number; a file means the section or list in which it is.
    Other mistakes are found by the recipe's own checks.

    Raises
    ------
    InputError
        If tilts are numbers, which could be angles or start, stop and step; or if [species] is not
        one molecule.
    """
    for name in ("varied", "own_specimen"):  # fields of the recipe that are not written so
        if name in content:
            raise InputError(f"{name}: " + unknown_field((name,), ()))
    written = {name: _FORMS.get(name, _same)(value) for name, value in content.items()}
    if isinstance(written.get("specimen"), dict):
        specimen = dict(written["specimen"])
        own = specimen.pop("from", None)
        if own is not None:
            written["own_specimen"] = own if isinstance(own, dict) else {"potential": own}
        written["specimen"] = specimen | {
            name: [specimen[name]] * 2 for name in _RANGES if _is_number(specimen.get(name))
        }
        for name, section in SURROUNDING_SECTIONS.items():
            if isinstance(specimen.get(name), dict):
                written["specimen"][name] = _paired(specimen[name], section)
    if isinstance(written.get("filaments"), list):
        written["filaments"] = [
            entry | {n: [entry[n]] * 2 for n in ("copies", "length_A") if _is_number(entry.get(n))}
            if isinstance(entry, dict)
            else entry
            for entry in written["filaments"]
        ]
    if isinstance(written.get("membranes"), list):
        written["membranes"] = [
            entry
            | {name: [entry[name]] * 2 for name in MEMBRANE_RANGES if _is_number(entry.get(name))}
            if isinstance(entry, dict)
            else entry
            for entry in written["membranes"]
        ]
    return written


def unknown_field(location: Sequence[str | int], known: Sequence[str]) -> str:
    """Return an error about an unknown field, with the one that was probably meant.

    Parameters
    ----------
    location : sequence
        Section and name, as ``("specimen", "particle")``.
    known : sequence of str
        All fields, with their sections, as ``"specimen.particles"``.
    """
    *sections, name = (str(part) for part in location if isinstance(part, str))
    section = ".".join(sections)
    places = [field.rpartition(".")[0] for field in known if field.rpartition(".")[2] == name]
    if places:
        where = f"[{places[0]}]" if places[0] else "the top of the file, before any section"
        return f"expected no such field here, found it; move it to {where}"
    here = {f.rpartition(".")[2]: f for f in known if f.rpartition(".")[0] == section}
    there = {f.rpartition(".")[2]: f for f in known}
    for names in (here, there):
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
        if near:
            return f"expected a field of the recipe, found an unknown one; try {names[near[0]]}"
    return (
        "expected a field of the recipe, found an unknown one; `faket simulate --example` lists all"
    )


def expected_value(error: Mapping[str, Any], specimen: object) -> str:
    """Return field and expectation of one of pydantic's errors, in the words of a recipe.

    Parameters
    ----------
    error : mapping
        With type, loc and msg.
    specimen : object
        Default settings of the specimen, as examples of its lists.
    """
    location = [str(part) for part in error["loc"]]
    field = ".".join(location)
    in_specimen = location[:1] == ["specimen"] and len(location) > 1
    usual = getattr(specimen, location[1], None) if in_specimen else None
    if isinstance(usual, tuple) and error["type"] in ("tuple_type", "missing", "too_long"):
        return f"specimen.{location[1]}: expected {len(usual)} numbers, such as {list(usual)}"
    if error["type"] in ("model_type", "model_attributes_type", "dataclass_type"):
        return f"{field}: expected a section [{field}]"
    if error["type"] == "missing":
        return f"{field}: expected a value"
    message = str(error["msg"]).replace("Input should be", "expected", 1)
    return f"{field}: {message}"


def _paired(section: Mapping[str, Any], settings: type) -> dict[str, Any]:
    """Return a section with numbers written as ranges where its settings are ranges."""
    ranges = {item.name for item in fields(settings) if isinstance(item.default, tuple)}
    return {
        name: [value, value] if name in ranges and _is_number(value) else value
        for name, value in section.items()
    }


def _same(value: Any) -> Any:
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _species(value: Any) -> Any:
    if isinstance(value, dict):  # [species] for [[species]]
        if "source" not in value:
            raise InputError(
                f"species: expected blocks [[species]], each with a source, found [species] with "
                f"{', '.join(list(value)[:3]) or 'nothing'}; write [[species]] and, below it, "
                "source = '1bxn.pdb'"
            )
        value = [value]
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return value
    return [{"source": item} if isinstance(item, str) else item for item in value]


def _tilts(value: Any) -> Any:
    if value == AS_THE_REFERENCE:
        return value
    if isinstance(value, str):
        return {"file": value}
    if _is_number(value) or isinstance(value, list):
        raise InputError(
            f"tilts: expected the first angle, the last and the increment by name, or a file, "
            f"found {value!r:.80}; write tilts = {_TILTS}"
        )
    return value


def _reference(value: Any) -> Any:
    return {"run": value} if isinstance(value, str | list) else value


def _microscope(value: Any) -> Any:
    return {"preset": value} if isinstance(value, str) else value


def _style(value: Any) -> Any:
    return {"network": value} if isinstance(value, str) else value


def _folders(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


AS_THE_REFERENCE = "as the reference"  # angles without the excluded views


def _filaments(value: Any) -> Any:
    if isinstance(value, str):  # filaments = "actin"
        value = [value]
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        return value
    return [{"kind": item} if isinstance(item, str) else item for item in value]


def _membranes(value: Any) -> Any:
    if isinstance(value, str | dict):  # membranes = "vesicle"
        value = [value]
    if not isinstance(value, list):
        return value
    return [{"shape": item} if isinstance(item, str) else item for item in value]


_FORMS: dict[str, Callable[[Any], Any]] = {
    "species": _species,
    "filaments": _filaments,
    "membranes": _membranes,
    "tilts": _tilts,
    "reference": _reference,
    "microscope": _microscope,
    "style": _style,
    "structure_folders": _folders,
    "export": _folders,
}
