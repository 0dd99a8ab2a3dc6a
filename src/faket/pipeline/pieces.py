"""Small pieces of a recipe's specimen, with as many molecules for each voxel as the whole."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from faket.io.model_folder import model_name
from faket.pipeline.methods import Plan
from faket.pipeline.recipe import Recipe, drawn_recipe
from faket.pipeline.reference import tilt_angles
from faket.references.reference import Reference

# Sides along x and y of the larger piece: a quarter of the whole's, and at least as many voxels as
# keep borders (padding, tapers, the reach of kernels) a small part; chosen.
_FRACTION, _LEAST_VOXELS = 4, 128
_MOST_DRAWN = 1000  # tomograms over which sizes are averaged; chosen: their mean is within 2 %


def piece_sides(recipe: Recipe) -> tuple[int, ...]:
    """Return the sides of the pieces, the smaller first; none if the whole is hardly larger."""
    x, y, _ = recipe.specimen.size_voxels
    large = max(_LEAST_VOXELS, max(x, y) // _FRACTION)
    large -= large % (2 * recipe.reconstruction.binning)
    if recipe.own_specimen is not None or min(x, y) < 1.5 * large:
        return ()
    return large // 2, large


def piece_of(recipe: Recipe, side: int, least: int) -> Recipe:
    """Return the recipe of a piece of tomogram 0: full height and all tilts.

    What of a kind would be less than half a molecule, vesicle or filament is left out; so are
    filaments that are longer than the smallest piece.

    Parameters
    ----------
    recipe : Recipe
    side : int
        Voxels along x and y; 0: the whole.
    least : int
        Voxels along x and y of the smallest piece.
    """
    recipe, _ = drawn_recipe(recipe, model_name(0))
    recipe = recipe.model_copy(update={"varied": {}})
    if not side:
        return recipe
    specimen = recipe.specimen
    x, y, z = specimen.size_voxels
    size = (min(x, side), min(y, side), z)
    share = size[0] * size[1] / (x * y)
    crystals = specimen.crystals
    if crystals is not None:
        crystals = replace(crystals, count=_share(crystals.count, share))
    entries = [entry.copies or 0 for entry in recipe.species]
    copies = _shares(entries, share)
    counts = dict(zip(specimen.copies, _shares(specimen.copies.values(), share), strict=True))
    smaller: Any = replace(
        specimen,
        size_voxels=size,
        copies=counts,
        particles=_share(specimen.particles, share),
        vesicles=_share(specimen.vesicles, share),
        gold=_share(specimen.gold, share),
        crystals=crystals,
        on_full="continue",
    )
    return recipe.model_copy(
        update={
            "specimen": smaller,
            "species": tuple(
                entry if entry.copies is None else entry.model_copy(update={"copies": n})
                for entry, n in zip(recipe.species, copies, strict=True)
            ),
            "membranes": tuple(
                replace(one, count=_share(one.count, share)) for one in recipe.membranes
            ),
            "filaments": tuple(
                replace(one, copies=_share(one.copies, share))
                for one in recipe.filaments
                if one.length_A[0] < math.hypot(least, least, z) * specimen.voxel_size_A
            ),
            "reconstruction": recipe.reconstruction.model_copy(update={"like": None}),
        }
    )


def left_out(recipe: Recipe, piece: Recipe) -> tuple[str, ...]:
    """Return what of a recipe its pieces have not, so that its cost is not known."""
    kinds: Mapping[str, tuple[Any, Any]] = {
        "vesicles": (recipe.specimen.vesicles, piece.specimen.vesicles),
        "membranes": (
            sum(one.count[1] for one in recipe.membranes),
            sum(one.count[1] for one in piece.membranes),
        ),
        "filaments": (
            sum(one.copies[1] for one in recipe.filaments),
            sum(one.copies[1] for one in piece.filaments),
        ),
        "`reconstruction.like`": (recipe.reconstruction.like, piece.reconstruction.like),
    }
    return tuple(name for name, (whole, part) in kinds.items() if _some(whole) and not _some(part))


def works(plan: Plan, recipe: Recipe, references: tuple[Reference, ...]) -> Iterator[float]:
    """Yield voxels times tilts of the tomograms of a recipe: one number where all are alike."""
    if not recipe.varied:
        yield work_of(recipe, len(plan.angles_deg))
        return
    tilts_vary = any(place.startswith("tilts") for place in recipe.varied)
    for index in range(min(recipe.tomograms, _MOST_DRAWN)):
        drawn, _ = drawn_recipe(recipe, model_name(index))
        n = len(tilt_angles(drawn, references)) if tilts_vary else len(plan.angles_deg)
        yield work_of(drawn, n)


def work_of(recipe: Recipe, tilts: int) -> float:
    """Return voxels times tilts."""
    return float(math.prod(recipe.specimen.size_voxels) * tilts)


def _share(pair: tuple[int, int], share: float) -> tuple[int, int]:
    """Return the expected number in a piece, as a range of one number."""
    n = math.floor(share * (pair[0] + pair[1]) / 2 + 0.5)
    return n, n


def _shares(amounts: Any, share: float) -> list[int]:
    """Return amounts for a piece, rounded so that their sum is the share of the whole's."""
    found, before, so_far = list[int](), 0, 0.0
    for amount in amounts:
        so_far += amount * share
        found.append(math.floor(so_far + 0.5) - before)
        before += found[-1]
    return found


def _some(amount: Any) -> bool:
    return bool(amount[1] if isinstance(amount, tuple) else amount)
