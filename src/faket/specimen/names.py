"""Names by which settings tell of each other: membranes, what is on and in them, their order."""

from collections.abc import Collection, Sequence

from faket.errors import InputError
from faket.specimen.config import SpecimenConfig
from faket.specimen.membrane_settings import MembraneSettings


def check_names(config: SpecimenConfig, species: Collection[str]) -> None:
    """Raise InputError if settings name membranes or species that are not there."""
    names = set(config.membrane_classes)
    known = ", ".join(sorted(names - {""})) or "none has a name"
    for name, how in config.on_membranes.items():
        if how.on not in names:
            raise InputError(
                f"species {name!r}: expected on = the name of membranes ({known}), found "
                f"{how.on!r}; correct it, or give [[membranes]] that name"
            )
    for settings in config.filaments:
        if settings.inside and settings.inside not in names:
            raise InputError(
                f"filaments of {settings.subunit}: expected inside = the name of membranes "
                f"({known}), found {settings.inside!r}; correct it, or give [[membranes]] that name"
            )
    for kind in config.membranes:
        for name in kind.contents:
            if name not in species:
                raise InputError(
                    f"membranes, contents: expected species among "
                    f"{', '.join(species) or '(none)'}, found {name!r}; correct the name"
                )
    order_of([kind for kind in config.membranes if not config.is_elsewhere(kind.inside)])


def order_of(kinds: Sequence[MembraneSettings]) -> list[int]:
    """Return the order of placement.

    Raises
    ------
    InputError
        If a kind lies in one that is not there, or in itself.
    """
    names = {kind.name for kind in kinds} - {""}
    order: list[int] = [i for i, kind in enumerate(kinds) if kind.shape == "sheet"]
    waiting = [i for i in range(len(kinds)) if i not in order]
    while waiting:
        later = {kinds[i].name for i in waiting} - {""}
        ready = [i for i in waiting if kinds[i].inside not in later]
        if not ready or any(kinds[i].inside not in names | {""} for i in ready):
            found = kinds[(ready or waiting)[0]].inside
            raise InputError(
                f"membranes: expected inside = the name of other membranes "
                f"({', '.join(sorted(names)) or 'none has a name'}), found {found!r}; correct it"
            )
        order += ready
        waiting = [i for i in waiting if i not in ready]
    return order
