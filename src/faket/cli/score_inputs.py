"""What `faket score` reads: picks with the truth's class names, and what was assumed."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from faket.cli import messages
from faket.cli.wording import in_words_of
from faket.errors import InputError
from faket.vocabulary import NO_MOLECULES

if TYPE_CHECKING:
    from faket.evaluation import Picks, Truth
    from faket.io.shrec.locations import Euler


@dataclass(frozen=True)
class PickOptions:
    """How the files of picks are to be understood: the options of `faket score` of these names."""

    euler: "Euler" = "zxz"
    species: str | None = None
    map: tuple[str, ...] = ()
    tomogram: str | None = None
    pixel_size_A: float | None = None


def print_notes(path: Path, notes: Iterable[str]) -> None:
    """Print notes about a file on the error stream, one line each."""
    from faket.cli.score import score

    for note in notes:
        messages.notice(f"{path}: {in_words_of(score, note)}")


def read_all_picks(
    paths: Sequence[Path], truth: Path, there: "Truth", options: PickOptions
) -> "list[Picks]":
    """Read the picks of the truth's tomogram from each file; print what was assumed.

    Raises
    ------
    InputError
        If a file cannot be read, or ``--map`` names no class of the truth.
    """
    from faket.evaluation.matching import resolve_names
    from faket.io.picks import read_picks
    from faket.io.truth import read_class_numbers

    renames = {}
    for text in options.map:
        theirs, equals, ours = text.rpartition("=")
        if not equals or not theirs or not ours:
            raise InputError(f"--map: expected THEIRS=OURS, such as 2=ring, found {text!r}")
        (renames[theirs],) = resolve_names([ours], there.class_names, "--map")
    numbers = read_class_numbers(truth)
    classes = {n: name for n, name in numbers.items() if not strangers([name], there.class_names)}
    if set(classes.values()) <= {*NO_MOLECULES}:  # SHREC'21's numbers, not this folder's
        classes = {}
    z, y, x = there.instance_mask.shape
    found = []
    for path in paths:
        picks = read_picks(
            path,
            (z, y, x),
            there.voxel_size_A,
            euler=options.euler,
            species=options.species,
            classes=classes,
            renames=renames,
            tomogram=options.tomogram,
            likely_tomogram=truth.resolve().name,
            pixel_size_A=options.pixel_size_A,
        )
        print_notes(path, picks.notes)
        found.append(picks)
    return found


def leave_out(
    paths: Sequence[Path], found: "Sequence[Picks]", there: "Truth", exclude: Sequence[str] | None
) -> "tuple[list[Picks], list[str] | None]":
    """Drop the picks of excluded classes that the truth does not have.

    Returns
    -------
    picks : list of Picks
        All of the truth's classes.
    excluded : list of str, or None
        The excluded classes that the truth has; None if ``exclude`` is None.

    Raises
    ------
    InputError
        If a pick's class is neither the truth's nor excluded.
    """
    import numpy as np

    dropped = set() if exclude is None else set(strangers(exclude, there.class_names))
    picked = {name for picks in found for name in picks.species}
    excluded = None if exclude is None else [n for n in exclude if n not in dropped & picked]
    remaining = []
    for path, picks in zip(paths, found, strict=True):
        keep = [i for i, name in enumerate(picks.species) if name not in dropped]
        if len(keep) < len(picks):
            names = ", ".join(sorted(dropped & set(picks.species)))
            print_notes(path, [f"{len(picks) - len(keep)} picks of {names} left out"])
            picks = picks.subset(np.array(keep, np.int64))
        unknown = strangers(picks.species, there.class_names)
        if unknown:
            many = f"{len(unknown)} of {len(picks)} picks have unknown classes"
            raise InputError(
                f"{path}: expected the classes {', '.join(there.class_names) or '(none)'}, found "
                f"{unknown[0]!r} ({many}); give --map {unknown[0]}=CLASS or --exclude {unknown[0]}"
            )
        remaining.append(picks)
    return remaining, excluded


def read_symmetries(texts: tuple[str, ...]) -> dict[str, str]:
    """Return class → Schoenflies symbol of texts NAME=SYMBOL; InputError for others."""
    from faket.evaluation.orientations import symmetry_group

    pairs = {}
    for text in texts:
        name, equals, symbol = text.partition("=")
        if not equals or not name:
            raise InputError(f"--symmetry: expected NAME=SYMBOL, such as ring=C5, found {text!r}")
        symmetry_group(symbol)
        pairs[name] = symbol
    return pairs


def read_numbers(texts: tuple[str, ...], option: str) -> dict[str, float]:
    """Return class → number of texts NAME=NUMBER; InputError for others."""
    numbers = {}
    for text in texts:
        name, equals, value = text.rpartition("=")
        try:
            numbers[name] = float(value)
        except ValueError:
            equals = ""
        if not equals or not name or not 0 <= numbers[name] < math.inf:
            raise InputError(f"{option}: expected NAME=NUMBER, such as ring=90, found {text!r}")
    return numbers


def strangers(names: Iterable[str], known: Sequence[str]) -> list[str]:
    """Return the names that are no known class, each as often as it occurs."""
    from faket.evaluation.matching import resolve_names

    def is_known(name: str) -> bool:
        try:
            resolve_names([name], known, "")
        except InputError:
            return False
        return True

    names = list(names)
    unknown = {name for name in set(names) if not is_known(name)}
    return [name for name in names if name in unknown]
