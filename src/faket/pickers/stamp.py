"""What makes a training this one, and whose folder it is: training.json."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from faket.errors import InputError
from faket.io.atomic import atomic_path
from faket.io.leftovers import holds_nothing
from faket.io.manifest import plain, sha256_of
from faket.io.model_folder import MANIFEST
from faket.io.verification import check_folder
from faket.picking import TrainingSettings
from faket.pipeline.versions import check_versions, software_and_threads
from faket.reports import Report

LAST, STAMP = "last.safetensors", "training.json"


def training_stamp(
    settings: TrainingSettings,
    seed: int,
    inputs: Sequence[Path],
    validated: bool,
    voxel_size_A: float | None,
) -> bytes:
    """Return what makes a training this one; more epochs only continue it at a constant rate."""
    free = {"validate_every"}  # no weight depends on them
    if settings.schedule == "constant":
        free.add("epochs")
    published = asdict(TrainingSettings())
    facts = {
        name: value
        for name, value in asdict(settings).items()
        # A setting that is added later must not make earlier trainings others.
        if name not in free and value != published[name]
    }
    content = {
        "settings": facts,
        "seed": seed,
        "inputs": [sha256_of(path) for path in inputs],
        "validated": validated,
        "voxel_size_A": voxel_size_A,
        "software": software_and_threads(),
    }
    return (json.dumps(plain(content, STAMP), indent=1, sort_keys=True) + "\n").encode()


def check_place(out: Path, stamp: bytes, say: Report) -> None:
    """Refuse a folder that holds something else, another version's training, or a damaged one."""
    if holds_nothing(out):
        return
    file = out / STAMP
    if not file.exists():
        raise InputError(
            f"{out}: expected an empty folder or one of the same training, found other files; "
            "choose another folder"
        )
    there, made_by = _parted(file.read_bytes())
    if there != _parted(stamp)[0] and (out / LAST).exists():
        raise InputError(
            f"{out}: expected the training that it holds, {_difference(file, stamp)}; choose "
            f"another folder, or go on from its end with `start` {out / LAST}"
        )
    if (out / LAST).exists():
        check_versions({out: made_by}, say)
    if (out / MANIFEST).exists():
        check_folder(out, f"remove the folder {out}, the same command trains again")


def claim(out: Path, stamp: bytes) -> None:
    """Make the folder this training's own."""
    with atomic_path(out / STAMP) as temporary:
        temporary.write_bytes(stamp)


def _parted(stamp: bytes) -> tuple[Any, dict[str, str]]:
    """Return what makes a training this one, and the software that made it, where that is known."""
    try:
        content = json.loads(stamp)
        return content, dict(content.pop("software", {}))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return stamp, {}


def _difference(file: Path, stamp: bytes) -> str:
    """Say in what a training's stamp and another one differ."""
    try:
        there, wanted = (_flat(json.loads(text)) for text in (file.read_bytes(), stamp))
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return f"found {file.name} damaged"
    for name in sorted({*there, *wanted} - {"inputs", "software"}):
        if there.get(name) != wanted.get(name):
            return f"with {name} = {there.get(name)}, found {wanted.get(name)}"
    return "found that it is of other tomograms, labels or checkpoint"


def _flat(content: dict[str, Any]) -> dict[str, Any]:
    """Return settings, seed and the rest in one; settings that are not there have their default."""
    return {**asdict(TrainingSettings()), **content.pop("settings"), **content}
