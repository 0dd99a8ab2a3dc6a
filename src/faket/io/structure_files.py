"""Finding a structure: a file, or a PDB id in a folder, the cache or the Protein Data Bank."""

import gzip
import http.client
import os
import re
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterable
from pathlib import Path

from faket.errors import InputError
from faket.io.atomic import atomic_path

DOWNLOAD_URL = "https://files.rcsb.org/download/{id}.cif.gz"
_ID = re.compile(r"[0-9][A-Za-z0-9]{3}")
_NAMES = ("{}", "pdb{}")
_SUFFIXES = (".cif", ".pdb", ".ent", ".mmcif", ".mrc", ".map")
_TIMEOUT_s = 30


def cache_folder() -> Path:
    """Return the folder for downloads: $FAKET_CACHE, or ~/.cache/faket."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("FAKET_CACHE") or Path(home) / "faket")


def find_structure(
    name: str | Path, *, folders: Iterable[Path] = (), download: bool = True
) -> Path:
    """Find the file of a molecule.

    Parameters
    ----------
    name : str or Path
        A file, or a PDB id (four characters, the first a digit).
    folders : iterable of Path
        Searched for an id first; then the cache, then the Protein Data Bank.
    download : bool
        Whether to download an id that is nowhere else from the Protein Data Bank
        (files.rcsb.org); the mmCIF file is kept in the cache.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        If it is not found; with the places that were searched.
    """
    path = Path(os.path.expanduser(name))  # unlike Path's own, silent about unknown users
    if os.path.isfile(path):  # likewise about names too long
        return path
    pdb_id = str(name)
    if not _ID.fullmatch(pdb_id):
        raise InputError(
            f"{name}: expected a structure file or a PDB id, found neither; check the path"
        )
    cache = cache_folder() / "structures"
    searched = [*map(Path, folders), cache]
    for folder in searched:
        if found := _in_folder(pdb_id, folder):
            return found
    if not download:
        where = ", ".join(str(folder) for folder in searched)
        raise InputError(f"{pdb_id}: expected its file in {where}, found none; put it there")
    return _download(pdb_id, cache)


def _in_folder(pdb_id: str, folder: Path) -> Path | None:
    if not folder.is_dir():
        return None
    wanted = {
        (form.format(pdb_id) + suffix + packed).lower()
        for form in _NAMES
        for suffix in _SUFFIXES
        for packed in ("", ".gz")
    }
    return min(
        (p for p in folder.iterdir() if p.name.lower() in wanted and p.is_file()), default=None
    )


def _download(pdb_id: str, cache: Path) -> Path:
    target = cache / f"{pdb_id.lower()}.cif.gz"
    url = DOWNLOAD_URL.format(id=pdb_id.lower())
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_s) as answer:
            content = answer.read()
        text = gzip.decompress(content)
    except urllib.error.HTTPError as error:
        error.close()
        reason = "no such entry" if error.code == 404 else f"answer {error.code}"
        raise InputError(
            f"{pdb_id}: expected it at {url}, found {reason}; check the id or give a file"
        ) from None
    except (OSError, EOFError, ValueError, http.client.HTTPException, zlib.error) as error:
        reason = " ".join(str(getattr(error, "reason", error)).split())
        raise InputError(
            f"{pdb_id}: expected a structure file, found none here, and {url} cannot be read "
            f"({reason}); put {target.name} into {cache}, or give the path of a file"
        ) from None
    if b"_atom_site." not in text:
        raise InputError(
            f"{pdb_id}: expected mmCIF atoms from {url}, found something else; give a file"
        )
    with atomic_path(target) as temporary:
        temporary.write_bytes(content)
    return target
