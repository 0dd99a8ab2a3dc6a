"""Which classes an export has: their numbers, and the names to be written."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from faket.errors import InputError
from faket.exchange.source import SourceTomogram
from faket.io.model_folder import CLASS_INFO, CLASS_NAMES
from faket.io.truth import read_class_numbers
from faket.vocabulary import is_molecule


def with_classes(
    found: Sequence[SourceTomogram],
    listed: Mapping[int, str],
    renames: Mapping[str, str],
    *,
    only: bool,
) -> list[SourceTomogram]:
    """Return the tomograms, all with the same classes.

    Parameters
    ----------
    found : sequence of SourceTomogram
    listed : mapping of int to str
        Classes that there are in any case.
    renames : mapping of str to str
        Name → name to be written; classes that get one name get the lowest of their numbers.
    only : bool
        Refuse picks of other classes than ``listed``. Otherwise classes that only picks have follow
        in alphabetical order.

    Raises
    ------
    InputError
        If two tomograms have different names for a number, or a name to be changed is unknown.
    """
    every = _joined(found, listed)
    is_truth = all(each.is_truth for each in found)
    unknown = sorted(set(renames) - set(every.values()))
    if unknown and every and is_truth:
        raise InputError(
            f"`map`: expected classes among {', '.join(every.values())}, found {unknown[0]!r}; "
            "correct the name"
        )
    classes: dict[int, str] = {}
    numbers: dict[int, int] = {}
    for number, name in sorted(every.items()):
        written = renames.get(name, name)
        first = next((n for n, other in classes.items() if other == written), number)
        classes[first], numbers[number] = written, first
    tomograms = [replace(each, classes=classes, numbers=numbers) for each in found]
    return tomograms if is_truth else _with_those_of_picks(tomograms, classes, only=only)


def class_list(tomogram: SourceTomogram) -> dict[int, str]:
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
    if any(map(is_molecule, species)) and species <= set(shrec.values()):
        return shrec
    return dict(enumerate(sorted(species), start=1))


def _joined(found: Sequence[SourceTomogram], listed: Mapping[int, str]) -> dict[int, str]:
    every = dict(listed)
    for tomogram in found:
        for number, name in class_list(tomogram).items():
            if every.setdefault(number, name) != name:
                raise InputError(
                    f"{tomogram.folder}: expected class {number} to be {every[number]} as in the "
                    f"others, found {name}; export data sets of other classes by themselves"
                )
    return every


def _with_those_of_picks(
    tomograms: Sequence[SourceTomogram], classes: Mapping[int, str], *, only: bool
) -> list[SourceTomogram]:
    species = {name for each in tomograms for name in each.particles().species}
    further = sorted(species - set(classes.values()))
    if further and only:
        raise InputError(
            f"{tomograms[0].picks}: expected the classes {', '.join(classes.values())}, found "
            f"{further[0]!r}; give `map` {further[0]}=CLASS"
        )
    known = dict(classes) | dict(enumerate(further, start=max(classes, default=0) + 1))
    return [replace(each, classes=known) for each in tomograms]
