"""Crowding: a part of the volume filled with membranes, filaments and ten species.

Run: python benchmarks/bench_crowding.py [percent] [size]   (default 30 and 1024: 1024 x 1024 x 360
voxels of 5 Å; wall time, CPU seconds of two threads, peak memory, and an independent repainting
that counts voxels which two objects claim)
"""

import resource
import sys
import time
from collections import Counter

import numba
import numpy as np

from faket.io.molecules import load_species
from faket.specimen import (
    FilamentSettings,
    Painter,
    SpecimenConfig,
    build_specimen,
    paint_specimen,
    place_particles,
)
from faket.specimen.membrane_settings import MembraneSettings

SPECIES = ("elbow", "wye", "propeller", "ring", "block", "barrel", "star", "cage", "rod", "lobes")
MEMBRANES = (
    MembraneSettings(shape="double", name="mitochondrion", size_A=(1400.0, 1600.0)),
    MembraneSettings(shape="tubule", name="reticulum", size_A=(2400.0, 2700.0)),
    MembraneSettings(shape="vesicle", name="vesicle-like", size_A=(500.0, 900.0), count=(4, 4)),
)
SCENERY = 0.025  # what membranes and filaments fill at full size; the rest is for the species


def config(size_voxels, percent):
    length_A = (1000.0, 1500.0) if size_voxels[0] < 512 else (2000.0, 3000.0)
    subunits = [
        FilamentSettings(
            kind="microtubule", subunit="syn-tubulin", copies=(4, 4), length_A=length_A
        ),
        FilamentSettings(kind="actin", subunit="syn-actin", copies=(12, 12), length_A=length_A),
    ]
    share = (percent / 100 - SCENERY) / len(SPECIES)
    return SpecimenConfig(
        size_voxels=size_voxels,
        volume_fractions={f"syn-{name}": share for name in SPECIES},
        vesicles=(0, 0),
        gold=(5, 5),
        membranes=MEMBRANES,
        filaments=tuple(subunits),
    )


def claims(settings, species, placement):
    """Return how many voxels are claimed once, and how often another object claims them again.

    Each class is labelled alone, on an empty mask, so that none hides another.
    """
    painted = np.zeros(settings.size_voxels[::-1], np.uint8)
    again = 0
    for name in Counter(placement.particles.species):
        chosen = np.flatnonzero([one == name for one in placement.particles.species])
        membranes = [m for m in placement.membranes if m.number in placement.particles.ids[chosen]]
        one = Painter.of(settings, species, placement.particles.select(chosen), membranes)
        mask = one.labels()[0] > 0
        again += int((painted[mask] > 0).sum())
        painted[mask] = 1
    return int(np.count_nonzero(painted)), again


def main(percent: float, size: int) -> None:
    numba.set_num_threads(min(2, numba.config.NUMBA_NUM_THREADS))
    names = (*SPECIES, "tubulin", "actin")
    species = [load_species(f"synthetic:syn-{name}", voxel_size_A=5.0) for name in names]
    wall = time.perf_counter()
    build_specimen(config((240, 240, 240), 5), species, seed=0)
    print(f"kernels compiled or loaded in {time.perf_counter() - wall:.1f} s", flush=True)
    settings = config((size, size, 360 * size // 1024), percent)
    wall, cpu = time.perf_counter(), time.process_time()
    placement = place_particles(settings, species, seed=1)
    print(
        f"placement: {time.perf_counter() - wall:.1f} s, {time.process_time() - cpu:.1f} CPU s; "
        f"{len(placement.particles)} objects, "
        + ", ".join(
            f"{placement.placed[n]}/{placement.requested[n]} {n}" for n in placement.placed
        ),
        flush=True,
    )
    painted = paint_specimen(settings, species, placement.particles, placement.membranes)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    memory_GB = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    filled = np.count_nonzero(painted.class_mask) / painted.class_mask.size
    print(
        f"all: {wall:.1f} s, {cpu:.1f} CPU s, filled {filled:.1%}, peak {memory_GB:.2f} GB",
        flush=True,
    )
    found = np.count_nonzero(painted.class_mask)
    del painted
    once, again = claims(settings, species, placement)
    print(f"repainted class by class: {once} voxels ({found} painted), {again} claimed twice")


if __name__ == "__main__":
    main(*(float(a) for a in sys.argv[1:2] or ["30"]), *(int(a) for a in sys.argv[2:3] or ["1024"]))
