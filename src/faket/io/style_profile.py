"""Style profiles as .safetensors files."""

from faket.errors import InputError
from faket.io.failures import PathLike, input_error
from faket.io.tensors import load_tensors, save_tensors
from faket.style import StyleProfile

_PROFILE = "faket style profile 3"


def save_style_profile(profile: StyleProfile, path: PathLike) -> None:
    """Write a style profile; an existing file is replaced only when the new one is complete.

    Parameters
    ----------
    profile : StyleProfile
        The same one gives the same bytes.
    path : path
        Usually ending in .safetensors; missing folders are made.

    Raises
    ------
    InputError
        If the disk is full or the place may not be written.
    """
    texts = {"network": profile.network, "network_digest": profile.network_digest}
    save_tensors(path, _PROFILE, profile.to_arrays(), texts)


def load_style_profile(path: PathLike) -> StyleProfile:
    """Read a style profile.

    Raises
    ------
    InputError
        If there is no such file, or it is not a style profile, or of another version.
    """
    arrays, texts = load_tensors(path, _PROFILE, "a style profile", "measure the reference again")
    try:
        return StyleProfile.from_arrays(
            arrays, network=texts["network"], network_digest=texts["network_digest"]
        )
    except InputError as error:
        raise input_error(path, str(error)) from None
    except KeyError as error:
        raise input_error(
            path, f"expected the entry {error}, found none; measure the reference again"
        ) from None
