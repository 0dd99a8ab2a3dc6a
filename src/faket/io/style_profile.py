"""Style profiles as .safetensors files."""

from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from faket.errors import InputError
from faket.io.atomic import atomic_path
from faket.io.failures import PathLike
from faket.style import StyleProfile

_FORMAT = "faket style profile 1"


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
    arrays = {name: np.ascontiguousarray(array) for name, array in profile.to_arrays().items()}
    metadata = {
        "format": _FORMAT,
        "network": profile.network,
        "network_digest": profile.network_digest,
    }
    with atomic_path(path) as temporary:
        save_file(arrays, temporary, metadata)


def load_style_profile(path: PathLike) -> StyleProfile:
    """Read a style profile.

    Raises
    ------
    InputError
        If there is no such file, or it is not a style profile.
    """
    if not Path(path).is_file():
        raise InputError(f"style profile: expected a file, found none at {path}")
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"style profile: expected a .safetensors file, found something else in {path}; "
            "measure the reference again"
        ) from error
    if metadata.get("format") != _FORMAT:
        raise InputError(
            f"style profile: expected the format '{_FORMAT}' in {path}, found "
            f"{metadata.get('format')!r}; measure the reference again"
        )
    return StyleProfile.from_arrays(
        arrays, network=metadata["network"], network_digest=metadata["network_digest"]
    )
