"""A file under a second name, without a copy where the disk allows it."""

import os
import shutil
from pathlib import Path

from faket.io.content import content_files
from faket.io.ome_zarr import is_ome_zarr
from faket.io.tomograms import read_tomogram, write_tomogram


def link(source: Path, target: Path) -> None:
    """Make ``target`` the same file as ``source``: a hard link, else a symbolic one, else a copy.

    A hard link survives when either name is moved or removed, and archives hold its content; it
    needs one file system. A program that changes such a file in place changes both names.

    Parameters
    ----------
    source, target : Path
        ``target`` must not exist; folders are made. Of an OME-Zarr image each file is linked.
    """
    for file in content_files(source):
        _link_file(file, target / file.relative_to(source))


def link_as_mrc(source: Path, target: Path) -> None:
    """Make ``target`` the same MRC file as a tomogram; one kept as OME-Zarr is written as float32.

    Parameters
    ----------
    source, target : Path
        As of :func:`link`.
    """
    if is_ome_zarr(source):
        write_tomogram(target, read_tomogram(source))
    else:
        link(source, target)


def _link_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    place = Path(os.path.realpath(source))
    for attempt in (os.link, os.symlink):
        try:
            attempt(place, target)
            return
        except (OSError, NotImplementedError):  # other disk, or a file system without links
            continue
    shutil.copyfile(place, target)
