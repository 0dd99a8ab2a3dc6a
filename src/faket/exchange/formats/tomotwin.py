"""TomoTwin's training volumes: a box of 37 voxels about each particle, ``train/`` and ``valid/``.

TomoTwin finds a volume's class in its file's name: four characters after ``id``, the first of them
a digit, as in a PDB code. Classes whose names are no PDB codes get ``0001``, ``0002``, … (no PDB
code begins with 0), which ``classes.csv`` lists. Particles nearer to the border than half a box
are left out. The box's centre, voxel 18, is the voxel nearest to the particle's place; volumes are
not turned.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from faket.data import FloatArray, Volume
from faket.exchange.face import Format
from faket.exchange.labels import consecutive
from faket.exchange.source import SourceTomogram
from faket.exchange.training import is_for_validation, write_table
from faket.io.failures import notice
from faket.io.mrc import write_volume

_BOX = 37  # voxels; the size that TomoTwin's network takes
_CODE = re.compile(r"[1-9][A-Za-z0-9]{3}")


def codes(tomogram: SourceTomogram) -> dict[str, str]:
    """Return class → the four characters by which TomoTwin knows it."""
    return {
        name: name.upper() if _CODE.fullmatch(name) else f"{number:04d}"
        for name, number in consecutive(tomogram).items()
    }


def _write(tomogram: SourceTomogram, folder: Path) -> None:
    place = folder / ("valid" if is_for_validation(tomogram) else "train")
    picks, known = tomogram.particles(), codes(tomogram)
    corners = np.rint(picks.positions_A[:, ::-1] / tomogram.voxel_size_A).astype(int) - _BOX // 2
    inside = ((corners >= 0) & (corners + _BOX <= tomogram.shape)).all(axis=1)
    if not inside.all():
        notice(
            tomogram.tomogram, f"{(~inside).sum()} of {len(picks)} particles left out for "
            f"TomoTwin: a box of {_BOX} voxels about them reaches over the border"
        )  # fmt: skip
    opened: dict[int, FloatArray] = {}
    for z, plane in enumerate(tomogram.planes()):
        first = np.flatnonzero(inside & (corners[:, 0] == z)).tolist()
        opened |= {i: np.empty((_BOX,) * 3, np.float32) for i in first}
        for i in list(opened):
            start, y, x = corners[i]
            opened[i][z - start] = plane[y : y + _BOX, x : x + _BOX]
            if z - start == _BOX - 1:
                name = f"id{known[picks.species[i]]}_{tomogram.name}_{i + 1}.mrc"
                write_volume(place / name, Volume(opened.pop(i), tomogram.voxel_size_A))


def _finish(tomograms: Sequence[SourceTomogram], folder: Path) -> None:
    write_table(folder / "classes.csv", ("code", "name"), [
        (code, name) for name, code in codes(tomograms[0]).items()
    ])  # fmt: skip


FORMAT = Format(write=_write, finish=_finish)
