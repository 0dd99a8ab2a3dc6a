"""Checks that all files which faket wrote in a folder exist and are unchanged."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faket.errors import InputError
from faket.io.content import sha256_of
from faket.io.leftovers import is_temporary
from faket.io.manifest import plain, read_manifest, run_path
from faket.io.model_folder import ALL_REFERENCES, MANIFEST, model_name, reference_name
from faket.io.seals import is_intact
from faket.io.text import read_text
from faket.io.verification import differences, find_manifests
from faket.methods.table import METHODS
from faket.pickers.stamp import STAMP as TRAINING
from faket.pipeline.claim import RECIPE, part_settings
from faket.study.layout import STAMP as STUDY
from faket.study.layout import open_study
from faket.study.records import RESULT
from faket.study.run import picks_name


@dataclass(frozen=True)
class Verification:
    """How much was checked, and what differs: one line for each file."""

    manifests: int
    files: int
    differences: tuple[str, ...]


def verify(place: Path, *, full: bool = False) -> Verification:
    """Check all files of the manifests in a folder, and whether finished parts are missing.

    Parameters
    ----------
    place : Path
        A folder, a manifest, or a file with a manifest beside it.
    full : bool
        Hash all files. Otherwise sizes are compared, and only files are hashed whose date is not
        that of their writing.

    Raises
    ------
    InputError
        If there is no manifest.
    """
    manifests = find_manifests(place)
    found: list[str] = []
    for record, check in _CHECKS.items():
        for path in sorted(place.rglob(record)):
            if not any(is_temporary(part) for part in (path, *path.parents)):
                found += [_named(path.parent, place, line) for line in _findings(check, path)]
    if not manifests and not found:
        raise InputError(
            f"{place}: expected a folder or file that faket wrote, with its {MANIFEST}, found "
            "none; check the path"
        )
    files = 0
    for manifest in manifests:
        found += [
            _named(manifest.parent, place, line)
            for line in _findings(lambda path: differences(path, full=full), manifest)
        ]
        files += _count(manifest)
    return Verification(len(manifests), files, tuple(dict.fromkeys(found)))


def _findings(check: Callable[[Path], Any], path: Path) -> list[str]:
    """Return what a check finds, or the error if it cannot be done."""
    try:
        return list(check(path))
    except InputError as error:
        text = str(error).removeprefix(f"{path}: ")
        return [f"{path.name}: {text}"]


def _named(folder: Path, place: Path, line: str) -> str:
    below = folder.relative_to(place) if folder != place and place in folder.parents else Path()
    name, _, what = line.partition(": ")
    return f"{(below / name).as_posix()}: {what}"


def _count(manifest: Path) -> int:
    try:
        return len(read_manifest(manifest)["outputs"])
    except InputError:
        return 0


def _data_set(recipe: Path) -> Iterator[str]:
    """Yield a line for each tomogram of a recipe that is missing or of another recipe."""
    content = _json(recipe)
    n = content.get("tomograms")
    if not isinstance(n, int):
        raise InputError(f"{recipe}: expected a number of tomograms, found {n!r}; make it again")
    method = METHODS.get(str(content.get("method")))
    if method is None:
        raise InputError(
            f"{recipe}: expected a method, found {content.get('method')!r}; make it again"
        )
    names = [model_name(index) for index in range(n)]
    if method.needs_reference:
        names += sorted(
            {reference_name(0), *(path.name for path in recipe.parent.glob(ALL_REFERENCES))}
        )
    for name in names:
        if not (recipe.parent / name / MANIFEST).exists():
            yield f"{name}: missing, or not finished"
    ours = part_settings(plain(content, recipe))
    for manifest in sorted(recipe.parent.glob(f"*/{MANIFEST}")):
        if part_settings(read_manifest(manifest)["settings"]) != ours:
            yield f"{RECIPE}: expected the recipe of {manifest.parent.name}, found another"
            return


def _training(stamp: Path) -> Iterator[str]:
    manifest = stamp.with_name(MANIFEST)
    if not manifest.exists():
        yield f"{MANIFEST}: missing, or the training is not finished"
    elif "software" in _json(stamp) and not run_path(manifest).exists():
        yield f"{run_path(manifest).name}: missing"


def _study(stamp: Path) -> Iterator[str]:
    study = open_study(stamp.parent, begin=False)
    for run in study.runs():
        if not (study.run_folder(run) / RESULT).exists():
            place = study.run_folder(run).relative_to(stamp.parent).as_posix()
            yield f"{place}/{RESULT}: missing, or the run is not finished"


def _result(result: Path) -> Iterator[str]:
    content = _json(result)
    if not is_intact(content):
        yield f"{RESULT}: the content differs from what was written"
    for place in range(1 + len(content.get("further_scores", []))):
        name = picks_name(place)
        if not (picks := result.with_name(name)).exists():
            yield f"{name}: missing"
        elif content["digests"][picks.stem] != sha256_of(picks):
            yield f"{name}: the content differs from what was written"


def _json(path: Path) -> dict[str, Any]:
    text = read_text(path)
    if not text.endswith("\n"):
        raise InputError(
            f"{path}: expected JSON as faket wrote it, found its end missing; make it again"
        )
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path}: expected JSON as faket wrote it, found a mistake ({error!r:.80}); make it "
            "again"
        ) from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected JSON as faket wrote it, found no object; make it again")
    return content


_CHECKS: dict[str, Callable[[Path], Iterator[str]]] = {
    RECIPE: _data_set,
    TRAINING: _training,
    STUDY: _study,
    RESULT: _result,
}
