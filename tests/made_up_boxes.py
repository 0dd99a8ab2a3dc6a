"""Molecules of the mass of proteins, and crowded boxes for them."""

import numpy as np

from faket.specimen.shapes import prepare_shape
from faket.structures import synthetic_species

SHAPES = [
    prepare_shape(synthetic_species(f"syn-{name}", voxel_size_A=5.0))
    for name in ("elbow", "wye", "ring")
]


def box(seed, share, shape=(70, 80, 90)):
    """Occupied balls that fill a share of a box."""
    rng = np.random.default_rng(seed)
    occupied = np.zeros(shape, bool)
    z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    while occupied.mean() < share:
        c, r = rng.random(3) * shape, rng.uniform(1, 12)
        occupied |= (z - c[0]) ** 2 + (y - c[1]) ** 2 + (x - c[2]) ** 2 < r * r
    return occupied
