"""Checkpoints of a picker's training as .safetensors files; reading one runs no code in it."""

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from faket.errors import InputError
from faket.io.atomic import atomic_path
from faket.io.failures import PathLike, input_error
from faket.picking import Checkpoint

_FORMAT, _KEY = "faket picker 1", "faket"


def save_checkpoint(path: PathLike, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; an existing file is replaced at the very end, or not at all.

    Parameters
    ----------
    path : path
        Usually ending in .safetensors; missing folders are made.
    checkpoint : Checkpoint
        The same one gives the same bytes.

    Raises
    ------
    InputError
        If the disk is full or the place may not be written.
    """
    arrays, texts = checkpoint.to_arrays()
    with atomic_path(path) as temporary:
        # One entry: safetensors writes several in an order that changes from run to run.
        save_file(arrays, temporary, {_KEY: json.dumps({"format": _FORMAT, **texts})})


def load_checkpoint(path: PathLike) -> Checkpoint:
    """Read a checkpoint.

    Raises
    ------
    InputError
        If there is no such file, or it is no checkpoint of a picker.
    """
    if not Path(path).is_file():
        raise input_error(path, "expected a picker's checkpoint, found no file; check the path")
    try:
        with safe_open(path, framework="np") as file:
            texts = _texts(file.metadata() or {})
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise input_error(
            path, "expected a .safetensors file of `faket train`, found something else"
        ) from error
    if texts.get("format") != _FORMAT:
        raise input_error(
            path,
            f"expected the format '{_FORMAT}', found {texts.get('format')!r}; "
            "give a checkpoint of `faket train`",
        )
    try:
        return Checkpoint.from_arrays(arrays, texts)
    except InputError as error:
        raise input_error(path, str(error)) from None


def _texts(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return what the one entry holds; nothing where it is another program's file."""
    try:
        texts = json.loads(metadata.get(_KEY, "{}"))
    except (ValueError, RecursionError):
        return {}
    return texts if isinstance(texts, dict) else {}
