"""What an export folder holds already: for each tomogram the files written and from what.

The records lie in ``.faket-export`` beside the files, one a tomogram, and are written last, so a
tomogram without one counts as not exported.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import faket
from faket.data import plain_record
from faket.errors import InputError
from faket.exchange.source import SourceTomogram
from faket.io.leftovers import temporary_name
from faket.io.records import read_record, write_record

_STAMPS = ".faket-export"


@dataclass(frozen=True)
class Stamp:
    """The record of one exported tomogram, or of the files of the whole project.

    Attributes
    ----------
    key : str
        Digest of format, settings and inputs (names, sizes and dates).
    files : mapping of str to list of int
        Path in the export → bytes and date (ns) of the file when it was written.
    """

    key: str
    files: dict[str, list[int]]


def key_of(format_name: str, tomogram: SourceTomogram) -> str:
    """Return what the export of a tomogram depends on, as one digest."""
    inputs = [[file.name, *_state(file)] for file in tomogram.files]
    fields = {name: value for name, value in vars(tomogram).items() if name != "folder"}
    fields = {name: str(v) if isinstance(v, Path) else v for name, v in fields.items()}
    text = json.dumps([faket.__version__, format_name, inputs, plain_record(fields)])
    return hashlib.sha256(text.encode()).hexdigest()


def is_current(out: Path, name: str, key: str) -> bool:
    """Return whether a tomogram's files are there as they were written, from the same inputs."""
    stamp = _read(out, name)
    if stamp is None or stamp.key != key:
        return False
    return all(_is_unchanged(out / file, state) for file, state in stamp.files.items())


def files_of(out: Path) -> list[Path]:
    """Return all files that the stamps of an export list."""
    stamps = [_read(out, name) for name in stamped(out)]
    return sorted(out / file for stamp in stamps if stamp for file in stamp.files)


def stamped(out: Path) -> list[str]:
    """Return the names that have a stamp."""
    return sorted(path.stem for path in (out / _STAMPS).glob("*.json"))


@contextmanager
def staged(out: Path, name: str, key: str) -> Iterator[Path]:
    """Give an empty folder; move what was written there into the export, then write the stamp.

    What an earlier export wrote under this name is removed first. New folders appear by one rename.

    Parameters
    ----------
    out : Path
    name : str
        Of the tomogram, or of the project's files.
    key : str
    """
    folder = out / temporary_name("export")
    folder.mkdir(parents=True)
    try:
        yield folder
        files = sorted(path for path in folder.rglob("*") if not path.is_dir())
        states = {path.relative_to(folder).as_posix(): _state(path) for path in files}
        remove(out, name)
        _refuse_strangers(out, states)
        _merge(folder, out)
        write_record(_stamp_path(out, name), Stamp(key, states))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove(out: Path, name: str) -> None:
    """Remove the files that an earlier export wrote under a name, and its stamp."""
    stamp = _read(out, name)
    for file in sorted(stamp.files) if stamp else ():
        path = out / file
        with suppress(OSError):
            path.unlink()
        for parent in path.parents:
            if parent == out:
                break
            with suppress(OSError):  # not empty
                parent.rmdir()
    with suppress(OSError):
        _stamp_path(out, name).unlink()


def _refuse_strangers(out: Path, files: dict[str, list[int]]) -> None:
    """Refuse to replace a file that no export wrote."""
    for file in files:
        if os.path.lexists(out / file):
            raise InputError(
                f"{out / file}: expected no such file, found one that this export did not write; "
                "choose another folder"
            )


def _merge(source: Path, target: Path) -> None:
    for path in sorted(source.iterdir()):
        place = target / path.name
        if path.is_dir() and not path.is_symlink() and place.is_dir():
            _merge(path, place)
        else:
            os.replace(path, place)


def _stamp_path(out: Path, name: str) -> Path:
    return out / _STAMPS / f"{name}.json"


def _read(out: Path, name: str) -> Stamp | None:
    path = _stamp_path(out, name)
    if not path.exists():
        return None
    try:
        return read_record(path, Stamp, what="the record of an export", remedy="remove it")
    except InputError:
        return None  # damaged: the tomogram is exported again


def _state(path: Path) -> list[int]:
    status = os.stat(path)
    return [status.st_size, status.st_mtime_ns]


def _is_unchanged(path: Path, state: list[int]) -> bool:
    try:
        return _state(path) == state
    except OSError:
        return False
