"""What tables of picks leave open: which rows belong to this tomogram, and to which species."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from faket.io.failures import PathLike, input_error, shown
from faket.io.particles import canonical_name
from faket.io.text import parse_whole

# What RELION, Warp, IMOD and AreTomo append to the name of a tilt-series.
_SUFFIX = re.compile(
    r"(\.(mrcs?|map|rec|st|ali|tomostar|hdf|zarr|star|tif|tiff)(:mrc)?|_\d+(\.\d+)?Apx)$", re.I
)


@dataclass(frozen=True)
class Wanted:
    """What to read from a table of picks, and what its names and numbers mean.

    Attributes
    ----------
    species : str, optional
        Class of all picks, instead of the classes in the file.
    classes : mapping of int to str
        Class number → class name.
    renames : mapping of str to str
        Name or number of a class in the file → its name here. Has precedence over ``classes``.
    tomogram : str, optional
        Name of the tomogram whose picks are read; needed if the file holds several.
    likely : str, optional
        Name to try if a file holds several tomograms and ``tomogram`` is not given.
    number : int, optional
        Of the wanted tomogram, for tables that have numbers instead of names.
    pixel_size_A : float, optional
        Of coordinates in pixels, instead of the one in the file.
    """

    species: str | None = None
    classes: Mapping[int, str] | None = None
    renames: Mapping[str, str] | None = None
    tomogram: str | None = None
    likely: str | None = None
    number: int | None = None
    pixel_size_A: float | None = None


def rows_of_tomogram(
    path: PathLike, names: Sequence[str], wanted: Wanted
) -> tuple[list[int], tuple[str, ...]]:
    """Return the rows of the wanted tomogram, and what was assumed.

    Parameters
    ----------
    path : str or Path
        Named in errors.
    names : sequence of str
        Name of the tomogram of each row; folders and suffixes are ignored.

    Raises
    ------
    InputError
        If the wanted tomogram is not there, or there are several and none is wanted.
    """
    present = sorted(set(names))
    everything = list(range(len(names)))
    if wanted.tomogram is not None and any(names):  # a file without names has one tomogram
        rows = _rows_named(names, wanted.tomogram)
        if not rows and wanted.number is not None:
            rows = _rows_named(names, str(wanted.number))
        if not rows:
            raise input_error(
                path, f"expected picks of {wanted.tomogram}, found only {', '.join(present[:5])}; "
                "set `tomogram` to one of these"
            )  # fmt: skip
        return rows, ()
    if len(present) <= 1:
        return everything, ()
    rows = [] if wanted.likely is None else _rows_named(names, wanted.likely)
    if not rows:
        raise input_error(
            path,
            f"expected picks of one tomogram, found {len(present)} ({', '.join(present[:5])}); "
            "give `tomogram`",
        )
    note = f"{len(rows)} of {len(names)} picks are of {names[rows[0]]}; the others are left out"
    return rows, (f"{note}; otherwise give `tomogram`",)


def named_species(
    path: PathLike, names: Sequence[str], renames: Mapping[str, str] | None
) -> tuple[str, ...]:
    """Return the species, renamed by ``renames``."""
    for name in set(names):
        if not name.strip() or not name.isprintable():
            raise input_error(
                path, f"expected a name for each species, found {shown(name)}; rename it"
            )
    renamed = renames or {}
    return tuple(canonical_name(renamed.get(name, name)) for name in names)


def numbered_species(
    path: PathLike, column: str, values: Sequence[str], wanted: Wanted, *, refined: str = ""
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the species that class numbers stand for, and what was assumed.

    Parameters
    ----------
    path, column
        Named in errors.
    values : sequence of str
        The numbers, as written.
    refined : str
        Why the numbers are the classes of a refinement, if they are; then they are not the numbers
        in the folder's list of classes.

    Raises
    ------
    InputError
        If a number is no number, or its species is not known.
    """
    if wanted.species is not None:
        return (wanted.species,) * len(values), ()
    numbers = [
        parse_whole(value, path, f"particle {i}, {column}", low=0, high=10**6)
        for i, value in enumerate(values, start=1)
    ]
    renames, known = wanted.renames or {}, wanted.classes or {}
    names: dict[int, str] = {}
    guessed: list[int] = []
    for number in sorted(set(numbers)):
        if str(number) in renames:
            names[number] = renames[str(number)]
        elif refined or number not in known:
            first = numbers.index(number) + 1
            why = f" ({refined}, not a species)" if refined else ""
            listed = f"one of {sorted(known)}" if known and not refined else "a species"
            raise input_error(
                path,
                f"particle {first}, {column}: expected {listed}, found {number}{why}; give "
                f"`map` {number}=NAME, or `species` for all",
            )
        else:
            names[number] = known[number]
            guessed.append(number)
    species = tuple(names[number] for number in numbers)
    if not guessed:
        return species, ()
    pairs = ", ".join(f"{number} = {names[number]}" for number in guessed[:8])
    note = f"{column} read as the truth's classes ({pairs})"
    return species, (f"{note}; otherwise give `map` N=NAME",)


def _rows_named(names: Sequence[str], wanted: str) -> list[int]:
    exact = [i for i, name in enumerate(names) if name == wanted]
    if exact:
        return exact
    stem = _stem(wanted)
    same = {name for name in set(names) if _stem(name) == stem}
    return [i for i, name in enumerate(names) if name in same]


def _stem(name: str) -> str:
    """Return a tomogram's name without folders and the suffixes that programs append."""
    stem = re.split(r"[\\/]", name.strip())[-1]
    while (shorter := _SUFFIX.sub("", stem)) not in (stem, ""):
        stem = shorter
    return stem
