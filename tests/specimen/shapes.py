"""Species without any symmetry, and a painter of labels that shares no code with faket's."""

import numpy as np
from scipy.ndimage import affine_transform
from scipy.spatial.transform import Rotation

from faket.data import Species

VOXEL_A = 5.0


def species(name="hook", scale=1.0, n=25, voxel_A=VOXEL_A):
    """Three Gaussian lobes of different size and position; the centre of mass is the origin."""
    z, y, x = (np.mgrid[:n, :n, :n] - n // 2) / scale
    lobes = [(0, 0, 0, 3.0, 1.0), (3.5, 1.0, -0.5, 2.2, 0.8), (-1.0, 3.0, 2.5, 1.8, 0.9)]
    mass = np.array([s**3 * a for *_, s, a in lobes])
    middle = (mass[:, None] * np.array([lobe[:3] for lobe in lobes])).sum(axis=0) / mass.sum()
    blob = np.zeros((n, n, n))
    for *centre, sigma, amplitude in lobes:
        dx, dy, dz = np.array(centre) - middle
        r2 = (x - dx) ** 2 + (y - dy) ** 2 + (z - dz) ** 2
        blob += amplitude * np.exp(-r2 / (2 * (sigma / 1.6) ** 2))
    return Species(
        name=name,
        potential=(4 * blob).astype(np.float32),
        envelope=np.clip(blob / 0.6, 0, 1).astype(np.float32),
        voxel_size_A=voxel_A,
    )


def rod(name="rod", length=10.0, n=31):
    """An elongated species, which collides unless orientations are chosen first."""
    z, y, x = np.mgrid[:n, :n, :n] - n // 2
    blob = np.exp(-0.5 * ((z / length * 1.2) ** 2 + (y / 1.3) ** 2 + (x / 1.3) ** 2) ** 2)
    return Species(name, (4 * blob).astype(np.float32), blob.astype(np.float32), VOXEL_A)


def resampled(array, centre, rotation, shape, order):
    """``array`` [z, y, x], turned by ``rotation`` and centred at ``centre`` (x, y, z; voxels)."""
    matrix = rotation.as_matrix().T[::-1, ::-1]
    middle = np.array(array.shape) // 2
    offset = middle - matrix @ np.asarray(centre)[::-1]
    return affine_transform(
        np.asarray(array, np.float64), matrix, offset, shape, order=order, mode="constant"
    )


def ellipsoid_level(shape, centre, rotation, semi_axes):
    """Σ (u / a)² on a grid [z, y, x]; all in voxels."""
    z, y, x = np.indices(shape)
    points = np.stack([x, y, z], axis=-1) - np.asarray(centre)
    return (((points @ rotation.as_matrix()) / semi_axes) ** 2).sum(axis=-1)


def surface(centre, rotation, semi_axes, n=200_000):
    """Points spread over an ellipsoid, in the grid's frame."""
    directions = np.random.default_rng(0).normal(size=(n, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return centre + rotation.apply(directions * semi_axes)


def random_rotation(seed):
    return Rotation.from_quat(np.random.default_rng(seed).normal(size=4))
