"""VGG19's published weights: found in a cache, downloaded with a checksum, read from a file."""

import hashlib
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

import torch
from safetensors.torch import load_file

from faket.errors import InputError
from faket.io.atomic import atomic_path

VGG19_FILE = "vgg19-dcbb9e9d.pth"
VGG19_BASE_URL = "https://download.pytorch.org/models"
_CHUNK_BYTES = 2**20
_DIGEST_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.[a-z]+$")


def find_vgg19_weights(
    path: str | os.PathLike[str] | None = None,
    *,
    download: bool = True,
    base_url: str = VGG19_BASE_URL,
    file_name: str = VGG19_FILE,
    timeout_s: float = 30.0,
    progress: Callable[[int, int | None], None] | None = None,
) -> Path:
    """Return where VGG19's weights are, after downloading them if need be.

    Parameters
    ----------
    path : path, optional
        The file itself. If not given, ``$FAKET_CACHE`` is searched, then torch's own cache
        (``$TORCH_HOME/hub/checkpoints``, by default ``~/.cache/torch/hub/checkpoints``).
    download : bool
        Download the file (548 MB) into the first of these folders if it is in none.
    base_url : str
        Folder to download from.
    file_name : str
        The part after the last dash is the beginning of the file's SHA-256.
    timeout_s : float
        For the connection and for every read.
    progress : callable, optional
        Called with the bytes received and the bytes in all (None if the server does not say).

    Returns
    -------
    Path
        A file that exists. :func:`load_vgg19_weights` checks its contents.

    Raises
    ------
    InputError
        If ``path`` is no file, or there are no weights and they cannot be downloaded.
    """
    if path is not None:
        if not Path(path).is_file():
            raise InputError(
                f"VGG19 weights: expected a file, found none at {path}; check the path"
            )
        return Path(path)
    folders = _cache_folders()
    for folder in folders:
        if (folder / file_name).is_file():
            return folder / file_name
    by_hand = f"put {file_name} from {base_url} into {folders[0]} by hand, or give `weights`"
    if not download:
        raise InputError(f"VGG19 weights: expected {file_name} in a cache, found none; {by_hand}")
    try:
        return _download(f"{base_url}/{file_name}", folders[0] / file_name, timeout_s, progress)
    except (OSError, HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"VGG19 weights: expected to download {base_url}/{file_name}, failed ({reason}); "
            f"{by_hand}"
        ) from error


def load_vgg19_weights(path: str | os.PathLike[str]) -> dict[str, torch.Tensor]:
    """Read the weights of VGG19's convolutions.

    Parameters
    ----------
    path : path
        A state dict saved by torch (read without running any code in it) or a .safetensors
        file, in torchvision's layout. Where the file name holds the beginning of its SHA-256
        after a dash, as torchvision's do, that is checked.

    Returns
    -------
    dict of str to Tensor
        The tensors whose names begin with ``features.``, on the CPU.

    Raises
    ------
    InputError
        If there is no such file, its checksum is wrong, or it is no file of weights.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(f"VGG19 weights: expected a file, found none at {file}")
    named = _DIGEST_IN_NAME.search(file.name)
    if named and not _digest(file).startswith(named[1]):
        raise InputError(
            f"VGG19 weights: expected a SHA-256 that begins with {named[1]} of {file}, found "
            f"{_digest(file)[:8]}; the file is damaged or incomplete: delete it and fetch it again"
        )
    state = _read(file)
    weights = {key: value for key, value in state.items() if str(key).startswith("features.")}
    if not weights:
        raise InputError(
            f"VGG19 weights: expected tensors named features.0.weight and so on in {file}, found "
            f"{sorted(map(str, state))[:3]}; give a file in torchvision's layout"
        )
    return weights


def _cache_folders() -> list[Path]:
    """Return the folders to look in; the first is where a download goes."""
    own = os.environ.get("FAKET_CACHE")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    torch_home = Path(os.environ.get("TORCH_HOME") or cache / "torch")
    folders = [*([Path(own)] if own else []), torch_home / "hub" / "checkpoints"]
    return [folder.expanduser() for folder in folders]


def _download(
    url: str,
    target: Path,
    timeout_s: float,
    progress: Callable[[int, int | None], None] | None,
) -> Path:
    digest, received = hashlib.sha256(), 0
    # urlopen verifies TLS certificates; there is no way here to switch that off.
    with (
        atomic_path(target) as temporary,
        urllib.request.urlopen(url, timeout=timeout_s) as response,
        temporary.open("wb") as out,
    ):
        length = response.headers.get("Content-Length")
        total = int(length) if length else None
        while chunk := response.read(_CHUNK_BYTES):
            out.write(chunk)
            digest.update(chunk)
            received += len(chunk)
            if progress is not None:
                progress(received, total)
        if total is not None and received != total:
            raise OSError(f"only {received} of {total} bytes arrived")
        named = _DIGEST_IN_NAME.search(target.name)
        if named and not digest.hexdigest().startswith(named[1]):
            raise OSError(f"its SHA-256 begins with {digest.hexdigest()[:8]}, not {named[1]}")
    return target


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read(file: Path) -> dict[str, torch.Tensor]:
    try:
        if file.suffix == ".safetensors":
            state = load_file(file)
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle may raise anything; no code of it is run
        raise _unreadable(file) from error
    if not isinstance(state, dict):
        raise _unreadable(file)
    return state


def _unreadable(file: Path) -> InputError:
    return InputError(
        f"VGG19 weights: expected a state dict saved by torch or a .safetensors file, found "
        f"something else in {file}; fetch {VGG19_FILE} again"
    )
