"""Notices about what was assumed, measured or left out, for the screen and the manifest.

Settings are in backticks, as in errors (:class:`faket.errors.InputError`).
"""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from faket.pipeline.methods import method_of
from faket.pipeline.recipe import Recipe
from faket.vocabulary import VESICLE, is_membrane

_FAR = 1.15  # times the distance that was asked for; both percentiles by chance less often


def tomogram_notice(recipe: Recipe) -> str:
    """Return a notice of the size of the tomograms and of their voxels."""
    binning, voxel_A = recipe.reconstruction.binning, recipe.specimen.voxel_size_A
    size = " x ".join(map(str, recipe.tomogram_size))
    made_of = f"`specimen.voxel_size_A` {voxel_A:g} Å times `reconstruction.binning` {binning}"
    return f"tomograms of {size} voxels of {voxel_A * binning:g} Å ({made_of})"


def unused_notice(recipe: Recipe) -> list[str]:
    """Return a notice of the settings of a recipe that have no effect."""
    reference, style, method = recipe.reference, recipe.style, recipe.method
    row = method_of(recipe)
    made = recipe.reconstruction
    iterates = made.method == "sirt" or made.filter == "imod-sirt"
    stack = bool(reference.stack or reference.run or reference.tomogram)
    uses: list[tuple[str, BaseModel, str, bool]] = [
        ("style", style, "network initial", method == "style"),
        ("style", style, "weights iterations", row.network is not None),
        ("reference", reference, "stack run tomogram count", row.needs_reference),
        ("reference", reference, "angles clean pixel_size_A aligned series invert", stack),
        ("reference", reference, "count", not stack),
        ("reconstruction", made, "filter", made.method == "wbp"),
        ("reconstruction", made, "iterations", iterates),
        ("reference", reference, "defocus_um dose_e_per_A2", row.needs_spectra),
        ("microscope", recipe.microscope, "preset settings", method == "benchmark" or not stack),
    ]
    unused = {
        f"{name}.{item}"
        for name, section, items, used in uses
        for item in items.split()
        if not used and item in section.model_fields_set
    }
    if not unused:
        return []
    seen = "a" if stack else "no"
    fields = ", ".join(sorted(unused))
    return [f"settings without effect (method {method}, {seen} reference stack): {fields}"]


def placement_notice(
    name: str, requested: Mapping[str, int], placed: Mapping[str, int]
) -> list[str]:
    """Return a notice of what did not fit into a specimen, class by class."""
    short = [
        f"{placed[species]} of {wanted} {species}"
        for species, wanted in requested.items()
        if placed[species] < wanted
    ]
    if not short:
        return []
    # A membrane may also be too large, or come too near to itself wherever it is drawn.
    lacking = [name for name, wanted in requested.items() if placed[name] < wanted]
    if all(is_membrane(one) for one in lacking):
        sizes = [
            size
            for size, found in (
                ("`specimen.vesicle_semi_axes_A`", VESICLE in lacking),
                ("`size_A`", any(one != VESICLE for one in lacking)),
            )
            if found
        ]
        remedy = f"smaller {' and '.join(sizes)} or more room may help"
        return [f"{name}: not all membranes found a place; placed {', '.join(short)}; {remedy}"]
    return [f"{name}: the specimen is full; placed {', '.join(short)}"]


def neighbours_notice(
    name: str, neighbours: Mapping[str, Mapping[str, Sequence[float]]]
) -> list[str]:
    """Return a notice of species whose neighbours lie farther apart than was asked.

    Parameters
    ----------
    name : str
        Of the tomogram.
    neighbours : mapping
        As :func:`faket.specimen.neighbour_facts` gives it.
    """
    return [
        f"{name}: the nearest of {species} lie {_distances(facts['placed_A'])} apart (10th "
        f"percentile and median), not {_distances(facts['wanted_A'])}: the molecule is too large "
        "for them, or the specimen too full"
        for species, facts in neighbours.items()
        if all(
            found > _FAR * wanted
            for found, wanted in zip(facts["placed_A"], facts["wanted_A"], strict=True)
        )
    ]


def _distances(values_A: Sequence[float]) -> str:
    return " and ".join(f"{value:.0f}" for value in values_A) + " Å"
