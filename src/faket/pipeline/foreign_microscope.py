"""Recipes whose microscope shares no code with the methods: `microscope.preset` foreign:NAME."""

import numpy as np

from faket.data import Specimen, TiltSeries, evenly_spaced_tilts
from faket.errors import InputError
from faket.foreign import FORMATIONS, Formation, image
from faket.pipeline.recipe import Recipe
from faket.pipeline.recipe_sections import MicroscopeSection, Tilts

PREFIX = "foreign:"


def foreign_formation(section: MicroscopeSection) -> Formation | None:
    """Return the foreign microscope of a recipe; None if it has one of faket's own.

    Raises
    ------
    InputError
        If there is none of that name, or settings are given, which only faket's own have.
    """
    if not section.preset.startswith(PREFIX):
        return None
    name = section.preset.removeprefix(PREFIX)
    if name not in FORMATIONS:
        raise InputError(
            f"microscope.preset: expected {PREFIX} and one of {', '.join(FORMATIONS)}, found "
            f"{section.preset!r}; choose one of them"
        )
    if section.settings:
        raise InputError(
            f"microscope.settings: expected none with {section.preset}, which is as it is, found "
            f"{', '.join(section.settings)}; remove them"
        )
    return FORMATIONS[name]


def check_foreign(recipe: Recipe) -> None:
    """Refuse tilts and voxels that are not the foreign microscope's, if the recipe has one.

    Raises
    ------
    InputError
        If the recipe's voxel size or tilt angles differ.
    """
    formation = foreign_formation(recipe.microscope)
    if formation is None:
        return
    if abs(recipe.specimen.voxel_size_A / formation.pixel_size_A - 1) > 1e-3:
        raise InputError(
            f"`specimen.voxel_size_A`: expected {formation.pixel_size_A:g}, the pixel size of "
            f"{recipe.microscope.preset}, found {recipe.specimen.voxel_size_A:g}; correct it"
        )
    tilts, own = recipe.tilts, formation.angles_deg
    if isinstance(tilts, Tilts):
        given = evenly_spaced_tilts(tilts.start_deg, tilts.stop_deg, tilts.step_deg)
        if tilts.file is not None or given.shape != own.shape or not np.allclose(given, own):
            raise InputError(
                f"tilts: expected those of {recipe.microscope.preset}, {own[0]:g} to {own[-1]:g} "
                "degrees, found others; leave them out"
            )


def foreign_series(formation: Formation, specimen: Specimen, *, seed: int) -> TiltSeries:
    """Take a tilt-series as a lab holds it: aligned, in grey values as stored."""
    return image(formation.name, specimen, seed=seed).series
