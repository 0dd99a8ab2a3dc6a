"""Files and folders that appear whole or not at all.

Files are first written under a hidden name (``.part-…``) in the same folder, flushed to the disk,
then renamed. An exception or an interrupt removes them. A killed process may leave them behind;
they are removed when the same file or folder is written again.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from faket.errors import DiskFullError
from faket.io.failures import PathLike, cannot_write, input_error, is_explained
from faket.io.leftovers import holds_nothing, remove_leftovers, temporary_name


@contextmanager
def atomic_path(path: PathLike) -> Iterator[Path]:
    """Give a temporary path in the folder of ``path``; rename it to ``path`` on success.

    Missing parent folders are made; an existing file is replaced in one step. The temporary name
    ends with the true one, so that writers that look at the suffix behave.

    Parameters
    ----------
    path : str or Path

    Yields
    ------
    Path
        Where to write. It does not exist yet.

    Raises
    ------
    InputError
        If the disk is full, the place may not be written, or ``path`` is a folder.
    RuntimeError
        If the body wrote nothing: a defect of the caller.
    """
    target = _absolute(path)
    temporary = _temporary_sibling(target)
    try:
        with _explained(path, target, temporary):
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, "is a folder", str(target))
            if target.exists() and not target.is_file():
                # Renaming onto it would replace the device itself.
                raise input_error(
                    path, "expected a plain file to write, found a device or pipe; choose a file"
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            remove_leftovers(target.parent, name=target.name)
            yield temporary
            if not temporary.exists():
                raise RuntimeError(f"nothing was written for {target.name}")
            _flush(temporary)
            os.replace(temporary, target)
    finally:
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def atomic_folder(path: PathLike, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary folder beside ``path``; rename it to ``path`` on success.

    Parameters
    ----------
    path : str or Path
        An existing empty folder may be used; leftovers of killed processes are ignored.
    overwrite : bool
        Replace an existing folder, which stays untouched until the new one is whole.

    Yields
    ------
    Path
        An empty folder to write into.

    Raises
    ------
    InputError
        If ``path`` exists and ``overwrite`` is not set; if it is a file, or holds the home or
        the current folder; if the disk is full or the place may not be written.
    """
    target = _absolute(path)
    temporary = _temporary_sibling(target)
    try:
        with _explained(path, target, temporary):
            _check_free(path, target, overwrite)
            temporary.mkdir(parents=True)
            remove_leftovers(target.parent, name=target.name)
            yield temporary
            for file in temporary.rglob("*"):
                if file.is_file():
                    _flush(file)
            _check_free(path, target, overwrite)  # again: another process may have been faster
            _swap(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def require_free_folder(path: PathLike) -> None:
    """Raise InputError unless :func:`atomic_folder` could make ``path``; to be asked before work.

    Parameters
    ----------
    path : str or Path
        May be an existing empty folder.

    Raises
    ------
    InputError
        If it exists and is not empty, or is a file.
    """
    target = _absolute(path)
    with _explained(path, target, target):
        _check_free(path, target, overwrite=False)


def require_space(folder: PathLike, n_bytes: int) -> None:
    """Raise InputError unless ``folder`` may be written and its disk has ``n_bytes`` free.

    Parameters
    ----------
    folder : str or Path
        It need not exist yet; then its nearest existing parent is checked.
    n_bytes : int

    Raises
    ------
    InputError
        With the reason why it may not be written, or how much space is needed and how much free.
    """
    place = _absolute(folder)
    while not os.path.exists(place) and place != place.parent:
        place = place.parent
    if not os.path.isdir(place):
        raise cannot_write(folder, NotADirectoryError(errno.ENOTDIR, "not a folder", str(place)))
    if not os.access(place, os.W_OK | os.X_OK):
        raise cannot_write(folder, PermissionError(errno.EACCES, "no access", str(place)))
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        raise cannot_write(folder, error) from error
    if free < n_bytes:
        told = input_error(
            folder,
            f"expected {_size(n_bytes)} of free disk space, found {_size(free)}; "
            "free space or choose another folder",
        )
        raise DiskFullError(str(told))


def _absolute(path: PathLike) -> Path:
    if "\0" in str(path):
        raise input_error(path, "expected a file name, found one with a NUL character")
    return Path(os.path.abspath(path))


def _temporary_sibling(target: Path) -> Path:
    return target.parent / temporary_name(target.name)


@contextmanager
def _explained(path: PathLike, target: Path, temporary: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if is_explained(error) and _concerns(error, target, temporary):
            raise cannot_write(path, error) from error
        raise


def _concerns(error: OSError, target: Path, temporary: Path) -> bool:
    """Return whether an error is about the files written here, not about one that was read."""
    if error.filename is None:
        return True
    name = Path(str(error.filename))
    return name == target or name in target.parents or temporary in (name, *name.parents)


def _check_free(path: PathLike, target: Path, overwrite: bool) -> None:
    if not target.name:
        raise input_error(
            path, "expected the name of a folder to write, found a root folder; choose another"
        )
    mode = None
    with suppress(FileNotFoundError, NotADirectoryError):
        mode = os.lstat(target).st_mode  # asked once, because another process may move it away
    if mode is not None and not stat.S_ISDIR(mode):
        raise input_error(path, "expected a folder to write, found a file; choose another name")
    occupied = False
    with suppress(FileNotFoundError):
        occupied = mode is not None and not holds_nothing(target)
    if occupied and not overwrite:
        raise input_error(
            path, "expected a new or empty folder, found one with files; choose another name or "
            "remove it"
        )  # fmt: skip
    if occupied and any(place.is_relative_to(target) for place in _precious()):
        raise input_error(
            path, "expected a folder that may be replaced, found one that contains the home or "
            "current folder; choose another name"
        )  # fmt: skip


def _precious() -> list[Path]:
    places = []
    with suppress(OSError):  # the current folder may be gone
        places.append(Path.cwd())
    with suppress(RuntimeError):
        places.append(Path.home())
    return places


def _swap(temporary: Path, target: Path) -> None:
    """Put a folder in the place of another, even if other processes do the same at once."""
    placed = _is_placed(temporary, target)
    while not placed:
        old = _temporary_sibling(target)
        with suppress(FileNotFoundError):  # another process has just moved it away
            os.replace(target, old)
        try:
            placed = _is_placed(temporary, target)
        except BaseException:
            with suppress(FileNotFoundError):
                os.replace(old, target)
            raise
        shutil.rmtree(old, ignore_errors=True)


def _is_placed(temporary: Path, target: Path) -> bool:
    """Rename a folder; return False if one with files has the name."""
    try:
        os.replace(temporary, target)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    return True


def _flush(file: Path) -> None:
    # Network drives report a full disk only here; a rename must not come before the data.
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _size(n_bytes: int) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= factor:
            return f"{n_bytes / factor:.1f} {unit}"
    return f"{n_bytes} bytes"
