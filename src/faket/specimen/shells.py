"""Shells around an ellipsoid on the voxel grid: the membranes of vesicles.

Two ellipsoids limit the voxels of a row for which the exact distance is computed: one with axes
longer by s D encloses all points within a distance D of the surface, one with axes shorter by s D
lies deeper than D. For with support function h(n) = |a n|, semi-axes a and unit vector n, that of the
larger one is at least its component along a n, which is h + s D Σ a n² / h, and that is h + D or more
if s ≥ h / Σ a n². By Kantorovich's inequality this is so for s = (a + c) / 2√(a c) of the longest and
the shortest semi-axis; for the smaller ellipsoid it is so with its own semi-axes.
Centres (x, y, z) and lengths are in voxels.
"""

import math

import numpy as np
from numba import prange

from faket.compiling import kernel
from faket.data import AnyArray, DoubleArray, FloatArray
from faket.specimen.ellipsoids import chord, covered, level, row_distances, voxel_distance

_LARGEST_SLACK = 2.0  # s of the smaller ellipsoid; chosen: semi-axes as 1 to 13.9 have it


@kernel()
def _slack(longest: float, shortest: float) -> float:
    """Return s; infinity if an axis has no length."""
    if shortest <= 0.0:
        return math.inf
    return (longest + shortest) / (2.0 * math.sqrt(longest * shortest))


@kernel()
def _enclosing(semi_axes: DoubleArray, reach: float) -> DoubleArray:
    """Return the semi-axes of an ellipsoid that holds all within ``reach`` of the surface."""
    return semi_axes + _slack(semi_axes.max(), semi_axes.min()) * reach


@kernel()
def _lumen(semi_axes: DoubleArray, reach: float) -> DoubleArray:
    """Return the semi-axes of an ellipsoid that lies deeper than ``reach``; zeros: there is none."""
    most = _LARGEST_SLACK * reach
    slack = _slack(semi_axes.max() - most, semi_axes.min() - most)
    if slack > _LARGEST_SLACK:
        return semi_axes * 0.0
    return semi_axes - slack * reach


@kernel()
def _shell_columns(
    nx: int,
    cx: float,
    dy: float,
    dz: float,
    rotation: DoubleArray,
    enclosing: DoubleArray,
    lumen: DoubleArray,
) -> tuple[int, int, int, int]:
    """Return two ranges of x, on either side of the lumen, with all voxels of a shell."""
    left, right = chord(dy, dz, rotation, enclosing, 1.0)
    if left > right:
        return 0, 0, 0, 0
    first, last = max(0, math.ceil(cx + left)), min(nx, math.floor(cx + right) + 1)
    enter, leave = 1.0, 0.0
    if lumen[0] > 0.0:
        enter, leave = chord(dy, dz, rotation, lumen, 1.0)
    if enter > leave:
        return first, last, 0, 0
    stop = max(first, min(last, math.floor(cx + enter) + 1))
    return first, stop, max(stop, math.ceil(cx + leave)), last


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
    nz, ny, nx = occupancy.shape
    enclosing, lumen = _enclosing(semi_axes, half), _lumen(semi_axes, half)
    z0, z1 = covered(centre[2], enclosing.max(), nz)
    count = 0
    for z in prange(z0, z1):
        count += _scan_plane(
            occupancy[z], z - centre[2], centre, rotation, semi_axes, half, enclosing, lumen, write
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
    enclosing: DoubleArray,
    lumen: DoubleArray,
    write: bool,
) -> int:
    ny, nx = plane.shape
    y0, y1 = covered(centre[1], enclosing.max(), ny)
    distances = np.empty(nx)
    count = 0
    for y in range(y0, y1):
        dy = y - centre[1]
        a, b, c, d = _shell_columns(nx, centre[0], dy, dz, rotation, enclosing, lumen)
        for side in range(2):
            start, stop = (a, b) if side == 0 else (c, d)
            if write:
                row_distances(start, stop, centre[0], dy, dz, rotation, semi_axes, distances)
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
def paint_shells(
    potential: FloatArray,
    class_mask: AnyArray,
    instance_mask: AnyArray,
    centres: DoubleArray,
    rotations: DoubleArray,
    semi_axes: DoubleArray,
    ids: AnyArray,
    label: int,
    half: float,
    profile: DoubleArray,
    profile_step: float,
) -> None:
    """Add a potential that depends on the distance to the surface; label voxels within ``half``.

    ``profile`` holds the potential at multiples of ``profile_step`` voxels from the surface, and
    0 at its end. Each thread works on its own planes of z, so the result does not depend on their
    number.
    """
    nz, ny, nx = potential.shape
    reach = max(half, profile_step * (len(profile) - 1))
    for z in prange(nz):
        distances = np.empty(nx)
        for i in range(len(ids)):
            centre, rotation, axes = centres[i], rotations[i], semi_axes[i]
            dz = z - centre[2]
            enclosing, lumen = _enclosing(axes, reach), _lumen(axes, reach)
            if abs(dz) > enclosing.max():
                continue
            y0, y1 = covered(centre[1], enclosing.max(), ny)
            for y in range(y0, y1):
                dy = y - centre[1]
                a, b, c, d = _shell_columns(nx, centre[0], dy, dz, rotation, enclosing, lumen)
                for side in range(2):
                    start, stop = (a, b) if side == 0 else (c, d)
                    row_distances(start, stop, centre[0], dy, dz, rotation, axes, distances)
                    for x in range(start, stop):
                        distance = abs(distances[x - start])
                        place = distance / profile_step
                        k = int(place)
                        if k < len(profile) - 1:
                            f = place - k
                            potential[z, y, x] += (1.0 - f) * profile[k] + f * profile[k + 1]
                        if distance <= half and class_mask[z, y, x] == 0:
                            class_mask[z, y, x] = label
                            instance_mask[z, y, x] = ids[i]
