"""Whose folder a data set's is: ``recipe.json`` in it says so."""

import json
import shutil
from pathlib import Path

from faket.io.atomic import atomic_path
from faket.pipeline.recipe import Recipe


def claim(recipe: Recipe, out: Path) -> None:
    """Make the folder this recipe's own: not before all that it names has proved usable."""
    if is_own(recipe, out):
        return
    for folder in out.glob("reference_*"):  # of a recipe that made no tomogram
        shutil.rmtree(folder)
    with atomic_path(out / "recipe.json") as temporary:
        temporary.write_bytes(_stamp(recipe))


def _stamp(recipe: Recipe) -> bytes:
    return (json.dumps(recipe.model_dump(mode="json"), indent=1) + "\n").encode()


def is_own(recipe: Recipe, out: Path) -> bool:
    """Whether the folder was claimed by this very recipe."""
    stamp = out / "recipe.json"
    return stamp.exists() and stamp.read_bytes() == _stamp(recipe)
