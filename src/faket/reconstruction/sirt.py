"""SIRT: a tomogram whose projections are the images, by simultaneous iterations."""

import numpy as np

from faket.data import DoubleArray, FloatArray
from faket.device import Device
from faket.projection import back_project, project

_SHORT = 0.05  # of the longest ray or sum; chosen, because less divides by next to nothing


def sirt(
    images: FloatArray,
    angles_deg: DoubleArray,
    *,
    depth: int,
    iterations: int,
    device: Device = "auto",
) -> FloatArray:
    """Reconstruct by iterations x ← x + C Aᵀ R (b - A x), from x = 0.

    A is the projector, Aᵀ its exact adjoint; R divides each pixel's error by the length of its ray,
    C by what a voxel gets from all tilts (Gregor and Benson, IEEE Trans. Med. Imaging 27, 2008).
    Few iterations hold low frequencies only; each makes the misfit ‖b - A x‖, weighted by R,
    smaller. Besides images and tomogram there is one more of each in memory.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
        Line sums, in voxels.
    angles_deg : ndarray, shape (tilts,)
    depth : int
    iterations : int
    device : {"auto", "cpu", "cuda"}

    Returns
    -------
    ndarray, shape (depth, y, x), float32
    """
    width = images.shape[2]
    # Of a slab that is the same in all rows: [tilt, 1, x] and [depth, 1, x]
    rays = project(np.ones((depth, 1, width), np.float32), angles_deg, device=device)
    fills = back_project(
        np.ones((len(images), 1, width), np.float32), angles_deg, depth=depth, device=device
    )
    per_ray, per_voxel = _inverse(rays), _inverse(fills)
    volume = np.zeros((depth, *images.shape[1:]), np.float32)
    for iteration in range(iterations):
        error = project(volume, angles_deg, device=device) if iteration else np.zeros_like(images)
        np.subtract(images, error, out=error)
        error *= per_ray
        step = back_project(error, angles_deg, depth=depth, device=device)
        step *= per_voxel
        volume += step
    return volume


def _inverse(values: FloatArray) -> FloatArray:
    """Return one over the values, 0 where next to nothing is summed."""
    least = _SHORT * values.max()
    return np.asarray(np.where(values > least, 1 / np.maximum(values, least), 0), np.float32)
