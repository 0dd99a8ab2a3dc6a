"""Formats whose tables know tomograms and classes by number only: Dynamo, STOPGAP, motive lists.

A tomogram's number is its place among all of the source, from 1. What the numbers of classes mean
is in ``classes.txt``. There is a table for each tomogram, and one of all for the project.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faket.exchange.face import Format, Tomograms, class_numbers
from faket.exchange.formats.shared import (
    link_tomogram,
    refuse_blanks,
    volume_name,
    write_class_list,
)
from faket.exchange.source import SourceTomogram
from faket.io.dynamo import dynamo_lines
from faket.io.motive_lists import motive_rows, write_motive_list
from faket.io.star import write_star
from faket.io.stopgap import BLOCK, stopgap_columns
from faket.io.text import write_text


@dataclass(frozen=True)
class _Tables:
    """How the tables of a format are made.

    Attributes
    ----------
    program : str
        For errors.
    name : str
        Of the table of all tomograms; its suffix is that of every table.
    write : callable
        Writes the particles of some tomograms into one file.
    lists : callable
        Writes what else the program needs.
    """

    program: str
    name: str
    write: Callable[[Path, Tomograms], None]
    lists: Callable[[Tomograms, Path], None]

    def format(self) -> Format:
        """Return the format."""

        def write(tomogram: SourceTomogram, folder: Path) -> None:
            link_tomogram(tomogram, folder)
            self.write(folder / f"{tomogram.name}{Path(self.name).suffix}", [tomogram])

        def finish(tomograms: Tomograms, folder: Path) -> None:
            self.write(folder / self.name, tomograms)
            self.lists(tomograms, folder)
            write_class_list(folder, tomograms)

        return Format(write, finish, lambda tomograms: refuse_blanks(tomograms, self.program))


def _number(tomogram: SourceTomogram) -> int:
    return tomogram.place + 1


def _write_dynamo(path: Path, tomograms: Tomograms) -> None:
    lines: list[str] = []
    for each in tomograms:
        numbers, first = class_numbers(each), len(lines) + 1
        lines += dynamo_lines(each.particles(), each.voxel_size_A, numbers, _number(each), first)
    write_text(path, lines)


def _dynamo_lists(tomograms: Tomograms, folder: Path) -> None:
    """Write the volumes for ``dcm -create NAME -fromvll``, and their numbers in column 20."""
    write_text(folder / "tomograms.vll", [volume_name(each) for each in tomograms])
    write_text(
        folder / "particles.doc", [f"{_number(each)} {volume_name(each)}" for each in tomograms]
    )


def _write_stopgap(path: Path, tomograms: Tomograms) -> None:
    tables, first = [], 1
    for each in tomograms:
        numbers = class_numbers(each)
        tables.append(
            stopgap_columns(each.particles(), each.voxel_size_A, numbers, _number(each), first)
        )
        first += len(tables[-1]["tomo_num"])
    columns = {name: [value for table in tables for value in table[name]] for name in tables[0]}
    write_star(path, {BLOCK: columns})


def _write_motives(path: Path, tomograms: Tomograms) -> None:
    tables, first = [], 1
    for each in tomograms:
        numbers = class_numbers(each)
        tables.append(
            motive_rows(each.particles(), each.voxel_size_A, numbers, _number(each), first)
        )
        first += len(tables[-1])
    write_motive_list(path, np.concatenate(tables))


def _tomogram_list(tomograms: Tomograms, folder: Path) -> None:
    lines = [f"{_number(each)} {volume_name(each)}" for each in tomograms]
    write_text(folder / "tomolist.txt", lines)


DYNAMO = _Tables("Dynamo", "particles.tbl", _write_dynamo, _dynamo_lists).format()
STOPGAP = _Tables("STOPGAP", "particles.star", _write_stopgap, _tomogram_list).format()
MOTIVE_LISTS = _Tables("TOM and AV3", "particles.em", _write_motives, _tomogram_list).format()
