"""What a format of the table offers, and the checks that several formats share."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from faket.errors import InputError
from faket.exchange.source import SourceTomogram
from faket.io.failures import shown

Tomograms = Sequence[SourceTomogram]


def _nothing(tomograms: Tomograms) -> None:
    """Check nothing: the format can hold whatever faket has."""


def _no_files(tomograms: Tomograms, folder: Path) -> None:
    """Write nothing: the format has no files of the whole project."""


def _no_hint(tomograms: Tomograms, out: Path) -> str:
    """Say nothing more than where the export is."""
    return ""


@dataclass(frozen=True)
class Format:
    """How tomograms are written in the format of another program.

    Attributes
    ----------
    write : callable
        Writes the files of one tomogram into an empty folder, at the paths that they will have in
        the export. Called as ``write(tomogram, folder)``.
    finish : callable
        Writes the files of the whole project in the same way: ``finish(tomograms, folder)``. It
        reads no volumes.
    check : callable
        Called with all tomograms before anything is written; raises InputError for what the format
        cannot hold.
    hint : callable
        Returns a line for the user about the finished export, such as how to look at it:
        ``hint(tomograms, out)``.
    """

    write: Callable[[SourceTomogram, Path], None]
    finish: Callable[[Tomograms, Path], None] = _no_files
    check: Callable[[Tomograms], None] = _nothing
    hint: Callable[[Tomograms, Path], str] = _no_hint


def refuse_names(
    tomograms: Tomograms, is_allowed: Callable[[str], bool], expected: str, program: str
) -> None:
    """Refuse class names that a format cannot hold, with the option that renames them.

    Parameters
    ----------
    tomograms : sequence of SourceTomogram
    is_allowed : callable
        Whether the format can hold a name.
    expected : str
        What a name may consist of, for the error: "letters, digits and hyphens".
    program : str
        Whose names they are.

    Raises
    ------
    InputError
        With the names, and a proposal for each.
    """
    names = class_names(tomograms)
    wrong = [name for name in names if not is_allowed(name)]
    if not wrong:
        return
    proposals = [f"{name}={_proposal(name, is_allowed)}" for name in wrong[:5]]
    raise InputError(
        f"class names: expected {expected}, as {program} reads them, found "
        f"{', '.join(map(shown, wrong[:5]))}{' and others' if len(wrong) > 5 else ''}; give `map` "
        f"{' '.join(proposals)}"
    )


def class_names(tomograms: Tomograms) -> tuple[str, ...]:
    """Return the names of all classes in the order of their numbers; they are the same for all."""
    return tuple(tomograms[0].classes.values()) if tomograms else ()


def class_numbers(tomogram: SourceTomogram) -> dict[str, int]:
    """Return class name → number."""
    return {name: number for number, name in tomogram.classes.items()}


def _proposal(name: str, is_allowed: Callable[[str], bool]) -> str:
    """Return a name like ``name`` that the format can hold."""
    for spare in "-_":
        text = "".join(c if is_allowed(c) else spare for c in name)
        if is_allowed(text):
            return text
    return "NAME"


def joined(parts: Iterable[str]) -> str:
    """Return "a, b and c"."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
