"""Checkpoints of a picker's training as .safetensors files; reading one runs no code in it."""

from faket.errors import InputError
from faket.io.failures import PathLike, input_error
from faket.io.tensors import load_tensors, save_tensors
from faket.picking import Checkpoint

_FORMAT = "faket picker 1"


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
    save_tensors(path, _FORMAT, *checkpoint.to_arrays())


def load_checkpoint(path: PathLike) -> Checkpoint:
    """Read a checkpoint.

    Raises
    ------
    InputError
        If there is no such file, or it is no checkpoint of a picker.
    """
    arrays, texts = load_tensors(
        path, _FORMAT, "a picker's checkpoint", "give a checkpoint of `faket train`"
    )
    try:
        return Checkpoint.from_arrays(arrays, texts)
    except InputError as error:
        raise input_error(path, str(error)) from None
