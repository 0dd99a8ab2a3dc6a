"""Radii of classes, as measured on instance masks."""

import numpy as np
from scipy.spatial.transform import Rotation

from faket.data import Particles
from faket.exchange.radii import radii_A
from faket.exchange.source import SourceTomogram
from faket.io.mrc import write_mask
from faket.io.particles import write_particles


def tomogram(folder, mask, species, positions_A):
    n = len(species)
    table = Particles(
        np.arange(1, n + 1), tuple(species), np.array(positions_A, float),
        Rotation.identity(n), np.full((n, 3), np.nan),
    )  # fmt: skip
    write_mask(folder / "occupancy_mask.mrc", mask, 10.0)
    write_particles(folder / "particles.csv", table)
    return SourceTomogram("a", folder, folder / "a.mrc", 10.0, mask.shape)


def test_particles_that_the_border_cuts_count_only_if_all_are_cut(tmp_path):
    """Rods along x about their positions: one whole of 5 voxels, two cut ones of 2."""
    mask = np.zeros((9, 9, 20), np.uint16)
    mask[4, 4, 8:13], mask[4, 2, :2], mask[4, 6, 18:] = 1, 2, 3
    places = [[100, 40, 40], [0, 20, 40], [190, 60, 40]]
    rods = tomogram(tmp_path, mask, ["rod"] * 3, places)
    assert radii_A([rods]) == {"rod": 20.0}
    mask[4, 4] = 0
    rods = tomogram(tmp_path, mask, ["rod"] * 3, places)
    assert radii_A([rods]) == {"rod": 10.0}
