"""The recipe of a data set: its fields, how it is read from TOML, and how it is checked."""

import os.path
import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Self

import pydantic
from pydantic import Field, PrivateAttr

from faket.errors import InputError
from faket.io.failures import shown
from faket.io.model_folder import KEPT, LabelKind, Part
from faket.io.text import read_text
from faket.methods.splitting import check_splitting
from faket.methods.table import MethodName, method_row
from faket.microscope import PRESETS
from faket.pipeline.draws import drawn_values, separated, with_values
from faket.pipeline.recipe_membranes import MembraneEntry
from faket.pipeline.recipe_reference import PositiveNumber, ReferenceSection, Section
from faket.pipeline.recipe_sections import MicroscopeSection, Reconstruction, Style, Tilts
from faket.pipeline.recipe_specimen import (
    OWN_SECTIONS,
    SURROUNDING_SECTIONS,
    FilamentEntry,
    OwnSpecimen,
    SpeciesEntry,
    SpecimenSection,
)
from faket.pipeline.recipe_words import expected_value, understood, unknown_field
from faket.specimen import SpecimenConfig
from faket.specimen.config import check_filaments

_MOST_BYTES = 2_000_000  # chosen: ten thousand species with their comments
_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")


class Recipe(Section):
    """A whole data set; all its random numbers follow from ``seed``."""

    name: str = Field("faket", min_length=1, max_length=100, description="title of the data set")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of all random numbers")
    tomograms: int = Field(2, ge=1, le=100_000, description="number of tomograms to make")
    method: MethodName = Field(
        "spectral",
        description="spectral (CTF, signal and noise of the reference), style (spectral or noisy, "
        "then style transfer), coloured (noise with its spectrum, no CTF), noisy, baseline, "
        "faket and faket-random (those of FakET's paper), benchmark (physics simulator) or "
        "noiseless",
    )
    halves: bool = Field(
        False,
        description="images and tomograms of odd and of even frames, too, whose sum are the images "
        "(a style is then transferred three times)",
    )
    keep: tuple[Part, ...] = Field(
        KEPT,
        min_length=1,
        description="what is written of each tomogram: tomogram, labels (the masks), potential "
        "(binned), projections (the images), noise-free (projections); tables of particles always",
    )
    labels: tuple[LabelKind, ...] = Field(
        (),
        description="further labels, each a file of its own: balls (a radius around each centre), "
        "solid (holes filled, smoothed), heatmap (a Gaussian at each centre), membranes (with "
        "normals), meshes (of [[membranes]], as PLY)",
    )
    label_radius_A: PositiveNumber | None = Field(
        None,
        description="radius of all balls, and twice the σ of the heatmap's Gaussians (Å); by "
        "default that of a ball of the molecule's volume",
    )
    precision: Literal["float32", "float16"] = Field(
        "float32", description="of tomograms: float16 (MRC mode 12) takes half the space"
    )
    tomogram_format: Literal["mrc", "ome-zarr"] = Field(
        "mrc", description="of tomograms: ome-zarr is compressed without loss, reconstruction.zarr"
    )
    pack: bool = Field(False, description="write masks as .mrc.gz, some hundredths of the space")
    export: tuple[str, ...] = Field(
        (),
        exclude=True,  # no part of what the data are: exports can be added later
        description="formats of other programs to write as well, into OUT/export/FORMAT, such as "
        '"relion5"; `faket export --help` lists them',
    )
    structure_folders: tuple[Path, ...] = Field(
        (), description="folders searched for PDB ids before the cache and the internet"
    )
    specimen: SpecimenSection = Field(default_factory=SpecimenSection)
    tilts: Tilts | Literal["as the reference"] | None = Field(
        None,
        description='by default "as the reference": its angles without excluded views; without a '
        "reference those of the preset",
    )
    reference: ReferenceSection = ReferenceSection()
    microscope: MicroscopeSection = MicroscopeSection()
    style: Style = Style()
    reconstruction: Reconstruction = Reconstruction()
    species: tuple[SpeciesEntry, ...] = Field(
        (), description="the molecules; without any, the embedded synthetic library"
    )
    filaments: tuple[FilamentEntry, ...] = Field((), description="the filaments")
    membranes: tuple[MembraneEntry, ...] = Field((), description="the membranes")
    own_specimen: OwnSpecimen | None = None  # written as specimen.from
    # Not written in a recipe, but found in it: see faket.pipeline.draws.
    varied: dict[str, dict[str, list[Any]]] = Field(default_factory=dict)
    _folder: Path = PrivateAttr(default_factory=Path)

    @pydantic.model_validator(mode="after")
    def _leave_something(self) -> Self:
        smallest, binning = min(self.specimen.size_voxels), self.reconstruction.binning
        if binning > smallest:
            raise InputError(
                f"reconstruction.binning: expected at most the specimen's smallest side "
                f"{smallest}, found {binning}; choose a smaller one"
            )
        for name in OWN_SECTIONS:
            if getattr(self.specimen, name):
                raise InputError(
                    f"specimen.{name}: expected no such field here, found it; write it in "
                    f"[[{name if name in ('filaments', 'membranes') else 'species'}]]"
                )
        for filaments in self.filaments:
            check_filaments(filaments, self.specimen.size_A)
        _check_reconstruction(self)
        return self

    @property
    def tomogram_size(self) -> tuple[int, int, int]:
        """Voxels of a tomogram along x, y, z."""
        settings = self.reconstruction
        x, y, z = (side // settings.binning for side in self.specimen.size_voxels)
        return x, y, z if settings.depth is None else settings.depth

    def part_settings(self) -> dict[str, Any]:
        """Return what a tomogram or reference depends on: all but the number of tomograms."""
        return self.model_dump(mode="json", exclude={"tomograms"})

    def at(self, path: Path) -> Path:
        """Return ``path``, relative to the recipe's folder."""
        return self._folder / os.path.expanduser(path)  # unlike Path's, silent about unknown users

    def anchored(self) -> Self:
        """Return the recipe with its folder's absolute path, for processes in another folder."""
        copy = self.model_copy()
        copy._folder = Path(os.path.abspath(self._folder))
        return copy


# Models of the sections; "" is that of what stands before all sections.
_SECTIONS: dict[str, Any] = {
    "": Recipe,
    "specimen": SpecimenSection,
    "tilts": Tilts,
    "reference": ReferenceSection,
    "microscope": MicroscopeSection,
    "style": Style,
    "reconstruction": Reconstruction,
    "species": SpeciesEntry,
    "filaments": FilamentEntry,
}


def _check_reconstruction(recipe: Recipe) -> None:
    """Refuse settings of the reconstruction that exclude each other."""
    settings = recipe.reconstruction
    row = method_row(recipe.method, start=recipe.style.initial, network=recipe.style.network)
    if recipe.halves:
        check_splitting(row)
        if recipe.microscope.preset.startswith("foreign:") and not row.needs_reference:
            raise InputError(
                "halves: expected a microscope of faket's own, found "
                f"{recipe.microscope.preset}, whose frames are not kept; leave it out"
            )
    own = recipe.method == "benchmark" and not recipe.microscope.preset.startswith("foreign:")
    if settings.ctf == "flip" and not (row.needs_spectra or own):
        raise InputError(
            "reconstruction.ctf: expected 'none', because the contrast transfer of method "
            f"{recipe.method}'s images is not known, found 'flip'; leave it out"
        )
    if settings.like is None:
        return
    for name, usual in (("method", "wbp"), ("invert", False)):
        found = getattr(settings, name)
        if found != usual:
            raise InputError(
                f"reconstruction.{name}: expected none beside reconstruction.like, which is "
                f"measured, found {found!r}; leave one of them out"
            )


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe; relative paths in it are relative to its folder.

    Raises
    ------
    InputError
        With the file, the field, what was expected and what was found.
    """
    text = read_text(path, _MOST_BYTES)
    return parse_recipe(text, where=str(path), folder=path.parent)


def parse_recipe(text: str, *, where: str = "recipe", folder: Path | None = None) -> Recipe:
    """Read and check the TOML ``text`` of a recipe."""
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also of a number of 5000 digits
        raise InputError(
            f"{where}: expected TOML, found a mistake ({one_line(str(error))}); correct it"
        ) from None
    if not content:
        raise InputError(
            f"{where}: expected a recipe, found an empty file; "
            "`faket simulate --example` prints one"
        )
    try:
        first, varied = separated(content, _SECTIONS)
        recipe = Recipe.model_validate(understood(first))
        longest = max((len(v) for s in varied.values() for v in s.values()), default=0)
        for index in range(1, longest):
            Recipe.model_validate(understood(separated(content, _SECTIONS, index)[0]))
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    except pydantic.ValidationError as error:
        found = _first_error(error).replace("own_specimen", "specimen.from")  # as it is written
        raise InputError(f"{where}: {found}") from None
    recipe = recipe.model_copy(update={"varied": varied})
    recipe._folder = folder or Path()
    return recipe


def drawn_recipe(recipe: Recipe, name: str) -> tuple[Recipe, dict[str, Any]]:
    """Return the recipe of one tomogram or reference, and the values that were drawn for it."""
    values = drawn_values(recipe.varied, recipe.seed, name)
    return with_values(recipe, values), values


def _first_error(error: pydantic.ValidationError) -> str:
    every = error.errors(include_url=False)
    unknown = [each for each in every if each["type"] in _UNKNOWN]
    first = (unknown or every)[0]  # an unknown name may explain a missing one
    field = ".".join(str(part) for part in first["loc"]) or "recipe"
    more = f" (and {len(every) - 1} more)" if len(every) > 1 else ""
    if unknown:
        return f"{field}: {unknown_field(first['loc'], recipe_fields())}{more}"
    message = one_line(first["msg"].removeprefix("Value error, "), limit=300)
    if message.startswith("`"):  # our own checks name the field
        return f"{message}{more}"
    if first["type"] == "value_error":  # our own checks say what was found
        return f"{field}: {message}{more}"
    return f"{expected_value(first, SpecimenConfig())}, found {shown(first['input'], 160)}{more}"


def one_line(text: str, limit: int = 160) -> str:
    """Return ``text`` on one line of at most ``limit`` characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def recipe_fields() -> tuple[str, ...]:
    """Return the names of all fields with their sections, such as ``style.network``."""
    names = [name for name in Recipe.model_fields if name not in ("varied", "own_specimen")]
    names += [f"specimen.{x.name}" for x in fields(SpecimenSection) if x.name not in OWN_SECTIONS]
    for section, settings in SURROUNDING_SECTIONS.items():
        names += [f"specimen.{section}.{item.name}" for item in fields(settings)]
    names += [f"specimen.from.{name}" for name in OwnSpecimen.model_fields]
    names += [f"filaments.{item.name}" for item in fields(FilamentEntry)]
    names += [f"membranes.{item.name}" for item in fields(MembraneEntry)]
    for section, model in _SECTIONS.items():
        if section and not is_dataclass(model):
            names += [f"{section}.{name}" for name in model.model_fields]
    names += [f"microscope.settings.{item.name}" for item in fields(PRESETS["shrec21"])]
    return tuple(names)
