"""From the record of a membrane to the signed distance from it, on a grid around it."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numba import prange
from scipy.ndimage import binary_dilation, gaussian_filter, label

from faket.compiling import kernel
from faket.data import AnyArray, DoubleArray, FloatArray
from faket.specimen.distances import STEPS, redistanced
from faket.specimen.level_sets import MARGIN, SPACING_A, LevelSet, level_set_of, node_values
from faket.specimen.membrane_records import MembraneRecord
from faket.specimen.random_fields import Waves, field_on_grid, random_waves, slope_per_A

BAND_A = 120.0  # distances are known up to here; chosen: a bilayer and its neighbours in reach
_WAVES = 48  # of undulations; chosen: with more a field looks the same
_FIELD_WAVES = 200
_PEAK = 3.5  # of a random field, in its standard deviations; chosen for the size of grids
_BLEND = 0.5  # of a bud's radius, over which it joins; chosen
_ROUND = 1 / 8  # of the wavelength, over which field and envelope join; chosen
_ENOUGH_A = 60.0  # beyond a surface; chosen: three nodes, which its interpolation uses
_SMOOTHING_A = 30.0  # σ; chosen, so that creases of the closing are round
_HALO = 2  # nodes around a part that are its own: parts are at least four apart after closing
_SMALLEST_RADIUS_A = 20.0  # of bends, beyond half a bilayer; chosen


@dataclass(frozen=True)
class NodeGrid:
    """Nodes of a grid: ``origin_A`` x y z of node [0, 0, 0], ``shape`` z y x."""

    origin_A: DoubleArray
    shape: tuple[int, int, int]
    spacing_A: float

    def axes_A(self) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
        """Return x [1, 1, n], y [1, n, 1] and z [n, 1, 1]."""
        x, y, z = (
            o + self.spacing_A * np.arange(n)
            for o, n in zip(self.origin_A, self.shape[::-1], strict=True)
        )
        return x[None, None, :], y[None, :, None], z[:, None, None]


def surface_of(record: MembraneRecord, box_A: AnyArray, spacing_A: float = SPACING_A) -> LevelSet:
    """Return the signed distance from a membrane, negative inside.

    Parameters
    ----------
    record : MembraneRecord
    box_A : ndarray, shape (2, 3)
        Low and high corner of the specimen, x y z, to which an open membrane extends.
    spacing_A : float

    Notes
    -----
    A closed one is built around the origin and then moved, so that its place changes no digit.
    """
    if not record.is_open:
        here = _built(replace(record, centre_A=(0.0, 0.0, 0.0)), box_A, spacing_A)
        return here._replace(origin_A=here.origin_A + np.array(record.centre_A))
    return _built(record, box_A, spacing_A)


def _built(record: MembraneRecord, box_A: AnyArray, spacing_A: float) -> LevelSet:
    band_A = BAND_A + abs(record.offset_A)
    grid = _grid(record, np.asarray(box_A, np.float64), band_A, spacing_A)
    rough = level_set_of(_FIELDS[record.shape](record, grid), grid.origin_A, spacing_A)
    surface = redistanced(rough, band_A)
    if record.shape in ("field", "budding"):
        surface = _without_narrows(surface, record.thickness_A / 2 + _SMALLEST_RADIUS_A)
    if record.offset_A:
        values = node_values(surface) - np.float32(record.offset_A)
        surface = redistanced(level_set_of(values, grid.origin_A, spacing_A), BAND_A)
    return surface


def _grid(record: MembraneRecord, box_A: DoubleArray, band_A: float, spacing_A: float) -> NodeGrid:
    """Return the nodes around a membrane and what it needs."""
    more_A = MARGIN * spacing_A
    if record.is_open:
        more_A *= 2  # the ends of a grid are not smooth
        low, high = box_A - more_A * np.array([[1], [-1]])
    else:
        centre, reach = np.array(record.centre_A), half_extents_A(record)
        more_A += min(band_A, BAND_A) + _PEAK * record.undulation_A * (record.shape != "field")
        low, high = centre - reach - more_A, centre + reach + more_A
    nx, ny, nz = (int(n) for n in np.ceil((high - low) / spacing_A) + 1)
    return NodeGrid(np.asarray(low), (nz, ny, nx), spacing_A)


def half_extents_A(record: MembraneRecord) -> DoubleArray:
    """Return how far it reaches along x, y, z, without its undulations."""
    # The support function of a rotated ellipsoid.
    reach = np.sqrt(((record.matrix() * np.array(record.semi_axes_A)) ** 2).sum(axis=1))
    if record.shape == "tubule":
        return np.asarray(np.abs(record.points_A).max(axis=0) + record.radius_A)
    for *bud, radius_A in record.points_A:
        reach = np.maximum(reach, np.abs(bud) + radius_A)
    return np.asarray(reach)


def _waves(record: MembraneRecord, n: int = _WAVES, *, flat: bool = False) -> Waves:
    waves = random_waves(record.seed, n, record.wavelength_A, flat=flat)
    return waves._replace(vectors_per_A=waves.vectors_per_A @ record.matrix().T)


def _field_of(waves: Waves, record: MembraneRecord, grid: NodeGrid) -> FloatArray:
    """Return a random field that moves with the membrane."""
    return field_on_grid(
        waves, grid.origin_A - np.array(record.centre_A), grid.spacing_A, grid.shape
    )


def _undulated(values: AnyArray, record: MembraneRecord, grid: NodeGrid) -> AnyArray:
    if not record.undulation_A:
        return values
    field = _field_of(_waves(record), record, grid)
    return np.asarray(values - np.float32(record.undulation_A) * field)


def _ellipsoid(record: MembraneRecord, grid: NodeGrid) -> AnyArray:
    """Return about the distance near to the surface: k (k - 1) / |∇k|, with k = |x / axes|."""
    x, y, z = grid.axes_A()
    matrix = record.matrix()
    square, slope = np.zeros(grid.shape, np.float32), np.zeros(grid.shape, np.float32)
    cx, cy, cz = record.centre_A
    for j, axis_A in enumerate(record.semi_axes_A):
        along = (x - cx) * matrix[0, j] + (y - cy) * matrix[1, j] + (z - cz) * matrix[2, j]
        part = (along / axis_A).astype(np.float32)
        square += part * part
        slope += (part / np.float32(axis_A)) ** 2
    k = np.sqrt(square)
    return np.asarray(k * (k - 1) / np.sqrt(np.maximum(slope, np.float32(1e-12))))


def _vesicle(record: MembraneRecord, grid: NodeGrid) -> AnyArray:
    return _undulated(_ellipsoid(record, grid), record, grid)


def _budding(record: MembraneRecord, grid: NodeGrid) -> AnyArray:
    values = _ellipsoid(record, grid)
    x, y, z = grid.axes_A()
    cx, cy, cz = record.centre_A
    for bx, by, bz, radius_A in record.points_A:
        square = (x - cx - bx) ** 2 + (y - cy - by) ** 2 + (z - cz - bz) ** 2
        values = _joined(values, np.sqrt(square) - radius_A, _BLEND * radius_A)
    return _undulated(values, record, grid)


def _tubule(record: MembraneRecord, grid: NodeGrid) -> AnyArray:
    points = np.array(record.points_A) + np.array(record.centre_A)
    far_A = record.radius_A + BAND_A + MARGIN * grid.spacing_A + _PEAK * record.undulation_A
    values = _line_distances(points, grid.origin_A, grid.spacing_A, grid.shape, far_A)
    return _undulated(values - np.float32(record.radius_A), record, grid)


def _sheet(record: MembraneRecord, grid: NodeGrid) -> AnyArray:
    x, y, z = grid.axes_A()
    nx, ny, nz = record.matrix()[:, 2]
    cx, cy, cz = record.centre_A
    values = ((x - cx) * nx + (y - cy) * ny + (z - cz) * nz).astype(np.float32)
    field = _field_of(_waves(record, flat=True), record, grid)
    return np.asarray(values - np.float32(record.undulation_A) * field)


def _field(record: MembraneRecord, grid: NodeGrid) -> AnyArray:
    waves = _waves(record, _FIELD_WAVES)
    values = (np.float32(record.level) - _field_of(waves, record, grid)) / slope_per_A(waves)
    rounding = _ROUND * record.wavelength_A
    return -_joined(-values, -_ellipsoid(record, grid), rounding)


_FIELDS: dict[str, Callable[[MembraneRecord, NodeGrid], AnyArray]] = {
    "vesicle": _vesicle,
    "budding": _budding,
    "tubule": _tubule,
    "sheet": _sheet,
    "field": _field,
}


def _joined(one: AnyArray, other: AnyArray, width_A: float) -> AnyArray:
    """Return the smaller of two fields, rounded where they are alike."""
    gap = one - other
    root = np.sqrt(gap * gap + width_A * width_A)
    return np.asarray((one + other - root) / 2, np.float32)


@kernel(parallel=True)
def _line_distances(
    points: DoubleArray,
    origin_A: DoubleArray,
    spacing_A: float,
    shape: tuple[int, int, int],
    far_A: float,
) -> FloatArray:
    """Return the distances [z, y, x] from a line of segments, cut off at ``far_A``."""
    nz, ny, nx = shape
    squares = np.full((nz, ny, nx), far_A * far_A, np.float32)
    for k in prange(nz):
        z = origin_A[2] + spacing_A * k
        for n in range(len(points) - 1):
            a, b = points[n], points[n + 1]
            if z < min(a[2], b[2]) - far_A or z > max(a[2], b[2]) + far_A:
                continue
            ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
            length = ux * ux + uy * uy + uz * uz
            j0 = max(0, math.ceil((min(a[1], b[1]) - far_A - origin_A[1]) / spacing_A))
            j1 = min(ny, math.floor((max(a[1], b[1]) + far_A - origin_A[1]) / spacing_A) + 1)
            i0 = max(0, math.ceil((min(a[0], b[0]) - far_A - origin_A[0]) / spacing_A))
            i1 = min(nx, math.floor((max(a[0], b[0]) + far_A - origin_A[0]) / spacing_A) + 1)
            for j in range(j0, j1):
                dy, dz = origin_A[1] + spacing_A * j - a[1], z - a[2]
                for i in range(i0, i1):
                    dx = origin_A[0] + spacing_A * i - a[0]
                    t = min(max((dx * ux + dy * uy + dz * uz) / length, 0.0), 1.0)
                    square = (dx - t * ux) ** 2 + (dy - t * uy) ** 2 + (dz - t * uz) ** 2
                    squares[k, j, i] = min(squares[k, j, i], square)
    return np.sqrt(squares)


def _without_narrows(surface: LevelSet, radius_A: float) -> LevelSet:
    """Return the largest part, without necks and clefts that are narrower than a ball.

    Opening and closing by a ball (Serra, Image analysis and mathematical morphology, 1982): with
    signed distances, both are shifts. A little smoothing makes the curvature continuous.
    """
    for shift_A, next_A in ((radius_A, 2 * radius_A), (-2 * radius_A, radius_A), (radius_A, 0)):
        values = node_values(surface) + np.float32(shift_A)
        shifted = level_set_of(values, surface.origin_A, surface.spacing_A)
        surface = redistanced(shifted, next_A + _ENOUGH_A, steps=2)
    for band_A, steps in ((_ENOUGH_A, 2), (BAND_A, STEPS)):
        values = _largest_part(
            gaussian_filter(node_values(surface), _SMOOTHING_A / surface.spacing_A)
        )
        smooth = level_set_of(values, surface.origin_A, surface.spacing_A)
        surface = redistanced(smooth, band_A, steps=steps)
    return surface


def _largest_part(values: FloatArray) -> FloatArray:
    """Leave the largest connected inside, and the largest outside around it."""
    for sign in (1, -1):
        parts, n = label(sign * values < 0)
        if n > 1:
            sizes = np.bincount(parts.ravel())
            sizes[0] = 0
            near = binary_dilation(parts == sizes.argmax(), iterations=_HALO)
            far = np.float32(sign * _ENOUGH_A)
            values = np.where(near, values, far)
    return values
