"""Arrays and texts in one .safetensors file; reading one runs no code in it."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from faket.data import AnyArray
from faket.io.atomic import atomic_path
from faket.io.failures import PathLike, cannot_read, input_error

_KEY = "faket"
# Besides damaged files, types of numbers that numpy does not have (bfloat16) raise these.
_UNREADABLE = (SafetensorError, OSError, ValueError, TypeError, AttributeError, KeyError)


def save_tensors(
    path: PathLike, kind: str, arrays: Mapping[str, AnyArray], texts: Mapping[str, str]
) -> None:
    """Write a file; an existing one is replaced only when the new one is complete.

    Parameters
    ----------
    path : path
        Missing folders are made.
    kind : str
        Name and version of what is written.
    arrays : mapping of str to ndarray
    texts : mapping of str to str
        The same arrays and texts give the same bytes.

    Raises
    ------
    InputError
        If the disk is full or the place may not be written.
    """
    # Bytes are written as they are in memory; np.ascontiguousarray would add an axis to scalars.
    contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    # Only one entry, because safetensors writes several in an order that changes from run to run.
    entry = json.dumps({"format": kind, **texts}, sort_keys=True)
    with atomic_path(path) as temporary:
        # safetensors' own writer makes files that only their owner can read.
        temporary.write_bytes(save(contiguous, {_KEY: entry}))


def load_tensors(
    path: PathLike, kind: str, what: str, remedy: str
) -> tuple[dict[str, AnyArray], dict[str, str]]:
    """Read what :func:`save_tensors` wrote.

    Parameters
    ----------
    path : path
    kind : str
        Name and version that the file must have.
    what, remedy : str
        For the error: what is expected, and what to do if it is not found.

    Returns
    -------
    arrays : dict of str to ndarray
    texts : dict of str to str

    Raises
    ------
    InputError
        If there is no such file, or it is of another kind.
    """
    if not Path(path).is_file():
        raise input_error(path, f"expected {what}, found no file; check the path")
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise cannot_read(path, error) from error
    try:
        with safe_open(path, framework="np") as file:
            texts = _texts(file.metadata() or {})
            known = texts.get("format") == kind
            names = list(file.keys()) if known else []
            arrays = {name: file.get_tensor(name) for name in names}
    except _UNREADABLE as error:
        raise input_error(
            path,
            f"expected {what} (.safetensors), found another or a damaged file; {remedy}",
        ) from error
    if not known:
        found = texts.get("format")
        raise input_error(
            path, f"expected {what} of the format '{kind}', found {found!r:.80}; {remedy}"
        )
    return arrays, texts


def _texts(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the content of the one entry; nothing if another program wrote the file."""
    try:
        texts = json.loads(metadata.get(_KEY, "{}"))
    except (ValueError, RecursionError):
        return {}
    plain = isinstance(texts, dict) and all(isinstance(text, str) for text in texts.values())
    return texts if plain else {}
