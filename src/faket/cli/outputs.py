"""What commands write: every place is looked at before any work begins.

A command marks each option that names an output with an :class:`Output`; :func:`checked` then
refuses, in one line, what cannot become that file or folder, or would cost an input its content.
"""

import inspect
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

from cyclopts import Parameter

from faket.device import auto_means
from faket.errors import InputError
from faket.io.atomic import require_space
from faket.io.failures import cannot_write, input_error
from faket.io.model_folder import (
    ANGLES,
    ANGLES_SUFFIXES,
    GEOMETRY,
    MANIFEST,
    RECORD,
    manifest_beside,
)

_OWN_MANIFEST = f"{{name}}.{MANIFEST}"
_OWN_ANGLES = f"{{stem}}{ANGLES}"
_LONGEST_BYTES = 255  # of a name, on every usual file system


@dataclass(frozen=True)
class Output:
    """What an option that names an output stands for.

    Attributes
    ----------
    what : str
        For errors: "an MRC stack".
    folder : bool
    suffixes : tuple of str
        Those that the name may have; empty: any but those of the companions.
    companions : tuple of str
        What is always written beside it, with ``{name}`` and ``{stem}`` of the output.
    perhaps : tuple of str
        What some options write too; only their length counts.
    again : bool
        Whether an earlier one may be replaced in an input's folder: nothing but this command
        writes such files.
    """

    what: str
    folder: bool = False
    suffixes: tuple[str, ...] = ()
    companions: tuple[str, ...] = (_OWN_MANIFEST,)
    perhaps: tuple[str, ...] = ()
    again: bool = False

    def beside(self, path: Path, patterns: tuple[str, ...]) -> list[Path]:
        """Return the companions of one output."""
        return [path.with_name(p.format(name=path.name, stem=path.stem)) for p in patterns]


def _typed(_: Any, tokens: Any) -> Path:
    """Refuse an empty name, which Path would take for the current folder."""
    if not tokens[0].value:
        raise ValueError("expected the name of a folder to write, found an empty one")
    return Path(tokens[0].value)


_PICKS = (".csv", ".star", ".txt")
OutFolder = Annotated[
    Path, Output("a folder", folder=True, companions=()), Parameter(converter=_typed)
]
OutStack = Annotated[Path, Output("an MRC stack", companions=(_OWN_ANGLES, _OWN_MANIFEST))]
OutExposure = Annotated[
    Path,
    Output(
        "an MRC stack",
        companions=(_OWN_ANGLES, f"{{stem}}{GEOMETRY}", f"{{stem}}{RECORD}", _OWN_MANIFEST),
        perhaps=("{stem}_even.mrc", "{stem}_exit_wave_amplitude.mrc"),
    ),
]
OutVolume = Annotated[Path, Output("an MRC volume")]
OutMask = Annotated[Path, Output("an MRC mask", suffixes=(".mrc",))]
OutPicks = Annotated[Path, Output("picks", suffixes=_PICKS, perhaps=("{name}.parts",))]
OutTable = Annotated[Path, Output("a table", suffixes=(".csv",), companions=())]
OutPage = Annotated[Path, Output("a page", suffixes=(".html",), companions=(), again=True)]
OutProfile = Annotated[Path, Output("a style profile", suffixes=(".safetensors",), companions=())]


def outputs_of(command: Callable[..., Any]) -> dict[str, Output]:
    """Return what the parameters of a command that name outputs are marked with."""
    hints = get_type_hints(command, include_extras=True)
    found = {name: next(_marks(hint), None) for name, hint in hints.items()}
    return {name: mark for name, mark in found.items() if mark is not None}


def checked(command: Callable[..., object], *, on_disk: bool = False) -> Callable[..., object]:
    """Return the command with all its outputs looked at before it begins.

    Parameters
    ----------
    command : callable
    on_disk : bool
        Whether large stacks lie on the disk while it works: in the folder of its first output, or
        in that for temporary files.

    Raises
    ------
    InputError
        If an output is something else than a plain file or a folder, or cannot be made; if its
        name or one that goes with it is too long; if it is an input or another output.
    """
    marks, signature = outputs_of(command), inspect.signature(command)

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> object:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = {name: value for name, value in bound.arguments.items() if value is not None}
        written = {name: mark for name, mark in marks.items() if name in given}
        inputs = [value for name, value in given.items() if name not in marks]
        _check([(given[name], mark) for name, mark in written.items()], list(_paths(inputs)))
        with auto_means(given.get("device", "auto")):  # for all that the command does
            if not on_disk:
                return command(*args, **kwargs)
            from faket.io.scratch import stacks_on_disk

            folders = [given[n] if mark.folder else given[n].parent for n, mark in written.items()]
            with stacks_on_disk(folders[0] if folders else tempfile.gettempdir()):
                return command(*args, **kwargs)

    return guarded


def _marks(hint: Any) -> Iterator[Output]:
    if isinstance(hint, Output):
        yield hint
    for part in (*get_args(hint), *getattr(hint, "__metadata__", ())):
        yield from _marks(part)


def _paths(value: Any) -> Iterator[Path]:
    """Yield what of a command's other values is there as a file or folder."""
    if isinstance(value, tuple | list):
        for item in value:
            yield from _paths(item)
    elif isinstance(value, str | Path) and os.path.exists(value):
        yield Path(value)


def _check(outputs: list[tuple[Path, Output]], inputs: list[Path]) -> None:
    every = []
    for path, mark in outputs:
        # Where an earlier run of the command wrote, it may write again.
        own = mark.again or (manifest_beside(path).exists() if path.name else False)
        _check_name(path, mark)
        group = [path, *mark.beside(path, mark.companions)]
        for place in group:
            _check_place(place, folder=mark.folder)
        require_space(path if mark.folder else path.parent, 0)
        if not mark.folder:
            every += group
            for place in group:
                _check_against(place, inputs, own)
    for one, other in combinations(every, 2):
        # Regardless of case: some file systems do not tell it.
        if os.path.realpath(one).casefold() == os.path.realpath(other).casefold():
            raise input_error(
                one, f"expected a name for each output, found {other} twice; choose another"
            )


def _check_name(path: Path, mark: Output) -> None:
    if not path.name and (not mark.folder or path.is_absolute()):
        raise input_error(
            path, f"expected the name of {mark.what} to write, found none; choose a name"
        )
    if mark.folder:
        _check_length(path)
        return
    if path.name == "..":
        raise input_error(path, f"expected the name of {mark.what} to write, found a folder")
    suffix = path.suffix.lower()
    if mark.suffixes and suffix not in mark.suffixes:
        usual = " or ".join(", ".join(mark.suffixes).rsplit(", ", 1))
        raise input_error(
            path,
            f"expected the name of {mark.what}, found {suffix or 'no suffix'}; use {usual}",
        )
    if not mark.suffixes and suffix in (ANGLES, GEOMETRY, RECORD):
        raise input_error(path, f"expected the name of {mark.what}, found {suffix}; use .mrc")
    for place in (path, *mark.beside(path, mark.companions + mark.perhaps)):
        _check_length(place)


def _check_length(path: Path) -> None:
    n_bytes = len(os.fsencode(path.name))
    if n_bytes > _LONGEST_BYTES:
        raise input_error(
            path,
            f"expected a name of at most {_LONGEST_BYTES} bytes, found {n_bytes}, with what is "
            "written beside it; choose a shorter one",
        )


def _check_place(path: Path, *, folder: bool) -> None:
    """Refuse what is there already, if it is not what is to be written."""
    if "\0" in str(path):
        raise input_error(path, "expected a file name, found one with a NUL character")
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise cannot_write(path, error) from error
    if stat.S_ISDIR(mode) is folder and (folder or stat.S_ISREG(mode)):
        return
    kinds = {stat.S_ISDIR: "a folder", stat.S_ISREG: "a file"}
    found = next((kind for test, kind in kinds.items() if test(mode)), "a device, pipe or socket")
    wanted = "folder" if folder else "plain file"
    raise input_error(path, f"expected a {wanted} to write, found {found}; choose another name")


def _check_against(place: Path, inputs: list[Path], own: bool) -> None:
    """Refuse an output that is an input, by whatever name, or what lies in an input's folder."""
    for path in inputs:
        stem = path.with_name(path.name.removesuffix(".gz")) if path.name else path
        names = [path, *(stem.with_suffix(suffix) for suffix in ANGLES_SUFFIXES if path.name)]
        if any(_same(place, name) for name in names):
            raise InputError(
                f"{place}: expected a new file to write, found an input ({path}); choose another "
                "name"
            )
        if not own and path.is_dir() and place.exists() and _same(place.parent, path):
            raise InputError(
                f"{place}: expected a new file to write, found a file of the input folder {path}; "
                "choose another name"
            )


def _same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False  # one of them is not there yet
