"""Noise-free projections of a specimen."""

import numpy as np
from numpy.typing import ArrayLike

from faket.data import Specimen, TiltGeometry, TiltSeries
from faket.device import Device
from faket.projection.projector import project


def noise_free_projections(
    specimen: Specimen, angles_deg: ArrayLike, *, device: Device = "auto"
) -> TiltSeries:
    """Project a specimen to noise-free tilts in which protein is dark.

    Parameters
    ----------
    specimen : Specimen
    angles_deg : array_like, shape (tilts,)
    device : {"auto", "cpu", "cuda"}

    Returns
    -------
    TiltSeries
        Minus the line integrals of the potential, V·Å, at the specimen's voxel size.
    """
    angles = np.asarray(angles_deg, np.float64)
    voxel_size_A = specimen.potential.voxel_size_A
    images = project(specimen.potential.data, angles, device=device)
    images *= np.float32(-voxel_size_A)
    return TiltSeries(images, TiltGeometry(angles, voxel_size_A))
