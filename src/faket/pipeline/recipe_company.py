"""What a species of a recipe may say of its company; see :class:`faket.specimen.Company`."""

from dataclasses import fields
from typing import Annotated, Any

import pydantic
from pydantic import Field

from faket.pipeline.recipe_reference import PositiveNumber, Section
from faket.specimen import Company

_ABOUT = {item.name: item.metadata for item in fields(Company)}
_USUAL = Company()


def _paired(value: Any) -> Any:
    """Return one number as a range of only that number."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return [value, value] if number else value


_Counts = Annotated[tuple[int, int], pydantic.BeforeValidator(_paired)]
_Range = Annotated[tuple[float, float], pydantic.BeforeValidator(_paired)]
_Triple = tuple[float, float, float]


def _about(name: str, default: Any = None) -> Any:
    unit = _ABOUT[name]["unit"]
    return Field(default, description=_ABOUT[name]["description"] + (f" ({unit})" if unit else ""))


class CompanySection(Section):
    """Where the molecules of a species lie relative to each other and to the faces."""

    neighbours: str | None = Field(
        None, description="name of this species in the table specimen.neighbours; its own otherwise"
    )
    cluster: _Counts | None = _about("cluster")
    cluster_radius_A: PositiveNumber = _about("cluster_radius_A", _USUAL.cluster_radius_A)
    chain: _Counts | None = _about("chain")
    chain_spacing_A: _Range = _about("chain_spacing_A", _USUAL.chain_spacing_A)
    chain_twist_deg: float = _about("chain_twist_deg", _USUAL.chain_twist_deg)
    chain_persistence_A: PositiveNumber = _about("chain_persistence_A", _USUAL.chain_persistence_A)
    partner: str | None = _about("partner")
    partner_offset_A: _Triple = _about("partner_offset_A", _USUAL.partner_offset_A)
    partner_turn_deg: _Triple = _about("partner_turn_deg", _USUAL.partner_turn_deg)
    tilt_deg: _Range | None = _about("tilt_deg")
    layer_A: _Range | None = _about("layer_A")

    def company(self, neighbours_A: tuple[float, ...] | None) -> Company:
        """Return the settings, with distances found in a table of picks if there are some."""
        given: dict[str, Any] = {name: getattr(self, name, None) for name in _ABOUT}
        if not (self.cluster or self.chain):
            given["neighbours_A"] = neighbours_A
        return Company(**given)
