"""Which tomograms a path means, which picks belong to them, and what their classes are called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from faket.errors import InputError
from faket.exchange.classes import class_list, with_classes
from faket.exchange.source import SourceTomogram
from faket.io.metadata_writers import SeriesErrors
from faket.io.model_folder import (
    ALL_MODELS,
    POTENTIAL,
    RECONSTRUCTION,
    ZARR,
    is_reconstruction,
    stored,
)
from faket.io.ome_zarr import is_ome_zarr
from faket.io.shrec.locations import Euler
from faket.io.tomograms import tomogram_shape, tomogram_voxel_size

_TOMOGRAM_FILES = (".mrc", ".rec", ".map", ZARR)
_PICK_FILES = (
    ".csv", ".star", ".tbl", ".txt", ".json", ".ndjson", ".em", ".mod", ".xml", ".coords"
)  # fmt: skip


@dataclass(frozen=True)
class Selection:
    """What of a data set is to be written, and under which names.

    Attributes
    ----------
    tomograms : sequence of str
        Names of those to write; empty for all.
    picks : Path or None
        A file with the picks of all tomograms, or a folder with a file NAME.csv (.star, …) for
        each of them; None for the truth.
    renames : mapping of str to str
        Name of a class → name to be written. Two classes may get one name.
    classes_of : Path or None
        A data set or a tomogram's folder whose classes and numbers are those of the picks, so that
        a picker trained there knows them; by default the tomograms' own, or those that occur.
    every_object : bool
        Whether vesicles and fiducials are among the truth's particles.
    radii_A : mapping of str to float
        Class (as written) → radius.
    errors : SeriesErrors
        Of what is written of tilt-series.
    voxel_size_A : float, optional
        Of all tomograms, instead of the headers'.
    euler : {"zxz", "ZXZ"}
        Of SHREC's angles; see :mod:`faket.io.shrec.locations`.
    """

    tomograms: Sequence[str] = ()
    picks: Path | None = None
    renames: Mapping[str, str] = field(default_factory=dict)
    classes_of: Path | None = None
    every_object: bool = False
    radii_A: Mapping[str, float] = field(default_factory=dict)
    errors: SeriesErrors = field(default_factory=SeriesErrors)
    voxel_size_A: float | None = None
    euler: Euler = "zxz"


def find_tomograms(source: Path, selection: Selection | None = None) -> list[SourceTomogram]:
    """Return the tomograms of a source.

    Parameters
    ----------
    source : Path
        A data set of `faket simulate` or SHREC'21's; one folder of it; a specimen's folder; a
        tomogram (MRC or OME-Zarr), or a folder of tomograms.
    selection : Selection, optional

    Raises
    ------
    InputError
        If there is none; if one that is wanted, or its picks, is missing; if their classes differ.
    """
    selection = selection or Selection()
    places = _places(source, selection.picks is not None)
    names = [name for name, _ in places]
    strangers = [name for name in selection.tomograms if name not in names]
    if strangers:
        raise InputError(
            f"{source}: expected tomograms among {', '.join(names[:8])}, found {strangers[0]}; "
            "correct `tomograms`"
        )
    found = [
        _opened(name, tomogram, selection, place)
        for place, (name, tomogram) in enumerate(places)
        if not selection.tomograms or name in selection.tomograms
    ]
    if selection.picks is not None:
        several = len(places) > 1 and not selection.picks.is_dir()
        files = [_picks_of(each.name, selection.picks) for each in found]
        found = [
            replace(each, picks=file, among_others=several)
            for each, file in zip(found, files, strict=True)
        ]
    listed: dict[int, str] = {}
    if selection.classes_of is not None:
        (_, there), *_ = _places(selection.classes_of, has_picks=False)
        listed = class_list(_opened("", there, Selection(), 0))
    return with_classes(found, listed, selection.renames, only=selection.classes_of is not None)


def _places(source: Path, has_picks: bool) -> list[tuple[str, Path]]:
    """Return name and volume of each tomogram."""
    if source.is_file() or is_ome_zarr(source):
        is_model = is_reconstruction(source) or source.name == POTENTIAL
        return [(source.resolve().parent.name if is_model else source.stem, source)]
    for file in (stored(source / RECONSTRUCTION), source / POTENTIAL):
        if file.exists():
            return [(source.resolve().name, file)]
    models = [stored(folder / RECONSTRUCTION) for folder in source.glob(ALL_MODELS)]
    models = sorted(
        (file for file in models if file.exists()),
        key=lambda file: (len(file.parent.name), file.parent.name),
    )
    if models:
        return [(file.parent.name, file) for file in models]
    files = sorted(f for f in source.glob("*") if f.suffix.lower() in _TOMOGRAM_FILES)
    if files and has_picks:
        return [(file.stem, file) for file in files]
    raise InputError(
        f"{source}: expected folders model_0, model_1, ... with {RECONSTRUCTION}, a specimen's "
        "folder, or tomograms (MRC, OME-Zarr) with `picks`, found none; check the path"
    )


def _opened(name: str, tomogram: Path, selection: Selection, place: int) -> SourceTomogram:
    size_A = selection.voxel_size_A
    return SourceTomogram(
        name,
        tomogram.parent,
        tomogram,
        voxel_size_A=tomogram_voxel_size(tomogram) if size_A is None else size_A,
        shape=tomogram_shape(tomogram),
        place=place,
        renames=selection.renames,
        every_object=selection.every_object,
        euler=selection.euler,
        radii_A=selection.radii_A,
        errors=selection.errors,
    )


def _picks_of(name: str, place: Path) -> Path:
    """Return the file with the picks of a tomogram."""
    if not place.is_dir():
        return place
    files = [file for file in sorted(place.glob(f"{name}.*")) if file.suffix.lower() in _PICK_FILES]
    files = [file for file in files if file.stem == name]
    if len(files) != 1:
        found = f"{len(files)} ({', '.join(f.name for f in files)})" if files else "none"
        raise InputError(
            f"{place}: expected one file {name}.csv, {name}.star or of another format of picks, "
            f"found {found}; name it so, or give `tomograms`"
        )
    return files[0]
