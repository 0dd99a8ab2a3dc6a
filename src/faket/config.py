"""Settings of a stage: frozen dataclasses whose fields have a description, a unit and bounds.

A stage checks its own settings with :func:`check_settings`. The recipe, its commented example and
the command line read the same metadata, so each bound and unit is written once.
"""

import math
from collections.abc import Collection
from dataclasses import Field, field, fields
from typing import Any

from faket.errors import InputError

_SIGNS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


def setting(
    default: Any,
    description: str,
    *,
    unit: str = "",
    gt: float | None = None,
    ge: float | None = None,
    lt: float | None = None,
    le: float | None = None,
) -> Any:
    """Return a dataclass field with its description, unit and bounds.

    A pair of numbers is a range (low, high) from which one value is drawn; the bounds then apply to
    both ends. A callable default (``dict``, say) makes a new value each time.
    """
    bounds = {"gt": gt, "ge": ge, "lt": lt, "le": le}
    metadata = {
        "description": description,
        "unit": unit,
        "bounds": {name: bound for name, bound in bounds.items() if bound is not None},
    }
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def check_settings(settings: Any, skip: Collection[str] = ()) -> None:
    """Raise InputError, naming the field, if a value is not finite or out of its bounds.

    Fields named in ``skip`` are not looked at.
    """
    for item in fields(settings):
        if item.name in skip:
            continue
        _check_field(type(settings).__name__, item, getattr(settings, item.name))


def _check_field(owner: str, item: Field[Any], value: Any) -> None:
    values = value if isinstance(value, tuple) else (value,)
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    where = f"`{owner}.{item.name}`"
    for number in numbers:
        if not math.isfinite(number):
            raise InputError(f"{where}: expected a finite number, found {number}")
        for name, bound in item.metadata.get("bounds", {}).items():
            if not _holds(name, number, bound):
                unit = item.metadata["unit"]
                raise InputError(
                    f"{where}: expected {_SIGNS[name]} {bound:g} {unit}".rstrip()
                    + f", found {number:g}; {item.metadata['description']}"
                )
    if len(numbers) == 2 and numbers[0] > numbers[1]:
        raise InputError(f"{where}: expected a range [low, high], found {list(values)}; swap them")


def _holds(name: str, number: float, bound: float) -> bool:
    return {
        "gt": number > bound,
        "ge": number >= bound,
        "lt": number < bound,
        "le": number <= bound,
    }[name]
