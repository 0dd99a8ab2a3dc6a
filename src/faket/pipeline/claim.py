"""``recipe.json``: the recipe to which the folder of a data set belongs; manifests have it too.

The number of tomograms may change while none of them is lost: nothing in a tomogram depends on it.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faket.errors import InputError
from faket.io.atomic import atomic_path
from faket.io.manifest import plain, read_manifest
from faket.io.model_folder import ALL_MODELS, ALL_REFERENCES, LIKE, MANIFEST, number_of
from faket.pipeline.recipe import Recipe

RECIPE = "recipe.json"


def claim(recipe: Recipe, out: Path) -> None:
    """Write ``recipe.json``, which makes the folder this recipe's, once its inputs are checked."""
    stamp = out / RECIPE
    if stamp.exists() and stamp.read_bytes() == _stamp(recipe):
        return
    if not is_own(recipe, out):
        for folder in out.glob(ALL_REFERENCES):  # of another recipe, which has made no tomogram
            shutil.rmtree(folder)
        shutil.rmtree(out / LIKE, ignore_errors=True)
    with atomic_path(stamp) as temporary:
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
    exact = recipe.part_settings()
    ours = plain(exact, stamp)
    if is_own(recipe, out) or not parts:
        return []
    try:
        found = part_settings(_content(stamp))
        if found != exact and plain(found, stamp) == ours:
            return []  # undamaged: the same recipe with files in another folder
        if any(part_settings(read_manifest(part)["settings"]) != ours for part in parts):
            return []
    except InputError:
        return []
    with atomic_path(stamp) as temporary:
        temporary.write_bytes(_stamp(recipe))
    return [
        f"{stamp}: was missing or damaged; it was written again, because all finished parts are of "
        "this recipe"
    ]


def check_number(recipe: Recipe, out: Path) -> None:
    """Refuse a recipe of fewer tomograms than its folder has.

    Raises
    ------
    InputError
        With the last of them.
    """
    made = [number_of(path.parent.name) for path in out.glob(f"{ALL_MODELS}/{MANIFEST}")]
    if made and max(made) >= recipe.tomograms:
        raise InputError(
            f"{out}: expected a recipe of at least {max(made) + 1} tomograms, because the folder "
            f"has model_{max(made)}, found `tomograms` = {recipe.tomograms}; ask for as many, or "
            "choose another folder"
        )


def part_settings(content: Any) -> Any:
    """Return the settings of a recipe's content without the number of tomograms.

    Manifests from before 2026-11-28 have it.
    """
    if not isinstance(content, Mapping):
        return content
    return {name: value for name, value in content.items() if name != "tomograms"}


def _content(stamp: Path) -> Any:
    """Return the content of the file; None if it is no JSON."""
    try:
        return json.loads(stamp.read_text())
    except (OSError, ValueError, RecursionError):
        return None


def _stamp(recipe: Recipe) -> bytes:
    return (json.dumps(recipe.model_dump(mode="json"), indent=1) + "\n").encode()


def is_own(recipe: Recipe, out: Path) -> bool:
    """Return whether the folder belongs to this recipe, with as many tomograms or not."""
    stamp = out / RECIPE
    found = _content(stamp)
    n = found.get("tomograms") if isinstance(found, Mapping) else None
    same = recipe.model_copy(update={"tomograms": n})
    return isinstance(n, int) and stamp.read_bytes() == _stamp(same)
