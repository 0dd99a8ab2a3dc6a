"""AreTomo's ``.aln`` and ``_TLT.txt``.

Conventions: :mod:`faket.io.metadata.aretomo`. An ``.aln`` has one offset between the stage's angles
and the refined ones; where it is not the same for all images, only the refined ones are in it.
"""

import numpy as np

from faket.data import DoubleArray
from faket.io.metadata.facts import shift_from
from faket.io.metadata.geometry import JoinedGeometry

_HEAD = ("# SEC     ROT         GMAG       TX          TY      SMEAN     SFIT    SCALE     BASE "
         "    TILT")  # fmt: skip
_SAME_DEG = 0.0101  # angles are rounded to two decimals, one up and another down


def alignment(geometry: JoinedGeometry) -> list[str]:
    """Return an ``.aln``: raw = R(ROT) aligned + (TX, TY), from the middles of both images."""
    assert geometry.image_size is not None
    size, n = geometry.image_size, len(geometry)
    by_angle = np.argsort(np.argsort(geometry.angles_deg, kind="stable"))
    lines = [
        "# AreTomo Alignment / Priims bprmMn",
        f"# RawSize = {size[0]} {size[1]} {n}",
        "# NumPatches = 0",
    ]
    lines += [
        f"# DarkFrame =  {by_angle[i]:4d} {i + 1:4d} {geometry.angles_deg[i]:8.2f}"
        for i in np.flatnonzero(geometry.excluded)
    ]
    about_x = np.nan_to_num(geometry.x_tilts_deg)
    lines += [
        f"# AlphaOffset = {_common(geometry.angles_deg - geometry.nominal_angles_deg):8.2f}",
        f"# BetaOffset = {_common(about_x):8.2f}",
        _HEAD,
    ]
    for i in geometry.used:
        matrix = geometry.matrices[i]
        x, y = shift_from(geometry.shifts_px[i], matrix, "middle", size, size).round(3) + 0.0
        lines.append(
            f"{i + 1:5d}  {geometry.axes_deg[i]:9.4f}  {1:9.5f}  {x:9.3f}  {y:9.3f}  {1:7.2f}  "
            f"{1:7.2f}  {1:7.2f}  {0:7.2f}  {geometry.angles_deg[i]:8.2f}"
        )
    return lines


def _common(values: DoubleArray) -> float:
    """Return the value that all have, to the digits that are printed; 0 if they differ."""
    middle = float(np.median(values))
    same = np.all(np.abs(values - middle) <= _SAME_DEG)
    return round(middle, 2) + 0.0 if same else 0.0


def angles_with_order(geometry: JoinedGeometry) -> list[str]:
    """Return a ``_TLT.txt``: stage angle, place in the acquisition from 1, exposure or 0."""
    doses = np.nan_to_num(geometry.dose_e_per_A2)
    return [
        f"{angle:8.2f}  {order + 1:4d}  {dose:8.2f}"
        for angle, order, dose in zip(
            geometry.nominal_angles_deg, geometry.order, doses, strict=True
        )
    ]
