"""A made-up data set that takes no simulation, and a browser to look at its page."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from faket.data import Particles, TiltGeometry, TiltSeries, Volume
from faket.io.model_folder import (
    CLASS_NAMES,
    PARTICLES,
    PROJECTIONS,
    PROJECTIONS_UNBINNED,
    model_name,
    reference_name,
)
from faket.io.particles import write_particles
from faket.io.shrec.model import write_shrec_model
from faket.io.tilts import write_tilt_angles, write_tilt_series

SHAPE = (12, 24, 32)  # z, y, x
ANGLES = np.array([-40.0, -20.0, 0.0, 20.0, 40.0])


@pytest.fixture
def made_up(tmp_path):
    """Return a function that makes a data set of faket's layout and returns its folder."""

    def make(species=("ring", "star"), models=1, reference=True, particles=4) -> Path:
        folder = tmp_path / "data"
        for index in range(models):
            write_model(folder / model_name(index), species, particles, index)
        if reference:
            series(folder / reference_name(0) / PROJECTIONS, 9)
        (folder / "recipe.json").write_text(json.dumps({"name": "made up", "seed": 3}))
        return folder

    return make


def write_model(folder, species, particles, seed):
    rng = np.random.default_rng(seed)
    names = [species[i % len(species)] for i in range(particles)] if species else []
    places = np.array([[4 + 8 * (i % 4), 6 + 12 * (i // 4 % 2), 6] for i in range(len(names))])
    instances, classes = np.zeros(SHAPE, np.uint16), np.zeros(SHAPE, np.uint8)
    for i, (x, y, z) in enumerate(places):
        block = np.s_[z - 1 : z + 2, y - 1 : y + 2, x - 1 : x + 2]
        instances[block], classes[block] = i + 1, 1 + i % len(species)
    there = Particles(
        ids=np.arange(1, len(names) + 1),
        species=tuple(names),
        positions_A=10.0 * places.reshape(-1, 3),
        rotations=Rotation.from_quat(np.tile([0.0, 0.0, 0.0, 1.0], (len(names), 1))),
        semi_axes_A=np.full((len(names), 3), np.nan),
    )
    images = rng.normal(size=(len(ANGLES), *SHAPE[1:])).astype(np.float32)
    folder.parent.mkdir(parents=True, exist_ok=True)
    plain = {name: f"class{i}" for i, name in enumerate(species)}
    write_shrec_model(
        folder,
        grandmodel=Volume(instances.astype(np.float32), 10.0),
        class_mask=classes,
        occupancy_mask=instances,
        particles=there,
        reconstruction=Volume(rng.normal(size=SHAPE).astype(np.float32), 10.0),
        projections_unbinned=TiltSeries(images, TiltGeometry(ANGLES, 5.0)),
        noisefree_projections=TiltSeries(-np.abs(images), TiltGeometry(ANGLES, 5.0)),
        class_names=plain,
    )
    write_particles(folder / PARTICLES, there)
    lines = "".join(f"{i} {name}\n" for i, name in enumerate(("background", *species)))
    (folder / CLASS_NAMES).write_text(lines)
    write_tilt_angles((folder / PROJECTIONS_UNBINNED).with_suffix(".tlt"), ANGLES)


def series(path, seed):
    path.parent.mkdir(parents=True)
    images = np.random.default_rng(seed).normal(size=(5, 40, 40)).astype(np.float32)
    write_tilt_series(path, TiltSeries(images, TiltGeometry(ANGLES, 5.0)))
