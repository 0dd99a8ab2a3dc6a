"""DeePiCt's 3D network: a table of tomograms, a mask and a list of places for each class.

``metadata.csv`` has ``tomo_name, tomo, lamella_file`` and, for each class, ``CLASS_mask`` (MRC, 0
and 1) and ``path_to_motl_clean_CLASS``. A list of places has TOM's twenty columns without a header,
with whole voxels from 0, as DeePiCt itself writes them (``build_tom_motive_list``); its angles
φ ψ θ mean Rz(ψ) Rx(θ) Rz(φ). A class without particles in a tomogram has no list there. There is no
lamella mask: all of a tomogram is specimen.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from faket.evaluation.matching import Picks
from faket.exchange.face import Format, class_names, refuse_names
from faket.exchange.labels import label_planes
from faket.exchange.source import SourceTomogram
from faket.exchange.training import link_tomogram, whole_voxels, write_table
from faket.io.mrc import write_mask
from faket.io.shrec.locations import euler_angles_deg
from faket.io.text import write_text


def _check(tomograms: Sequence[SourceTomogram]) -> None:
    # Names become parts of columns and files.
    refuse_names(
        tomograms,
        lambda name: all(c.isalnum() or c in "-_." for c in name),
        "letters, digits, hyphens and underscores",
        "DeePiCt",
    )


def _write(tomogram: SourceTomogram, folder: Path) -> None:
    link_tomogram(tomogram, folder / "tomograms" / f"{tomogram.name}.mrc")
    picks = tomogram.particles()
    for name in tomogram.classes.values():
        mask = np.empty(tomogram.shape, np.uint8)
        for plane, labels in zip(mask, label_planes(tomogram, {name: 1}), strict=True):
            plane[:] = labels
        write_mask(folder / _mask(tomogram, name), mask, tomogram.voxel_size_A)
        if lines := _motive_list(tomogram, picks, name):
            write_text(folder / _places(tomogram, name), lines)


def _motive_list(tomogram: SourceTomogram, picks: Picks, name: str) -> list[str]:
    chosen = [i for i, species in enumerate(picks.species) if species == name]
    voxels = whole_voxels(picks, tomogram)
    angles = np.zeros((len(picks), 3))
    if picks.rotations is not None and len(picks):
        angles = np.round(euler_angles_deg(picks.rotations, "zxz"), 3) + 0.0  # φ θ ψ
    lines = []
    for number, i in enumerate(chosen, start=1):
        x, y, z = voxels[i]
        phi, theta, psi = angles[i]
        score = 1 if picks.scores is None else picks.scores[i]
        row = (score, x, y, number, 0, 0, 0, x, y, z, 0, 0, 0, 0, 0, 0, phi, psi, theta, 1)
        lines.append(",".join(str(value) for value in row))
    return lines


def _finish(tomograms: Sequence[SourceTomogram], folder: Path) -> None:
    root = folder.parent.resolve()  # the export's own folder
    names = class_names(tomograms)
    header = ["tomo_name", "tomo", "lamella_file"]
    header += [f"{name}_mask" for name in names]
    header += [f"path_to_motl_clean_{name}" for name in names]
    rows = []
    for tomogram in tomograms:
        there = set(tomogram.particles().species)
        places = [root / _places(tomogram, name) if name in there else "" for name in names]
        masks = [root / _mask(tomogram, name) for name in names]
        file = root / "tomograms" / f"{tomogram.name}.mrc"
        rows.append([tomogram.name, file, "", *masks, *places])
    write_table(folder / "metadata.csv", header, rows)


def _mask(tomogram: SourceTomogram, name: str) -> Path:
    return Path("masks") / tomogram.name / f"{name}.mrc"


def _places(tomogram: SourceTomogram, name: str) -> Path:
    return Path("motl") / tomogram.name / f"{name}.csv"


FORMAT = Format(write=_write, finish=_finish, check=_check)
