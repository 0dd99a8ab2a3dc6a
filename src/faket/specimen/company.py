"""Settings of a species' company: its own kind, a partner, the faces of the ice."""

import math
from dataclasses import dataclass
from typing import Any

from faket.config import check_settings, setting
from faket.errors import InputError

_WAYS = ("neighbours_A", "cluster", "chain")


@dataclass(frozen=True)
class Company:
    """Where the molecules of a species lie relative to each other and to the faces.

    Raises
    ------
    InputError
        If a value is out of its bounds, or two of them contradict each other.
    """

    neighbours_A: tuple[float, ...] | None = setting(
        None, "distances to the nearest of its kind, as found in real data", unit="Å", gt=0, le=1e6
    )
    cluster: tuple[int, int] | None = setting(
        None, "molecules in a cluster, such as [5, 20]", ge=1, le=65535
    )
    cluster_radius_A: float = setting(500.0, "radius of a cluster", unit="Å", gt=0, le=1e6)
    chain: tuple[int, int] | None = setting(
        None, "molecules in a chain, such as [4, 12] ribosomes of a polysome", ge=1, le=65535
    )
    # Ribosomes in polysomes are 22 ± 2 nm apart (Brandt et al., Cell 136, 261 (2009), BNID 105000).
    chain_spacing_A: tuple[float, float] = setting(
        (200.0, 240.0), "from one molecule of a chain to the next", unit="Å", gt=0, le=1e5
    )
    chain_twist_deg: float = setting(
        0.0, "turn about the chain from one molecule to the next", unit="degrees", ge=-360, le=360
    )
    chain_persistence_A: float = setting(
        500.0, "persistence length of a chain", unit="Å", ge=10, le=1e12
    )
    partner: str | None = setting(None, "species that is bound to each molecule")
    partner_offset_A: tuple[float, float, float] = setting(
        (0.0, 0.0, 0.0), "position of the partner, x y z in the molecule's frame", unit="Å"
    )
    partner_turn_deg: tuple[float, float, float] = setting(
        (0.0, 0.0, 0.0), "turns of the partner about x, then y, then z", unit="degrees"
    )
    tilt_deg: tuple[float, float] | None = setting(
        None,
        "angle between the molecule's z and the normal of the ice",
        unit="degrees",
        ge=0,
        le=180,
    )
    layer_A: tuple[float, float] | None = setting(
        None, "distance of the centre from the nearer face of the ice", unit="Å", ge=0, le=1e6
    )

    def __post_init__(self) -> None:
        """Check every value."""
        _check_numbers(self)
        ways = [name for name in _WAYS if getattr(self, name) is not None]
        if len(ways) > 1:
            raise InputError(
                f"`Company.{ways[1]}`: expected one of neighbours, cluster and chain, found "
                f"{' and '.join(ways)}; leave the others out"
            )
        if self.partner is not None and not any(self.partner_offset_A):
            raise InputError(
                "`Company.partner_offset_A`: expected where the partner lies, found none; give x, "
                "y and z in the frame of the molecule"
            )


def _check_numbers(company: Company) -> None:
    checked: Any = company
    numbers = ("neighbours_A", "partner_offset_A", "partner_turn_deg")  # lists, not ranges
    for name in numbers:
        values = getattr(company, name) or ()
        if not all(math.isfinite(value) for value in values):
            raise InputError(f"`Company.{name}`: expected finite numbers, found others")
    if company.neighbours_A is not None and not all(value > 0 for value in company.neighbours_A):
        raise InputError("`Company.neighbours`: expected distances > 0 Å, found others")
    check_settings(checked, skip=numbers)
