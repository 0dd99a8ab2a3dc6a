"""A tomogram seen again at tilt angles: the mean of its voxels along every ray."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.device import Device
from faket.projection import project

# Of the longest ray of a tilt; chosen, because shorter ones hold more of the tilts beside theirs.
_SHORTEST_RAY = 0.6
# Contrast of a plane over the median of its axis; chosen: padding has none.
_BLANK = 1e-3


@dataclass(frozen=True, eq=False)
class Reprojections:
    """Images of a tomogram along the beams of some tilts.

    Attributes
    ----------
    images : ndarray, shape (tilt, y, x), float32
        Mean along each ray, of a tomogram of mean 0. Columns whose rays miss the tomogram, or cross
        it near an edge, are mirrored from the others.
    columns : ndarray of int, shape (tilts, 2)
        First column that is not mirrored, and the one after the last.
    depths : ndarray, shape (tilts,)
        How far the rays of these columns reach along z, mean, voxels: the tomogram's thickness,
        and less where rays leave it through its sides.
    angles_deg : ndarray, shape (tilts,)
    """

    images: FloatArray
    columns: NDArray[np.intp]
    depths: DoubleArray
    angles_deg: DoubleArray

    @property
    def on_grid(self) -> NDArray[np.bool_]:
        """Which tilts' rays meet the centres of the voxels, so that nothing is interpolated."""
        return np.asarray(np.abs(np.tan(np.radians(self.angles_deg))) * self.depths < 1)


def reproject(
    volume: AnyArray, angles_deg: DoubleArray, *, device: Device = "auto"
) -> Reprojections:
    """Project a tomogram and divide by the lengths of the rays.

    A weighted back-projection holds at all voxels of a ray the same value of that tilt's filtered
    image. The mean along the ray is this value, whatever the tomogram's size.

    Parameters
    ----------
    volume : ndarray, shape (z, y, x)
        The tilt axis is y. It is copied once, as float32.
    angles_deg : ndarray, shape (tilts,)
    device : {"auto", "cpu", "cuda"}

    Returns
    -------
    Reprojections
    """
    data = np.array(volume, np.float32, order="C")
    data -= np.float32(data.mean(dtype=np.float64))
    images = project(data, angles_deg, device=device)
    ones = np.ones((data.shape[0], 1, data.shape[2]), np.float32)
    lengths = project(ones, angles_deg, device=device)[:, 0]  # [tilt, 1, x] → [tilt, x]
    columns = np.empty((len(images), 2), np.intp)
    depths = np.cos(np.radians(angles_deg))
    for tilt, (image, length, ends) in enumerate(zip(images, lengths, columns, strict=True)):
        long = np.flatnonzero(length >= _SHORTEST_RAY * length.max())
        first, end = ends[:] = int(long[0]), int(long[-1]) + 1
        depths[tilt] *= length[first:end].mean()
        beside = ((0, 0), (first, image.shape[1] - end))
        image[:] = np.pad(image[:, first:end] / length[first:end], beside, mode="symmetric")
    return Reprojections(images, columns, depths, np.asarray(angles_deg, np.float64))


def without_padding(volume: AnyArray) -> AnyArray:
    """Return the part of a volume [3 axes] between planes of one value at its ends."""
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        contrast = np.std(volume, axis=others, dtype=np.float64)
        held = np.flatnonzero(contrast > _BLANK * np.median(contrast))
        if len(held):
            inside = slice(held[0], held[-1] + 1)
            volume = volume[tuple(inside if a == axis else slice(None) for a in range(3))]
    return volume
