"""What a recipe says of the specimen: its section, its species and its filaments."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pydantic
from pydantic import ConfigDict, Field, with_config

from faket.config import setting
from faket.errors import InputError
from faket.pipeline.recipe_company import CompanySection
from faket.pipeline.recipe_reference import Paths, PositiveNumber, Section, listed
from faket.specimen import FilamentSettings, SpecimenConfig
from faket.specimen.surroundings_settings import CarbonSettings, CrystalSettings, LamellaSettings

OWN_SECTIONS = (
    "filaments",
    "company",
    "membranes",
    "membrane_names",
    "on_membranes",
)  # of the specimen's settings
FORBID = ConfigDict(extra="forbid")
PositiveWhole = Annotated[int, Field(ge=1)]


@with_config(FORBID)
@dataclass(frozen=True)
class LamellaEntry(LamellaSettings):
    """The section `specimen.lamella`, which refuses unknown fields."""


@with_config(FORBID)
@dataclass(frozen=True)
class CarbonEntry(CarbonSettings):
    """The section `specimen.carbon`, which refuses unknown fields."""


@with_config(FORBID)
@dataclass(frozen=True)
class CrystalsEntry(CrystalSettings):
    """The section `specimen.crystals`, which refuses unknown fields."""


SURROUNDING_SECTIONS = {"lamella": LamellaEntry, "carbon": CarbonEntry, "crystals": CrystalsEntry}


@with_config(FORBID)
@dataclass(frozen=True)
class SpecimenSection(SpecimenConfig):
    """The specimen's settings as a section that refuses unknown fields."""

    lamella: LamellaEntry | None = setting(None, "a slab of ice; without it the box is full")
    carbon: CarbonEntry | None = setting(None, "a carbon film with the edge of a hole")
    crystals: CrystalsEntry | None = setting(None, "ice crystals on the slab")
    neighbours: str | None = setting(
        None, "table of picks whose distances to nearest neighbours are wanted, species by species"
    )
    crowding: float = setting(
        0.0, "fraction of the volume filled with small unlabelled proteins", ge=0, lt=0.4
    )


@with_config(FORBID)
@dataclass(frozen=True)
class FilamentEntry(FilamentSettings):
    """One kind of filament as a section."""

    name: str | None = setting(None, "class name of its subunits, no blanks; from their source")


class OwnSpecimen(Section):
    """A specimen that another program made, as ``specimen.from``."""

    potential: Annotated[Paths, pydantic.BeforeValidator(listed)] = Field(
        description="volume (MRC), or folder of `faket specimen`, or a list of them", min_length=1
    )
    labels: Annotated[Paths, pydantic.BeforeValidator(listed)] = Field(
        (), description="volumes of class numbers, one for each potential"
    )
    particles: Annotated[Paths, pydantic.BeforeValidator(listed)] = Field(
        (), description="tables of particles (CSV), one for each potential"
    )
    classes: Path | None = Field(None, description="names of classes: lines of number and name")
    voxel_size_A: PositiveNumber | None = Field(None, description="instead of the header's (Å)")
    volts_per_unit: float = Field(
        1.0,
        allow_inf_nan=False,
        description="for densities: volts above ice of one unit above the background",
    )
    background: float = Field(0.0, allow_inf_nan=False, description="value of the ice")
    radius_A: PositiveNumber = Field(
        50.0, description="of the ball around a particle that tells its instance (Å)"
    )


Probability = Annotated[float, Field(ge=0, le=1)]
NonNegativeNumber = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@contextmanager
def told_of(species: str) -> Iterator[None]:
    """Let errors in the settings of a species tell its name."""
    try:
        yield
    except InputError as error:
        raise InputError(f"species {species!r}: {error}") from None


class SpeciesEntry(CompanySection):
    """One kind of molecule."""

    source: str = Field(
        description="PDB, mmCIF or MRC file (.gz too), PDB id, a folder made by `faket species`, "
        "or synthetic:NAME",
        min_length=1,
    )
    name: str | None = Field(
        None, pattern=r"^\S+$", description="class name, no blanks; from the source by default"
    )
    copies: int | None = Field(None, ge=0, le=65535, description="explicit number of copies")
    states: tuple[str, ...] = Field(
        (), description="sources of further conformations, which have this class"
    )
    models: tuple[PositiveWhole, ...] = Field(
        (), description="atomic models: numbers of the models in the file that are conformations, "
        "such as [1, 2, 3] of an ensemble"
    )  # fmt: skip
    weights: tuple[NonNegativeNumber, ...] | None = Field(
        None, description="weights of the conformations, the first one's first; equal by default"
    )
    mode_amplitude_A: NonNegativeNumber = Field(
        0.0, description="atomic models: conformations bent along normal modes by this σ (Å)"
    )
    modes: int = Field(3, ge=1, le=20, description="number of the softest modes that bend it")
    mode_states: int = Field(5, ge=1, le=100, description="number of conformations so bent")
    subunits: dict[str, Probability] = Field(
        {}, max_length=6, description="atomic models: probabilities with which chains are present, "
        "by chain; chains that come and go together with commas, such as \"C,D\""
    )  # fmt: skip
    state_classes: bool = Field(False, description="every conformation is a class of its own")
    labelled: bool = Field(True, description="false: in the images, and in no label")
    volume_fraction: float | None = Field(
        None, ge=0, lt=0.5, description="fraction of the specimen's volume, instead of copies"
    )
    on: str | None = Field(None, description="name of the [[membranes]] that it crosses")
    density_per_um2: PositiveNumber | None = Field(
        None, description="on membranes: molecules per area (1/µm²)"
    )
    spacing_A: PositiveNumber | None = Field(
        None,
        description="on membranes: least distance of neighbours (Å); without a density, as many "
        "as fit by chance",
    )
    facing: Literal["out", "in", "both"] | None = Field(
        None, description="on membranes: side to which its axis points, out (default), in or both"
    )
    wobble_deg: float | None = Field(
        None, ge=0, le=180, description="on membranes: largest angle to the normal; 10 by default"
    )
    axis: tuple[float, float, float] | None = Field(
        None, description="on membranes: its direction along the normal; [0, 0, 1] by default"
    )
    depth_A: float | None = Field(
        None,
        description="on membranes: the bilayer's middle along the axis, from its centre of mass; "
        "by default the file's z = 0, as in files of OPM",
    )
    contour: float | None = Field(None, description="for maps: contour level in the map's units")
    mean_potential_V: PositiveNumber | None = Field(
        None, description="for maps: mean potential inside the contour relative to ice (V)"
    )
    map_voxel_size_A: PositiveNumber | None = Field(
        None, description="for maps: voxel size (Å), instead of the one in the header"
    )
    assembly: Annotated[str, Field(coerce_numbers_to_str=True)] | None = Field(
        None,
        description="for atomic models: number of the biological assembly to build, or "
        '"deposited" for the coordinates as deposited; 1 or the first by default',
    )
