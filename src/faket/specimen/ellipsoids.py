"""Ellipsoids on the voxel grid, and solid ellipsoids: gold fiducials.

Centres (x, y, z) and semi-axes are in voxels; ``rotation`` takes the ellipsoid's frame to the
grid's. Scaled by 1 + D / (smallest semi-axis), an ellipsoid encloses all points within a distance
D of its surface; scaled by 1 - D / (smallest semi-axis), it lies deeper inside than D.
"""

import math

from numba import njit, prange

from faket.compiling import kernel
from faket.data import AnyArray, DoubleArray, FloatArray

_SUBSAMPLES = 8  # per axis in a voxel at the surface; chosen: its coverage errs by 0.5 % (σ)
_HALF_DIAGONAL = math.sqrt(3) / 2
_STEPS = 50  # of Newton's method at most; chosen, because two to four are usual


@kernel()
def signed_distance(u: float, v: float, w: float, a: float, b: float, c: float) -> float:
    """Signed distance (negative inside) of (u, v, w) from the ellipsoid of semi-axes a, b, c.

    The nearest point is (a²u/(t + a²), ...) where t solves Σ a²u²/(t + a²)² = 1 (Eberly,
    "Distance from a point to an ellipse, an ellipsoid, or a hyperellipsoid"); Newton's method
    from t = 0 needs two to four steps near the surface.
    """
    aa, bb, cc = a * a, b * b, c * c
    smallest = min(a, b, c)
    t = 0.0
    for _ in range(_STEPS):
        p, q, r = a * u / (t + aa), b * v / (t + bb), c * w / (t + cc)
        slope = 2.0 * (p * p / (t + aa) + q * q / (t + bb) + r * r / (t + cc))
        if slope == 0.0:
            return -smallest
        step = (p * p + q * q + r * r - 1.0) / slope
        t = max(t + step, -0.9999 * smallest * smallest)
        if abs(step) <= 1e-3 * smallest:
            break
    p, q, r = u / (t + aa), v / (t + bb), w / (t + cc)
    return t * math.sqrt(p * p + q * q + r * r)


@kernel()
def voxel_distance(
    dx: float, dy: float, dz: float, rotation: DoubleArray, semi_axes: DoubleArray
) -> float:
    """Signed distance of the point (dx, dy, dz) from the centre of a rotated ellipsoid."""
    u = rotation[0, 0] * dx + rotation[1, 0] * dy + rotation[2, 0] * dz
    v = rotation[0, 1] * dx + rotation[1, 1] * dy + rotation[2, 1] * dz
    w = rotation[0, 2] * dx + rotation[1, 2] * dy + rotation[2, 2] * dz
    distance: float = signed_distance(u, v, w, semi_axes[0], semi_axes[1], semi_axes[2])
    return distance


@njit(inline="always", error_model="numpy")
def _step(t, done, aa, bb, cc, au, bv, cw, smallest):  # type: ignore[no-untyped-def]
    """Take the same step as :func:`signed_distance`, unless it has ended; without branches."""
    p, q, r = au / (t + aa), bv / (t + bb), cw / (t + cc)
    slope = 2.0 * (p * p / (t + aa) + q * q / (t + bb) + r * r / (t + cc))
    step = (p * p + q * q + r * r - 1.0) / slope
    after = max(t + step, -0.9999 * smallest * smallest)
    return (t if done else after), done | (abs(step) <= 1e-3 * smallest)


@kernel(error_model="numpy")
def row_distances(
    start: int,
    step: int,
    count: int,
    cx: float,
    dy: float,
    dz: float,
    rotation: DoubleArray,
    semi_axes: DoubleArray,
    distances: DoubleArray,
) -> None:
    """Write :func:`voxel_distance` of ``count`` voxels x = start + step i of a row.

    Four steps for all are as fast as one of them alone, because a processor works on several voxels
    at once; where they do not suffice, :func:`voxel_distance` goes on.
    """
    a, b, c = semi_axes[0], semi_axes[1], semi_axes[2]
    aa, bb, cc = a * a, b * b, c * c
    smallest = min(a, b, c)
    for i in range(count):
        dx = start + step * i - cx
        u = rotation[0, 0] * dx + rotation[1, 0] * dy + rotation[2, 0] * dz
        v = rotation[0, 1] * dx + rotation[1, 1] * dy + rotation[2, 1] * dz
        w = rotation[0, 2] * dx + rotation[1, 2] * dy + rotation[2, 2] * dz
        au, bv, cw = a * u, b * v, c * w
        t, done = _step(0.0, False, aa, bb, cc, au, bv, cw, smallest)
        t, done = _step(t, done, aa, bb, cc, au, bv, cw, smallest)
        t, done = _step(t, done, aa, bb, cc, au, bv, cw, smallest)
        t, done = _step(t, done, aa, bb, cc, au, bv, cw, smallest)
        p, q, r = u / (t + aa), v / (t + bb), w / (t + cc)
        distances[i] = t * math.sqrt(p * p + q * q + r * r) if done else math.nan
    for i in range(count):
        if math.isnan(distances[i]):
            distances[i] = voxel_distance(start + step * i - cx, dy, dz, rotation, semi_axes)


@kernel()
def level(dx: float, dy: float, dz: float, rotation: DoubleArray, semi_axes: DoubleArray) -> float:
    """Σ (u / a)²: 1 on the surface, k² on the ellipsoid scaled by k."""
    total = 0.0
    for j in range(3):
        u = rotation[0, j] * dx + rotation[1, j] * dy + rotation[2, j] * dz
        total += (u / semi_axes[j]) ** 2
    return total


@kernel()
def covered(centre: float, reach: float, n: int) -> tuple[int, int]:
    """Return the range of samples of an axis within ``reach`` of ``centre``."""
    return max(0, math.ceil(centre - reach)), min(n, math.floor(centre + reach) + 1)


@kernel()
def sampled(low: float, high: float, origin: int, step: int, n: int) -> tuple[int, int]:
    """Return the range of the n samples at ``origin`` + ``step`` i that lie in [low, high]."""
    first = -((origin - math.ceil(low)) // step)
    return max(0, first), min(n, (math.floor(high) - origin) // step + 1)


@kernel()
def chord(
    dy: float, dz: float, rotation: DoubleArray, semi_axes: DoubleArray, k: float
) -> tuple[float, float]:
    """Return where a row along x enters and leaves the ellipsoid scaled by k."""
    alpha = beta = gamma = 0.0
    for j in range(3):
        slope = rotation[0, j] / semi_axes[j]
        offset = (rotation[1, j] * dy + rotation[2, j] * dz) / semi_axes[j]
        alpha += slope * slope
        beta += slope * offset
        gamma += offset * offset
    root = beta * beta - alpha * (gamma - k * k)
    if root < 0.0:
        return 1.0, 0.0
    return (-beta - math.sqrt(root)) / alpha, (-beta + math.sqrt(root)) / alpha


@kernel()
def scan_solid(
    occupancy: AnyArray,
    centre: DoubleArray,
    rotation: DoubleArray,
    semi_axes: DoubleArray,
    write: bool,
) -> int:
    """Return -1 if a voxel whose centre lies inside is occupied, else the number of these voxels.

    With ``write``, mark them as occupied.
    """
    nz, ny, nx = occupancy.shape
    reach = max(semi_axes[0], semi_axes[1], semi_axes[2])
    z0, z1 = covered(centre[2], reach, nz)
    y0, y1 = covered(centre[1], reach, ny)
    x0, x1 = covered(centre[0], reach, nx)
    count = 0
    for z in range(z0, z1):
        for y in range(y0, y1):
            for x in range(x0, x1):
                dx, dy, dz = x - centre[0], y - centre[1], z - centre[2]
                if level(dx, dy, dz, rotation, semi_axes) <= 1.0:
                    count += 1
                    if write:
                        occupancy[z, y, x] = True
                    elif occupancy[z, y, x]:
                        return -1
    return count


@kernel()
def _coverage(
    dx: float, dy: float, dz: float, rotation: DoubleArray, semi_axes: DoubleArray
) -> float:
    """Fraction of the voxel at (dx, dy, dz) from the centre that lies in the ellipsoid."""
    smallest = min(semi_axes[0], semi_axes[1], semi_axes[2])
    k = math.sqrt(level(dx, dy, dz, rotation, semi_axes))
    if k >= 1.0 + _HALF_DIAGONAL / smallest:
        return 0.0
    if k <= 1.0 - _HALF_DIAGONAL / smallest:
        return 1.0
    inside = 0
    for i in range(_SUBSAMPLES):
        z = dz + (i + 0.5) / _SUBSAMPLES - 0.5
        for j in range(_SUBSAMPLES):
            y = dy + (j + 0.5) / _SUBSAMPLES - 0.5
            for m in range(_SUBSAMPLES):
                x = dx + (m + 0.5) / _SUBSAMPLES - 0.5
                inside += level(x, y, z, rotation, semi_axes) <= 1.0
    return inside / _SUBSAMPLES**3


@kernel(parallel=True)
def add_solids(
    potential: FloatArray,
    first: int,
    centres: DoubleArray,
    rotations: DoubleArray,
    semi_axes: DoubleArray,
    value: float,
) -> None:
    """Add ``value`` times the covered fraction of each voxel to planes from z = ``first`` on."""
    nz, ny, nx = potential.shape
    for k in prange(nz):
        for i in range(len(centres)):
            centre, rotation, axes = centres[i], rotations[i], semi_axes[i]
            dz = first + k - centre[2]
            reach = max(axes[0], axes[1], axes[2]) + 2 * _HALF_DIAGONAL
            if abs(dz) > reach:
                continue
            y0, y1 = covered(centre[1], reach, ny)
            x0, x1 = covered(centre[0], reach, nx)
            for y in range(y0, y1):
                for x in range(x0, x1):
                    dx, dy = x - centre[0], y - centre[1]
                    potential[k, y, x] += value * _coverage(dx, dy, dz, rotation, axes)


@kernel(parallel=True)
def label_solids(
    class_mask: AnyArray,
    instance_mask: AnyArray,
    origin: tuple[int, int, int],
    step: int,
    centres: DoubleArray,
    rotations: DoubleArray,
    semi_axes: DoubleArray,
    ids: AnyArray,
    label: int,
) -> None:
    """Label the unlabelled samples that lie inside; [k, j, i] is at ``origin`` + step (i, j, k)."""
    nz, ny, nx = class_mask.shape
    for k in prange(nz):
        for n in range(len(ids)):
            centre, rotation, axes = centres[n], rotations[n], semi_axes[n]
            dz = origin[2] + step * k - centre[2]
            reach = max(axes[0], axes[1], axes[2])
            if abs(dz) > reach:
                continue
            j0, j1 = sampled(centre[1] - reach, centre[1] + reach, origin[1], step, ny)
            i0, i1 = sampled(centre[0] - reach, centre[0] + reach, origin[0], step, nx)
            for j in range(j0, j1):
                for i in range(i0, i1):
                    dx, dy = origin[0] + step * i - centre[0], origin[1] + step * j - centre[1]
                    within = level(dx, dy, dz, rotation, axes) <= 1.0
                    if within and class_mask[k, j, i] == 0:
                        class_mask[k, j, i] = label
                        instance_mask[k, j, i] = ids[n]
