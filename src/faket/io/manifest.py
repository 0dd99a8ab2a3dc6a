"""The manifest beside every output: settings, random draws, inputs and outputs, with hashes.

An OME-Zarr image counts as one file (:mod:`faket.io.content`).

The manifest contains nothing that changes when a run is repeated: no dates, durations, hosts or
absolute paths, so the same seed gives the same bytes. Those facts are in a second file beside it,
``run.json`` for ``manifest.json``, with the dates of the outputs and a hash of the manifest.
"""

import dataclasses
import json
import math
import os
import platform
from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePath
from typing import Any

import numpy as np

import faket
from faket.io.atomic import atomic_path
from faket.io.content import changed_ns, content_bytes, sha256_of, sha256_once
from faket.io.failures import PathLike, input_error, shown
from faket.io.model_folder import RUN
from faket.io.seals import is_intact, sealed
from faket.io.text import read_text
from faket.threads import in_threads

FORMAT = "faket-manifest-1"
_LIBRARIES = ("numpy", "scipy", "numba", "torch", "gemmi", "mrcfile", "safetensors")
_AGAIN = "make the output again"  # the remedy for a damaged manifest
_KEYS = {"format", "kind", "seed", "settings", "record", "software", "inputs", "outputs"}


def write_manifest(
    path: PathLike,
    *,
    kind: str,
    settings: Any,
    seed: int | None,
    record: Any = None,
    inputs: Iterable[PathLike] = (),
    outputs: Iterable[PathLike] = (),
    run: Mapping[str, Any] | None = None,
    hashing: AbstractContextManager[Any] | None = None,
) -> dict[str, Any]:
    """Write a manifest and, if ``run`` is given, the facts that change from run to run beside it.

    Parameters
    ----------
    path : str or Path
        For example ``manifest.json``.
    kind : str
        What was made: "tomogram", "species".
    settings : mapping or dataclass
        The recipe. Absolute paths in it are reduced to file names.
    seed : int or None
    record : mapping or dataclass, optional
        What was drawn at random. NaN and infinity become the strings "nan", "inf", "-inf".
    inputs : iterable of path
        Those below the manifest's folder are named by their relative path, others by file name.
    outputs : iterable of path
        Must lie below the manifest's folder.
    run : mapping, optional
        Durations, peak memory: written to :func:`run_path`, with the outputs' dates.
    hashing : context manager, optional
        Entered while files are hashed, to measure it; ``run`` is written afterwards.

    Returns
    -------
    dict
        The manifest as written.

    Raises
    ------
    InputError
        If a file cannot be hashed, an output lies elsewhere, or a value has no JSON form.
    """
    folder = Path(os.path.abspath(path)).parent
    with hashing or nullcontext():
        read = in_threads(lambda file: _entry(file, folder), inputs)
        made = in_threads(lambda file: _entry(file, folder, within=True), outputs)
    manifest = {
        "format": FORMAT,
        "kind": kind,
        "seed": None if seed is None else int(seed),
        "settings": plain(settings, path),
        "record": plain(record, path),
        "software": software_versions(),
        "inputs": read,
        "outputs": made,
    }
    _write_json(path, manifest)
    if run is not None:
        names = [entry["path"] for entry in manifest["outputs"]]
        dates = {name: changed_ns(folder / name) for name in names}
        facts = {**run, "dates_ns": dates, "manifest_sha256": sha256_of(path)}
        _write_json(run_path(path), sealed(plain(facts, path)))
    return manifest


def read_manifest(path: PathLike) -> dict[str, Any]:
    """Read a manifest.

    Raises
    ------
    InputError
        If it is no manifest of faket.
    """
    text = read_text(path)
    try:
        manifest = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise input_error(
            path, f"expected a manifest, found no JSON ({error}); {_AGAIN}"
        ) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise input_error(path, f"expected a manifest ({FORMAT}), found another file; {_AGAIN}")
    missing = sorted(_KEYS - set(manifest))
    if missing:
        raise input_error(path, f"expected {', '.join(missing)} in it, found none; {_AGAIN}")
    software = manifest["software"]
    if not isinstance(software, dict) or not all(type(v) is str for v in software.values()):
        raise input_error(path, f"software: expected names and versions, found others; {_AGAIN}")
    for key in ("inputs", "outputs"):
        if not isinstance(manifest[key], list) or not all(map(_is_entry, manifest[key])):
            raise input_error(
                path, f"{key}: expected files with path, bytes and sha256, found others; {_AGAIN}"
            )
    return manifest


def verify_manifest(
    path: PathLike, *, full: bool = True, only: Collection[str] | None = None
) -> tuple[str, ...]:
    """Compare the files of a manifest with what was written.

    All outputs are checked, and those inputs that lie below the manifest's folder.

    Parameters
    ----------
    path : str or Path
    full : bool
        Hash all files. Otherwise compare sizes, and hash only files whose date is not that of
        their writing.
    only : collection of str, optional
        Check only these files, named as in the manifest.

    Returns
    -------
    tuple of str
        One line for each file that is missing or differs.

    Raises
    ------
    InputError
        If the manifest cannot be used, or a file cannot be read.
    """
    manifest = read_manifest(path)
    folder = Path(os.path.abspath(path)).parent
    written = None if full else _dates(path)
    found = _check_run(path) if only is None else []
    for key in ("outputs", "inputs"):
        for entry in manifest[key]:
            if (key == "outputs" or entry["within"]) and (only is None or entry["path"] in only):
                found.append(_difference(folder / entry["path"], entry, written))
    return tuple(line for line in found if line)


def run_path(path: PathLike) -> Path:
    """Return the path of the facts that change from run to run, beside the manifest ``path``."""
    file = Path(path)
    if "manifest" in file.name:
        return file.with_name(file.name.replace("manifest", "run"))
    return file.with_name(f"{file.stem}.{RUN}")


def software_versions() -> dict[str, str]:
    """Return the versions of faket, Python and the libraries on which results can depend."""
    versions = {"faket": faket.__version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def plain(value: Any, path: PathLike) -> Any:
    """Return ``value`` in JSON's own types, the same for the same content.

    Dataclasses and mappings become objects; arrays and sequences, lists; absolute paths, file
    names; numbers that are not finite, strings.

    Raises
    ------
    InputError
        With the name ``path``, if it contains anything else.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name), path) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item, path) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist(), path)
    if isinstance(value, list | tuple):
        return [plain(item, path) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(item, path) for item in value), key=str)
    if isinstance(value, str | PurePath):
        return _portable(str(value))
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    raise input_error(path, f"cannot write {shown(value)} of {type(value).__name__} as JSON")


def _portable(text: str) -> str:
    return PurePath(text).name if os.path.isabs(text) and PurePath(text).name else text


def _entry(file: PathLike, folder: Path, *, within: bool = False) -> dict[str, Any]:
    place = Path(os.path.abspath(file))
    below = place.is_relative_to(folder)
    if within and not below:
        raise input_error(
            file, f"expected an output below the manifest's folder {folder.name}, found it "
            "elsewhere; write it there"
        )  # fmt: skip
    name = place.relative_to(folder).as_posix() if below else place.name
    size, sha256 = content_bytes(place), (sha256_of if within else sha256_once)(place)
    return {"path": name, "within": below, "bytes": size, "sha256": sha256}


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict) or set(entry) != {"path", "within", "bytes", "sha256"}:
        return False
    path = entry["path"]
    kinds = {"path": str, "within": bool, "bytes": int, "sha256": str}
    if not all(type(entry[name]) is kind for name, kind in kinds.items()):
        return False
    if not path or "\0" in path:
        return False
    return not PurePath(path).is_absolute() and ".." not in PurePath(path).parts


def _difference(file: Path, entry: dict[str, Any], written: Mapping[str, int] | int | None) -> str:
    """Return what differs; ``written``: dates of the files, or the latest date that any has."""
    if not os.path.exists(file):
        return f"{entry['path']}: missing"
    size = content_bytes(file)
    if size != entry["bytes"]:
        return f"{entry['path']}: expected {entry['bytes']} bytes, found {size}"
    date = changed_ns(file)
    if isinstance(written, int) and date <= written:
        return ""
    if isinstance(written, Mapping) and date == written.get(entry["path"]):
        return ""
    if sha256_of(file) != entry["sha256"]:
        return f"{entry['path']}: the content differs from what was written"
    return ""


def _dates(path: PathLike) -> Mapping[str, int] | int:
    """Return the dates of a manifest's outputs; the manifest's own if they were not kept."""
    dates = (_read_run(path) or {}).get("dates_ns")
    return dates if isinstance(dates, dict) else os.stat(path).st_mtime_ns


def _read_run(path: PathLike) -> dict[str, Any] | None:
    """Return the run.json beside a manifest: {} if there is none, None if it is damaged."""
    try:
        if not run_path(path).exists():
            return {}
        text = read_text(run_path(path))
        run = json.loads(text)
    except (ValueError, RecursionError):
        return None
    whole = text.endswith("\n") and isinstance(run, dict) and is_intact(run)
    return run if whole else None


def _check_run(path: PathLike) -> list[str]:
    run, name = _read_run(path), run_path(path).name
    if run is None:
        return [f"{name}: the content differs from what was written"]
    if run.get("manifest_sha256", sha256_of(path)) != sha256_of(path):
        return [f"{Path(path).name}: the content differs from what was written"]
    return []


def _write_json(path: PathLike, content: Any) -> None:
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    with atomic_path(path) as temporary:
        temporary.write_bytes((text + "\n").encode("utf-8", "replace"))
