"""Size, date and hash of a file, or of an OME-Zarr image, whose folder counts as one file."""

import hashlib
import os
from pathlib import Path

from faket.io.failures import PathLike, cannot_read
from faket.io.ome_zarr import is_ome_zarr
from faket.io.text import regular_file_size

_hashed = dict[tuple[str, int, int], str]()  # by path, size and date, of this process


def content_bytes(path: PathLike) -> int:
    """Return the size of a file, or of all files of an OME-Zarr image.

    Raises
    ------
    InputError
        If it is neither.
    """
    return sum(regular_file_size(file) for file in content_files(path))


def sha256_of(path: PathLike) -> str:
    """Return the SHA-256 of a file in hexadecimal, read in pieces.

    That of an OME-Zarr image is the hash of the list of its files' hashes and names.

    Raises
    ------
    InputError
        If it is neither, or cannot be read.
    """
    files = content_files(path)
    if files == [Path(path)]:
        return _sha256_of_file(path)
    lines = [f"{_sha256_of_file(file)} {file.relative_to(path).as_posix()}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def sha256_once(path: PathLike) -> str:
    """Return the SHA-256 as :func:`sha256_of` does, from memory if the file has not changed since.

    Size and date tell. So the inputs of a thousand tomograms are read once.
    """
    key = os.path.abspath(path), content_bytes(path), changed_ns(path)
    if key not in _hashed:
        _hashed[key] = sha256_of(path)
    return _hashed[key]


def changed_ns(path: PathLike) -> int:
    """Return when a file, or the newest file of an OME-Zarr image, was written (ns)."""
    return max(os.stat(file).st_mtime_ns for file in content_files(path))


def content_files(path: PathLike) -> list[Path]:
    """Return the file, or the files of an OME-Zarr image in the order of their names."""
    if not is_ome_zarr(path):
        return [Path(path)]
    return sorted(file for file in Path(path).rglob("*") if not file.is_dir())


def _sha256_of_file(path: PathLike) -> str:
    regular_file_size(path)
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise cannot_read(path, error) from error
