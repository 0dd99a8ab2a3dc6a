"""What the commands share: types of options, tilt angles, manifests, notices."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from faket.cli import messages
from faket.errors import InputError
from faket.io.model_folder import MANIFEST, manifest_beside

if TYPE_CHECKING:
    from faket.data import DoubleArray, FloatArray, Species

Positive = Annotated[float, Parameter(validator=Number(gt=0))]
NotNegativeNumber = Annotated[float, Parameter(validator=Number(gte=0))]
Count = Annotated[int, Parameter(validator=Number(gte=1))]
NotNegative = Annotated[int, Parameter(validator=Number(gte=0))]
Seed = NotNegative
Flag = Annotated[bool, Parameter(negative=())]
Where = Literal["auto", "cpu", "cuda"]
ExecutorOption = Literal["local", "dask"]


def tilt_angles(
    path: Path | None, start_deg: float, stop_deg: float, step_deg: float
) -> "DoubleArray":
    """Return the angles of a file, or evenly spaced ones where none is given."""
    from faket.data import evenly_spaced_tilts
    from faket.io.tilts import read_tilt_angles

    if path is not None:
        return read_tilt_angles(path)
    return evenly_spaced_tilts(start_deg, stop_deg, step_deg)


def record_manifest(
    out: Path,
    kind: str,
    settings: dict[str, Any],
    inputs: Sequence[Path | None],
    record: dict[str, Any] | None = None,
    beside: Sequence[Path] = (),
) -> None:
    """Write the manifest of an output beside it, or into it if it is a folder.

    ``record``: what was drawn or measured; ``beside``: further files that were written.
    """
    from faket.io.manifest import write_manifest
    from faket.io.ome_zarr import is_ome_zarr

    path = out / MANIFEST if out.is_dir() else manifest_beside(out)
    outputs = sorted(p for p in out.rglob("*") if p.is_file()) if out.is_dir() else [out, *beside]
    write_manifest(
        path,
        kind=kind,
        settings=settings,
        seed=settings.get("seed"),
        record=record,
        inputs=[item for item in inputs if item and (item.is_file() or is_ome_zarr(item))],
        outputs=[item for item in outputs if item != path],
    )


def check_pixels(first: Path, first_A: float, second: Path, second_A: float) -> None:
    """Refuse two stacks whose pixel sizes differ by more than 2 %."""
    if abs(first_A / second_A - 1) > 0.02:
        raise InputError(
            f"{second}: expected pixels of {first_A:g} Å as in {first}, found {second_A:g} Å; "
            "bin one of them, or give `pixel_size_A` if a header is wrong"
        )


def check_sign(path: Path, images: "FloatArray") -> None:
    """Print a notice if protein looks bright in a reference."""
    from faket.evaluation import contrast_sign

    found = contrast_sign(images)
    if found.sign == "inverted":
        messages.notice(
            f"{path}: expected dark protein, found bright (skewness {found.skewness:+.2f}); "
            "--invert-reference multiplies the images by -1"
        )


def print_species_notices(library: "Iterable[Species]") -> None:
    """Print what was guessed, left out or looks wrong in molecules, one line each."""
    for species in library:
        for notice in species.report.notices:
            messages.notice(f"{species.name}: {notice}")


def refuse_unused(where: str, **options: object) -> None:
    """Refuse options that were given but would have no effect; ``where``: in which case."""
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if _is_given(value)]
    if given:
        raise InputError(
            f"expected no {' and no '.join(given)} {where}, found it; it has no effect there, so "
            "leave it out"
        )


def _is_given(value: object) -> bool:
    return value is not None and value is not False and value != ()


def print_notices(path: Path, *notices: str) -> None:
    """Print the notices about an input on the error stream."""
    for notice in filter(None, notices):
        messages.notice(f"{path}: {notice}")


def ticker(report: Callable[[str, int, int], None]) -> Callable[[int, int], None]:
    """Return a function (done, total) that reports how many tilts are done."""
    return lambda done, total: report("tilts", done, total)
