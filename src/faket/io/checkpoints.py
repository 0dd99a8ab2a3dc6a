"""Checkpoints of a picker's training as .safetensors files; reading one runs no code in it."""

import json
from dataclasses import asdict

from faket.errors import InputError
from faket.io.failures import PathLike, input_error
from faket.io.records import parse_record
from faket.io.tensors import load_tensors, save_tensors
from faket.picking import Checkpoint
from faket.picking.networks.checkpoint import Facts

_FORMAT = "faket picker 1"
_WHAT, _REMEDY = "a picker's checkpoint", "give a file that `faket train` wrote"


def save_checkpoint(path: PathLike, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; an existing file is replaced only when the new one is complete.

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
    arrays, facts = checkpoint.to_arrays()
    texts = {"facts": json.dumps(asdict(facts), sort_keys=True)}
    save_tensors(path, _FORMAT, arrays, texts)


def load_checkpoint(path: PathLike) -> Checkpoint:
    """Read a checkpoint.

    Raises
    ------
    InputError
        If there is no such file, or it is no checkpoint of a picker.
    """
    arrays, texts = load_tensors(path, _FORMAT, _WHAT, _REMEDY)
    facts = parse_record(texts.get("facts", ""), Facts, path, what=_WHAT, remedy=_REMEDY)
    try:
        return Checkpoint.from_arrays(arrays, facts)
    except InputError as error:
        raise input_error(path, str(error)) from None
