"""Which files of a folder belong to which series: the stack, its halves, metadata, a tomogram.

Files belong together by the series' name in theirs (:mod:`~faket.references.names`), wherever in
the folder they lie. Commands and lists without such a name belong to the series whose files lie
beside them, if there is only one.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from faket.errors import InputError
from faket.io.failures import input_error
from faket.io.leftovers import is_temporary
from faket.io.mrc import read_shape
from faket.references.names import Content, FileName, read_name

# One .mdoc a frame: the series' name, a number, the tilt angle, and what the microscope adds.
_FRAME = re.compile(r"(?P<series>.+?)_\d{1,4}[_\[]\s*[-+]?\d{1,2}(\.\d+)?([_\]].*)?$")
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
    named = [(path, read_name(path)) for path in files]
    named = [(path, name) for path, name in named
             if name.content in ("metadata", "other") or not _is_single_image(path)]  # fmt: skip
    groups: dict[str, SeriesFiles] = {}
    folders: defaultdict[Path, set[str]] = defaultdict(set)
    with_images: defaultdict[Path, set[str]] = defaultdict(set)
    for path, name in named:
        if name.content not in ("other", "metadata"):
            _put(groups, path, name, name.series)
            with_images[path.parent].add(name.series)
    for path, name in named:
        if name.content == "metadata" and name.series:
            series = _series_of(path, name, groups)
            _put(groups, path, name, series)
            folders[path.parent].add(series)
    for path, name in named:
        if name.content == "metadata" and not name.series:
            near = with_images[path.parent] or folders[path.parent]
            _put_nameless(groups, near, path, name)
    for group in groups.values():
        _sort(group)
    return [groups[key] for key in sorted(groups)]


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
    if name.series in groups or not path.name.lower().endswith(".mdoc"):
        return name.series
    parts = [key for key in groups if re.match(re.escape(key) + r"[_.\[-]", name.series)]
    if parts:
        return max(parts, key=len)
    frame = _FRAME.match(name.series)
    return frame["series"] if frame else name.series


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
