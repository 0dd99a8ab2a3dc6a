"""Values of a recipe that differ from tomogram to tomogram: ranges and choices.

A number may be written as ``[low, high]``, any value as ``{ choice = [...] }`` (with ``weights``,
if not all are equally likely) and a number as ``{ range = [low, high] }``. Where a field is a list
of numbers already (``size_voxels``, ``particles``, ``defocus_um`` ...), a list keeps its meaning,
and a range of one of its numbers stands in its place: ``size_voxels = [512, 512, [200, 360]]``.
Whole numbers are drawn where the field takes whole numbers. The random stream of a value belongs to
its tomogram and its place in the recipe.
"""

import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass, replace
from typing import Any

import numpy as np
from pydantic import BaseModel

from faket.errors import InputError
from faket.microscope import Microscope
from faket.seeds import generator

RecipePlace = tuple[str | int, ...]
Spread = dict[str, list[Any]]

# What a data set has one of: its molecules are loaded, and its references measured, once.
_ONE = (
    "name", "seed", "tomograms", "method", "structure_folders", "reference", "style.network",
    "style.initial", "style.weights", "specimen.voxel_size_A", "specimen.neighbours",
    "reconstruction.binning", "reconstruction.like", "tilts.file", "microscope.preset", "halves",
    "keep", "labels", "label_radius_A", "precision", "pack",
)  # fmt: skip
_ONE_OF_ENTRIES = (
    "source", "name", "labelled", "contour", "mean_potential_V", "map_voxel_size_A", "assembly",
    "neighbours", "partner", "kind", "subunit", "states", "models", "state_classes",
    "modes", "mode_states", "mode_amplitude_A",
)  # fmt: skip


def separated(
    content: Mapping[str, Any], sections: Mapping[str, Any], index: int = 0
) -> tuple[dict[str, Any], dict[str, Spread]]:
    """Separate what is drawn for each tomogram from a recipe's content.

    Parameters
    ----------
    content : mapping
        As TOML gives it.
    sections : mapping of str to type
        Models of the sections by name; "" is that of the recipe itself.
    index : int
        Which value of each range or choice takes its place; the last, where there are fewer.

    Returns
    -------
    dict
        The content with these values.
    dict of str to Spread
        ``{"range": [low, high]}``, or ``{"choice": [...]}`` with or without ``"weights"``, by place
        such as "species.0.copies".

    Raises
    ------
    InputError
        If one of them is no range or choice, or stands where a data set has one value.
    """
    found: dict[str, Spread] = {}

    def plain(value: Any, place: RecipePlace) -> Any:
        spread = _spread(value, place, sections)
        if spread is not None:
            _check(spread, place)
            found[".".join(map(str, place))] = spread
            values = spread["choice" if "choice" in spread else "range"]
            return values[min(index, len(values) - 1)]
        if isinstance(value, dict):
            return {key: plain(item, (*place, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [plain(item, (*place, index)) for index, item in enumerate(value)]
        return value

    return {key: plain(value, (key,)) for key, value in content.items()}, found


def _spread(value: Any, place: RecipePlace, sections: Mapping[str, Any]) -> Spread | None:
    """Return a value as range or choice; None if it is neither."""
    pair = isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))
    if pair and _takes_one_number(place, sections):
        value = {"range": value}
    if not isinstance(value, dict) or not ("choice" in value or "range" in value):
        return None
    ends = value.get("range")
    if isinstance(ends, list) and all(map(_is_number, ends)) and float in _types(place, sections):
        return {"range": [float(end) for end in ends]}
    return value


def _takes_one_number(place: RecipePlace, sections: Mapping[str, Any]) -> bool:
    kinds = _types(place, sections)
    return bool(kinds & {int, float}) and not kinds & {tuple, list, dict}


def _types(place: RecipePlace, sections: Mapping[str, Any]) -> set[Any]:
    """Return the types that a place in a recipe takes."""
    names = [part for part in place if isinstance(part, str)]
    if isinstance(place[-1], int):  # one number of a list
        return {int if names[-1] == "size_voxels" else float}
    if names[:2] == ["microscope", "settings"]:
        model: Any = Microscope
    elif len(names) > 2:  # an amount by name of species
        amounts: dict[str, set[Any]] = {"copies": {int}, "volume_fractions": {float}}
        return amounts.get(names[1], set())
    else:
        model = sections.get(names[0] if len(names) == 2 else "")
    hint = typing.get_type_hints(model).get(names[-1]) if model is not None else None
    return set(_kinds(hint))


def _kinds(hint: Any) -> Iterator[Any]:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType, typing.Annotated):
        for part in typing.get_args(hint):
            yield from _kinds(part)
    else:
        yield origin or hint


def _check(spread: Spread, place: RecipePlace) -> None:
    where = ".".join(map(str, place))
    short = where.rpartition(".")[2]
    is_entry = place[0] in ("species", "filaments")
    if any(where == one or where.startswith(f"{one}.") for one in _ONE) or (
        is_entry and short in _ONE_OF_ENTRIES
    ):
        raise InputError(
            f"{where}: expected one value for the whole data set, found a range or choice; leave "
            "one value, and make several data sets"
        )
    kind = "choice" if "choice" in spread else "range"
    values, extra = spread[kind], set(spread) - {kind, "weights" if kind == "choice" else kind}
    if extra or not isinstance(values, list) or not values:
        raise InputError(
            f"{where}: expected {{ choice = [...] }} or {{ range = [low, high] }}, found "
            f"{spread!r:.80}; write one of them"
        )
    if kind == "range" and not (len(values) == 2 and all(map(_is_number, values))):
        raise InputError(f"{where}: expected a range of two numbers, found {values!r:.80}")
    if kind == "range" and values[0] > values[1]:
        raise InputError(f"{where}: expected a range [low, high], found {values}; swap them")
    if any(isinstance(value, dict) for value in values):
        raise InputError(
            f"{where}: expected a choice of numbers, texts or lists, found sections; choose their "
            "fields one by one"
        )
    weights = spread.get("weights", [1] * len(values))
    if not isinstance(weights, list) or len(weights) != len(values) or not (
        all(_is_number(weight) and weight >= 0 for weight in weights) and sum(weights) > 0
    ):  # fmt: skip
        raise InputError(
            f"{where}: expected a weight >= 0 for each of the {len(values)} choices, found "
            f"{weights!r:.80}; correct them"
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def drawn_values(varied: Mapping[str, Spread], seed: int, name: str) -> dict[str, Any]:
    """Draw the values of one tomogram, by place."""
    return {
        place: _drawn(spread, generator(seed, name, "recipe", place))
        for place, spread in varied.items()
    }


def _drawn(spread: Spread, rng: np.random.Generator) -> Any:
    if "range" in spread:
        low, high = spread["range"]
        if isinstance(low, int) and isinstance(high, int):
            return int(rng.integers(low, high + 1))
        return float(rng.uniform(low, high))
    weights = np.array(spread.get("weights", [1] * len(spread["choice"])), np.float64)
    return spread["choice"][int(rng.choice(len(weights), p=weights / weights.sum()))]


def with_values(recipe: Any, values: Mapping[str, Any]) -> Any:
    """Return a recipe with values at their places."""
    for place, value in values.items():
        recipe = _with(recipe, [int(p) if p.isdigit() else p for p in place.split(".")], value)
    return recipe


def _with(node: Any, place: list[str | int], value: Any) -> Any:
    head, rest = place[0], place[1:]
    if isinstance(node, tuple):
        assert isinstance(head, int)
        new = _with(node[head], rest, value) if rest else value
        return (*node[:head], new, *node[head + 1 :])
    name = str(head)
    old = node.get(name) if isinstance(node, Mapping) else getattr(node, name)
    new = _with(old, rest, value) if rest else _like(old, value)
    if isinstance(node, BaseModel):
        return node.model_copy(update={name: new})  # both ends of its range were checked
    if is_dataclass(node):
        return replace(node, **{name: new})  # type: ignore[type-var]
    return {**node, name: new}


def _like(old: Any, value: Any) -> Any:
    """Return a value as the recipe holds such values: a number as a pair where it holds pairs."""
    if isinstance(value, list):
        return tuple(value)
    if isinstance(old, tuple) and len(old) == 2 and _is_number(value):
        return value, value
    return value
