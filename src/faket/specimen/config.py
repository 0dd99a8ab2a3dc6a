"""Settings of a specimen."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from faket.config import check_settings, setting
from faket.errors import InputError
from faket.specimen.company import Company
from faket.specimen.filament_settings import FilamentSettings, most_subunits
from faket.specimen.membrane_settings import MembraneSettings, OnMembrane
from faket.specimen.surroundings_settings import (
    CarbonSettings,
    CrystalSettings,
    LamellaSettings,
    check_surroundings,
)
from faket.vocabulary import CARBON, ICE_CRYSTAL, VACUUM

MAX_OBJECTS = 65535  # ids of the instance mask are uint16
_SURROUNDINGS = {"lamella": LamellaSettings, "carbon": CarbonSettings, "crystals": CrystalSettings}
MAX_VOXELS = 2**31  # chosen: 17 GB of potential, masks and occupancy


@dataclass(frozen=True)
class SpecimenConfig:
    """Contents and grid of a specimen; the defaults are those of SHREC'21 (Gubins et al. 2021).

    Raises
    ------
    InputError
        If a value has the wrong type, is out of its bounds, or contradicts another.
    """

    size_voxels: tuple[int, int, int] = setting(
        (1024, 1024, 360), "size of the specimen along x, y, z", unit="voxels", ge=1, le=65536
    )
    voxel_size_A: float = setting(
        5.0,
        "edge of a voxel of specimen and projections; the tomogram is binned",
        unit="Å",
        ge=0.5,
        le=50,
    )
    particles: tuple[int, int] = setting(
        (1000, 3000),
        "number of molecules of all species that have no amount of their own",
        ge=0,
        le=MAX_OBJECTS,
    )
    copies: Mapping[str, int] = setting(dict, "number of molecules of a species, by name")
    volume_fractions: Mapping[str, float] = setting(
        dict, "fraction of the specimen's volume inside the envelopes of a species, by name"
    )
    vesicles: tuple[int, int] = setting((2, 7), "number of vesicles", ge=0, le=1000)
    vesicle_semi_axes_A: tuple[float, float] = setting(
        (720.0, 1680.0), "semi-axes of a vesicle's mid-membrane", unit="Å", ge=100, le=100_000
    )
    gold: tuple[int, int] = setting((7, 14), "number of gold fiducials", ge=0, le=MAX_OBJECTS)
    gold_diameter_A: tuple[float, float] = setting(
        (40.0, 100.0), "diameter of a fiducial before its axes are scaled", unit="Å", ge=10, le=2000
    )
    gold_axis_scale: tuple[float, float] = setting(
        (0.8, 1.2), "factor on each axis of a fiducial", ge=0.2, le=5
    )
    membranes: tuple[MembraneSettings, ...] = setting((), "kinds of membranes")
    membrane_names: tuple[str, ...] = setting(
        (), "names of kinds of membranes that other specimens of a series have; classes here, too"
    )
    on_membranes: Mapping[str, OnMembrane] = setting(dict, "species on membranes, by name")
    filaments: tuple[FilamentSettings, ...] = setting((), "kinds of filaments")
    lamella: LamellaSettings | None = setting(None, "a slab of ice; without it the box is full")
    carbon: CarbonSettings | None = setting(None, "a carbon film with the edge of a hole")
    crystals: CrystalSettings | None = setting(None, "ice crystals on the slab")
    company: Mapping[str, Company] = setting(dict, "where molecules of a species lie, by name")
    states: Mapping[str, Mapping[str, float]] = setting(
        dict, "weights of the conformations of a species, itself among them, by name"
    )
    on_full: Literal["continue", "stop"] = setting(
        "continue", "when something does not fit: 'continue' without it, or 'stop'"
    )
    max_tries: int = setting(
        2000, "random positions tried for one object in one orientation", ge=1, le=1_000_000
    )

    def __post_init__(self) -> None:
        """Check every value."""
        _check_kinds(self)
        check_settings(self)
        _check_size(self.size_voxels)
        _check_amounts(self.copies, self.volume_fractions)
        _check_company(self.company, self.size_A[2])
        _check_states(self.states)
        for settings in self.filaments:
            check_filaments(settings, self.size_A)
        check_surroundings(self.lamella, self.crystals, self.size_A)
        if self.on_full not in ("continue", "stop"):
            raise InputError(
                f"`SpecimenConfig.on_full`: expected 'continue' or 'stop', found {self.on_full!r}"
            )

    @property
    def size_A(self) -> tuple[float, float, float]:
        """Size along x, y, z."""
        x, y, z = (side * self.voxel_size_A for side in self.size_voxels)
        return x, y, z

    @property
    def surroundings(self) -> tuple[str, ...]:
        """Classes of what may bound the ice, also where none of it was drawn."""
        asked = {CARBON: self.carbon, ICE_CRYSTAL: self.crystals, VACUUM: self.lamella}
        return tuple(name for name, settings in asked.items() if settings is not None)

    @property
    def membrane_classes(self) -> tuple[str, ...]:
        """Names of the kinds of membranes, here and in other specimens of a series."""
        return tuple(dict.fromkeys((*self.membrane_names, *(one.name for one in self.membranes))))

    def is_elsewhere(self, name: str) -> bool:
        """Return whether only other specimens of a series have membranes of this name."""
        return name in self.membrane_names and name not in {one.name for one in self.membranes}

    def placed_with_membranes(self) -> set[str]:
        """Return the species that are on or in membranes, and elsewhere only if asked for."""
        inside = {name for kind in self.membranes for name in kind.contents}
        return (inside | set(self.on_membranes)) - set(self.copies) - set(self.volume_fractions)

    def filaments_by_name(self) -> dict[str, FilamentSettings]:
        """Return the kinds of filaments, by the names under which they are drawn and counted."""
        named: dict[str, FilamentSettings] = {}
        for settings in self.filaments:
            name, more = f"filaments of {settings.subunit}", 1
            while name in named:
                more += 1
                name = f"filaments of {settings.subunit} ({more})"
            named[name] = settings
        return named


def check_filaments(settings: FilamentSettings, size_A: tuple[float, float, float]) -> None:
    """Refuse filaments that are longer than the box, or too many subunits.

    Raises
    ------
    InputError
        With what fits.
    """
    diagonal_A = math.hypot(*size_A)
    if settings.length_A[0] > diagonal_A:
        raise InputError(
            f"`FilamentSettings.length_A`: expected at most the box's diagonal of {diagonal_A:.0f} "
            f"Å, found {settings.length_A[0]:g}; shorten it, or enlarge `size_voxels`"
        )
    if (most := most_subunits(settings)) > MAX_OBJECTS:
        raise InputError(
            f"`FilamentSettings.copies`: expected at most {MAX_OBJECTS} subunits (the instance "
            f"mask has 16 bits), found up to {most}; ask for fewer or shorter filaments"
        )


def _check_kinds(config: SpecimenConfig) -> None:
    for name, length in (("size_voxels", 3), ("particles", 2), ("vesicles", 2), ("gold", 2)):
        _check_tuple(name, getattr(config, name), length, int, "whole numbers")
    for name in ("vesicle_semi_axes_A", "gold_diameter_A", "gold_axis_scale"):
        _check_tuple(name, getattr(config, name), 2, (int, float), "numbers")
    _check_tuple("voxel_size_A", (config.voxel_size_A,), 1, (int, float), "number")
    _check_tuple("max_tries", (config.max_tries,), 1, int, "whole number")
    kinds = config.filaments
    if not isinstance(kinds, tuple) or not all(isinstance(k, FilamentSettings) for k in kinds):
        raise InputError(
            f"`SpecimenConfig.filaments`: expected a tuple of FilamentSettings, found {kinds!r:.80}"
        )
    for name, kind in _SURROUNDINGS.items():
        if not isinstance(getattr(config, name), kind | None):
            raise InputError(
                f"`SpecimenConfig.{name}`: expected {kind.__name__} or none, found "
                f"{getattr(config, name)!r:.80}"
            )
    for name in ("copies", "volume_fractions", "company"):
        if not isinstance(getattr(config, name), Mapping):
            found = getattr(config, name)
            raise InputError(
                f"`SpecimenConfig.{name}`: expected amounts by name of species, found {found!r}"
            )


def _check_company(company: Mapping[str, Company], thickness_A: float) -> None:
    for name, value in company.items():
        if not isinstance(value, Company):
            raise InputError(f"company of {name!r}: expected a Company, found {value!r:.80}")
        if value.layer_A is not None and value.layer_A[0] > thickness_A / 2:
            raise InputError(
                f"`Company.layer_A` of {name!r}: expected at most {thickness_A / 2:g} Å, half of "
                f"the box's thickness, found {value.layer_A[0]:g}; lower it"
            )


def _check_states(states: Mapping[str, Mapping[str, float]]) -> None:
    if not isinstance(states, Mapping):
        raise InputError(f"`SpecimenConfig.states`: expected weights by name, found {states!r:.80}")
    for name, weights in states.items():
        good = isinstance(weights, Mapping) and all(
            isinstance(weight, int | float) and 0 <= weight < math.inf
            for weight in weights.values()
        )
        if not good or not sum(weights.values()) > 0:
            raise InputError(
                f"`SpecimenConfig.states`, {name!r}: expected weights >= 0, not all 0, found "
                f"{weights!r:.80}"
            )


def _check_tuple(name: str, value: Any, length: int, kind: Any, expected: str) -> None:
    fits = isinstance(value, tuple) and len(value) == length
    if not fits or any(isinstance(v, bool) or not isinstance(v, kind) for v in value):
        found = value[0] if length == 1 else value
        raise InputError(
            f"`SpecimenConfig.{name}`: expected {length} {expected}"
            f"{' as a tuple' if length > 1 else ''}, found {found!r}"
        )


def _check_size(size_voxels: tuple[int, int, int]) -> None:
    x, y, z = size_voxels
    if x * y * z > MAX_VOXELS:
        raise InputError(
            f"`SpecimenConfig.size_voxels`: expected at most {MAX_VOXELS} voxels in all, found "
            f"{x} x {y} x {z} = {x * y * z}; use a smaller box or larger voxels"
        )


def _check_amounts(copies: Mapping[str, int], fractions: Mapping[str, float]) -> None:
    for name, n in copies.items():
        if isinstance(n, bool) or not isinstance(n, int) or not 0 <= n <= MAX_OBJECTS:
            raise InputError(
                f"`SpecimenConfig.copies`, {name!r}: expected a whole number from 0 to "
                f"{MAX_OBJECTS}, found {n!r}"
            )
    for name, f in fractions.items():
        if isinstance(f, bool) or not isinstance(f, int | float) or not 0 <= f < 1:
            raise InputError(
                f"`SpecimenConfig.volume_fractions`, {name!r}: expected a number from 0 to below "
                f"1, found {f!r}"
            )
    if sum(fractions.values()) >= 1:
        raise InputError(
            "`SpecimenConfig.volume_fractions`: expected fractions that sum to less than 1, found "
            f"{sum(fractions.values()):g}; random packing reaches about 0.3"
        )
    for name in sorted(set(copies) & set(fractions)):
        raise InputError(
            f"specimen: expected copies or a volume fraction for {name!r}, found both; remove one"
        )
