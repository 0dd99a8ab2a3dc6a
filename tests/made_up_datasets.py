"""A small data set in SHREC'21's layout: balls of two classes, with their tables and masks."""

import numpy as np
from scipy.spatial.transform import Rotation

from faket.data import Particles, Volume
from faket.io.model_folder import CLASS_NAMES, PARTICLES, model_name
from faket.io.particles import write_particles
from faket.io.shrec.model import write_shrec_model

SHAPE = (16, 30, 40)  # z y x
VOXEL_A = 10.0
CLASSES = {1: "ring", 2: "rod", 3: "never", 4: "vesicle", 5: "fiducial"}


def particles(seed=0, n=6):
    """Rings and rods with random poses, and a fiducial."""
    rng = np.random.default_rng(seed)
    names = [("ring", "rod")[i % 2] for i in range(n - 1)] + ["fiducial"]
    inside = rng.uniform(3, np.array(SHAPE[::-1]) - 4, (n, 3))
    axes = np.full((n, 3), np.nan)
    axes[-1] = 15.0
    return Particles(
        np.arange(1, n + 1), tuple(names), inside * VOXEL_A, Rotation.random(n, rng=rng), axes
    )


def write_dataset(out, tomograms=2, **kept):
    """Write model_0, model_1, ..., kept as write_shrec_model can, and return the folder."""
    numbers = {name: number for number, name in CLASSES.items()}
    for index in range(tomograms):
        there = particles(index)
        classes, ids = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint16)
        for i, place in enumerate(there.positions_A / VOXEL_A):
            z, y, x = np.rint(place[::-1]).astype(int)
            box = np.s_[z - 1 : z + 2, y - 1 : y + 2, x - 1 : x + 2]
            classes[box], ids[box] = numbers[there.species[i]], i + 1
        rng = np.random.default_rng(index)
        volume = Volume(rng.normal(0, 1, SHAPE).astype(np.float32), VOXEL_A)
        folder = out / model_name(index)
        write_shrec_model(
            folder,
            grandmodel=volume,
            class_mask=classes,
            occupancy_mask=ids,
            particles=there,
            reconstruction=volume,
            **kept,
        )
        write_particles(folder / PARTICLES, there)
        lines = [f"{number} {name}" for number, name in CLASSES.items()]
        (folder / CLASS_NAMES).write_text("\n".join(lines) + "\n")
    return out
