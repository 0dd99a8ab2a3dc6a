"""Settings of what bounds the ice: its faces, a carbon film, and ice crystals on it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from faket.config import check_settings, setting
from faket.errors import InputError

SIDES = ("lower", "upper")


@dataclass(frozen=True)
class LamellaSettings:
    """A slab of ice in the box, with vacuum on both sides: a film on a grid, or a milled lamella.

    A pair is a range from which a value is drawn for each specimen.

    Raises
    ------
    InputError
        If a value has the wrong type or is out of its bounds.
    """

    thickness_A: tuple[float, float] = setting(
        (1200.0, 2000.0), "in the middle of the field", unit="Å", ge=100, le=20_000
    )
    wedge_deg: tuple[float, float] = setting(
        (0.0, 0.0), "angle between both faces, in a random direction", unit="degrees", ge=0, le=20
    )
    uneven_A: tuple[float, float] = setting(
        (0.0, 0.0), "thick and thin ice: root mean square of its thickness", unit="Å", ge=0, le=5000
    )
    uneven_wavelength_A: tuple[float, float] = setting(
        (5000.0, 10_000.0), "from thick to thick", unit="Å", ge=500, le=1e6
    )
    roughness_A: tuple[float, float] = setting(
        (10.0, 30.0), "root mean square height of each face", unit="Å", ge=0, le=1000
    )
    roughness_wavelength_A: tuple[float, float] = setting(
        (300.0, 800.0), "of this roughness", unit="Å", ge=50, le=1e5
    )
    curtains_A: tuple[float, float] = setting(
        (0.0, 0.0),
        "stripes of a mill: root mean square height of each face",
        unit="Å",
        ge=0,
        le=1000,
    )
    curtain_spacing_A: tuple[float, float] = setting(
        (500.0, 1500.0), "from stripe to stripe", unit="Å", ge=50, le=1e5
    )
    mill_deg: tuple[float, float] = setting(
        (0.0, 180.0), "direction of the stripes, from x to y", unit="degrees", ge=-360, le=360
    )
    damaged_A: tuple[float, float] = setting(
        (0.0, 0.0),
        "depth at each face to which a mill took the shape of molecules, all of it at the face",
        unit="Å",
        ge=0,
        le=5000,
    )

    def __post_init__(self) -> None:
        """Check every value."""
        _check_pairs("lamella", self)


@dataclass(frozen=True)
class CarbonSettings:
    """A carbon film, of which the field shows a part: the edge of a round hole.

    Raises
    ------
    InputError
        If a value has the wrong type or is out of its bounds.
    """

    cover: tuple[float, float] = setting(
        (0.1, 0.4), "part of the field that is covered; 0 is no film", ge=0, le=1
    )
    thickness_A: tuple[float, float] = setting(
        (100.0, 200.0), "of the film", unit="Å", ge=10, le=2000
    )
    hole_diameter_A: tuple[float, float] = setting(
        (12_000.0, 20_000.0), "of the hole", unit="Å", ge=100, le=1e6
    )
    edge_A: tuple[float, float] = setting(
        (20.0, 60.0), "root mean square by which the edge is ragged", unit="Å", ge=0, le=2000
    )
    side: Literal["lower", "upper"] = setting("lower", "face of the ice on which it lies")

    def __post_init__(self) -> None:
        """Check every value."""
        if self.side not in SIDES:
            raise InputError(f"carbon: expected side = lower or upper, found {self.side!r}")
        _check_pairs("carbon", self)


@dataclass(frozen=True)
class CrystalSettings:
    """Ice crystals on both faces of a slab of ice: contamination.

    Raises
    ------
    InputError
        If a value has the wrong type or is out of its bounds.
    """

    count: tuple[int, int] = setting((1, 5), "number of crystals", ge=0, le=1000)
    diameter_A: tuple[float, float] = setting(
        (400.0, 1500.0), "diameter of a crystal", unit="Å", ge=50, le=20_000
    )

    def __post_init__(self) -> None:
        """Check every value."""
        _check_pairs("crystals", self)


def check_surroundings(
    lamella: LamellaSettings | None,
    crystals: CrystalSettings | None,
    size_A: Sequence[float],
) -> None:
    """Refuse a slab that is thicker than the box, and crystals without room.

    Raises
    ------
    InputError
        With what fits.
    """
    if lamella is not None:
        side_A = max(size_A[0], size_A[1])
        wedge_A = math.tan(math.radians(lamella.wedge_deg[1])) * side_A / 2
        most_A = size_A[2] - wedge_A
        if lamella.thickness_A[1] > most_A:
            raise InputError(
                f"`LamellaSettings.thickness_A`: expected at most {max(most_A, 0):.0f} Å in a box "
                f"of {size_A[2]:g} Å (with `LamellaSettings.wedge_deg` up to "
                f"{lamella.wedge_deg[1]:g}), found {lamella.thickness_A[1]:g}; make it thinner, or "
                "enlarge `SpecimenConfig.size_voxels`"
            )
    if crystals is not None and crystals.count[1] and lamella is None:
        raise InputError(
            "`SpecimenConfig.crystals`: expected a lamella thinner than the box beside it, because "
            "crystals lie on the ice, found none; set `LamellaSettings.thickness_A`"
        )


def _check_pairs(what: str, settings: Any) -> None:
    for item in fields(settings):
        value = getattr(settings, item.name)
        if not isinstance(item.default, tuple):
            continue
        kind = int if isinstance(item.default[0], int) else int | float
        fits = isinstance(value, tuple) and len(value) == 2
        if not fits or any(isinstance(v, bool) or not isinstance(v, kind) for v in value):
            raise InputError(f"{what}: expected {item.name} = [low, high], found {value!r:.80}")
    check_settings(settings)
