"""A file under a second name, without a copy where the disk allows it."""

import os
import shutil
from pathlib import Path


def link(source: Path, target: Path) -> None:
    """Make ``target`` the same file as ``source``: a hard link, else a symbolic one, else a copy.

    A hard link survives when either name is moved or removed, and archives hold its content; it
    needs one file system. A program that changes such a file in place changes both names.

    Parameters
    ----------
    source, target : Path
        ``target`` must not exist; folders are made.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    place = Path(os.path.realpath(source))
    for attempt in (os.link, os.symlink):
        try:
            attempt(place, target)
            return
        except (OSError, NotImplementedError):  # other disk, or a file system without links
            continue
    shutil.copyfile(place, target)
