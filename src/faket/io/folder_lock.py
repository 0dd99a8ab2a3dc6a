"""A lock that lets only one run at a time work in a folder.

It is a lock of the kernel on a file in the folder, so it ends with the process that holds it,
however that process ends.
"""

import errno
import fcntl
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from faket.io.failures import PathLike, cannot_write, input_error
from faket.io.leftovers import LOCK_SUFFIX, remove_leftovers

_UNSUPPORTED = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}


@contextmanager
def folder_lock(
    folder: PathLike,
    *,
    name: str = "run",
    shared: bool = False,
    notice: Callable[[str], None] | None = None,
) -> Iterator[bool]:
    """Lock a folder; remove leftovers of killed runs from it, before and after.

    The folder is made if need be; if it is empty at the end, it is removed again.

    Parameters
    ----------
    folder : str or Path
    name : str
        Of the lock: locks with different names in the same folder do not exclude each other.
    shared : bool
        Shared locks of one name do not exclude each other, but every lock that is not shared.
    notice : callable, optional
        Called with one line if the file system has no locks; the run then continues without one.

    Yields
    ------
    bool
        Whether certainly no other process works in the folder.

    Raises
    ------
    InputError
        If another process, which is named, holds the lock; if the folder cannot be written.
    """
    place = Path(os.path.abspath(folder))
    made = [path for path in (place, *place.parents) if not path.exists()]
    file = place / f".{name}{LOCK_SUFFIX}"
    try:
        place.mkdir(parents=True, exist_ok=True)
        descriptor, locked = _acquire(file, folder, shared)
    except OSError as error:
        _remove_empty(made)
        raise cannot_write(folder, error) from error
    alone = locked and not shared
    if not locked and not shared and notice:
        notice(f"{folder}: this file system has no locks; do not start a second run in this folder")
    try:
        remove_leftovers(place, alone=alone)
        yield alone
    finally:
        remove_leftovers(place, alone=alone)
        with suppress(OSError):
            if shared and locked:  # the last of them removes the file
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.unlink()  # before the lock ends, so that nobody locks a file already removed
        os.close(descriptor)
        _remove_empty(made)


def _acquire(file: Path, folder: PathLike, shared: bool) -> tuple[int, bool]:
    """Return the open file, and whether it is locked; InputError if another process has it."""
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            if not _is_same(descriptor, file):  # its holder has just removed it
                os.close(descriptor)
                continue
            os.ftruncate(descriptor, 0)
            os.write(descriptor, _holder().encode())
            return descriptor, True
        except OSError as error:
            if error.errno in _UNSUPPORTED:
                return descriptor, False
            holder = os.read(descriptor, 200).decode("utf-8", "replace")
            os.close(descriptor)
            if isinstance(error, BlockingIOError | PermissionError):
                raise input_error(
                    folder,
                    f"expected no other run in this folder, found {holder or 'one'}; wait until "
                    "it ends, or choose another folder",
                ) from None
            raise


def _is_same(descriptor: int, file: Path) -> bool:
    with suppress(OSError):
        return os.path.samestat(os.fstat(descriptor), os.stat(file))
    return False


def _holder() -> str:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return f"process {os.getpid()} on {socket.gethostname()}, since {since}"


def _remove_empty(folders: list[Path]) -> None:
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()
