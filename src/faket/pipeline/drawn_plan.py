"""The plan of one tomogram: that of the data set, with the values that are drawn for it."""

from dataclasses import replace
from typing import Any

from faket.pipeline.library import specimen_config
from faket.pipeline.methods import Plan
from faket.pipeline.recipe import drawn_recipe
from faket.pipeline.reference import chosen_microscope, tilt_angles


def plan_of(plan: Plan, name: str) -> tuple[Plan, dict[str, Any]]:
    """Return the plan of one tomogram, and the values of its recipe that were drawn for it."""
    if not plan.recipe.varied:
        return plan, {}
    recipe, drawn = drawn_recipe(plan.recipe, name)
    changed = {place.partition(".")[0] for place in drawn}
    angles_deg = tilt_angles(recipe, ()) if "tilts" in changed else plan.angles_deg
    return replace(
        plan,
        recipe=recipe,
        specimen=specimen_config(recipe, plan.library),
        angles_deg=angles_deg,
        microscope=plan.microscope and chosen_microscope(recipe.microscope),
    ), drawn
