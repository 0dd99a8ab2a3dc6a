"""Settings of a kind of membranes: what a recipe says of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from faket.config import check_settings, setting
from faket.errors import InputError
from faket.units import A_PER_UM

SHAPES = ("vesicle", "budding", "tubule", "sheet", "double", "field")
FACING = ("out", "in", "both")
_JAM = 0.6  # of the area over spacing²; chosen: random placement ends at 0.70
_NAME = 60  # letters at most; chosen
_PAIRS = ("size_A", "curvature_per_A", "thickness_A", "undulation", "wavelength_A", "gap_A")


@dataclass(frozen=True)
class MembraneSettings:
    """One kind of membranes; a pair is a range from which a value is drawn for each of them.

    Raises
    ------
    InputError
        If a value has the wrong type, is out of its bounds, or contradicts another.
    """

    shape: Literal["vesicle", "budding", "tubule", "sheet", "double", "field"] = setting(
        "vesicle", f"one of {', '.join(SHAPES)}; a sheet crosses the specimen"
    )
    name: str = setting("", "class of its voxels is membrane, or with a name membrane:NAME")
    count: tuple[int, int] = setting((1, 1), "number of them", ge=0, le=1000)
    size_A: tuple[float, float] = setting(
        (1000.0, 2500.0),
        "diameters of vesicle, double, budding and of the envelope of a field; length of a tubule",
        unit="Å",
        ge=200,
        le=100_000,
    )
    curvature_per_A: tuple[float, float] | None = setting(
        None,
        "mean curvature in the mean over the surface (1 / R of a sphere, 1 / 2 R of a tube, which "
        "sets the radius of a tubule), instead of what the size gives",
        unit="1/Å",
        ge=-0.01,
        le=0.01,
    )
    thickness_A: tuple[float, float] = setting(
        (39.6, 39.6), "from heads to heads of the bilayer", unit="Å", ge=25, le=80
    )
    undulation: tuple[float, float] = setting(
        (0.02, 0.05),
        "root mean square displacement of the surface by random waves, as a fraction of its "
        "radius (of a sheet: of the wavelength)",
        ge=0,
        le=0.2,
    )
    wavelength_A: tuple[float, float] | None = setting(
        None,
        "of these waves, and of a field's; by default 0.7 of the size, of a field 0.4",
        unit="Å",
        ge=200,
        le=100_000,
    )
    gap_A: tuple[float, float] = setting(
        (150.0, 250.0), "between the middles of the membranes of a double", unit="Å", ge=60, le=5000
    )
    buds: tuple[int, int] = setting((1, 3), "number of buds of a budding", ge=1, le=20)
    inside: str = setting(
        "", "name of the membranes in which these lie, or of a sheet on whose inner side"
    )
    contents: Mapping[str, float] = setting(
        dict,
        "molecules within each, by name of species: their number, or below 1 the fraction of the "
        "volume; molecules without an amount of their own then stay outside",
    )

    def __post_init__(self) -> None:
        """Check every value."""
        if self.shape not in SHAPES:
            raise InputError(
                f"membranes: expected a shape among {', '.join(SHAPES)}, found "
                f"{self.shape!r}; choose one of them"
            )
        _check_types(self)
        check_settings(self)
        _check_room(self)


@dataclass(frozen=True)
class OnMembrane:
    """How a species sits on membranes.

    Raises
    ------
    InputError
        If a value has the wrong type, is out of its bounds, or contradicts another.
    """

    on: str = setting("", "name of the membranes")
    density_per_um2: float | None = setting(
        None, "molecules per area of membrane", unit="1/µm²", gt=0, le=100_000
    )
    spacing_A: float | None = setting(
        None,
        "least distance of neighbours; without a density, as many as fit by chance",
        unit="Å",
        gt=0,
        le=100_000,
    )
    facing: Literal["out", "in", "both"] = setting(
        "out", "side to which its axis points: out, in or both"
    )
    wobble_deg: float = setting(
        10.0, "largest angle between its axis and the normal", unit="degrees", ge=0, le=180
    )
    cluster: tuple[int, int] = setting((1, 1), "molecules in a cluster", ge=1, le=10_000)
    cluster_radius_A: float = setting(300.0, "radius of a cluster", unit="Å", gt=0, le=100_000)
    axis: tuple[float, float, float] = setting(
        (0.0, 0.0, 1.0), "direction in the molecule's frame that points along the normal"
    )
    depth_A: float | None = setting(
        None,
        "position of the bilayer's middle along this axis, from the molecule's centre of mass; by "
        "default of the file's z = 0, as in files of OPM, whose axis is z",
        unit="Å",
        ge=-10_000,
        le=10_000,
    )

    def __post_init__(self) -> None:
        """Check every value."""
        check_settings(self)
        where = f"species on {self.on!r}"
        if self.facing not in FACING:
            raise InputError(f"{where}: expected facing = out, in or both, found {self.facing!r}")
        if self.density_per_um2 is None and self.spacing_A is None:
            raise InputError(
                f"{where}: expected `OnMembrane.density_per_um2` or `OnMembrane.spacing_A`, found "
                "neither; give one of them"
            )
        if not math.hypot(*self.axis) > 0:
            raise InputError(
                f"{where}: expected an axis that is not 0, found {self.axis}; give the direction "
                "in the molecule's frame that points along the normal"
            )
        if self.spacing_A is not None and self.density_per_um2 is not None:
            fits = A_PER_UM**2 / self.spacing_A**2
            if self.density_per_um2 > fits:
                raise InputError(
                    f"{where}: expected a density that agrees with a spacing of "
                    f"{self.spacing_A:g} Å, at most {_JAM * fits:.0f} per µm², found "
                    f"{self.density_per_um2:g}; lower one of them"
                )

    def number_on(self, area_A2: float) -> int:
        """Return how many molecules an area should hold."""
        if self.density_per_um2 is not None:
            return round(self.density_per_um2 * area_A2 / A_PER_UM**2)
        assert self.spacing_A is not None  # one of them is given
        return round(_JAM * area_A2 / self.spacing_A**2)


def _check_types(one: MembraneSettings) -> None:
    for name in ("name", "inside"):
        text = getattr(one, name)
        if not isinstance(text, str) or len(text) > _NAME or len(text.split()) > 1:
            raise InputError(
                f"membranes: expected as {name} a word of at most {_NAME} letters, found {text!r}"
            )
    numbers: dict[str, Any] = dict.fromkeys(_PAIRS, (int, float)) | {"count": int, "buds": int}
    for name, kind in numbers.items():
        value = getattr(one, name)
        if value is None and name in ("curvature_per_A", "wavelength_A"):
            continue
        fits = isinstance(value, tuple) and len(value) == 2
        if not fits or any(isinstance(v, bool) or not isinstance(v, kind) for v in value):
            raise InputError(
                f"membranes, {one.shape}: expected {name} = [low, high], found {value!r}"
            )
    for name, amount in one.contents.items():
        if isinstance(amount, bool) or not isinstance(amount, int | float) or not amount >= 0:
            raise InputError(
                f"membranes, contents of {name!r}: expected a number of molecules, or below 1 a "
                f"fraction of the volume, found {amount!r}"
            )
        if amount >= 1 and amount != int(amount):
            raise InputError(
                f"membranes, contents of {name!r}: expected a whole number of molecules, or below "
                f"1 a fraction of the volume, found {amount:g}"
            )


def _check_room(one: MembraneSettings) -> None:
    """Refuse membranes that are thicker than they are bent, and tell what fits."""
    least_A = 1.5 * one.thickness_A[1]  # chosen: bilayers of smaller vesicles are not known
    gaps_A = one.gap_A[1] if one.shape == "double" else 0.0
    radius_A, what = one.size_A[0] / 2 - gaps_A, f"size_A = {one.size_A[0]:g}"
    fits = f"`MembraneSettings.size_A` of at least {2 * (least_A + gaps_A):.0f} Å"
    if gaps_A:
        what += f" with gap_A = {gaps_A:g}"
    if one.shape == "tubule":
        radius_A = float("inf")
    if one.curvature_per_A is not None:
        _check_sign(one)
        most = max(abs(k) for k in one.curvature_per_A)
        turn = 0.5 if one.shape == "tubule" else 1.0
        if turn / max(most, 1e-12) < radius_A:
            radius_A, what = turn / most, f"curvature_per_A = {most:g}"
            fits = f"`MembraneSettings.curvature_per_A` of at most {turn / least_A:.3g} per Å"
    if radius_A < least_A:
        raise InputError(
            f"membranes, {one.shape}: expected a radius of at least {least_A:g} Å for a bilayer of "
            f"{one.thickness_A[1]:g} Å, found {radius_A:.0f} Å by {what}; give {fits}"
        )
    if one.shape == "sheet" and (one.inside or one.contents):
        raise InputError(
            "membranes, sheet: expected neither inside nor contents, because a sheet crosses the "
            "specimen, found one; take shape = 'vesicle'"
        )


def _check_sign(one: MembraneSettings) -> None:
    """Refuse a mean curvature that a shape cannot have."""
    assert one.curvature_per_A is not None
    if one.shape == "sheet":
        raise InputError(
            "membranes, sheet: expected no `curvature_per_A`, because both sides of a sheet "
            f"are alike and its mean is 0, found {one.curvature_per_A}; set undulation"
        )
    if one.shape != "field" and one.curvature_per_A[0] <= 0:
        raise InputError(
            f"membranes, {one.shape}: expected `curvature_per_A` > 0, as it is closed, found "
            f"{one.curvature_per_A[0]:g}"
        )
