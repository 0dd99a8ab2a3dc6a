"""Many molecules against what is there: collision and occupation of several poses at once."""

import math

import numpy as np

from faket.compiling import kernel
from faket.data import AnyArray, DoubleArray, FloatArray
from faket.specimen.molecules import Grid, inside, span

NO_FACE = np.empty((0, 0), np.float32)


@kernel()
def _reach(
    occupancy: AnyArray,
    centre: DoubleArray,
    rotation: DoubleArray,
    grid: Grid,
    write: bool,
    walls: bool,
    lower: FloatArray,
    upper: FloatArray,
) -> bool:
    """Return whether a molecule meets an occupied voxel; with ``write``, occupy its voxels.

    With ``walls``, planes of z below and above the grid count as occupied; elsewhere nothing does.
    Nothing counts as occupied below ``lower`` and above ``upper`` (heights [y, x] in voxels), if
    these are not empty.
    """
    nz, ny, nx = occupancy.shape
    radius = grid.radius
    for z in range(math.ceil(centre[2] - radius), math.floor(centre[2] + radius) + 1):
        beyond = z < 0 or z >= nz
        if beyond and not walls:
            continue
        for y in range(math.ceil(centre[1] - radius), math.floor(centre[1] + radius) + 1):
            if y < 0 or y >= ny:
                continue
            dy, dz = y - centre[1], z - centre[2]
            first, last = span(dy, dz, rotation, grid)
            start = max(0, math.ceil(centre[0] + first))
            stop = min(nx, math.floor(centre[0] + last) + 1)
            for x in range(start, stop):
                if not write and not beyond and not occupancy[z, y, x]:
                    continue
                if not write and len(lower) and (z <= lower[y, x] or z >= upper[y, x]):
                    continue
                if inside(x - centre[0], dy, dz, rotation, grid):
                    if not write:
                        return True
                    if not beyond:
                        occupancy[z, y, x] = True
    return False


@kernel()
def any_meets(
    occupancy: AnyArray,
    centres: DoubleArray,
    rotations: DoubleArray,
    grid: Grid,
    walls: bool,
    lower: FloatArray,
    upper: FloatArray,
) -> bool:
    """Return whether one of the molecules at these poses (voxels) meets something occupied."""
    for n in range(len(centres)):
        if _reach(occupancy, centres[n], rotations[n], grid, False, walls, lower, upper):
            return True
    return False


@kernel()
def occupy(occupancy: AnyArray, centres: DoubleArray, rotations: DoubleArray, grid: Grid) -> None:
    """Mark the voxels of molecules at these poses as occupied, as far as they are in the grid."""
    for n in range(len(centres)):
        _reach(occupancy, centres[n], rotations[n], grid, True, False, NO_FACE, NO_FACE)
