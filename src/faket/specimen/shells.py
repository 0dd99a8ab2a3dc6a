"""Shells around an ellipsoid on the voxel grid: the membranes of vesicles.

Centres (x, y, z) and lengths are in voxels.
"""

import numpy as np
from numba import prange

from faket.compiling import kernel
from faket.data import AnyArray, DoubleArray, FloatArray
from faket.specimen.ellipsoids import (
    covered,
    level,
    row_distances,
    sampled,
    voxel_distance,
)
from faket.specimen.shell_limits import limits_of, row_of_shell


@kernel(parallel=True)
def scan_shell(
    occupancy: AnyArray,
    centre: DoubleArray,
    rotation: DoubleArray,
    semi_axes: DoubleArray,
    half: float,
    write: bool,
) -> int:
    """Return the number of voxels no farther than ``half`` from the surface that are occupied.

    In each plane of z only the first is counted. With ``write``, mark these voxels as occupied and
    return their number. Voxels outside the grid are ignored.
    """
    nz = occupancy.shape[0]
    limits = limits_of(semi_axes, half)
    z0, z1 = covered(centre[2], limits[0].max(), nz)
    count = 0
    for z in prange(z0, z1):
        count += _scan_plane(
            occupancy[z], z - centre[2], centre, rotation, semi_axes, half, limits, write
        )
    return count


@kernel()
def _scan_plane(
    plane: AnyArray,
    dz: float,
    centre: DoubleArray,
    rotation: DoubleArray,
    semi_axes: DoubleArray,
    half: float,
    limits: DoubleArray,
    write: bool,
) -> int:
    ny, nx = plane.shape
    y0, y1 = covered(centre[1], limits[0].max(), ny)
    distances = np.empty(nx)
    count = 0
    for y in range(y0, y1):
        dy = y - centre[1]
        a, b, c, d = row_of_shell((0, 1, nx), centre[0], dy, dz, rotation, limits)
        for side in range(2):
            start, stop = (a, b) if side == 0 else (c, d)
            if write:
                row_distances(
                    start, 1, stop - start, centre[0], dy, dz, rotation, semi_axes, distances
                )
            for x in range(start, stop):
                if write and abs(distances[x - start]) <= half:
                    plane[y, x] = True
                    count += 1
                # A free voxel is no obstacle, in the shell or not.
                if not write and plane[y, x]:
                    distance = voxel_distance(x - centre[0], dy, dz, rotation, semi_axes)
                    if abs(distance) <= half:
                        return 1
    return count


@kernel()
def _lumen_holds_grid(
    shape: tuple[int, int, int],
    centre: DoubleArray,
    rotation: DoubleArray,
    semi_axes: DoubleArray,
    half: float,
) -> bool:
    """Tell whether all corners of the grid, and so all of it, lie in the lumen."""
    k = 1.0 - half / min(semi_axes[0], semi_axes[1], semi_axes[2])
    for corner in range(8):
        dx = (shape[2] - 1) * (corner & 1) - centre[0]
        dy = (shape[1] - 1) * (corner >> 1 & 1) - centre[1]
        dz = (shape[0] - 1) * (corner >> 2) - centre[2]
        if k <= 0.0 or level(dx, dy, dz, rotation, semi_axes) >= k * k:
            return False
    return True


@kernel()
def _points_free(
    occupancy: AnyArray,
    centre: DoubleArray,
    rotation: DoubleArray,
    semi_axes: DoubleArray,
    half: float,
    points: DoubleArray,
) -> bool:
    nz, ny, nx = occupancy.shape
    for i in range(len(points)):
        x = round(centre[0] + points[i, 0])
        y = round(centre[1] + points[i, 1])
        z = round(centre[2] + points[i, 2])
        if 0 <= x < nx and 0 <= y < ny and 0 <= z < nz and occupancy[z, y, x]:
            dx, dy, dz = x - centre[0], y - centre[1], z - centre[2]
            if abs(voxel_distance(dx, dy, dz, rotation, semi_axes)) <= half:
                return False
    return True


@kernel()
def first_shell_fit(
    occupancy: AnyArray,
    centres: DoubleArray,
    rotation: DoubleArray,
    semi_axes: DoubleArray,
    half: float,
    points: DoubleArray,
) -> int:
    """Occupy the shell's voxels at the first free centre; return its index, or -1.

    A shell without a voxel in the grid does not count. The voxels nearest to ``points`` of the
    surface (rotated, from the centre) are tested first: one that belongs to the shell and is not
    free rules the centre out before all voxels are scanned.
    """
    for n in range(len(centres)):
        centre = centres[n]
        if _lumen_holds_grid(occupancy.shape, centre, rotation, semi_axes, half):
            continue
        if not _points_free(occupancy, centre, rotation, semi_axes, half, points):
            continue
        if scan_shell(occupancy, centre, rotation, semi_axes, half, False) > 0:
            continue
        if scan_shell(occupancy, centre, rotation, semi_axes, half, True) > 0:
            return n
    return -1


@kernel(parallel=True)
def add_shells(
    potential: FloatArray,
    first: int,
    centres: DoubleArray,
    rotations: DoubleArray,
    semi_axes: DoubleArray,
    profile: DoubleArray,
    profile_step: float,
) -> None:
    """Add a potential that depends on the distance to the surface to planes from z = ``first`` on.

    ``profile`` holds the potential at multiples of ``profile_step`` voxels from the surface, and
    0 at its end. Each thread works on its own planes of z, so the result does not depend on their
    number.
    """
    nz, ny, nx = potential.shape
    reach = profile_step * (len(profile) - 1)
    for k in prange(nz):
        distances = np.empty(nx)
        for i in range(len(centres)):
            centre, rotation, axes = centres[i], rotations[i], semi_axes[i]
            dz = first + k - centre[2]
            limits = limits_of(axes, reach)
            if abs(dz) > limits[0].max():
                continue
            y0, y1 = covered(centre[1], limits[0].max(), ny)
            for y in range(y0, y1):
                dy = y - centre[1]
                a, b, c, d = row_of_shell((0, 1, nx), centre[0], dy, dz, rotation, limits)
                for side in range(2):
                    start, stop = (a, b) if side == 0 else (c, d)
                    row_distances(
                        start, 1, stop - start, centre[0], dy, dz, rotation, axes, distances
                    )
                    for x in range(start, stop):
                        place = abs(distances[x - start]) / profile_step
                        m = int(place)
                        if m < len(profile) - 1:
                            f = place - m
                            potential[k, y, x] += (1.0 - f) * profile[m] + f * profile[m + 1]


@kernel(parallel=True)
def label_shells(
    class_mask: AnyArray,
    instance_mask: AnyArray,
    origin: tuple[int, int, int],
    step: int,
    centres: DoubleArray,
    rotations: DoubleArray,
    semi_axes: DoubleArray,
    ids: AnyArray,
    label: int,
    half: float,
) -> None:
    """Label the unlabelled samples no farther than ``half`` from the surface.

    Sample [k, j, i] lies at the voxel ``origin`` + step (i, j, k).
    """
    nz, ny, nx = class_mask.shape
    for k in prange(nz):
        distances = np.empty(nx)
        for n in range(len(ids)):
            centre, rotation, axes = centres[n], rotations[n], semi_axes[n]
            dz = origin[2] + step * k - centre[2]
            limits = limits_of(axes, half)
            reach = limits[0].max()
            if abs(dz) > reach:
                continue
            j0, j1 = sampled(centre[1] - reach, centre[1] + reach, origin[1], step, ny)
            for j in range(j0, j1):
                dy = origin[1] + step * j - centre[1]
                a, b, c, d = row_of_shell(
                    (origin[0], step, nx), centre[0], dy, dz, rotation, limits
                )
                for side in range(2):
                    start, stop = (a, b) if side == 0 else (c, d)
                    x0 = origin[0] + step * start
                    row_distances(
                        x0, step, stop - start, centre[0], dy, dz, rotation, axes, distances
                    )
                    for i in range(start, stop):
                        if abs(distances[i - start]) <= half and class_mask[k, j, i] == 0:
                            class_mask[k, j, i] = label
                            instance_mask[k, j, i] = ids[n]
