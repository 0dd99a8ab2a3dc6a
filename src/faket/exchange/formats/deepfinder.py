"""DeepFinder's training folder: ``train/`` and ``valid/`` with three files a tomogram.

``NAME.mrc``, ``NAME_target.mrc`` (labels 1, 2, … without gaps, 0 background) and
``NAME_objl.xml``. Facts, from cryoet-deepfinder 0.2.1: the loader goes by ``_objl.xml``; places are
voxels from 0 of which decimals are cut off; its angles φ ψ θ turn a molecule by
Rz(ψ) Rx(θ) Rz(φ), which takes the particle's frame to the tomogram's.
"""

from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from faket.evaluation.matching import Picks
from faket.exchange.face import Format
from faket.exchange.labels import consecutive, label_planes
from faket.exchange.source import SourceTomogram
from faket.exchange.training import (
    is_for_validation,
    link_tomogram,
    whole_voxels,
    write_class_list,
)
from faket.io.mrc import write_mask
from faket.io.shrec.locations import euler_angles_deg
from faket.io.text import write_text


def _write(tomogram: SourceTomogram, folder: Path) -> None:
    place = folder / ("valid" if is_for_validation(tomogram) else "train")
    numbers, picks = consecutive(tomogram), tomogram.particles()
    link_tomogram(tomogram, place / f"{tomogram.name}.mrc")
    planes = label_planes(tomogram, numbers)
    target = np.empty(tomogram.shape, np.uint8)
    for plane, labels in zip(target, planes, strict=True):
        plane[:] = labels
    write_mask(place / f"{tomogram.name}_target.mrc", target, tomogram.voxel_size_A)
    lines = ["<objlist>", *_objects(tomogram, picks, numbers), "</objlist>"]
    write_text(place / f"{tomogram.name}_objl.xml", lines)


def _objects(tomogram: SourceTomogram, picks: Picks, numbers: dict[str, int]) -> list[str]:
    voxels = whole_voxels(picks, tomogram)
    angles = None
    if picks.rotations is not None and len(picks):
        angles = euler_angles_deg(picks.rotations, "zxz")  # φ θ ψ in their words
    lines = []
    for i, name in enumerate(picks.species):
        values: dict[str, object] = {"tomo_idx": tomogram.place, "class_label": numbers[name]}
        values |= dict(zip("xyz", voxels[i].tolist(), strict=True))
        if angles is not None:
            phi, theta, psi = np.round(angles[i], 2) + 0.0
            values |= {"phi": phi, "psi": psi, "the": theta}
        text = " ".join(f"{key}={quoteattr(str(value))}" for key, value in values.items())
        lines.append(f"  <object {text}/>")
    return lines


FORMAT = Format(write=_write, finish=write_class_list)
