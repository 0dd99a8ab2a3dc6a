"""The files of metadata of a series, read in the order in which they win among equals."""

import re
from collections.abc import Iterable
from pathlib import Path

from faket.errors import InputError
from faket.io.failures import input_error, notice
from faket.io.metadata import SeriesFacts, UnknownMetadata, read_metadata
from faket.references.facts import Given
from faket.references.layout import SeriesFiles
from faket.references.names import read_name

_ONLY_ANGLES = (".tlt", ".rawtlt")
# Of this ending files of all kinds lie about: what cannot be read is left out and said.
_DOUBTFUL = (".txt",)
_NUMBER = re.compile(r"(\d+)\D*$")


def read_files(
    files: SeriesFiles, given: Given, named: Path | None
) -> tuple[list[SeriesFacts], list[str]]:
    """Read what the user gives, the file that was named, and what lies beside it.

    Returns
    -------
    facts : list of SeriesFacts
    notices : list of str
        Which files were left out, and why.

    Raises
    ------
    InputError
        If a file is damaged, or one that lists several series does not have this one.
    """
    facts, notices = given.facts(), []
    first = [*given.metadata, *([named] if named in files.metadata else [])]
    for path in dict.fromkeys(path for path in first if path is not None):
        facts += _of_series(path, read_metadata(path), files.name, given.series, strict=True)
    for path in files.metadata:
        if path in first or (given.angles is not None and path.suffix.lower() in _ONLY_ANGLES):
            continue
        try:
            found = read_metadata(path)
        except InputError as error:
            if path.suffix.lower() not in _DOUBTFUL and not isinstance(error, UnknownMetadata):
                raise
            reason = str(error).removeprefix(f"{path}: ")
            notice(path, f"left out, {reason}")
            notices.append(f"{path.name} is left out: {reason}")
            continue
        facts += _of_series(path, found, files.name, given.series, strict=False)
    return facts, notices


def _of_series(
    path: Path, found: Iterable[SeriesFacts], name: str, wanted: str | None, *, strict: bool
) -> list[SeriesFacts]:
    """Return the facts of one series of a file that may list several."""
    entries = list(found)
    if len(entries) == 1:
        return [] if not strict and _is_another(path, entries[0].series, name) else entries
    names = [entry.series or "" for entry in entries]
    for choice in (wanted, name):
        chosen = [e for e in entries if choice and (e.series or "").lower() == choice.lower()]
        if chosen:
            return chosen
    if not strict:
        return []
    raise several(path, names)


def _is_another(path: Path, series: str | None, name: str) -> bool:
    """Tell whether a list of a whole folder names one series, of another number than this one."""
    if series is None or read_name(path).series or path.suffix.lower() != ".star":
        return False
    numbers = [_NUMBER.search(text) for text in (series, name)]
    return all(numbers) and len({int(found[1]) for found in numbers if found}) > 1


def several(path: Path, names: list[str]) -> InputError:
    """Return the error for several series where one is needed."""
    listed = ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
    return input_error(
        path,
        f"expected one tilt-series, found {len(names)} ({listed}); choose one with `series`, or "
        "give its own folder or stack",
    )
