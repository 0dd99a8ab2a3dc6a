"""What was assumed, measured or left out, in one line each, for the screen and the manifest.

Settings stand in backticks, as in errors (:class:`faket.errors.InputError`).
"""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from faket.pipeline.methods import method_of
from faket.pipeline.recipe import Recipe


def binning_notice(path: Path, pixel_size_A: float, binning: int) -> list[str]:
    """Say that a stack was binned to the pixels of the data."""
    if binning == 1:
        return []
    return [f"{path}: binned by {binning}, from {pixel_size_A:g} to {pixel_size_A * binning:g} Å"]


def tomogram_notice(recipe: Recipe) -> str:
    """Say how large tomograms will be, and their voxels."""
    binning, voxel_A = recipe.reconstruction.binning, recipe.specimen.voxel_size_A
    size = " x ".join(str(side // binning) for side in recipe.specimen.size_voxels)
    made_of = f"`specimen.voxel_size_A` {voxel_A:g} Å times `reconstruction.binning` {binning}"
    return f"tomograms of {size} voxels of {voxel_A * binning:g} Å ({made_of})"


def unused_notice(recipe: Recipe) -> list[str]:
    """Say which settings of a recipe change nothing."""
    reference, style, method = recipe.reference, recipe.style, recipe.method
    row = method_of(recipe)
    stack = bool(reference.stack)
    uses: list[tuple[str, BaseModel, str, bool]] = [
        ("style", style, "network initial", method == "style"),
        ("style", style, "weights iterations", row.network is not None),
        ("reference", reference, "stack count", row.needs_reference),
        ("reference", reference, "angles clean pixel_size_A invert", stack),
        ("reference", reference, "count", not stack),
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
    seen = "a stack" if stack else "no stack"
    return [f"not used, with method {method} and {seen} to look like: {', '.join(sorted(unused))}"]


def placement_notice(
    name: str, requested: Mapping[str, int], placed: Mapping[str, int]
) -> list[str]:
    """Say what did not fit into a specimen, class by class."""
    short = [
        f"{placed[species]} of {wanted} {species}"
        for species, wanted in requested.items()
        if placed[species] < wanted
    ]
    return [f"{name}: the specimen is full, it holds {', '.join(short)}"] if short else []
