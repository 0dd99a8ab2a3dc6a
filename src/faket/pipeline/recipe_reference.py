"""The section `reference` of a recipe."""

from pathlib import Path
from typing import Annotated, Any, Self

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from faket.errors import InputError

PositiveNumber = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Section(BaseModel):
    """A section of the recipe: frozen, and strict about names."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Paths = tuple[Path, ...]


def listed(value: Any) -> Any:
    """Return one path as a list of one."""
    if value is None:
        return ()
    return [value] if isinstance(value, str | Path) else value


class ReferenceSection(Section):
    """The reference: tomogram i is made to look like reference i modulo their number."""

    stack: Annotated[Paths, pydantic.BeforeValidator(listed)] = Field(
        (),
        description="tilt-series (MRC) to look like, or a list of them; without one, references "
        "are simulated with the microscope section",
    )
    run: Annotated[Paths, pydantic.BeforeValidator(listed)] = Field(
        (),
        description="instead of a stack: the folder of a tilt-series, or any of its files (.mdoc, "
        ".xf, .aln, .xml, .star ...), or a list of them; raw stacks are aligned as its files tell",
    )
    tomogram: Annotated[Paths, pydantic.BeforeValidator(listed)] = Field(
        (),
        description="instead of a stack: a tomogram alone (MRC), or a list of them; its tilt "
        "angles from reference.angles or files beside it, else as its missing wedge shows",
    )
    angles: Annotated[Paths, pydantic.BeforeValidator(listed)] = Field(
        (),
        description="tilt angles of each stack (.tlt, .rawtlt), or the .csv of `faket acquire`, "
        "whose shifts are then corrected; by default the .tlt or .rawtlt beside the stack",
    )
    clean: Annotated[Paths, pydantic.BeforeValidator(listed)] = Field(
        (),
        description="noise-free projections of each stack, if known; without them noise is "
        "estimated from the stack alone",
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
    aligned: bool | None = Field(
        None, description="whether the images are aligned already, if their files tell it wrongly"
    )
    series: str | None = Field(
        None, description="which tilt-series, if a folder or file of reference.run holds several"
    )
    invert: bool = Field(
        False, description="multiply the stacks by -1; needed if protein is bright in them"
    )
    count: int = Field(1, ge=1, le=1000, description="without a stack: how many to simulate")

    @pydantic.model_validator(mode="after")
    def _one_each(self) -> Self:
        kinds = [name for name in ("stack", "run", "tomogram") if getattr(self, name)]
        if len(kinds) > 1:
            raise InputError(
                f"reference.{kinds[1]}: expected one of stack, run and tomogram, found "
                f"{' and '.join(kinds)}; reference.run takes stacks, too"
            )
        for name in ("angles", "clean"):
            given = len(getattr(self, name))
            wanted = len(self.stack) or len(self.tomogram if name == "angles" else self.run)
            if given not in (0, wanted):
                raise InputError(
                    f"reference.{name}: expected one file for each of the {wanted} "
                    f"stacks, found {given}; list them in the order of the stacks"
                )
        return self

    def __len__(self) -> int:
        """Return the number of references."""
        return len(self.stack) or len(self.run) or len(self.tomogram) or self.count
