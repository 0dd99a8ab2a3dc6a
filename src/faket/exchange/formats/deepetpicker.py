"""DeepETPicker's raw data: ``raw_data/NAME.mrc`` and ``raw_data/NAME.coords``.

A line a particle: ``class x y z``, whole voxels from 0, classes from 1 without gaps (from the
program's code; it makes its labels from them). A tomogram without particles has no ``.coords``: the
program takes those with one for training.
"""

from collections.abc import Sequence
from pathlib import Path

from faket.exchange.face import Format
from faket.exchange.labels import consecutive
from faket.exchange.radii import radii_A
from faket.exchange.source import SourceTomogram
from faket.exchange.training import link_tomogram, whole_voxels, write_table
from faket.io.text import write_text


def _write(tomogram: SourceTomogram, folder: Path) -> None:
    place = folder / "raw_data"
    numbers, picks = consecutive(tomogram), tomogram.particles()
    link_tomogram(tomogram, place / f"{tomogram.name}.mrc")
    rows = zip(picks.species, whole_voxels(picks, tomogram).tolist(), strict=True)
    lines = [f"{numbers[name]}\t{x}\t{y}\t{z}" for name, (x, y, z) in rows]
    if lines:
        write_text(place / f"{tomogram.name}.coords", lines)


def _finish(tomograms: Sequence[SourceTomogram], folder: Path) -> None:
    """Write ``classes.csv``, with the diameter in voxels that ``ocp_diameter`` asks for, odd."""
    radii, size_A = radii_A(tomograms), tomograms[0].voxel_size_A
    rows = [
        (number, name, 2 * int(radii[name] / size_A) + 1 if name in radii else "")
        for name, number in consecutive(tomograms[0]).items()
    ]
    write_table(folder / "classes.csv", ("label", "name", "ocp_diameter"), rows)


FORMAT = Format(write=_write, finish=_finish)
