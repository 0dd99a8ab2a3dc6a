"""What the training folders of several networks have in common."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faket.data import DoubleArray
from faket.evaluation.matching import Picks
from faket.exchange.labels import consecutive
from faket.exchange.links import link_as_mrc
from faket.exchange.source import SourceTomogram
from faket.io.text import write_text

_EVERY = 5  # chosen: a fifth of the tomograms is enough to see when a training should end


def is_for_validation(tomogram: SourceTomogram) -> bool:
    """Return whether a tomogram is for validation: the second, and every fifth from there on.

    So two tomograms already give both sets, and a tomogram never changes its set when others are
    added at the end.
    """
    return tomogram.place % _EVERY == 1


def whole_voxels(picks: Picks, tomogram: SourceTomogram) -> NDArray[np.int64]:
    """Return x y z of each pick in whole voxels, within the tomogram.

    The programs cut decimals off, which would move particles by half a voxel on average.
    """
    places: DoubleArray = np.rint(picks.positions_A / tomogram.voxel_size_A)
    return np.clip(places, 0, np.array(tomogram.shape[::-1]) - 1).astype(np.int64)


def link_tomogram(tomogram: SourceTomogram, target: Path) -> None:
    """Put a tomogram's MRC file under another name, without a copy where the disk allows it."""
    link_as_mrc(tomogram.tomogram, target)


def write_class_list(tomograms: Sequence[SourceTomogram], folder: Path) -> None:
    """Write ``classes.csv``: the label of each class in this folder, and its name."""
    rows = [(number, name) for name, number in consecutive(tomograms[0]).items()]
    write_table(folder / "classes.csv", ("label", "name"), rows)


def write_table(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a CSV table with a header line."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, buffer.getvalue().splitlines())
