"""The parts of a recipe that concern membranes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from pydantic import ConfigDict, with_config

from faket.data import Species
from faket.errors import InputError
from faket.pipeline.recipe_specimen import told_of
from faket.specimen.membrane_settings import MembraneSettings, OnMembrane

RANGES = (
    "count",
    "size_A",
    "curvature_per_A",
    "thickness_A",
    "undulation",
    "wavelength_A",
    "gap_A",
    "buds",
)


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class MembraneEntry(MembraneSettings):
    """One kind of membranes as a section that refuses unknown fields."""


def membrane_settings(entry: MembraneEntry) -> MembraneSettings:
    """Return the settings of a section."""
    return MembraneSettings(
        **{item.name: getattr(entry, item.name) for item in fields(MembraneSettings)}
    )


def membrane_names(
    entries: Sequence[MembraneEntry], varied: Mapping[str, Mapping[str, list[Any]]]
) -> tuple[str, ...]:
    """Return all names that kinds of membranes have in the tomograms of a recipe, in its order."""
    names: list[str] = []
    for i, entry in enumerate(entries):
        names += varied.get(f"membranes.{i}.name", {}).get("choice", [entry.name])
    return tuple(dict.fromkeys(names))


def on_membrane(entry: Mapping[str, Any], species: Species) -> OnMembrane | None:
    """Return how a species sits on membranes; None if it does not.

    Parameters
    ----------
    entry : mapping
        The fields of its section; None where the recipe says nothing.
    species : Species

    Raises
    ------
    InputError
        If fields are missing, or neither the recipe nor the file tells where the bilayer is.
    """
    names = [item.name for item in fields(OnMembrane) if not item.name.startswith("cluster")]
    given = {name: entry[name] for name in names if entry[name] is not None}
    if not given:
        return None
    if entry["cluster"] is not None:  # fields that molecules elsewhere have, too
        given["cluster"] = entry["cluster"]
        given["cluster_radius_A"] = entry["cluster_radius_A"]
    where = f"species {species.name!r}"
    if "on" not in given:
        raise InputError(
            f"{where}: expected on = the name of membranes beside {next(iter(given))}, found none"
        )
    with told_of(species.name):
        how = OnMembrane(**given)
    if how.depth_A is not None:
        return how
    if species.origin_A is None:
        raise InputError(
            f"{where} on {how.on!r}: expected `depth_A`, because its source has no coordinates "
            "that tell where the bilayer is, found none; give the position of the bilayer's middle "
            "along its axis, from the centre of mass"
        )
    along = sum(a * b for a, b in zip(how.axis, species.origin_A, strict=True))
    depth_A = -along / math.hypot(*how.axis)
    return replace(how, depth_A=depth_A)
