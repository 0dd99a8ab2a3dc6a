"""Picks of one tomogram, read for its page from a file or from all files of a folder."""

from dataclasses import replace
from pathlib import Path

from faket.io.content import sha256_of
from faket.io.failures import input_error, notice
from faket.io.manifest import read_manifest
from faket.io.model_folder import manifest_beside
from faket.io.picks import read_picks
from faket.io.tomograms import tomogram_shape, tomogram_voxel_size
from faket.io.truth import read_class_numbers
from faket.pages.targets import PickSet, View, is_model, views_of

_SUFFIXES = (".csv", ".star", ".txt", ".tbl")


def read_pick_sets(source: Path, tomogram: Path) -> list[PickSet]:
    """Read picks that were made from a tomogram; what was assumed is said as a notice.

    Parameters
    ----------
    source : Path
        A file of picks, or a folder whose files of the suffixes .csv, .star, .txt and .tbl are
        all picks of this tomogram.
    tomogram : Path

    Raises
    ------
    InputError
        If there is none, one cannot be read, or the manifest beside it names another tomogram.
    """
    shape, size_A = tomogram_shape(tomogram), tomogram_voxel_size(tomogram)
    folder = tomogram.resolve().parent
    classes = read_class_numbers(folder) if is_model(folder) else {}
    sets = []
    for path in _files(source):
        _check_origin(path, tomogram)
        picks = read_picks(path, shape, size_A, classes=classes, likely_tomogram=folder.name)
        for note in picks.notes:
            notice(path, note)
        sets.append(PickSet(path.name, picks, path.name))
    return sets


def read_pick_views(source: Path, dataset: Path) -> list[View]:
    """Return the tomograms of a data set that have picks, with these.

    Parameters
    ----------
    source : Path
        A folder with a file NAME.csv (.star, .txt, .tbl) for a tomogram NAME, such as model_0, or a
        folder NAME of such files.
    dataset : Path

    Raises
    ------
    InputError
        If there is none, or as :func:`read_pick_sets`.
    """
    found = []
    for view in views_of(dataset):
        places = [source / f"{view.name}{ending}" for ending in ("", *_SUFFIXES)]
        places = [place for place in places if place.exists()]
        if view.tomogram is not None and places:
            sets = [each for place in places for each in read_pick_sets(place, view.tomogram)]
            found.append(replace(view, picks=tuple(sets)))
    if not found:
        raise input_error(
            source, f"expected files of picks that are named after the tomograms of {dataset}, "
            "such as model_0.csv, found none; name them so, or give one `tomogram`"
        )  # fmt: skip
    return found


def _check_origin(picks: Path, tomogram: Path) -> None:
    """Refuse picks whose manifest has a file of the tomogram's name and of another content.

    All tomograms of data sets have one name, so they are easily mistaken for each other.
    """
    beside = manifest_beside(picks)
    if not beside.exists():
        return
    inputs = read_manifest(beside).get("inputs", [])
    hashes = {entry["sha256"] for entry in inputs if entry["path"].endswith(tomogram.name)}
    if hashes and sha256_of(tomogram) not in hashes:
        raise input_error(
            picks, f"expected picks that were made from {tomogram}, found others by "
            f"{beside.name}; give their own `tomogram`"
        )  # fmt: skip


def _files(source: Path) -> list[Path]:
    if not source.is_dir():
        return [source]
    found = sorted(path for path in source.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not found:
        raise input_error(
            source, "expected a file of picks, or a folder of such files, found no "
            f"{', '.join(_SUFFIXES)} in it; check the path"
        )  # fmt: skip
    return found
