"""Errors about files, in one line: which file, what is wrong with it, what to do."""

import errno
import logging
from functools import cache
from pathlib import Path

from faket.errors import DiskFullError, InputError
from faket.io.leftovers import with_true_names

PathLike = str | Path

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_ADVICE = {
    errno.ENOSPC: ("the disk is full", "free space or choose another folder"),
    errno.EDQUOT: ("your disk quota is used up", "free space or choose another folder"),
    errno.EACCES: ("permission denied", "choose a place where you have permission"),
    errno.EPERM: ("permission denied", "choose a place where you have permission"),
    errno.EROFS: ("the file system is read-only", "choose another folder"),
    errno.EISDIR: ("this is a folder", "give the name of a file"),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "check the path"),
    errno.EEXIST: ("a file of that name stands where a folder is needed", "check the path"),
    errno.ENOENT: ("no such file or folder", "check the path"),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter one"),
    errno.ELOOP: ("the symbolic links go round in a circle", "check the path"),
    errno.EFBIG: ("the file system does not take files of this size", "choose another folder"),
    errno.EIO: ("the disk or network drive reports an error", "check it and try again"),
    errno.ESTALE: ("the network drive reports an error", "check it and try again"),
    errno.EMFILE: ("too many files are open", "raise the limit (ulimit -n)"),
}


def input_error(path: PathLike, message: str) -> InputError:
    """Return the InputError "path: message" on one line, whatever the two contain."""
    text = " ".join(f"{path}: {message}".split())
    return InputError("".join(c if c.isprintable() else "?" for c in text))


@cache  # a file may be read several times: each notice is given once
def notice(path: PathLike, message: str) -> None:
    """Report in one line what was guessed or left out of a file, on the error stream by default."""
    logging.getLogger("faket").warning("%s", input_error(path, message))


def shown(value: object, limit: int = 40) -> str:
    """Return ``value`` quoted for a message, shortened to ``limit`` characters."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # Python refuses to print numbers of over 4300 digits
        text = f"an enormous {type(value).__name__}"
    return text if len(text) <= limit else text[: limit - 3] + "..."


def cannot_read(path: PathLike, error: OSError) -> InputError:
    """Return the InputError for a file that could not be opened or read."""
    return input_error(path, f"cannot be read: {'; '.join(_advice(error))}")


def cannot_write(path: PathLike, error: OSError) -> InputError:
    """Return the InputError for a file or folder that could not be written."""
    what, remedy = _advice(error)
    told = input_error(
        with_true_names(path),
        f"cannot be written: {what}, and no unfinished file was left; {remedy}",
    )
    return DiskFullError(str(told)) if is_out_of_room(error) else told


def is_out_of_room(error: BaseException) -> bool:
    """Return whether an error says that there is no room on a disk."""
    full = isinstance(error, OSError) and error.errno in _NO_ROOM
    return full or isinstance(error, DiskFullError)


def is_explained(error: OSError) -> bool:
    """Return whether ``error`` is about the disk or the path, so that the user can correct it."""
    return error.errno in _ADVICE


def _advice(error: OSError) -> tuple[str, str]:
    otherwise = (error.strerror or str(error), "check the file and try again")
    return _ADVICE.get(error.errno or 0, otherwise)
