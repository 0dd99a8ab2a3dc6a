"""Writing an export: tomogram by tomogram, continued where it stopped, checked before it begins."""

from collections.abc import Sequence
from pathlib import Path

from faket.errors import InputError
from faket.exchange import stamps
from faket.exchange.find import find_tomograms
from faket.exchange.source import SourceTomogram
from faket.exchange.table import load_format
from faket.io.folder_lock import folder_lock
from faket.io.leftovers import holds_nothing
from faket.io.manifest import read_manifest, write_manifest
from faket.io.model_folder import MANIFEST
from faket.reports import Report

_PROJECT = "+project"  # the stamp of what `finish` writes; no tomogram is called so
_KIND = "export"
_EXPORTS = "export"  # in the folder of a data set, with a folder for each format


def check_export(tomograms: Sequence[SourceTomogram], format_name: str) -> None:
    """Refuse what a format cannot hold.

    Raises
    ------
    InputError
    """
    load_format(format_name).check(tomograms)


def export(
    tomograms: Sequence[SourceTomogram],
    out: Path,
    format_name: str,
    *,
    report: Report | None = None,
) -> Path:
    """Write tomograms in the format of another program.

    Parameters
    ----------
    tomograms : sequence of SourceTomogram
        From :func:`faket.exchange.find.find_tomograms`. One at a time is in memory.
    out : Path
        A new or empty folder, or one of an earlier export in the same format: tomograms that are
        there and unchanged are kept, those that are not wanted any more are removed.
    format_name : str
        A key of :data:`faket.exchange.table.FORMATS`.
    report : callable, optional
        Called with (what is being done, tomograms finished, tomograms in all).

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    InputError
        If the format cannot hold the data (nothing is written then), ``out`` holds something else,
        or a file cannot be read or written.
    """
    say = report or (lambda what, done, total: None)
    chosen = load_format(format_name)
    chosen.check(tomograms)
    with folder_lock(out, notice=lambda what: say(what, 0, 0)):
        _check_place(out, format_name)
        wanted = {tomogram.name for tomogram in tomograms}
        for name in stamps.stamped(out):
            if name not in (*wanted, _PROJECT):
                stamps.remove(out, name)
        for done, tomogram in enumerate(tomograms, start=1):
            key = stamps.key_of(format_name, tomogram)
            if not stamps.is_current(out, tomogram.name, key):
                say(f"{tomogram.name}: {format_name}", done - 1, len(tomograms))
                with stamps.staged(out, tomogram.name, key) as folder:
                    chosen.write(tomogram, folder)
            say(f"{tomogram.name} exported", done, len(tomograms))
        with stamps.staged(out, _PROJECT, "") as folder:
            chosen.finish(tomograms, folder)
        _write_manifest(out, format_name, tomograms)
    return out


def export_all(dataset: Path, formats: Sequence[str], *, report: Report | None = None) -> None:
    """Write a whole data set in each of the formats, into ``export/FORMAT`` in its folder."""
    if not formats:
        return
    tomograms = find_tomograms(dataset)
    for name in formats:
        check_export(tomograms, name)
    for name in formats:
        export(tomograms, dataset / _EXPORTS / name, name, report=report)


def _check_place(out: Path, format_name: str) -> None:
    """Refuse a folder that holds anything but an export in the same format."""
    if (out / MANIFEST).exists():
        manifest = read_manifest(out / MANIFEST)
        there = manifest["settings"].get("format") if manifest["kind"] == _KIND else None
        if there != format_name:
            raise InputError(
                f"{out}: expected an export as {format_name}, found {there or 'other files'}; "
                "choose another folder"
            )
    elif not stamps.stamped(out) and not holds_nothing(out):
        raise InputError(f"{out}: expected an empty folder, found files; choose another folder")


def _write_manifest(out: Path, format_name: str, tomograms: Sequence[SourceTomogram]) -> None:
    settings = {
        "format": format_name,
        "tomograms": [tomogram.name for tomogram in tomograms],
        "particles": "truth" if all(each.is_truth for each in tomograms) else "picks",
        "classes": {str(n): name for n, name in tomograms[0].classes.items()},
    }
    write_manifest(
        out / MANIFEST,
        kind=_KIND,
        settings=settings,
        seed=None,
        inputs=sorted({each.picks for each in tomograms if each.picks is not None}),
        outputs=stamps.files_of(out),
        run={},
    )
