"""The first free place of a molecule among many: most are ruled out at a glance.

Whether every second voxel along each axis is occupied is kept as bits. Those of a full specimen are
6 MB, which a processor has at hand; its 377 MB of voxels are not. The bits of 16 x 16 x 16 voxels
are neighbours in memory (64 bytes, which a processor loads at once), as a molecule asks for them
together. If more is occupied by now than
when the bits were taken, too little is ruled out, and never too much: with and without them the
same place is found.
"""

import math

import numpy as np
from scipy.ndimage import distance_transform_edt

from faket.compiling import kernel
from faket.data import AnyArray, DoubleArray
from faket.specimen.molecules import Grid, inside, scan_molecule

STEP = 2  # voxels
_BALLS = 48  # of a molecule at most; chosen, for speed alone
_SMALLEST = 1.0  # voxels; chosen: a smaller ball seldom holds one of the voxels that are kept
_OLD = 0.01  # of the box: bits are taken anew when as much was occupied since; chosen

# Bits and balls that rule nothing out.
UNKNOWN = np.empty((0, 0, 0, 0, 0), np.uint8), np.empty((0, 4))


class Glance:
    """Which voxels are occupied, of every second along each axis; taken again when it is old.

    Attributes
    ----------
    bits : ndarray of uint8, shape (ceil(z / 16), ceil(y / 16), ceil(x / 16), 8, 8)
        Of each block, the planes and rows: eight voxels, the first in the highest bit. Empty while
        nothing is known.
    """

    def __init__(self, occupancy: AnyArray) -> None:
        """Begin with nothing known."""
        self._occupancy, self.bits = occupancy, UNKNOWN[0]
        self._since = math.inf  # voxels occupied since the bits were taken

    def occupied(self, voxels: float) -> None:
        """Take note that so many voxels more are occupied."""
        self._since += voxels

    def refresh(self) -> None:
        """Take the bits again if they are old."""
        if self._since > _OLD * self._occupancy.size:
            rows = np.packbits(self._occupancy[::STEP, ::STEP, ::STEP], axis=2)
            rows = np.pad(rows, ((0, -rows.shape[0] % 8), (0, -rows.shape[1] % 8), (0, 0)))
            nz, ny, nx = rows.shape
            blocks = rows.reshape(nz // 8, 8, ny // 8, 8, nx).transpose(0, 2, 4, 1, 3)
            self.bits = np.ascontiguousarray(blocks)
            self._since = 0.0


def balls_inside(grid: Grid) -> DoubleArray:
    """Return balls inside an envelope, large ones that are far from each other first.

    Parameters
    ----------
    grid : Grid
        Of the envelope, which is at least 0.5 inside.

    Returns
    -------
    ndarray, shape (n, 4), float64
        Centres x, y, z from the particle's origin, and radii; voxels.
    """
    # Of the cells about a voxel, all are wholly inside; the nearest point of another is a voxel.
    whole = np.pad(grid.cells == 2, 1)
    shape = grid.values.shape
    parts = [
        whole[k : k + shape[0], j : j + shape[1], i : i + shape[2]]
        for k in (0, 1) for j in (0, 1) for i in (0, 1)
    ]  # fmt: skip
    radii = distance_transform_edt(np.pad(np.logical_and.reduce(parts), 1))[1:-1, 1:-1, 1:-1]
    points = np.argwhere(radii >= _SMALLEST)
    left = radii[radii >= _SMALLEST]
    balls: list[DoubleArray] = []
    value = left  # first the largest, then large ones far from those before
    while len(balls) < _BALLS and len(left) and value.max() > 0:
        best = int(np.argmax(value))
        gaps = np.linalg.norm(points - points[best], axis=1)
        value = np.minimum(value, gaps * left) if balls else gaps * left
        balls.append(np.array([*(points[best][::-1] - grid.origin), left[best] - 1e-6]))
    return np.array(balls).reshape(-1, 4)


@kernel()
def ruled_out(bits: AnyArray, x: float, y: float, z: float, radius: float) -> int:
    """Return 1 if the kept voxel nearest to (x, y, z) is occupied and in the ball, else 0."""
    nz, ny, nx = 8 * bits.shape[0], 8 * bits.shape[1], 8 * bits.shape[2]
    i, j, k = math.floor(x / STEP + 0.5), math.floor(y / STEP + 0.5), math.floor(z / STEP + 0.5)
    known = (i >= 0) & (i < nx) & (j >= 0) & (j < ny) & (k >= 0) & (k < nz)
    p, q, r = min(max(i, 0), nx - 1), min(max(j, 0), ny - 1), min(max(k, 0), nz - 1)
    dx, dy, dz = x - STEP * i, y - STEP * j, z - STEP * k
    near = dx * dx + dy * dy + dz * dz < radius * radius
    # Without branches, so that the processor looks ahead.
    row = bits[r >> 3, q >> 3, p >> 3, r & 7, q & 7]
    return (row >> (7 - (p & 7))) & known & near & 1  # type: ignore[no-any-return]


@kernel()
def is_free(
    occupancy: AnyArray,
    centre: DoubleArray,
    rotation: DoubleArray,
    points: DoubleArray,
    grid: Grid,
) -> bool:
    """Return whether all voxels of a molecule are in the grid and free.

    The voxels nearest to ``points`` (rotated, from the centre) are tested first: one that belongs
    to the molecule and is not free rules the centre out before all voxels are scanned.
    """
    nz, ny, nx = occupancy.shape
    for n in range(len(points)):
        i = round(centre[0] + points[n, 0])
        j = round(centre[1] + points[n, 1])
        k = round(centre[2] + points[n, 2])
        exists = 0 <= i < nx and 0 <= j < ny and 0 <= k < nz
        if exists and not occupancy[k, j, i]:
            continue
        if inside(i - centre[0], j - centre[1], k - centre[2], rotation, grid):
            return False
    return bool(scan_molecule(occupancy, centre, rotation, grid, False) == 0)


@kernel()
def first_free(
    occupancy: AnyArray,
    centres: DoubleArray,
    rotation: DoubleArray,
    points: DoubleArray,
    grid: Grid,
    bits: AnyArray,
    balls: DoubleArray,
) -> int:
    """Return the index of the first free centre, or their number; see :func:`first_fit`.

    It looks at one ball of all centres before the next ball: the processor then waits for many
    places in memory at once, not for one after the other.
    """
    left = np.arange(len(centres))
    count = len(left)
    for b in range(len(balls)):
        kept = 0
        for m in range(count):
            n = left[m]
            x, y, z = centres[n, 0], centres[n, 1], centres[n, 2]
            x, y, z = x + balls[b, 0], y + balls[b, 1], z + balls[b, 2]
            left[kept] = n
            kept += 1 - ruled_out(bits, x, y, z, balls[b, 3])
        count = kept
    for m in range(count):
        if is_free(occupancy, centres[left[m]], rotation, points, grid):
            return left[m]  # type: ignore[no-any-return]
    return len(centres)


@kernel()
def occupy_first(
    occupancy: AnyArray,
    first: int,
    centres: DoubleArray,
    rotation: DoubleArray,
    points: DoubleArray,
    grid: Grid,
    bits: AnyArray,
    balls: DoubleArray,
) -> int:
    """Occupy at the first free centre, or the next if it holds no voxel; return its index, or -1.

    ``first`` is what :func:`first_free` found, with the same arguments.
    """
    while first < len(centres):
        # A molecule may hold no voxel's centre.
        if scan_molecule(occupancy, centres[first], rotation, grid, True):
            return first
        first += 1
        first += first_free(occupancy, centres[first:], rotation, points, grid, bits, balls)
    return -1


def first_fit(
    occupancy: AnyArray,
    centres: DoubleArray,
    rotation: DoubleArray,
    points: DoubleArray,
    grid: Grid,
    bits: AnyArray = UNKNOWN[0],
    balls: DoubleArray = UNKNOWN[1],
) -> int:
    """Occupy the molecule's voxels at the first free centre; return its index, or -1.

    Parameters
    ----------
    occupancy : ndarray of bool, shape (z, y, x)
    centres : ndarray, shape (n, 3)
        Voxels, x y z.
    rotation : ndarray, shape (3, 3)
    points : ndarray, shape (m, 3)
        Of the molecule, rotated, from its centre.
    grid : Grid
        Its envelope.
    bits, balls : ndarray
        Of a :class:`Glance` and of :func:`balls_inside`, rotated. The result is the same without.
    """
    pose = centres, rotation, points, grid, *((bits, balls) if len(bits) else UNKNOWN)
    return int(occupy_first(occupancy, first_free(occupancy, *pose), *pose))
