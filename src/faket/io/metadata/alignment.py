"""R and shifts of a series from the alignment that wins, brought to one centre."""

import numpy as np
from numpy.typing import NDArray

from faket.data import DoubleArray
from faket.io.metadata.facts import sample_shift
from faket.io.metadata.geometry import axes_of, mean_axis_deg
from faket.io.metadata.joining import Joining, Placed

# Chosen: nominal and refined axes differ by up to 2 degrees, alignments by a pixel.
_LARGEST_AXIS_ERROR_DEG, _LARGEST_SHIFT_ERROR_PX = 3.0, 2.0


def alignment(
    joining: Joining, size: tuple[int, int] | None, pixel_A: float | None
) -> tuple[DoubleArray, DoubleArray, NDArray[np.bool_] | None]:
    """Return R, the shifts from sample N // 2, and which images the alignment has."""
    told = [f for f in joining.files if any(tilt.matrix for tilt in f.facts.tilts)]
    found = [_transforms(joining, file, size, pixel_A) for file in told]
    if not told:
        empty = np.full((joining.count, 2, 2), np.nan)
        return empty, np.full((joining.count, 2), np.nan), None
    matrices, shifts = found[0]
    joining.sources["matrices"] = joining.sources["shifts_px"] = told[0].facts.name
    for other, (others, moved) in zip(told[1:], found[1:], strict=True):
        turned = _largest(_between(axes_of(matrices), axes_of(others)))
        apart = _largest(np.abs(moved - shifts))
        if turned > _LARGEST_AXIS_ERROR_DEG or apart > _LARGEST_SHIFT_ERROR_PX:
            joining.notices.append(
                f"alignments: {told[0].facts.name} and {other.facts.name} differ by up to "
                f"{turned:.1f} degrees and {apart:.1f} pixels; the former is taken"
            )
    return matrices, shifts, np.asarray(np.isfinite(matrices).all(axis=(1, 2)))


def _transforms(
    joining: Joining, file: Placed, size: tuple[int, int] | None, pixel_A: float | None
) -> tuple[DoubleArray, DoubleArray]:
    """Return R [tilts, 2, 2] and shift [tilts, 2] of one file, NaN where it tells none."""
    facts, count = file.facts, joining.count
    matrices, shifts = np.full((count, 2, 2), np.nan), np.full((count, 2), np.nan)
    raw, missing = size or (2, 2), ""
    aligned = raw
    for other in joining.files:
        if other.facts.aligned_size and other.facts.aligned_binning in (None, 1):
            aligned = other.facts.aligned_size
    if size is None and facts.centre != "sample":
        missing = "the image size is not known: even numbers of pixels are assumed"
    for tilt, place in zip(facts.tilts, file.places, strict=True):
        if place is None or tilt.matrix is None:
            continue
        matrices[place] = tilt.matrix
        shift = _in_pixels(tilt.shift_px, tilt.shift_A, facts.pixel_size_A or pixel_A)
        if shift is None:
            missing = "the pixel size is not known, and so the shifts are not"
        elif facts.centre == "corner" and size is None:
            missing = "the image size is not known, and so the shifts are not"
        else:
            shifts[place] = sample_shift(shift, matrices[place], facts.centre, raw, aligned)
    if missing and any(tilt.shift_px or tilt.shift_A for tilt in facts.tilts):
        joining.notices.append(f"{facts.name}: {missing}")
    return matrices, shifts


def _in_pixels(
    px: tuple[float, float] | None, angstrom: tuple[float, float] | None, pixel_A: float | None
) -> DoubleArray | None:
    if px is not None:
        return np.array(px)
    return np.array(angstrom) / pixel_A if angstrom is not None and pixel_A else None


def axes_and_notices(joining: Joining, matrices: DoubleArray) -> DoubleArray:
    """Return the axis of each image: the alignment's, the nominal one where there is none."""
    axes = axes_of(matrices)
    told = [f.facts for f in joining.files if f.facts.tilt_axis_deg is not None]
    if np.isfinite(axes).any():
        joining.sources["axes_deg"] = joining.sources["matrices"]
        best, winner = mean_axis_deg(axes), joining.sources["matrices"]
    elif told:
        joining.sources["axes_deg"] = winner = told[0].name
        best = told[0].tilt_axis_deg or 0.0
        axes = np.full(joining.count, best)
    else:
        return axes
    for facts in told:
        off = float(_between(np.array([best]), np.array([facts.tilt_axis_deg]))[0])
        if off > _LARGEST_AXIS_ERROR_DEG:
            joining.notices.append(
                f"tilt axis: {winner} says {best:.1f} degrees, {facts.name} "
                f"{facts.tilt_axis_deg:.1f}; the former is taken"
            )
    return axes


def _between(a: DoubleArray, b: DoubleArray) -> DoubleArray:
    """Return the angle between axes, which are known but for 180 degrees."""
    return np.asarray(np.abs((a - b + 90) % 180 - 90))


def _largest(values: DoubleArray) -> float:
    return float(np.max(values, initial=0.0, where=np.isfinite(values)))
