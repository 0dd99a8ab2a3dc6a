"""RELION 5 and RELION 4: particles with optics groups, and the list of tomograms.

A tomogram whose tilt-series is in the data set gets its table and its stack too: for RELION 5 as
:mod:`faket.exchange.formats.tilt_series` writes them, for RELION 4 in ``tomograms.star`` itself,
whose matrices take voxels to pixels. RELION 4 works on tilt-series only, so that without them there
are its particles and no ``tomograms.star``.

RELION's centre of a tomogram is half its ``rlnTomoSize`` (``Tomogram::centre``), faket's is sample
N // 2. So that both are the same place, the size written is twice N // 2 voxels, in pixels of the
tilt-series: an odd size becomes one voxel smaller.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from faket.exchange.face import Format, Tomograms, class_numbers
from faket.exchange.formats.shared import (
    has_series,
    link_tomogram,
    refuse_blanks,
    unbinned_pixel_A,
    volume_name,
)
from faket.exchange.formats.tilt_series import told_series
from faket.exchange.links import link
from faket.exchange.source import SourceTomogram
from faket.exchange.true_series import true_series
from faket.io.metadata_writers import relion
from faket.io.model_folder import PROJECTIONS_UNBINNED
from faket.io.star import Table, write_star
from faket.io.star_picks import relion_columns
from faket.io.text import format_number

# Chosen, because they are those of most microscopes, and RELION needs numbers.
_USUAL = {"voltage_kV": 300.0, "spherical_aberration_mm": 2.7, "amplitude_contrast": 0.1}
_COLUMNS = dict(zip(_USUAL, ("rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast"),
                    strict=True))  # fmt: skip
_SIZE = tuple(f"rlnTomoSize{axis}" for axis in "XYZ")
_ONLY_IN_5 = ("rlnTomoTomogramBinning", "rlnTomoReconstructedTomogram", "rlnTomoTiltSeriesStarFile")


def _check(tomograms: Tomograms) -> None:
    refuse_blanks(tomograms, "RELION")


def _optics(tomogram: SourceTomogram) -> dict[str, str]:
    """Return voltage, aberration, amplitude contrast and pixel size of a tilt-series."""
    geometry = true_series(tomogram.folder) if has_series(tomogram) else None
    known = {name: getattr(geometry, name, None) or usual for name, usual in _USUAL.items()}
    row = {column: format_number(known[name]) for name, column in _COLUMNS.items()}
    return row | {"rlnTomoTiltSeriesPixelSize": format_number(unbinned_pixel_A(tomogram))}


def _optics_groups(tomograms: Tomograms) -> dict[tuple[str, ...], int]:
    """Return optics → number of its group, from 1, in the order of the tomograms."""
    groups: dict[tuple[str, ...], int] = {}
    for tomogram in tomograms:
        groups.setdefault(tuple(_optics(tomogram).values()), len(groups) + 1)
    return groups


def _group_name(number: int) -> str:
    return f"opticsGroup{number}"


def _optics_table(tomograms: Tomograms) -> Table:
    groups = _optics_groups(tomograms)
    names = list(_optics(tomograms[0]))
    table: Table = {
        "rlnOpticsGroup": [str(number) for number in groups.values()],
        "rlnOpticsGroupName": [_group_name(number) for number in groups.values()],
    }
    table |= {
        name: list(column) for name, column in zip(names, zip(*groups, strict=True), strict=True)
    }
    table["rlnImageDimensionality"] = ["3"] * len(groups)
    return table


def _particle_table(tomograms: Tomograms, *, in_pixels: bool) -> Table:
    """Return the particles of all tomograms; columns that some lack are left out."""
    groups, tables = _optics_groups(tomograms), []
    for tomogram in tomograms:
        columns = relion_columns(
            tomogram.particles(),
            tomogram.shape,
            tomogram.voxel_size_A,
            tomogram=tomogram.name,
            numbers=class_numbers(tomogram),
            pixel_size_A=unbinned_pixel_A(tomogram) if in_pixels else None,
        )
        n = len(columns["rlnTomoName"])
        group = str(groups[tuple(_optics(tomogram).values())])
        columns["rlnTomoParticleName"] = [f"{tomogram.name}/{i}" for i in range(1, n + 1)]
        columns["rlnOpticsGroup"] = [group] * n
        if n:
            tables.append(columns)
    shared = [name for name in tables[0] if all(name in t for t in tables)] if tables else []
    return {name: [value for table in tables for value in table[name]] for name in shared}


def _tomogram_rows(tomograms: Tomograms) -> Iterator[dict[str, str]]:
    groups = _optics_groups(tomograms)
    for tomogram in tomograms:
        optics = _optics(tomogram)
        binning = tomogram.voxel_size_A / float(optics["rlnTomoTiltSeriesPixelSize"])
        row = {"rlnTomoName": tomogram.name, **optics}
        row["rlnTomoHand"] = str(relion.HAND)
        row["rlnOpticsGroupName"] = _group_name(groups[tuple(optics.values())])
        row |= dict(zip(_SIZE, map(str, _size_px(tomogram, binning)), strict=True))
        row["rlnTomoTomogramBinning"] = format_number(binning)
        row["rlnTomoReconstructedTomogram"] = volume_name(tomogram)
        if has_series(tomogram):
            row["rlnTomoTiltSeriesStarFile"] = _series_file(tomogram)
        yield row


def _size_px(tomogram: SourceTomogram, binning: float) -> tuple[int, int, int]:
    """Return x y z of a tomogram in pixels of its tilt-series, whose half is its centre."""
    z, y, x = (round(2 * (voxels // 2) * binning) for voxels in tomogram.shape)
    return x, y, z


def _series_file(tomogram: SourceTomogram) -> str:
    return f"tilt_series/{tomogram.name}.star"


def _write5(tomogram: SourceTomogram, folder: Path) -> None:
    link_tomogram(tomogram, folder)
    if has_series(tomogram):
        stack = _stack_file(tomogram)
        table = relion.tilt_series(told_series(tomogram), stack)
        write_star(folder / _series_file(tomogram), {tomogram.name: table})
        link(tomogram.folder / PROJECTIONS_UNBINNED, folder / stack)


def _stack_file(tomogram: SourceTomogram) -> str:
    return f"stacks/{tomogram.name}.mrcs"


def _write4(tomogram: SourceTomogram, folder: Path) -> None:
    link_tomogram(tomogram, folder)
    if has_series(tomogram):
        link(tomogram.folder / PROJECTIONS_UNBINNED, folder / _stack_file(tomogram))


def matrix_blocks(tomograms: Tomograms) -> dict[str, Table]:
    """Return RELION 4's ``tomograms.star``: a list of those with tilt-series, and their tables."""
    rows, tables = [], {}
    for tomogram, row in zip(tomograms, _tomogram_rows(tomograms), strict=True):
        if not has_series(tomogram):
            continue
        table = relion.matrix_table(
            told_series(tomogram), _size_px(tomogram, float(row["rlnTomoTomogramBinning"]))
        )
        tables[tomogram.name] = table
        kept = {name: value for name, value in row.items() if name not in _ONLY_IN_5}
        stack = {
            "rlnTomoTiltSeriesName": _stack_file(tomogram),
            "rlnTomoFrameCount": str(len(table["rlnTomoProjX"])),
        }
        rows.append(kept | stack)
    return (
        {"global": {name: [row[name] for row in rows] for name in rows[0]}, **tables}
        if rows
        else {}
    )


def _finish(*, in_pixels: bool) -> Callable[[Tomograms, Path], None]:
    def finish(tomograms: Tomograms, folder: Path) -> None:
        blocks = {
            "optics": _optics_table(tomograms),
            "particles": _particle_table(tomograms, in_pixels=in_pixels),
        }
        write_star(folder / "particles.star", blocks)
        if in_pixels and (series := matrix_blocks(tomograms)):
            write_star(folder / "tomograms.star", series)
        elif not in_pixels:
            rows = list(_tomogram_rows(tomograms))
            shared = [name for name in rows[-1] if all(name in row for row in rows)]
            columns = {name: [row[name] for row in rows] for name in shared}
            write_star(folder / "tomograms.star", {"global": columns})

    return finish


RELION5 = Format(write=_write5, finish=_finish(in_pixels=False), check=_check)
RELION4 = Format(write=_write4, finish=_finish(in_pixels=True), check=_check)
