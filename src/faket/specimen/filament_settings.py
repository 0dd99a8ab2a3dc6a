"""Settings of one kind of filament."""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

from faket.config import check_settings, setting
from faket.errors import InputError
from faket.specimen.lattices import KINDS, Lattice

_LATTICE = ("rise_A", "twist_deg", "radius_A", "strands", "stagger_A", "persistence_A")
_ORDERS = ("parallel", "antiparallel", "mixed")


@dataclass(frozen=True)
class FilamentSettings:
    """Filaments of one kind: their subunit, lattice, number and company.

    Raises
    ------
    InputError
        If a value is out of its bounds, or one is missing for filaments of no known kind.
    """

    kind: Literal["actin", "microtubule", "own"] = setting(
        "actin", "actin, microtubule, or own: with a lattice that is all given"
    )
    subunit: str = setting(
        "", "source of the subunit, or name of a species; by default the kind's embedded one"
    )
    copies: tuple[int, int] = setting((5, 10), "number of filaments, or of bundles", ge=0, le=10000)
    length_A: tuple[float, float] = setting(
        (2000.0, 6000.0), "length, as far as it is in the box", unit="Å", gt=0, le=1e6
    )
    rise_A: float | None = setting(
        None, "from a subunit of a strand to the next", unit="Å", ge=1, le=10_000
    )
    twist_deg: float | None = setting(
        None, "turn from a subunit of a strand to the next", unit="degrees", ge=-360, le=360
    )
    radius_A: float | None = setting(
        None, "from the axis to the subunit's centre of mass", unit="Å", ge=0, le=10_000
    )
    strands: int | None = setting(
        None, "strands side by side, such as 13 protofilaments", ge=1, le=1000
    )
    stagger_A: float | None = setting(
        None, "rise from a strand to the next", unit="Å", ge=-10_000, le=10_000
    )
    persistence_A: float | None = setting(
        None, "persistence length: how far it stays straight", unit="Å", ge=10, le=1e12
    )
    bundle: int = setting(1, "filaments side by side in a hexagonal bundle", ge=1, le=1000)
    spacing_A: float | None = setting(
        None, "from axis to axis in a bundle; 100 by default for actin", unit="Å", gt=0, le=100_000
    )
    order: Literal["parallel", "antiparallel", "mixed"] = setting(
        "parallel", "polarity in a bundle: parallel, antiparallel (in turn) or mixed (at random)"
    )
    branches_per_um: float = setting(0.0, "mean number of branches", unit="1/µm", ge=0, le=100)
    branch_angle_deg: float = setting(
        70.0, "angle between a branch and the plus end", unit="degrees", gt=0, lt=180
    )
    inside: str = setting(
        "", "name of the [[membranes]] inside which they stay; of a sheet, on its inner side"
    )
    through: bool = setting(
        False,
        "cut by the upper and lower face of the ice, as a mill cuts them; else between the faces",
    )

    def __post_init__(self) -> None:
        """Check every value."""
        check_settings(self)
        for name, options in (("kind", (*KINDS, "own")), ("order", _ORDERS)):
            if getattr(self, name) not in options:
                raise InputError(
                    f"`FilamentSettings.{name}`: expected one of {', '.join(options)}, found "
                    f"{getattr(self, name)!r}"
                )
        if self.kind == "own":
            needed = ("subunit", "rise_A", "twist_deg", "radius_A", "persistence_A")
            missing = [name for name in needed if getattr(self, name) in (None, "")]
            if missing:
                raise InputError(
                    f"`FilamentSettings.{missing[0]}`: expected a value for filaments of kind "
                    "'own', found none; give it, or kind = 'actin' or 'microtubule'"
                )
        if self.bundle > 1 and self.branches_per_um:
            raise InputError(
                "`FilamentSettings.branches_per_um`: expected 0 for filaments in bundles, found "
                f"{self.branches_per_um:g}; use a bundle of 1, or other filaments for the branches"
            )

    def lattice(self) -> Lattice:
        """Return the lattice: the kind's, with what is given.

        More strands than the kind's keep their distance from each other, and so a wider circle.
        """
        given: dict[str, Any] = {
            name: value for name in _LATTICE if (value := getattr(self, name)) is not None
        }
        if self.kind == "own":
            return Lattice(**{"strands": 1, "stagger_A": 0.0} | given)
        usual = KINDS[self.kind]
        if self.radius_A is None and self.strands is not None:
            given["radius_A"] = usual.radius_A * self.strands / usual.strands
        if self.stagger_A is None and self.strands is not None:
            given["stagger_A"] = usual.stagger_A * usual.strands / self.strands
        return replace(usual, **given)

    def axes_apart_A(self, reach_A: float) -> float:
        """Return the spacing of a bundle; ``reach_A`` is how far subunits reach from their axis."""
        usual = 100.0 if self.kind == "actin" else 2.2 * reach_A
        return usual if self.spacing_A is None else self.spacing_A


def most_subunits(settings: FilamentSettings) -> int:
    """Return how many subunits filaments of these settings may have together."""
    lattice = settings.lattice()
    rows = math.ceil(settings.length_A[1] / lattice.rise_A) + 1
    return settings.copies[1] * settings.bundle * rows * lattice.strands
