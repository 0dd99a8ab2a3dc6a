"""Picks of one tomogram, read for its page from a file or from all files of a folder."""

from pathlib import Path

from faket.io.failures import input_error, notice
from faket.io.mrc import read_shape, read_voxel_size
from faket.io.picks import read_picks
from faket.io.truth import read_class_numbers
from faket.pages.targets import PickSet, is_model

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
        If there is none, or one cannot be read.
    """
    shape, size_A = read_shape(tomogram), read_voxel_size(tomogram)
    folder = tomogram.resolve().parent
    classes = read_class_numbers(folder) if is_model(folder) else {}
    sets = []
    for path in _files(source):
        picks = read_picks(path, shape, size_A, classes=classes, likely_tomogram=folder.name)
        for note in picks.notes:
            notice(path, note)
        sets.append(PickSet(path.name, picks, path.name))
    return sets


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
