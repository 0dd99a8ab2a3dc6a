"""The recipe: what a data set is made of, read from TOML, validated, written with comments."""

import os.path
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, with_config

from faket.errors import InputError
from faket.io.failures import shown
from faket.io.text import read_text
from faket.methods.table import MethodName, NetworkName
from faket.microscope import PRESETS
from faket.pipeline.recipe_words import expected_value, understood, unknown_field
from faket.reconstruction.wbp import Normalize
from faket.specimen import SpecimenConfig

_MOST_BYTES = 2_000_000  # chosen: ten thousand species with their comments
_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
FORBID = ConfigDict(extra="forbid")
PositiveNumber = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@with_config(FORBID)
@dataclass(frozen=True)
class SpecimenSection(SpecimenConfig):
    """The specimen's settings as a section that refuses unknown fields."""


class Section(BaseModel):
    """A section of the recipe: frozen, and strict about names."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SpeciesEntry(Section):
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
    volume_fraction: float | None = Field(
        None, gt=0, lt=0.5, description="fraction of the specimen's volume, instead of copies"
    )
    contour: float | None = Field(None, description="for maps: contour level in the map's units")
    mean_potential_V: PositiveNumber | None = Field(
        None, description="for maps: mean potential above ice inside the contour (V)"
    )
    map_voxel_size_A: PositiveNumber | None = Field(
        None, description="for maps: voxel size (Å), instead of what the header says"
    )
    assembly: Annotated[str, Field(coerce_numbers_to_str=True)] | None = Field(
        None,
        description='for atoms: biological assembly, or "deposited"; 1 or the first by default',
    )


class Tilts(Section):
    """The tilt angles of the data to be made."""

    start_deg: float = Field(-60.0, ge=-90, le=90, description="first tilt angle (degrees)")
    stop_deg: float = Field(60.0, ge=-90, le=90, description="last tilt angle (degrees)")
    step_deg: float = Field(2.0, gt=0, le=90, description="step between tilts (degrees)")
    file: Path | None = Field(None, description="angles from a .tlt file instead")


Paths = tuple[Path, ...]


def _listed(value: Any) -> Any:
    """One path is a list of one."""
    if value is None:
        return ()
    return [value] if isinstance(value, str | Path) else value


class ReferenceSection(Section):
    """What the data should look like; tomogram i looks like reference i modulo their number."""

    stack: Annotated[Paths, pydantic.BeforeValidator(_listed)] = Field(
        (),
        description="tilt-series (MRC) to look like, or a list of them; none: made by the "
        "microscope section",
    )
    angles: Annotated[Paths, pydantic.BeforeValidator(_listed)] = Field(
        (),
        description="tilt angles of each (.tlt, .rawtlt), or geometry as `faket acquire` writes it "
        "(.csv), whose shifts are then undone; the .tlt or .rawtlt beside the stack by default",
    )
    clean: Annotated[Paths, pydantic.BeforeValidator(_listed)] = Field(
        (),
        description="noise-free projections of each, if known; else noise is estimated blind",
    )
    pixel_size_A: PositiveNumber | None = Field(
        None, description="overrides the pixel size in the stacks' headers (Å)"
    )
    defocus_um: PositiveNumber | None = Field(
        None, description="method spectral: mean defocus, if known; else estimated (µm)"
    )
    dose_e_per_A2: PositiveNumber | None = Field(
        None, description="method spectral: exposure of the whole series, if known (e/Å²)"
    )
    invert: bool = Field(
        False, description="multiply the stacks by -1: for those in which protein is bright"
    )
    count: int = Field(1, ge=1, le=1000, description="without a stack: how many to make")

    @pydantic.model_validator(mode="after")
    def _one_each(self) -> Self:
        for name in ("angles", "clean"):
            given = len(getattr(self, name))
            if given not in (0, len(self.stack)):
                raise InputError(
                    f"reference.{name}: expected one file for each of the {len(self.stack)} "
                    f"stacks, found {given}"
                )
        return self

    def __len__(self) -> int:
        """Return how many references there are."""
        return len(self.stack) or self.count


class MicroscopeSection(Section):
    """The microscope that takes the reference, and the images of the benchmark method."""

    preset: str = Field("shrec21", description=f"one of {', '.join(PRESETS)}")
    settings: dict[str, Any] = Field(
        default_factory=dict, description="settings of the preset to change, by name"
    )


class Style(Section):
    """Neural style transfer."""

    network: NetworkName = Field(
        "texture", description="of method style: texture, vgg19 or vgg19-random"
    )
    initial: Literal["spectral", "noisy"] = Field(
        "spectral", description="of method style, where to start: spectral or noisy"
    )
    weights: Path | None = Field(
        None, description="VGG19 weights (torchvision's file); cache or download by default"
    )
    iterations: int | None = Field(
        None, ge=1, le=1000, description="steps; the network's usual number by default (VGG19: 1)"
    )


class Reconstruction(Section):
    """From tilts to tomogram."""

    binning: int = Field(
        2,
        ge=1,
        le=64,
        description="of the images before reconstruction; a voxel of the tomogram is "
        "specimen.voxel_size_A times this",
    )
    filter: Literal["ramp", "hamming", "shrec"] = Field(
        "ramp", description="ramp, hamming (windowed ramp) or shrec (FakET's own)"
    )
    normalize: Normalize = Field("mean", description="none, mean (subtracted) or contrast")
    taper: int = Field(16, ge=0, le=1024, description="binned pixels of fading at the edges")


class Recipe(Section):
    """A whole data set; every random number in it follows from ``seed``."""

    name: str = Field("faket", min_length=1, max_length=100, description="title of the data set")
    seed: int = Field(0, ge=0, lt=2**63, description="the one seed")
    tomograms: int = Field(2, ge=1, le=100_000, description="how many tomograms to make")
    method: MethodName = Field(
        "style",
        description="style (spectral or noisy, then [style]), spectral, coloured (noise of the "
        "reference's spectrum only), the paper's noisy, baseline, faket and faket-random, "
        "benchmark (physics) or noiseless",
    )
    structure_folders: tuple[Path, ...] = Field((), description="where PDB ids are looked up")
    specimen: SpecimenSection = Field(default_factory=SpecimenSection)
    tilts: Tilts | None = Field(
        None, description="default: the angles of the reference, or of the preset"
    )
    reference: ReferenceSection = ReferenceSection()
    microscope: MicroscopeSection = MicroscopeSection()
    style: Style = Style()
    reconstruction: Reconstruction = Reconstruction()
    species: tuple[SpeciesEntry, ...] = Field(
        (), description="the molecules; none: the embedded synthetic library"
    )
    _folder: Path = PrivateAttr(default_factory=Path)

    @pydantic.model_validator(mode="after")
    def _leave_something(self) -> Self:
        smallest, binning = min(self.specimen.size_voxels), self.reconstruction.binning
        if binning > smallest:
            raise InputError(
                f"reconstruction.binning: expected at most the specimen's smallest side "
                f"{smallest}, found {binning}"
            )
        return self

    def at(self, path: Path) -> Path:
        """Return ``path`` as seen from the recipe's folder."""
        return self._folder / os.path.expanduser(path)  # unlike Path's, silent about unknown users


def read_recipe(path: Path) -> Recipe:
    """Read and validate a recipe; relative paths in it are taken from its folder.

    Raises
    ------
    InputError
        In one line that names the file, the field, what was expected and what was found.
    """
    text = read_text(path, _MOST_BYTES)
    return parse_recipe(text, where=str(path), folder=path.parent)


def parse_recipe(text: str, *, where: str = "recipe", folder: Path | None = None) -> Recipe:
    """Validate the TOML ``text`` of a recipe."""
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also of a number of 5000 digits
        raise InputError(f"{where}: expected TOML, found: {one_line(str(error))}") from None
    if not content:
        raise InputError(
            f"{where}: expected a recipe, found an empty file; "
            "`faket simulate --example` writes one"
        )
    try:
        recipe = Recipe.model_validate(understood(content))
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    except pydantic.ValidationError as error:
        raise InputError(f"{where}: {_first_error(error)}") from None
    recipe._folder = folder or Path()
    return recipe


def _first_error(error: pydantic.ValidationError) -> str:
    every = error.errors(include_url=False)
    unknown = [each for each in every if each["type"] in _UNKNOWN]
    first = (unknown or every)[0]  # a name that is none explains one that is missing
    field = ".".join(str(part) for part in first["loc"]) or "recipe"
    more = f" (and {len(every) - 1} more)" if len(every) > 1 else ""
    if unknown:
        return f"{field}: {unknown_field(first['loc'], recipe_fields())}{more}"
    message = one_line(first["msg"].removeprefix("Value error, "), limit=300)
    if message.startswith("`"):  # our own checks name the field
        return f"{message}{more}"
    if first["type"] == "value_error":  # and say what was found
        return f"{field}: {message}{more}"
    return f"{expected_value(first, SpecimenConfig())}, found {shown(first['input'], 160)}{more}"


def one_line(text: str, limit: int = 160) -> str:
    """Return ``text`` on one line of at most ``limit`` characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def recipe_fields() -> tuple[str, ...]:
    """Return the names of all fields, with the sections that they are in: ``style.network``."""
    sections: dict[str, type[BaseModel]] = {
        "reference": ReferenceSection,
        "microscope": MicroscopeSection,
        "style": Style,
        "reconstruction": Reconstruction,
        "tilts": Tilts,
        "species": SpeciesEntry,
    }
    names = [*Recipe.model_fields]
    names += [f"specimen.{item.name}" for item in fields(SpecimenConfig)]
    for section, model in sections.items():
        names += [f"{section}.{name}" for name in model.model_fields]
    names += [f"microscope.settings.{item.name}" for item in fields(PRESETS["shrec21"])]
    return tuple(names)
