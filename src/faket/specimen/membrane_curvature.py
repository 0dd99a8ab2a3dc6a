"""A membrane whose mean curvature, in the mean over the surface, is the one that is wanted."""

from dataclasses import replace

from faket.data import DoubleArray
from faket.specimen.level_sets import SPACING_A
from faket.specimen.membrane_records import MembraneRecord, scaled
from faket.specimen.membrane_shapes import surface_of
from faket.specimen.meshes import mesh_of

_COARSE = 1.5  # spacing of the surfaces on which is measured; chosen, because they are many
_CLOSE = 0.03  # of what is wanted; chosen
_ROUNDS = 6


def with_curvature(drawn: MembraneRecord, box_A: DoubleArray) -> MembraneRecord:
    """Scale a membrane, or shift the level of a field, until its mean curvature is as wanted."""
    wanted = drawn.curvature_per_A
    if wanted is None or drawn.is_open:
        return drawn
    if drawn.shape != "field":
        for _ in range(2):
            drawn = scaled(drawn, mean_curvature_per_A(drawn, box_A) / wanted)
        return drawn
    return _with_level(drawn, wanted, box_A)


def _with_level(drawn: MembraneRecord, wanted: float, box_A: DoubleArray) -> MembraneRecord:
    """Find the level by secants: the higher it is, the thinner and the more bent is the inside."""
    size = max(abs(wanted), 1 / max(drawn.semi_axes_A))
    other, drawn = drawn, replace(drawn, level=drawn.level - 0.3)
    error = mean_curvature_per_A(other, box_A) - wanted
    best = (abs(error), other)
    for _ in range(_ROUNDS):
        if best[0] < _CLOSE * size:
            break
        now = mean_curvature_per_A(drawn, box_A) - wanted
        best = min(best, (abs(now), drawn), key=lambda pair: pair[0])
        slope = (now - error) / (drawn.level - other.level)
        step = -now / slope if slope > 0 else -0.2
        other, error = drawn, now
        drawn = replace(drawn, level=drawn.level + min(max(step, -0.5), 0.5))
    return best[1]


def mean_curvature_per_A(record: MembraneRecord, box_A: DoubleArray) -> float:
    """Return the mean over the surface, measured on a coarser grid."""
    mesh = mesh_of(surface_of(record, box_A, _COARSE * SPACING_A))
    if not len(mesh.triangles):
        return 1 / min(record.semi_axes_A)  # nothing is left: too high a level
    return mesh.mean_of(mesh.mean_curvature_per_A)
