"""From a path to the files of one series, or of all series in a folder."""

from pathlib import Path

from faket.io.failures import input_error
from faket.io.metadata import read_metadata
from faket.io.metadata.facts import SeriesFacts
from faket.references.facts import Given
from faket.references.layout import SeriesFiles, beside, derived, find_series
from faket.references.metadata import several
from faket.references.names import read_name


def place_of(path: Path, given: Given) -> tuple[SeriesFiles, Path | None]:
    """Return the files of the one series at a path, and the file that was named.

    Raises
    ------
    InputError
        If there is nothing, nothing that is known, or there are several series.
    """
    if not path.exists():
        raise input_error(path, "expected a stack, a folder of a run or a file of its metadata, "
                                "found nothing; check the path")  # fmt: skip
    if path.is_dir():
        return _one_of(path, find_series(path), given), None
    if read_name(path).content in ("metadata", "other"):
        return _of_metadata(path, given), path
    group = beside(path)
    if group is None:
        name = read_name(path)
        group = SeriesFiles(path.name, stacks=[path] if name.content == "stack" else [])
    return group, path


def all_at(path: Path, given: Given) -> list[tuple[SeriesFiles, Path | None]]:
    """Return every series at a path: those of a folder, or of a list of tomograms."""
    if path.is_dir():
        return [(group, None) for group in _with_images(path, find_series(path))]
    if path.suffix.lower() == ".star" and given.series is None:
        named = [entry.series for entry in read_metadata(path) if entry.series]
        if len(named) > 1:
            return [(_for_list(path, name), path) for name in named]
    return [place_of(path, given)]


def _one_of(folder: Path, groups: list[SeriesFiles], given: Given) -> SeriesFiles:
    if given.series is not None:
        chosen = [g for g in groups if g.name.lower() == given.series.lower()]
        if len(chosen) == 1:
            return chosen[0]
    groups = _with_images(folder, groups)
    if len(groups) == 1:
        return groups[0]
    raise several(folder, [group.name for group in groups])


def _with_images(folder: Path, groups: list[SeriesFiles]) -> list[SeriesFiles]:
    """Leave out files that belong to no images, where other series have some."""
    with_stacks = [group for group in groups if group.stacks or group.aligned]
    with_tomograms = [group for group in groups if group.tomograms]
    found = with_stacks or with_tomograms or [group for group in groups if group.metadata]
    if not found:
        packed = next(folder.glob("**/*.hdf"), None)
        if packed is not None:
            raise input_error(
                packed,
                "expected an MRC stack, found EMAN2's HDF; convert it with e2proc2d.py "
                f"{packed.name} {packed.stem}.mrc, and put its angles beside it (.tlt)",
            )
        raise input_error(
            folder,
            "expected a stack (.mrc, .st, .ali) or a file of its metadata, found none; give the "
            "folder of a tilt-series",
        )
    copies = derived(found)
    return [group for group in found if group not in copies]


def _of_metadata(path: Path, given: Given) -> SeriesFiles:
    """Return the files of the series that a file of metadata tells of."""
    facts = read_metadata(path)
    if len(facts) > 1 or read_name(path).series == "":
        names = [entry.series for entry in facts if entry.series]
        if given.series is None and len(names) == 1:
            return _for_list(path, names[0] or "")
        if given.series is not None:
            return _for_list(path, given.series)
        if len(facts) > 1:
            raise several(path, [str(name) for name in names])
    group = beside(path)
    if group is None or path not in group.metadata:
        group = SeriesFiles(path.stem, metadata=[path])
    if not group.has_images():
        _look_for_stack(group, path, facts[0])
    return group


def _for_list(path: Path, series: str) -> SeriesFiles:
    """Return what a list of tomograms and the folder around it have of one series."""
    near = {group.name.lower(): group for group in find_series(path.parent)}
    group = near.get(series.lower()) or SeriesFiles(series)
    group.name = series
    if path not in group.metadata:
        group.metadata.insert(0, path)
    return group


def _look_for_stack(group: SeriesFiles, path: Path, facts: SeriesFacts) -> None:
    """Look for the stack that a file names, beside it and one folder up."""
    if not facts.stack:
        return
    name = facts.stack.replace("\\", "/").rsplit("/", 1)[-1]
    for folder in (path.parent, path.parent.parent, path.parent / facts.stack.rsplit("/", 1)[0]):
        candidate = folder / name
        if candidate.is_file():
            content = read_name(candidate).content
            group.of("aligned" if content == "aligned" else "stack").append(candidate)
            return
