"""Which program wrote a file of metadata: by what is in it, and where that is not enough by name.

A list of single numbers has only its name: ``.tlt``, ``.rawtlt`` or ``.xtilt``.
"""

from dataclasses import replace

from faket.io.failures import PathLike, shown
from faket.io.metadata.aretomo import read_aln, read_angles_with_order
from faket.io.metadata.ctffind import read_ctffind, read_gctf
from faket.io.metadata.document import Document, read_document
from faket.io.metadata.facts import SeriesFacts
from faket.io.metadata.imod import read_angles, read_defocus, read_transforms, read_x_tilts
from faket.io.metadata.imod_commands import (
    read_edf,
    read_newstack_command,
    read_tilt_command,
)
from faket.io.metadata.mdoc import read_mdoc
from faket.io.metadata.portal import read_portal
from faket.io.metadata.relion import SERIES_FILE, read_single_series, read_tomograms
from faket.io.metadata.warp import read_tomostar, read_warp_xml
from faket.io.star import read_star

SUFFIXES = (".mdoc", ".tlt", ".rawtlt", ".xf", ".xtilt", ".tltx", ".com", ".edf", ".aln", ".txt",
            ".star", ".tomostar", ".defocus", ".xml", ".json")  # fmt: skip

_KNOWN = (
    "a .mdoc, .tlt, .rawtlt, .xf, .xtilt, tilt.com, newst.com, .edf, .aln, _CTF.txt, ctffind or "
    "gctf output, .defocus, Warp's .xml or .tomostar, RELION's tilt-series or tomograms.star, or "
    "the portal's JSON"
)
_NO_END = "its last line has no end, as if the file were cut short: check that it is whole"
_HEAD = 60  # lines that are looked at; chosen: RELION's headers take 30


def read_metadata(path: PathLike) -> tuple[SeriesFacts, ...]:
    """Read any file of metadata; one entry, or one a tomogram of a ``tomograms.star``.

    Raises
    ------
    InputError
        If it is none that is known, or cannot be used: one line.
    """
    document = read_document(path)
    document.check_last_number()
    found = _read(document)
    if document.is_ended or document.text.rstrip().endswith((">", "}", "]")):
        return found
    return tuple(replace(facts, notices=(*facts.notices, _NO_END)) for facts in found)


def _read(document: Document) -> tuple[SeriesFacts, ...]:
    lines = [line for _, line in document.lines[:_HEAD]]
    suffix = document.path.suffix.lower()
    if lines[0].startswith("<"):
        return (read_warp_xml(document),)
    if any(line.startswith(("[ZValue", "[FrameSet")) for line in lines) or suffix == ".mdoc":
        return (read_mdoc(document),)
    if lines[0].startswith(("{", "[")):
        return (read_portal(document),)
    if "AreTomo Alignment" in lines[0] or suffix == ".aln":
        return (read_aln(document),)
    if lines[0].startswith(("# Output from CTFFind", "# Columns: #1")):
        return (read_ctffind(document),)
    if any(line.startswith(("data_", "loop_")) for line in lines):
        return _star(document)
    if suffix == ".edf" or any(line.startswith("Setup.") for line in lines):
        return (read_edf(document),)
    if suffix == ".com" or lines[0].startswith("$"):
        return (_command(document, lines),)
    return (_numbers(document, lines, suffix),)


def _command(document: Document, lines: list[str]) -> SeriesFacts:
    """Read a command file, by the program that it runs."""
    for line in lines:
        if line.startswith("$tilt"):
            return read_tilt_command(document)
        if line.startswith("$newst"):
            return read_newstack_command(document)
    raise document.unknown("expected IMOD's tilt.com or newst.com, found neither $tilt nor "
                           "$newstack in it; give one of these")  # fmt: skip


def _star(document: Document) -> tuple[SeriesFacts, ...]:
    """Read a STAR file by its columns."""
    blocks = {name: table for name, table in read_star(document.path).items() if table}
    for table in blocks.values():
        if "rlnTomoName" in table and _is_list_of_series(table, blocks):
            return read_tomograms(document, blocks)
    for name, table in blocks.items():
        if "wrpAngleTilt" in table:
            return (read_tomostar(document, table),)
        if any(column.startswith(("rlnTomoNominalStage", "rlnTomoYTilt", "rlnTomoProjX"))
               for column in table):  # fmt: skip
            return (read_single_series(document, name, table),)
        if "rlnDefocusU" in table and "rlnMicrographName" in table:
            return (read_gctf(document, table),)
    columns = [column for table in blocks.values() for column in table]
    raise document.unknown(
        "expected a STAR file of a tilt-series (RELION, gctf) or a .tomostar, found the columns "
        f"{shown(columns[:3], 120)}; check the file"
    )


def _is_list_of_series(
    table: dict[str, list[str]], blocks: dict[str, dict[str, list[str]]]
) -> bool:
    """Tell whether a table has a row a tomogram, and not a row a particle."""
    return SERIES_FILE in table or any(name in blocks for name in table["rlnTomoName"])


def _numbers(document: Document, lines: list[str], suffix: str) -> SeriesFacts:
    """Read a list of numbers by its columns and its name."""
    name = document.path.name.lower()
    if name.endswith("_tlt.txt") and (told := read_angles_with_order(document)) is not None:
        return told
    if suffix in (".tlt", ".rawtlt") or name.endswith("_tlt.txt"):  # AreTomo 3's
        return read_angles(document, refined=suffix == ".tlt")
    if suffix in (".xtilt", ".tltx"):
        return read_x_tilts(document)
    words = [line.split("#")[0].split() for line in lines]
    widths = [len(row) for row in words if row]
    if suffix == ".defocus" or _is_defocus([row for row in words if row]):
        return read_defocus(document)
    if suffix == ".xf" or (widths and set(widths) == {6} and _are_numbers(words)):
        return read_transforms(document)
    if widths and set(widths) == {1} and _are_numbers(words):
        raise document.error("found a list of numbers, which does not tell what they are; name "
                             "it .tlt or .rawtlt for tilt angles, .xtilt for x tilts")  # fmt: skip
    raise document.unknown(f"expected {_KNOWN}; found none of them")


def _is_defocus(rows: list[list[str]]) -> bool:
    """Tell whether rows are IMOD's .defocus, whose first one ends in the version."""
    if not rows or len(rows[0]) != 6 or not _are_numbers(rows[:1]):
        return False
    first, second = [float(word) for word in rows[0]], rows[1:2]
    if first[5] == 3 and first[1:5] == [0, 0, 0, 0]:
        return True
    return first[5] == 2 and first[0] >= 1 and all(len(row) == 5 for row in second)


def _are_numbers(rows: list[list[str]]) -> bool:
    try:
        return all(abs(float(word)) >= 0 for row in rows for word in row)
    except ValueError:
        return False
