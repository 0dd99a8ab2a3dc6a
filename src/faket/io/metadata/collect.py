"""From files whose images were matched: each field by the file that wins, contradictions said."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faket.data import DoubleArray
from faket.io.metadata.alignment import alignment, axes_and_notices
from faket.io.metadata.geometry import JoinedGeometry
from faket.io.metadata.joining import Joining, Placed

_MOST_TOLD = 0.5  # of the images; chosen: RELION's list lacks the images that were left out
_DEFOCUS_SHARE = 0.05  # chosen: programs' estimates of one defocus differ by less
# What the fields of a file are called in the geometry.
_NAMES = {
    "angle_deg": "nominal_angles_deg", "refined_angle_deg": "angles_deg",
    "x_tilt_deg": "x_tilts_deg", "dose": "dose_e_per_A2", "dose_before": "dose_before_e_per_A2",
}  # fmt: skip


def collect(files: Sequence[Placed], count: int) -> JoinedGeometry:
    """Return the geometry that files tell together.

    Parameters
    ----------
    files : sequence of Placed
        The one that wins first.
    count : int
        Images of the raw stack.
    """
    joining = Joining(files, count)
    names = ("pixel_size_A", "voltage_kV", "spherical_aberration_mm", "amplitude_contrast", "hand",
             "target_defocus_um", "image_size", "stack", "series")  # fmt: skip
    scalars = {name: joining.one(name) for name in names}
    nominal, refined = joining.tilts("angle_deg"), joining.tilts("refined_angle_deg")
    matrices, shifts, aligned = alignment(joining, scalars["image_size"], scalars["pixel_size_A"])
    axes = axes_and_notices(joining, matrices)
    _check_defocus(joining)
    order = _order(joining)
    dose, before = _dose(joining, order)
    notices = [text for file in files for text in file.notices]
    excluded = _excluded(joining, aligned)
    joining.sources.setdefault("refined_angle_deg", joining.sources.get("angle_deg", ""))
    return JoinedGeometry(
        angles_deg=_angles(nominal, refined),
        nominal_angles_deg=nominal,
        x_tilts_deg=joining.tilts("x_tilt_deg"),
        axes_deg=axes,
        matrices=matrices,
        shifts_px=shifts,
        order=order,
        dose_e_per_A2=dose,
        dose_before_e_per_A2=before,
        defocus_u_um=joining.tilts("defocus_u_um"),
        defocus_v_um=joining.tilts("defocus_v_um"),
        astigmatism_deg=joining.tilts("astigmatism_deg"),
        phase_shift_deg=joining.tilts("phase_shift_deg"),
        excluded=excluded,
        frames=tuple(joining.objects("frame")),
        images=tuple(joining.objects("image")),
        halves=tuple(joining.objects("halves")),
        sources={_NAMES.get(k, k): file for k, file in joining.sources.items() if file},
        notices=tuple(dict.fromkeys([*notices, *joining.notices])),
        **scalars,
    )


def _angles(nominal: DoubleArray, refined: DoubleArray) -> DoubleArray:
    """Return the refined angles; where there is none the nominal one, moved as the others were."""
    moved = (refined - nominal)[np.isfinite(refined - nominal)]
    offset = float(np.median(moved)) if len(moved) else 0.0
    return np.where(np.isfinite(refined), refined, nominal + offset)


def _check_defocus(joining: Joining) -> None:
    """Say where two estimates of the defocus differ."""
    means = []
    for file in joining.files:
        alone = Joining([file], joining.count)
        mean = (alone.tilts("defocus_u_um") + alone.tilts("defocus_v_um")) / 2
        means += [(mean, file.facts)] if np.isfinite(mean).any() else []
    for other, facts in means[1:]:
        first, winner = means[0]
        differing = np.abs(other - first)[np.isfinite(other - first)]
        level = float(np.nanmedian(np.abs(first)))
        if len(differing) and np.median(differing) > _DEFOCUS_SHARE * level:
            joining.notices.append(
                f"defocus: {winner.name} says {np.nanmedian(first):.2f} µm in the middle, "
                f"{facts.name} {np.nanmedian(other):.2f}; the former is taken"
            )


def _order(joining: Joining) -> NDArray[np.int64]:
    """Return the sequence of acquisition: told, by the time, or by the exposure before."""
    readings: tuple[tuple[str, Callable[[Any], float]], ...] = (
        ("order", float), ("time", _seconds), ("dose_before", float),
    )  # fmt: skip
    found: list[tuple[NDArray[np.int64], str]] = []
    for name, number in readings:
        for file in joining.files:
            alone = Joining([file], joining.count).objects(name)
            known = [i for i, value in enumerate(alone) if value is not None]
            keys = [number(alone[i]) for i in known]
            if known and len(set(keys)) == len(keys):
                order = np.full(joining.count, -1, np.int64)
                order[known] = np.argsort(np.argsort(keys))
                found.append((order, f"{file.facts.name}, by {name}"))
    if not found:
        return np.full(joining.count, -1, np.int64)
    best, joining.sources["order"] = found[0]
    for order, source in found[1:]:
        both = (best >= 0) & (order >= 0)
        if not np.array_equal(np.argsort(best[both]), np.argsort(order[both])):
            joining.notices.append(f"order of acquisition: {joining.sources['order']}, and "
                                   f"{source}, differ; the former is taken")  # fmt: skip
    return best


def _seconds(time: datetime) -> float:
    return (time - datetime(1970, 1, 1)).total_seconds()  # no time zone: nothing jumps


def _dose(joining: Joining, order: NDArray[np.int64]) -> tuple[DoubleArray, DoubleArray]:
    """Return the exposure of each image and before it; each from the other where one is missing."""
    dose, before = joining.tilts("dose"), joining.tilts("dose_before")
    told = (order >= 0) & np.isfinite(before)
    if not np.isfinite(dose).any() and told.sum() > 1 and told.sum() >= _MOST_TOLD * len(order):
        sequence = np.flatnonzero(told)[np.argsort(order[told])]
        steps = np.diff(before[sequence])
        if (steps > 0).all():
            usual = float(np.median(steps))  # larger ones are those of images that are not listed
            dose[sequence] = np.append(np.where(steps > 1.5 * usual, usual, steps), usual)
            joining.sources["dose"] = joining.sources["dose_before"] + ", as differences"
    elif not np.isfinite(before).any() and np.isfinite(dose).all() and (order >= 0).all():
        sequence = np.argsort(order)
        before[sequence] = np.cumsum(dose[sequence]) - dose[sequence]
        joining.sources["dose_before"] = joining.sources["dose"] + ", as sums"
    return dose, before


def _excluded(joining: Joining, aligned: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    excluded = np.zeros(joining.count, bool)
    for file in joining.files:
        for tilt, place in zip(file.facts.tilts, file.places, strict=True):
            if place is not None and tilt.excluded:
                excluded[place] = True
    if aligned is not None and (~aligned & ~excluded).any():
        left = np.flatnonzero(~aligned & ~excluded)
        joining.notices.append(
            f"images that are not in the alignment {joining.sources['matrices']} are left out: "
            f"{len(left)}, the first one image {left[0]}"
        )
        excluded |= ~aligned
    for file in joining.files:
        for tilt, place in zip(file.facts.tilts, file.places, strict=True):
            if file.facts.role == "given" and place is not None and tilt.excluded is not None:
                excluded[place] = tilt.excluded
    return excluded
