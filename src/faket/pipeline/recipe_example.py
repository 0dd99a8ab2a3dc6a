"""The example recipe: every field with its default, unit and meaning."""

from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Any

from pydantic import BaseModel

from faket.microscope import PRESETS
from faket.pipeline.recipe import Recipe
from faket.pipeline.recipe_membranes import MembraneEntry
from faket.pipeline.recipe_reference import ReferenceSection
from faket.pipeline.recipe_sections import MicroscopeSection, Reconstruction, Style, Tilts
from faket.pipeline.recipe_specimen import (
    OWN_SECTIONS,
    SURROUNDING_SECTIONS,
    FilamentEntry,
    SpeciesEntry,
    SpecimenSection,
)


def example_recipe() -> str:
    """Return a recipe in TOML with every field, its default, unit and meaning."""
    lines = ["# A recipe of faket. Every field is optional and shown with its default."]
    lines += [*_section_lines(Recipe), ""]
    lines += ["[specimen]", *_settings_lines(SpecimenSection()), ""]
    # As comments, because tilts in a recipe replace those of the reference or preset.
    lines += ["# [tilts]", *(f"# {line.removeprefix('# ')}" for line in _section_lines(Tilts)), ""]
    sections: list[type[BaseModel]] = [ReferenceSection, MicroscopeSection, Style, Reconstruction]
    names = ["reference", "microscope", "style", "reconstruction"]
    for name, model in zip(names, sections, strict=True):
        lines += [f"[{name}]", *_section_lines(model)]
        if model is MicroscopeSection:
            lines += [f"# settings.{line}" for line in _settings_lines(PRESETS["shrec21"])]
        lines += [""]
    lines += ["# One block for each molecule; without any, the embedded synthetic library is used."]
    lines += ["# [[species]]"]
    lines += [f"# {line.removeprefix('# ')}" for line in _section_lines(SpeciesEntry)]
    for section, settings in SURROUNDING_SECTIONS.items():
        about = SpecimenSection.__dataclass_fields__[section].metadata["description"]
        lines += ["", f"# {about[0].upper()}{about[1:]}.", f"# [specimen.{section}]"]
        lines += [f"# {line.removeprefix('# ')}" for line in _settings_lines(settings())]
    lines += ["", "# One block for each kind of filament.", "# [[filaments]]"]
    lines += [f"# {line.removeprefix('# ')}" for line in _settings_lines(FilamentEntry())]
    lines += ["", "# One block for each kind of membranes.", "# [[membranes]]"]
    lines += [f"# {line.removeprefix('# ')}" for line in _settings_lines(MembraneEntry())]
    return "\n".join(lines) + "\n"


def _section_lines(model: type[BaseModel]) -> Iterator[str]:
    for name, info in model.model_fields.items():
        if not info.description or name in (*OWN_SECTIONS, "tilts", "species", "settings"):
            continue
        value = info.get_default(call_default_factory=True)
        text = _toml(value)
        yield (
            f"{name} = {text}  # {info.description}"
            if text
            else f"# {name} =  # " + (info.description)
        )


def _settings_lines(settings: Any) -> Iterator[str]:
    for item in fields(settings):
        if item.name in (*OWN_SECTIONS, *SURROUNDING_SECTIONS):
            continue
        unit = item.metadata.get("unit", "")
        comment = item.metadata.get("description", "") + (f" ({unit})" if unit else "")
        assert item.default is not MISSING or item.default_factory is not MISSING
        text = _toml(getattr(settings, item.name))
        yield f"{item.name} = {text}  # {comment}" if text else f"# {item.name} =  # {comment}"


def _toml(value: Any) -> str:
    """Return a simple value in TOML; an empty text if there is no value."""
    if value is None or type(value).__name__ == "PydanticUndefinedType":
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    return repr(value)
