"""The command `export`: tomograms and their particles for other programs."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from faket.cli.common import Positive
from faket.cli.outputs import OutFolder
from faket.cli.score_inputs import read_numbers
from faket.errors import InputError
from faket.exchange.table import format_list, load_format

if TYPE_CHECKING:
    from faket.io.metadata_writers import SeriesErrors

Names = Annotated[tuple[str, ...], Parameter(negative=())]


def export(
    dataset: Path,
    out: OutFolder,
    /,
    *,
    to: Annotated[str, Parameter(help=f"Format to write. {format_list()}.")],
    picks: Path | None = None,
    map: Names = (),
    classes: Path | None = None,
    tomograms: Annotated[tuple[str, ...], Parameter(negative=(), consume_multiple=True)] = (),
    objects: Literal["molecules", "all"] = "molecules",
    radius: Names = (),
    error: Names = (),
    voxel_size_A: Positive | None = None,
    euler: Literal["zxz", "ZXZ"] = "zxz",
) -> None:
    """Write tomograms and their particles, or picks, in the format of another program.

    Large files are linked, not copied, where the format allows it: a program that changes them in
    place changes the data set. If the command was interrupted, or the data set has grown, run it
    again: what is there and unchanged is kept. docs/formats.md lists the conventions.

    Parameters
    ----------
    dataset
        Data set of `faket simulate` or SHREC'21's, one tomogram's folder of it, a specimen's
        folder, or tomograms (an MRC file, or a folder of them) whose picks are given.
    out
        Folder to write.
    picks
        Picks instead of the true particles: a file of any format that `faket score` reads, or
        a folder with a file NAME.csv (.star, …) for each tomogram NAME.
    map
        Name of a class in the data set or the picks, and the name to write, as OURS=THEIRS; may be
        repeated. Two classes may get the same name.
    classes
        Data set or tomogram's folder whose classes the picks have, with its numbers. Needed to
        fine-tune a picker that was trained there. [default: the classes that occur]
    tomograms
        Names of the tomograms to write. [default: all]
    objects
        Which true objects are in the lists of particles: molecules, or all, with vesicles and
        fiducials, whose orientation means nothing. Masks always hold all.
    radius
        Radius of a class in Å, under the name to write, as NAME=135; may be repeated. By default
        it is measured on the instance masks.
    error
        Of tilt-series: standard deviation of errors in what is written of them, as shift_A=5,
        axis_deg=0.2 or defocus_um=0.05; may be repeated. [default: the truth]
    voxel_size_A
        Voxel size of all tomograms in Å, instead of the ones in their headers (10 in SHREC'21).
    euler
        Order of the angles in SHREC's text files, see `faket score`.
    """
    from faket.cli.progress import reporting
    from faket.exchange.find import Selection, find_tomograms
    from faket.exchange.run import export as write_export

    selection = Selection(
        tomograms=tomograms,
        picks=picks,
        renames=read_renames(map),
        classes_of=classes,
        every_object=objects == "all",
        radii_A=read_numbers(radius, "--radius"),
        errors=read_errors(error),
        voxel_size_A=voxel_size_A,
        euler=euler,
    )
    found = find_tomograms(dataset, selection)
    with reporting("export", export) as report:
        print(write_export(found, out, to, report=report))
    if hint := load_format(to).hint(found, out):
        print(hint)


def read_errors(texts: tuple[str, ...]) -> "SeriesErrors":
    """Return the standard deviations of texts NAME=NUMBER; InputError for other names."""
    from faket.io.metadata_writers import SeriesErrors

    given, known = read_numbers(texts, "--error"), [item.name for item in fields(SeriesErrors)]
    for name in given:
        if name not in known:
            raise InputError(f"--error: expected {', '.join(known)}, found {name!r}; correct it")
    return SeriesErrors(**given)


def read_renames(texts: tuple[str, ...]) -> dict[str, str]:
    """Return name → name to write of texts OURS=THEIRS; InputError for others."""
    renames: dict[str, str] = {}
    for text in texts:
        ours, equals, theirs = text.rpartition("=")
        if not equals or not ours or not theirs or ours in renames:
            raise InputError(
                f"--map: expected OURS=THEIRS, such as my-ring=ring, once for each class, found "
                f"{text!r}"
            )
        renames[ours] = theirs
    return renames
