"""Planted particles and plain oracles for template matching."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from faket.data import Species, TiltGeometry
from faket.picking.template_matching import KernelFactory, TemplateMatching, prepare_template
from faket.structures import synthetic_species

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def geometry():
    return TiltGeometry(np.arange(-60.0, 61.0, 3.0), 10.0)


@pytest.fixture(scope="session")
def hook():
    return synthetic_species("syn-hook", voxel_size_A=10.0)


def flat_transfer(size):
    """No wedge, no CTF: protein dark."""
    return np.full((size, size, size // 2 + 1), -1.0, np.float32)


def factory(species, *, mask="sphere", edge=2.0, transfer=None):
    settings = TemplateMatching(mask_edge_voxels=edge)
    template = prepare_template(species, species.voxel_size_A, settings)
    if transfer is None:
        transfer = flat_transfer(template.padded_box)
    return KernelFactory(template, transfer, mask, CPU)


def speckle(radius, seed=0):
    """A ball of white noise: its shifted and rotated copies hardly resemble it."""
    size = 2 * radius + 3
    along = np.arange(size) - size // 2
    inside = along[:, None, None] ** 2 + along[:, None] ** 2 + along**2 <= radius**2
    values = np.random.default_rng(seed).standard_normal((size,) * 3) * inside
    return Species("speckle", values.astype(np.float32), inside.astype(np.float32), 10.0)


def planted(shape, species, centres_zyx, rotations):
    """Potential of rotated copies, by cubic splines."""
    from scipy import ndimage

    volume = np.zeros(shape, np.float32)
    half = max(species.potential.shape) // 2 + 2
    along = np.arange(-half, half + 1)
    z, y, x = np.meshgrid(along, along, along, indexing="ij")
    points = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    middle = np.array(species.potential.shape) // 2
    for centre, rotation in zip(centres_zyx, rotations, strict=True):
        source = rotation.inv().apply(points)[:, ::-1] + middle
        copy = ndimage.map_coordinates(species.potential, source.T, order=3)
        window = tuple(slice(c - half, c + half + 1) for c in centre)
        volume[window] += copy.reshape((len(along),) * 3)
    return volume


def grid_centres(shape, step):
    axes = [np.arange(step // 2 + 1, n - step // 2 - 1, step) for n in shape]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


@pytest.fixture(scope="session")
def kit():
    return SimpleNamespace(
        factory=factory,
        flat_transfer=flat_transfer,
        grid_centres=grid_centres,
        identity=Rotation.identity(1),
        planted=planted,
        speckle=speckle,
    )
