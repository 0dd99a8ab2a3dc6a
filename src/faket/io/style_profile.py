"""Style profiles, and states of interrupted transfers, as .safetensors files."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from faket.data import AnyArray
from faket.errors import InputError
from faket.io.atomic import atomic_path
from faket.io.failures import PathLike, shown
from faket.style import StyleProfile, TransferState

_PROFILE = "faket style profile 2"
_STATE = "faket style transfer state 1"


def save_style_profile(profile: StyleProfile, path: PathLike) -> None:
    """Write a style profile; an existing file is replaced at the very end, or not at all.

    Parameters
    ----------
    profile : StyleProfile
    path : path
        Usually ending in .safetensors; missing folders are made.

    Raises
    ------
    InputError
        If the disk is full or the place may not be written.
    """
    metadata = {"network": profile.network, "network_digest": profile.network_digest}
    _save(profile.to_arrays(), _PROFILE, metadata, path)


def load_style_profile(path: PathLike) -> StyleProfile:
    """Read a style profile.

    Raises
    ------
    InputError
        If there is no such file, or it is not a style profile, or of another version.
    """
    arrays, metadata = _load("style profile", _PROFILE, "measure the reference again", path)
    return StyleProfile.from_arrays(
        arrays, network=metadata["network"], network_digest=metadata["network_digest"]
    )


def save_transfer_state(state: TransferState, path: PathLike) -> None:
    """Write the state of a transfer; an existing file is replaced at the very end.

    Meant for the ``checkpoint`` of :func:`faket.style.transfer_style`.

    Raises
    ------
    InputError
        If the disk is full or the place may not be written.
    """
    _save(state.to_arrays(), _STATE, {"fingerprint": state.fingerprint}, path)


def load_transfer_state(path: PathLike) -> TransferState:
    """Read the state of a transfer, to be given as ``resume``.

    Raises
    ------
    InputError
        If there is no such file, or it is not a transfer's state, or of another version.
    """
    arrays, metadata = _load("transfer state", _STATE, "begin the transfer anew", path)
    return TransferState.from_arrays(arrays, fingerprint=metadata["fingerprint"])


def _save(
    arrays: Mapping[str, AnyArray], kind: str, metadata: Mapping[str, str], path: PathLike
) -> None:
    # The format takes the bytes as they lie; np.ascontiguousarray would add an axis to numbers.
    contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    with atomic_path(path) as temporary:
        save_file(contiguous, temporary, {"format": kind, **metadata})


def _load(
    what: str, kind: str, remedy: str, path: PathLike
) -> tuple[dict[str, AnyArray], dict[str, str]]:
    if not Path(path).is_file():
        raise InputError(f"{what}: expected a file, found none at {path}")
    try:
        with safe_open(path, framework="np") as file:
            metadata = dict(file.metadata() or {})
            found = metadata.get("format")
            keys = list(file.keys()) if found == kind else []
            arrays = {name: file.get_tensor(name) for name in keys}
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"{what}: expected a .safetensors file, found something else in {path}; {remedy}"
        ) from error
    if found != kind:
        raise InputError(
            f"{what}: expected the format '{kind}' in {path}, found {shown(found)}; {remedy}"
        )
    return arrays, metadata
