"""What all tasks of a job array need is made by one of them, while the others wait.

No locks of the file system are needed, which many network drives lack, nor clocks that agree: who
makes it creates a file that must not exist, and writes it again every half minute. Who waits counts
by its own clock how long that file stays as it is. Should two make it nevertheless, the later puts
the same bytes in the earlier's place.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from faket.io.failures import cannot_write
from faket.io.leftovers import temporary_name
from faket.pipeline.progress_records import (
    BEAT_S,
    Making,
    beating,
    making_path,
    new_making,
    read_making,
    write_progress,
)
from faket.reports import Report

# Chosen: four beats, and the minute for which clients of NFS may keep what they know of a folder.
STALE_S = 4 * BEAT_S + 60.0
_POLL_S = 1.0


def make_once(
    out: Path,
    name: str,
    is_made: Callable[[], bool],
    make: Callable[[], None],
    *,
    alone: bool,
    say: Report,
) -> None:
    """Call ``make`` in one process of all that share a folder; return in each when it is made.

    If its maker is killed or fails, another one begins.

    Parameters
    ----------
    out : Path
        The folder that all share.
    name : str
        Of what is made.
    is_made : callable
        Whether it is there.
    make : callable
    alone : bool
        Whether no other process works in the folder: then nobody is waited for.
    say : callable
        Called with a notice of who is waited for.
    """
    seen: Making | None = None
    since = time.monotonic()
    path = making_path(out, name)
    while not is_made():
        record = new_making(name)
        if _begin(path, record):
            with beating(out, record):
                if not is_made():
                    make()
            return
        there = read_making(path)
        if seen is None and there is not None and not alone:
            say(f"waiting for process {there.pid} on {there.host}: {name}", 0, 0)
        if _key(there) != _key(seen):
            seen, since = there, time.monotonic()
        if alone or _is_given_up(there, time.monotonic() - since):
            _remove(path, there)
        else:
            time.sleep(_POLL_S)


def _is_given_up(there: Making | None, unchanged_s: float) -> bool:
    if there is not None and there.writer != "unknown":
        return there.writer == "dead"
    return unchanged_s > STALE_S


def _key(record: Making | None) -> tuple[str, float, int] | None:
    return None if record is None else (record.process, record.since, record.beat)


def _begin(path: Path, record: Making) -> bool:
    """Create the record unless there is one, whole from the first moment where links exist."""
    whole = path.with_name(temporary_name(path.name))
    try:
        write_progress(whole, record)
        os.link(whole, path)
        return True
    except FileExistsError:
        return False
    except OSError:
        return _begin_without_links(path, record)
    finally:
        whole.unlink(missing_ok=True)


def _begin_without_links(path: Path, record: Making) -> bool:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except FileExistsError:
        return False
    except OSError as error:
        raise cannot_write(path, error) from error
    write_progress(path, record)
    return True


def _remove(path: Path, there: Making | None) -> None:
    """Remove a record that was given up, but not one that another process has begun meanwhile."""
    grave = path.with_name(temporary_name(path.name))
    with suppress(FileNotFoundError):
        os.rename(path, grave)  # only one process can
        if _key(read_making(grave)) != _key(there):
            with suppress(OSError):
                os.link(grave, path)
        grave.unlink()
