"""training.json: the identity of a training, by which its folder is recognised."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from faket.errors import InputError
from faket.io.atomic import atomic_path
from faket.io.content import sha256_of
from faket.io.leftovers import holds_nothing
from faket.io.manifest import plain
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
    """Return the identity of a training. At a constant rate more epochs only continue it."""
    free = {"validate_every"}  # weights do not depend on these
    if settings.schedule == "constant":
        free.add("epochs")
    published = asdict(TrainingSettings())
    facts = {
        name: value
        for name, value in asdict(settings).items()
        # Only changed settings, so that settings added later do not change earlier identities.
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
    """Refuse a folder with other files, another version's training, or a damaged training."""
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
            f"{out}: expected the training that is in it, {_difference(file, stamp)}; choose "
            f"another folder, or continue from its end with `start` {out / LAST}"
        )
    if (out / LAST).exists():
        check_versions({out: made_by}, say)
    if (out / MANIFEST).exists():
        check_folder(out, f"remove the folder {out} and run the command again")


def claim(out: Path, stamp: bytes) -> None:
    """Write training.json, which makes the folder this training's."""
    with atomic_path(out / STAMP) as temporary:
        temporary.write_bytes(stamp)


def _parted(stamp: bytes) -> tuple[Any, dict[str, str]]:
    """Return the identity of a training, and the software that made it if that is known."""
    try:
        content = json.loads(stamp)
        return content, dict(content.pop("software", {}))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return stamp, {}


def _difference(file: Path, stamp: bytes) -> str:
    """Return in words how the stored identity of a training and another one differ."""
    try:
        there, wanted = (_flat(json.loads(text)) for text in (file.read_bytes(), stamp))
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return f"found {file.name} damaged"
    for name in sorted({*there, *wanted} - {"inputs", "software"}):
        if there.get(name) != wanted.get(name):
            return f"with {name} = {there.get(name)}, found {wanted.get(name)}"
    return "found one with other tomograms, labels or checkpoint"


def _flat(content: dict[str, Any]) -> dict[str, Any]:
    """Return settings, seed and the rest in one mapping; missing settings have their default."""
    return {**asdict(TrainingSettings()), **content.pop("settings"), **content}
