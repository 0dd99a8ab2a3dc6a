"""The command `inspect`: what is known of a reference, what is missing and what it costs."""

import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faket.cli import messages
from faket.cli.common import Flag, Positive
from faket.cli.outputs import OutTable
from faket.cli.wording import in_words_of
from faket.errors import InputError

if TYPE_CHECKING:
    from faket.references.inspection import Inspection


def inspect(
    *references: Path,
    json: Flag = False,
    table: OutTable | None = None,
    angles: Path | None = None,
    metadata: tuple[Path, ...] = (),
    series: str | None = None,
    pixel_size_A: Positive | None = None,
    tilt_axis_deg: float | None = None,
    aligned: bool | None = None,
    tomogram: Flag = False,
    invert: Flag = False,
) -> int:
    """Say what is known of a reference, from which file, what is missing and what it costs.

    One reference gives a page, several give a table with a row each.

    Parameters
    ----------
    references
        Stacks, folders of runs, or any of their files (.mdoc, .tlt, .xf, tilt.com, .aln, .xml,
        .tomostar, tomograms.star ...). A folder of several series stands for all of them.
    json
        Print JSON instead: one object, or a list of them.
    table
        CSV file to write as well: a row for each series.
    angles
        File of tilt angles, instead of those beside the stack.
    metadata
        Further files of the series; to be repeated.
    series
        Which one, if the folder or file holds several.
    pixel_size_A
        Pixel size in Å, instead of the one in the header or metadata.
    tilt_axis_deg
        Tilt axis, counter-clockwise from y, instead of the one in the metadata.
    aligned
        Whether the images are aligned already, if their files tell it wrongly.
    tomogram
        Take the reference for a tomogram, whatever its name is.
    invert
        Multiply the images by -1; needed if protein is bright in them.
    """
    from faket.references.facts import Given

    if not references:
        raise InputError("inspect: expected at least one reference, found none; name its stack or "
                         "folder")  # fmt: skip
    given = Given(
        angles=angles, metadata=metadata, series=series, pixel_size_A=pixel_size_A,
        tilt_axis_deg=tilt_axis_deg, aligned=aligned, tomogram=tomogram, invert=invert,
    )  # fmt: skip
    rows, failed = _inspected(references, given)
    if table is not None:
        from faket.cli.inspect_page import write_table

        write_table(table, rows)
    _print(rows, as_json=json)
    return 2 if failed else 0


def _inspected(
    references: tuple[Path, ...], given: Any
) -> tuple[list[tuple[str, "Inspection | InputError"]], int]:
    """Inspect every series; an error is that of one series, unless there is no other."""
    from faket.cli.progress import reporting
    from faket.references.inspection import inspect as inspect_reference
    from faket.references.places import all_at
    from faket.references.reference import from_files

    places = [(path, *place) for path in references for place in all_at(path, given)]
    rows: list[tuple[str, Inspection | InputError]] = []
    with reporting("inspect") as report:
        for done, (path, files, named) in enumerate(places):
            if len(places) > 1:
                report(files.name, done, len(places))
            try:
                reference = from_files(files, given, named=named)
                rows.append((files.name, inspect_reference(reference)))
            except InputError as error:
                if len(places) == 1:
                    raise
                rows.append((files.name or str(path), error))
    return rows, sum(isinstance(found, InputError) for _, found in rows)


def _print(rows: list[tuple[str, "Inspection | InputError"]], *, as_json: bool) -> None:
    from faket.cli.inspect_page import print_page, print_rows
    from faket.data import plain_record

    if as_json:
        found = [{"name": name, "error": str(row)} if isinstance(row, InputError) else
                 plain_record(row) for name, row in rows]  # fmt: skip
        print(_json(found[0] if len(found) == 1 else found))
    elif len(rows) == 1 and not isinstance(rows[0][1], InputError):
        print_page(rows[0][1])
    else:
        print_rows(rows)
        for name, row in rows:
            if isinstance(row, InputError):
                messages.notice(f"{name}: {in_words_of(inspect, str(row))}")


def _json(found: Any) -> str:
    return json_format.dumps(found, indent=1, ensure_ascii=False, allow_nan=False)
