"""The reference of a command: opened, its short form printed before work begins, made ready."""

from pathlib import Path
from typing import TYPE_CHECKING

from faket.cli.common import check_sign, print_notices

if TYPE_CHECKING:
    from faket.data import FloatArray
    from faket.references.facts import Given
    from faket.references.prepare import Prepared
    from faket.references.reference import Reference


def given_reference(
    angles: Path | None,
    pixel_size_A: float | None,
    invert: bool,
    aligned: bool | None,
    series: str | None,
    tomogram: bool,
    *,
    angles_option: str = "reference_angles",
) -> "Given":
    """Return what the options of a command say of its reference."""
    from faket.references.facts import Given

    return Given(
        angles=angles,
        pixel_size_A=pixel_size_A,
        invert=invert,
        aligned=aligned,
        series=series,
        tomogram=tomogram,
        angles_option=angles_option,
    )


def opened_reference(path: Path, given: "Given") -> "Reference":
    """Open a reference; print its short form, and what was guessed or contradicts."""
    from faket.references.reference import open_reference
    from faket.references.words import short_form

    opened = open_reference(path, given)
    print_notices(path, short_form(opened), *opened.notices)
    return opened


def ready_images(
    path: Path,
    opened: "Reference",
    pixel_size_A: float | None = None,
    noise_free: "FloatArray | None" = None,
) -> "Prepared":
    """Make a reference ready for a method; print what was done, and whether it looks inverted."""
    from faket.references.ready import ready_reference

    prepared = ready_reference(opened, pixel_size_A, noise_free)
    print_notices(path, *prepared.notices)
    if not opened.given.invert:
        check_sign(path, prepared.series.images)
    return prepared
