"""Which tomograms a path means, which picks belong to them, and what their classes are called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from faket.errors import InputError
from faket.exchange.source import SourceTomogram
from faket.io.metadata_writers import SeriesErrors
from faket.io.model_folder import (
    ALL_MODELS,
    CLASS_INFO,
    CLASS_NAMES,
    POTENTIAL,
    RECONSTRUCTION,
)
from faket.io.mrc import read_shape, read_voxel_size
from faket.io.shrec.locations import Euler
from faket.io.truth import read_class_numbers
from faket.vocabulary import NO_MOLECULES

_TOMOGRAM_FILES = (".mrc", ".rec", ".map")
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
        tomogram (MRC), or a folder of tomograms.
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
    return _with_classes(found, selection)


def _places(source: Path, has_picks: bool) -> list[tuple[str, Path]]:
    """Return name and volume of each tomogram."""
    if source.is_file():
        is_model = source.name in (RECONSTRUCTION, POTENTIAL)
        return [(source.resolve().parent.name if is_model else source.stem, source)]
    for name in (RECONSTRUCTION, POTENTIAL):
        if (source / name).exists():
            return [(source.resolve().name, source / name)]
    models = [folder / RECONSTRUCTION for folder in source.glob(ALL_MODELS)]
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
        "folder, or tomograms (MRC) with `picks`, found none; check the path"
    )


def _opened(name: str, tomogram: Path, selection: Selection, place: int) -> SourceTomogram:
    size_A = selection.voxel_size_A
    return SourceTomogram(
        name,
        tomogram.parent,
        tomogram,
        voxel_size_A=read_voxel_size(tomogram) if size_A is None else size_A,
        shape=read_shape(tomogram),
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


def _with_classes(found: list[SourceTomogram], selection: Selection) -> list[SourceTomogram]:
    """Give all tomograms the same classes, with the names to be written."""
    listed: dict[int, str] = {}
    for tomogram in found:
        for number, name in _class_list(tomogram).items():
            if listed.setdefault(number, name) != name:
                raise InputError(
                    f"{tomogram.folder}: expected class {number} to be {listed[number]} as in "
                    f"{found[0].folder}, found {name}; export data sets of other classes by "
                    "themselves"
                )
    unknown = sorted(set(selection.renames) - set(listed.values()))
    if unknown and listed and selection.picks is None:
        raise InputError(
            f"`map`: expected classes among {', '.join(listed.values())}, found {unknown[0]!r}; "
            "correct the name"
        )
    classes: dict[int, str] = {}
    numbers: dict[int, int] = {}
    for number, name in sorted(listed.items()):
        written = selection.renames.get(name, name)
        first = next((n for n, other in classes.items() if other == written), number)
        classes[first], numbers[number] = written, first
    found = [replace(each, classes=classes, numbers=numbers) for each in found]
    if selection.picks is None:
        return found
    species = {name for each in found for name in each.particles().species}
    further = sorted(species - set(classes.values()))
    first = max(classes, default=0) + 1
    classes = classes | dict(enumerate(further, start=first))
    return [replace(each, classes=classes) for each in found]


def _class_list(tomogram: SourceTomogram) -> dict[int, str]:
    """Return number → name from the folder's list, or from its particles; {} for a bare MRC."""
    folder = tomogram.folder
    if not tomogram.has_masks and not tomogram.has_tables:
        return {}
    if (folder / CLASS_NAMES).exists() or (folder / CLASS_INFO).exists():
        return {n: name for n, name in read_class_numbers(folder).items() if n > 0}
    if not tomogram.has_tables:
        return {}
    species = set(tomogram.truth().species)
    shrec = {n: name for n, name in read_class_numbers(folder).items() if n > 0}
    if species - {*NO_MOLECULES} and species <= set(shrec.values()):
        return shrec
    return dict(enumerate(sorted(species), start=1))
