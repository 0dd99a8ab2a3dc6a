"""``recipe.json``: the recipe to which the folder of a data set belongs; manifests have it too."""

import json
import shutil
from pathlib import Path
from typing import Any

from faket.errors import InputError
from faket.io.atomic import atomic_path
from faket.io.manifest import plain, read_manifest
from faket.io.model_folder import ALL_REFERENCES, LIKE, MANIFEST
from faket.pipeline.recipe import Recipe

RECIPE = "recipe.json"


def claim(recipe: Recipe, out: Path) -> None:
    """Write ``recipe.json``, which makes the folder this recipe's, once its inputs are checked."""
    if is_own(recipe, out):
        return
    for folder in out.glob(ALL_REFERENCES):  # of another recipe, which has made no tomogram
        shutil.rmtree(folder)
    shutil.rmtree(out / LIKE, ignore_errors=True)
    with atomic_path(out / RECIPE) as temporary:
        temporary.write_bytes(_stamp(recipe))


def restore_claim(recipe: Recipe, out: Path) -> list[str]:
    """Write a lost or damaged ``recipe.json`` again, if all finished parts are this recipe's.

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
            return []  # undamaged: the same recipe with files in another folder
        if any(read_manifest(part)["settings"] != ours for part in parts):
            return []
    except InputError:
        return []
    with atomic_path(stamp) as temporary:
        temporary.write_bytes(_stamp(recipe))
    return [
        f"{stamp}: was missing or damaged; it was written again, because all finished parts are of "
        "this recipe"
    ]


def _content(stamp: Path) -> Any:
    """Return the content of the file; None if it is no JSON."""
    try:
        return json.loads(stamp.read_text())
    except (OSError, ValueError, RecursionError):
        return None


def _stamp(recipe: Recipe) -> bytes:
    return (json.dumps(recipe.model_dump(mode="json"), indent=1) + "\n").encode()


def is_own(recipe: Recipe, out: Path) -> bool:
    """Return whether the folder belongs to exactly this recipe."""
    stamp = out / RECIPE
    return stamp.exists() and stamp.read_bytes() == _stamp(recipe)
