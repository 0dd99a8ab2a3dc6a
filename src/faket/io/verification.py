"""Checks that files which faket wrote and now reads have not changed since."""

from collections.abc import Iterable
from pathlib import Path

from faket.errors import InputError
from faket.io.failures import input_error
from faket.io.leftovers import is_temporary
from faket.io.manifest import FORMAT, read_manifest, run_path, verify_manifest
from faket.io.model_folder import MANIFEST, manifest_beside

_TIMED = ("tomogram", "reference")  # kinds that always have a run.json


def check_intact(files: Iterable[Path]) -> None:
    """Refuse files that have been damaged or changed since faket wrote them.

    Sizes are compared; files whose date is not that of their writing are hashed. Files that no
    manifest beside them lists are not faket's and are accepted.

    Raises
    ------
    InputError
        With the first file that is missing or differs.
    """
    for file in files:
        for manifest in _manifests_beside(file):
            for line in verify_manifest(manifest, full=False, only=(file.name,)):
                remedy = f"if the change is intended, remove {manifest.name} beside it"
                raise _changed(manifest.parent, line, f"make it again; {remedy}")


def check_folder(folder: Path, remedy: str) -> None:
    """Refuse a folder if one of its files has been damaged or changed since it was written.

    Raises
    ------
    InputError
        With the first such file, and the remedy.
    """
    try:
        lines = differences(folder / MANIFEST, full=False)
    except InputError as error:  # of the manifest
        raise InputError(f"{error}; {remedy}") from None
    for line in lines:
        raise _changed(folder, line, remedy)


def differences(manifest: Path, *, full: bool) -> tuple[str, ...]:
    """Return a line for each file of a manifest that differs; see verify_manifest.

    Raises
    ------
    InputError
        If the manifest cannot be used.
    """
    lines = verify_manifest(manifest, full=full)
    run = run_path(manifest)
    lost = read_manifest(manifest)["kind"] in _TIMED and not run.exists()
    return (*lines, f"{run.name}: missing") if lost else lines


def find_manifests(place: Path) -> list[Path]:
    """Return the manifests below a folder, or those of a file."""
    if place.is_dir():
        found = (p for pattern in (MANIFEST, f"*.{MANIFEST}") for p in place.rglob(pattern))
        return sorted(p for p in found if not _is_passing(p.relative_to(place)))
    if place.name == MANIFEST or place.name.endswith(f".{MANIFEST}"):
        return [place]
    return _manifests_beside(place)


def _is_passing(path: Path) -> bool:
    return any(is_temporary(part) for part in (path, *path.parents))


def _manifests_beside(file: Path) -> list[Path]:
    candidates = (file.with_name(MANIFEST), manifest_beside(file))
    return [path for path in candidates if path.is_file() and _lists(path, file.name)]


def _lists(manifest: Path, name: str) -> bool:
    """Whether a manifest is faket's, not another program's, and lists the file."""
    if FORMAT.encode() not in manifest.read_bytes():
        return False
    return any(entry["path"] == name for entry in read_manifest(manifest)["outputs"])


def _changed(folder: Path, line: str, remedy: str) -> InputError:
    name, _, what = line.partition(": ")
    return input_error(
        folder / name, f"expected the file as faket wrote it, found a change ({what}); {remedy}"
    )
