"""Which files of a folder belong to which series: the stack, its halves, metadata, a tomogram.

Files belong together by the series' name in theirs (:mod:`~faket.references.names`), wherever in
the folder they lie. Commands and lists without such a name belong to the series whose files lie
beside them, if there is only one.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from faket.errors import InputError
from faket.io.failures import input_error
from faket.io.leftovers import is_temporary
from faket.io.mrc import read_shape
from faket.references.heads import is_of_frame, is_of_other_xml
from faket.references.names import Content, FileName, read_name

# One file a frame: the series' name, a number, the tilt angle, and what the microscope adds.
_FRAME = re.compile(r"(?P<series>.+?)_\d{1,4}[_\[]\s*[-+]?\d{1,2}(\.\d+)?([_\]].*)?$")
_AXIS = re.compile(r"(tilt|newst)(?P<axis>[ab])\.com$", re.IGNORECASE)
_DEPTH = 4  # chosen: a project's folder holds jobs, jobs hold series, series hold programs' folders
_MOST_FILES = 100_000  # chosen: 500 series with a file a frame and job folders


@dataclass
class SeriesFiles:
    """The files of one series.

    Attributes
    ----------
    name : str
        As the stack or, without one, the first file of metadata spells it.
    stacks, aligned, even, odd, tomograms, even_tomograms, odd_tomograms, metadata : list of Path
        Stacks of raw images, of aligned images, halves; the likeliest first.
    """

    name: str
    stacks: list[Path] = field(default_factory=list)
    aligned: list[Path] = field(default_factory=list)
    even: list[Path] = field(default_factory=list)
    odd: list[Path] = field(default_factory=list)
    tomograms: list[Path] = field(default_factory=list)
    even_tomograms: list[Path] = field(default_factory=list)
    odd_tomograms: list[Path] = field(default_factory=list)
    metadata: list[Path] = field(default_factory=list)

    def of(self, content: Content) -> list[Path]:
        """Return the list for files of that content."""
        return {
            "stack": self.stacks, "aligned": self.aligned, "even": self.even, "odd": self.odd,
            "tomogram": self.tomograms, "even tomogram": self.even_tomograms,
            "odd tomogram": self.odd_tomograms, "metadata": self.metadata, "other": [],
        }[content]  # fmt: skip

    def has_images(self) -> bool:
        """Tell whether there is any stack or tomogram."""
        return bool(self.stacks or self.aligned or self.tomograms)


def find_series(folder: Path) -> list[SeriesFiles]:
    """Return the series in a folder and those below it, by their names.

    Raises
    ------
    InputError
        If there are more than 100 000 files.
    """
    files = list(_files(folder, _DEPTH))
    if len(files) > _MOST_FILES:
        raise input_error(
            folder, f"expected the folder of some tilt-series, found over {_MOST_FILES} files; "
            "give the folder of one series"
        )  # fmt: skip
    return group_files(files)


def beside(path: Path) -> SeriesFiles | None:
    """Return the files of the series of a file, as far as they lie in the same folder."""
    try:
        files = sorted(item for item in path.parent.iterdir() if item.is_file())
    except OSError:
        return None
    groups = group_files(files)
    here = path.name
    return next((group for group in groups for item in _all(group) if item.name == here), None)


def group_files(files: Iterable[Path]) -> list[SeriesFiles]:
    """Return the series of a list of files."""
    named = [(path, name) for path in files if _is_used(path, name := read_name(path))]
    groups: dict[str, SeriesFiles] = {}
    folders: defaultdict[Path, set[str]] = defaultdict(set)
    with_images: defaultdict[Path, set[str]] = defaultdict(set)
    for path, name in named:
        if name.content != "metadata":
            _put(groups, path, name, name.series)
            with_images[path.parent].add(name.series)
    for path, name in named:
        if name.content == "metadata" and name.series:
            series = _series_of(path, name, groups)
            _put(groups, path, name, series)
            folders[path.parent].add(series)
    for path, name in named:
        if name.content == "metadata" and not name.series:
            near = _near(path, with_images) or _near(path, folders)
            _put_nameless(groups, near, path, name)
    _merge_renamed(groups)
    for group in groups.values():
        _sort(group)
    return [groups[key] for key in sorted(groups)]


def derived(groups: list[SeriesFiles]) -> list[SeriesFiles]:
    """Return those without metadata that have another's name with something behind it.

    Programs' and users' copies of a stack: ``TS_01_aretomo.mrc`` beside ``TS_01.st``.
    """
    bases = [group.name.lower() for group in groups if group.metadata]
    return [group for group in groups if not group.metadata and _base(group.name.lower(), bases)]


def left_alone(stack: Path | None, stacks: Sequence[Path]) -> list[str]:
    """Say which other stacks have a name that means the same as the one that is taken."""
    if stack is None:
        return []
    words = read_name(stack).words
    others = [path for path in stacks
              if read_name(path).words == words and path.resolve() != stack.resolve()]  # fmt: skip
    return [f"{stack} is taken, and {path} left alone: name one of them" for path in others]


def _base(name: str, others: Iterable[str]) -> str | None:
    """Return the longest of ``others`` that ``name`` continues after a mark."""
    found = [other for other in others if re.match(re.escape(other) + r"[_.\[-]", name)]
    return max(found, key=len, default=None)


def _merge_renamed(groups: dict[str, SeriesFiles]) -> None:
    """Give a stack of a longer name than its metadata, the only one of them, to these."""
    without = [key for key, group in groups.items() if group.metadata and not group.has_images()]
    longer: defaultdict[str, list[str]] = defaultdict(list)
    for key, group in groups.items():
        if not group.metadata and (base := _base(key, without)):
            longer[base].append(key)
    for base, keys in longer.items():
        if len(keys) == 1:
            found = groups.pop(keys[0])
            found.metadata = groups[base].metadata
            groups[base] = found


def _near(path: Path, series: Mapping[Path, set[str]]) -> set[str]:
    """Return the series in the folder of a file, or in the nearest above it."""
    for folder in list(path.parents)[:_DEPTH]:
        if folder in series:
            return series[folder]
    return set()


def _is_used(path: Path, name: FileName) -> bool:
    """Tell whether a file tells of a series: no single images, no XML of movies."""
    if name.content == "other":
        return False
    if name.content == "metadata":
        return path.suffix.lower() != ".xml" or not is_of_other_xml(path)
    return not _is_single_image(path)


def _is_single_image(path: Path) -> bool:
    """Tell whether a file holds one image: of a tilt, or a projection; no stack."""
    try:
        return read_shape(path)[0] == 1
    except InputError:  # said when the file is opened
        return False


def _files(folder: Path, depth: int) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or is_temporary(path):
            continue
        if path.is_dir():
            if depth > 0:
                yield from _files(path, depth - 1)
        elif path.is_file():
            yield path


def _put(groups: dict[str, SeriesFiles], path: Path, name: FileName, series: str) -> None:
    if series not in groups:
        groups[series] = SeriesFiles(_spelled(path, series))
    groups[series].of(name.content).append(path)


def _spelled(path: Path, series: str) -> str:
    """Return the series' name with the capitals of the file's."""
    start = path.name.lower().find(series)
    return path.name[start : start + len(series)] if start >= 0 and series else path.parent.name


def _series_of(path: Path, name: FileName, groups: dict[str, SeriesFiles]) -> str:
    """Return the series of a file of metadata: its name, or what comes before a frame's number."""
    if name.series in groups or path.suffix.lower() != ".mdoc" or not is_of_frame(path):
        return name.series
    frame = _FRAME.match(name.series)
    return _base(name.series, groups) or (frame["series"] if frame else name.series)


def _put_nameless(
    groups: dict[str, SeriesFiles], near: set[str], path: Path, name: FileName
) -> None:
    """Give a file without a name to the one series of its folder, or to all that it may list."""
    if path.suffix.lower() == ".star":  # it names its series itself
        for key in groups:
            groups[key].metadata.append(path)
        if not groups:
            _put(groups, path, name, path.parent.name.lower())
        return
    series = near or (set(groups) if len(groups) == 1 else set())
    axis = _AXIS.match(path.name)
    if axis and len(series) > 1:  # etomo's two axes: tilta.com is of TS_01a
        series = {key for key in series if key.endswith(axis["axis"].lower())}
    if len(series) == 1:
        groups[next(iter(series))].metadata.append(path)
    elif not groups:
        _put(groups, path, name, path.parent.name.lower())


def _sort(group: SeriesFiles) -> None:
    """Put the likeliest first: stacks that no program changed, of the usual endings."""
    endings = (".st", ".mrc", ".mrcs", ".map")

    def rank(path: Path) -> tuple[int, int, int, str]:
        words, suffix = read_name(path).words, Path(path.name.removesuffix(".gz")).suffix.lower()
        place = endings.index(suffix) if suffix in endings else len(endings)
        return (len(words - {"tilts", "tilt_series"}), place, len(path.parts), str(path))

    for stacks in _image_lists(group):
        stacks.sort(key=rank)


def _image_lists(group: SeriesFiles) -> tuple[list[Path], ...]:
    return (group.stacks, group.aligned, group.even, group.odd, group.tomograms,
            group.even_tomograms, group.odd_tomograms)  # fmt: skip


def _all(group: SeriesFiles) -> Iterator[Path]:
    for paths in (*_image_lists(group), group.metadata):
        yield from paths
