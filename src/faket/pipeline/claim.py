"""Whose folder a data set's is: ``recipe.json`` in it says so, and so does every manifest."""

import json
import shutil
from pathlib import Path
from typing import Any

from faket.errors import InputError
from faket.io.atomic import atomic_path
from faket.io.manifest import plain, read_manifest
from faket.io.model_folder import ALL_REFERENCES, MANIFEST
from faket.pipeline.recipe import Recipe

RECIPE = "recipe.json"


def claim(recipe: Recipe, out: Path) -> None:
    """Make the folder this recipe's own: not before all that it names has proved usable."""
    if is_own(recipe, out):
        return
    for folder in out.glob(ALL_REFERENCES):  # of a recipe that made no tomogram
        shutil.rmtree(folder)
    with atomic_path(out / RECIPE) as temporary:
        temporary.write_bytes(_stamp(recipe))


def restore_claim(recipe: Recipe, out: Path) -> list[str]:
    """Write a lost or damaged ``recipe.json`` again, where all that is finished is this recipe's.

    Returns
    -------
    list of str
        A notice, if it was written.
    """
    stamp = out / RECIPE
    parts = sorted(out.glob(f"*/{MANIFEST}"))
    exact = recipe.model_dump(mode="json")
    ours = plain(exact, stamp)
    if is_own(recipe, out) or not parts:
        return []
    try:
        found = _content(stamp)
        if found != exact and plain(found, stamp) == ours:
            return []  # whole: the same recipe, of files in another folder
        if any(read_manifest(part)["settings"] != ours for part in parts):
            return []
    except InputError:
        return []
    with atomic_path(stamp) as temporary:
        temporary.write_bytes(_stamp(recipe))
    return [f"{stamp}: was missing or damaged; written again, for all that is finished is of it"]


def _content(stamp: Path) -> Any:
    """Return what the file holds; None if that is no JSON."""
    try:
        return json.loads(stamp.read_text())
    except (OSError, ValueError, RecursionError):
        return None


def _stamp(recipe: Recipe) -> bytes:
    return (json.dumps(recipe.model_dump(mode="json"), indent=1) + "\n").encode()


def is_own(recipe: Recipe, out: Path) -> bool:
    """Whether the folder was claimed by this very recipe."""
    stamp = out / RECIPE
    return stamp.exists() and stamp.read_bytes() == _stamp(recipe)
