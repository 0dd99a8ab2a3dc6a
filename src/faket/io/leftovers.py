"""Temporary names, and the removal of what killed processes leave under them.

A temporary name contains its writer: the machine, the process and when that began. So leftovers
can be recognised, and no file of a living process is ever removed.
"""

import hashlib
import os
import re
import secrets
import shutil
import socket
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Literal

Writer = Literal["alive", "dead", "unknown"]

LOCK_SUFFIX = ".faket-lock"
_PART = re.compile(r"\.part-(?:([0-9a-f]{8}\.\d+\.\d+)-)?[0-9a-f]{8}-")
_PROCESS = re.compile(r"([0-9a-f]{8})\.(\d+)\.(\d+)")
_NAME_BYTES = 180  # of the 255 that file systems allow; the rest is for the prefix
_OLD_S = 7 * 86400.0  # chosen, because writing one file or folder takes far less than a week


def temporary_name(name: str) -> str:
    """Return a new hidden name for a file or folder that will get ``name``, with its ending."""
    return f".part-{this_process()}-{secrets.token_hex(4)}-{_end(name)}"


def with_true_names(path: str | Path) -> str:
    """Return a path in which temporary names are those that the files and folders will get."""
    return _PART.sub("", str(path))


def this_process() -> str:
    """Return what tells this process from every other: machine, number, and when it began."""
    return f"{_machine()}.{os.getpid()}.{_started(os.getpid()) or 0}"


def state_of(process: str) -> Writer:
    """Return whether a process of :func:`this_process` lives; "unknown" on another machine."""
    found = _PROCESS.fullmatch(process)
    if not found or found[1] != _machine():
        return "unknown"
    return "alive" if _started(int(found[2])) == int(found[3]) else "dead"


def is_temporary(path: Path) -> bool:
    """Return whether a file or folder is temporary or a lock, and so no part of any result."""
    return bool(_PART.match(path.name)) or path.name.endswith(LOCK_SUFFIX)


def holds_nothing(folder: Path) -> bool:
    """Return whether a folder is empty except for leftovers of killed processes."""
    return all(is_temporary(path) and _writer(path) != "alive" for path in folder.iterdir())


def was_left_by_dead(path: Path) -> bool:
    """Return whether all leftovers that would have got a path's name are of killed processes."""
    found = [
        _writer(other)
        for other in path.parent.iterdir()
        if (part := _PART.match(other.name)) and other.name[part.end() :] == _end(path.name)
    ]
    return bool(found) and all(writer == "dead" for writer in found)


def remove_leftovers(folder: Path, *, name: str | None = None, alone: bool = False) -> None:
    """Remove what killed processes have left in a folder, but not in its subfolders.

    Parameters
    ----------
    folder : Path
    name : str, optional
        Remove only what would have got this name.
    alone : bool
        Whether no process of another machine writes here. Then everything is removed that no
        living process of this machine writes; otherwise, leftovers of other machines or of earlier
        versions are removed only after a week.
    """
    with suppress(OSError):
        for path in list(folder.iterdir()):
            found = _PART.match(path.name)
            if not found or (name is not None and path.name[found.end() :] != _end(name)):
                continue
            writer = _writer(path)
            if writer == "dead" or (writer == "unknown" and (alone or _is_old(path))):
                _remove(path)


def time_there(folder: Path) -> float:
    """Return the time by the clock that dates the files of a folder, in seconds since 1970.

    That of a network drive may differ from this machine's, which is taken where no file can be
    written.
    """
    fresh = folder / temporary_name("clock")
    with suppress(OSError):
        fresh.touch()
        try:
            return fresh.stat().st_mtime
        finally:
            fresh.unlink()
    return time.time()


def _writer(path: Path) -> Writer:
    found = _PART.match(path.name)
    return state_of(found[1] or "") if found else "unknown"


@cache
def _machine() -> str:
    """Return a name of this machine: the host, and the container that numbers its processes."""
    space = ""
    with suppress(OSError):
        space = os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(f"{socket.gethostname()} {space}".encode()).hexdigest()[:8]


def _started(process: int) -> int | None:
    """Return when a living process began (clock ticks; 0 if the system does not say)."""
    try:
        # "number (name) state parent ... start": the name may hold blanks and brackets.
        fields = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
        return None if fields[0] == b"Z" else int(fields[19])
    except (OSError, IndexError, ValueError):
        return None if Path("/proc/self/stat").exists() else _is_running(process)


def _is_running(process: int) -> int | None:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return None
    except (OSError, OverflowError):
        pass  # another user's
    return 0


def _is_old(path: Path) -> bool:
    return time_there(path.parent) - path.lstat().st_mtime > _OLD_S


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _end(name: str) -> str:
    return os.fsencode(name)[-_NAME_BYTES:].decode("utf-8", "ignore")
