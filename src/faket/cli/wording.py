"""Errors in the words of a command: its options in place of the library's names."""

import inspect
import re
from collections.abc import Callable
from functools import cache

_SETTING = re.compile(r"`([A-Za-z]\w*(?:\.\w+)*)`")
_ALTERNATIVES = re.compile(r", or |, | or ")
# Where a recipe has the settings of a stage.
_SECTIONS = {
    "SpecimenConfig": "specimen",
    "FilamentSettings": "filaments",
    "LamellaSettings": "specimen.lamella",
    "MembraneSettings": "membranes",
    "OnMembrane": "species",
    "Company": "species",
    "CarbonSettings": "specimen.carbon",
    "CrystalSettings": "specimen.crystals",
    "SpecimenSection": "specimen",
    "Microscope": "microscope.settings",
}
# Settings that have another name as an option.
_ALIASES = {
    "memory_limit": "memory_limit_GB",
    "weights": "vgg19",
    "aligned": "reference_aligned",
    "tomogram": "reference_tomogram",
    "invert": "invert_reference",
    "series": "reference_series",
}


def in_words_of(command: Callable[..., object] | None, message: str) -> str:
    """Return an error message that the user of a command can act on.

    Parameters
    ----------
    command : callable or None
        The function behind the command; None where it is not known.
    message : str
        One line, settings in backticks (:class:`faket.errors.InputError`).

    Returns
    -------
    str
        With settings named as the command's options, or as fields of the recipe that it reads. A
        remedy (the part after the last semicolon, or one of its alternatives) that names a setting
        which the command does not have is left out, because nobody could follow it.
    """
    head, semicolon, remedy = message.rpartition("; ")
    if semicolon and not _is_known(command, remedy):
        kept = [part for part in _ALTERNATIVES.split(remedy) if _is_known(command, part)]
        message = "; ".join([head, ", or ".join(kept)] if kept else [head])
    return _SETTING.sub(lambda found: _spelled(command, found[1]) or _plain(found[1]), message)


def _plain(name: str) -> str:
    """Return the name of a setting without its class."""
    return name.rpartition(".")[2] if name[0].isupper() else name


def _is_known(command: Callable[..., object] | None, text: str) -> bool:
    return all(_spelled(command, name) for name in _SETTING.findall(text))


def _spelled(command: Callable[..., object] | None, name: str) -> str | None:
    """Return what the command calls a setting; None if it has no such setting."""
    if command is None:
        return None
    parameters = inspect.signature(command).parameters
    owner, _, field = name.rpartition(".")
    is_recipe_field = owner and not owner[0].isupper()
    field = field if field in parameters else _ALIASES.get(field, field)
    if field in parameters and not is_recipe_field:
        if parameters[field].kind is inspect.Parameter.KEYWORD_ONLY:
            return "--" + field.replace("_", "-")
        return field.upper()
    if "recipe" not in parameters:
        return None
    wanted = f"{_SECTIONS.get(owner, owner)}.{field}" if owner else field
    return next((known for known in _recipe_fields() if _matches(known, wanted)), None)


def _matches(known: str, wanted: str) -> bool:
    return known == wanted or ("." not in wanted and known.endswith(f".{wanted}"))


@cache
def _recipe_fields() -> tuple[str, ...]:
    from faket.pipeline.recipe import recipe_fields

    return recipe_fields()
