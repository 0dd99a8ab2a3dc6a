"""From files whose images were matched: each field by the file that wins, contradictions said."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faket.data import DoubleArray
from faket.io.metadata.facts import SeriesFacts, sample_shift
from faket.io.metadata.geometry import JoinedGeometry, axes_of, mean_axis_deg

# Beyond these two files contradict each other. Chosen: calibrations of pixels differ by up to 1 %,
# nominal and refined axes by up to 2 degrees; estimates of one defocus by 5 %.
_TOLERANCES = {
    "pixel_size_A": lambda a, b: abs(a / b - 1) > 0.01,
    "voltage_kV": lambda a, b: abs(a - b) > 1,
    "spherical_aberration_mm": lambda a, b: abs(a - b) > 0.05,
    "amplitude_contrast": lambda a, b: abs(a - b) > 0.03,
    "hand": lambda a, b: a != b,
    "target_defocus_um": lambda a, b: abs(a - b) > 0.5,
    "image_size": lambda a, b: a != b,
}
_LARGEST_AXIS_ERROR_DEG, _LARGEST_SHIFT_ERROR_PX = 3.0, 2.0
_DEFOCUS_SHARE = 0.05
_WORDS = {"pixel_size_A": "pixel size in Å", "voltage_kV": "voltage in kV",
          "spherical_aberration_mm": "spherical aberration in mm",
          "amplitude_contrast": "amplitude contrast", "hand": "hand of the defocus",
          "target_defocus_um": "target defocus in µm", "image_size": "image size"}  # fmt: skip


@dataclass(frozen=True)
class Placed:
    """A file, the place of each of its images in the raw stack, and what is to be said of it."""

    facts: SeriesFacts
    places: tuple[int | None, ...]
    notices: tuple[str, ...] = ()


@dataclass
class _Joining:
    """The files in the order in which they win, and what was found so far."""

    files: Sequence[Placed]
    count: int
    sources: dict[str, str] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    def one(self, name: str) -> Any:
        """Return a value of the series; what others say otherwise becomes a notice."""
        told = [(getattr(file.facts, name), file.facts) for file in self.files]
        told = [(value, facts) for value, facts in told if value is not None]
        if not told:
            return None
        value, winner = told[0]
        self.sources[name] = winner.name
        for other, facts in told[1:]:
            if name in _TOLERANCES and _TOLERANCES[name](value, other):
                self.notices.append(_contradiction(_WORDS[name], value, winner, other, facts))
        return value

    def tilts(self, name: str) -> DoubleArray:
        """Return a number of each image, all of the first file that has any."""
        for file in self.files:
            values = np.full(self.count, np.nan)
            for tilt, place in zip(file.facts.tilts, file.places, strict=True):
                value = getattr(tilt, name)
                if place is not None and value is not None:
                    values[place] = value
            if np.isfinite(values).any():
                self.sources[name] = file.facts.name
                return values
        return np.full(self.count, np.nan)

    def objects(self, name: str) -> list[Any]:
        """Return an object of each image, of the first file that has it."""
        found: list[Any] = [None] * self.count
        for file in self.files:
            for tilt, place in zip(file.facts.tilts, file.places, strict=True):
                if place is not None and found[place] is None:
                    found[place] = getattr(tilt, name)
        return found


def collect(files: Sequence[Placed], count: int) -> JoinedGeometry:
    """Return the geometry that files tell together.

    Parameters
    ----------
    files : sequence of Placed
        The one that wins first.
    count : int
        Images of the raw stack.
    """
    joining = _Joining(files, count)
    names = ("pixel_size_A", "voltage_kV", "spherical_aberration_mm", "amplitude_contrast", "hand",
             "target_defocus_um", "image_size", "stack", "series")  # fmt: skip
    scalars = {name: joining.one(name) for name in names}
    nominal, refined = joining.tilts("angle_deg"), joining.tilts("refined_angle_deg")
    matrices, shifts, aligned = _alignment(joining, scalars["image_size"], scalars["pixel_size_A"])
    axes = _axes(joining, matrices)
    _check_defocus(joining)
    order = _order(joining)
    dose, before = _dose(joining, order)
    notices = [text for file in files for text in file.notices]
    excluded = _excluded(joining, aligned)
    return JoinedGeometry(
        angles_deg=np.where(np.isfinite(refined), refined, nominal),
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
        halves=tuple(joining.objects("halves")),
        sources=joining.sources,
        notices=tuple(dict.fromkeys([*notices, *joining.notices])),
        **scalars,
    )


def _alignment(
    joining: _Joining, size: tuple[int, int] | None, pixel_A: float | None
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
    joining: _Joining, file: Placed, size: tuple[int, int] | None, pixel_A: float | None
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


def _axes(joining: _Joining, matrices: DoubleArray) -> DoubleArray:
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


def _check_defocus(joining: _Joining) -> None:
    """Say where two estimates of the defocus differ."""
    means = []
    for file in joining.files:
        alone = _Joining([file], joining.count)
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


def _order(joining: _Joining) -> NDArray[np.int64]:
    """Return the sequence of acquisition: told, by the time, or by the exposure before."""
    readings: tuple[tuple[str, Callable[[Any], float]], ...] = (
        ("order", float), ("time", lambda time: time.timestamp()), ("dose_before", float),
    )  # fmt: skip
    for name, number in readings:
        for file in joining.files:
            alone = _Joining([file], joining.count).objects(name)
            known = [i for i, value in enumerate(alone) if value is not None]
            keys = [number(alone[i]) for i in known]
            if known and len(set(keys)) == len(keys):
                order = np.full(joining.count, -1, np.int64)
                order[known] = np.argsort(np.argsort(keys))
                joining.sources["order"] = f"{file.facts.name}, {name}"
                return order
    return np.full(joining.count, -1, np.int64)


def _dose(joining: _Joining, order: NDArray[np.int64]) -> tuple[DoubleArray, DoubleArray]:
    """Return the exposure of each image and before it; each from the other where one is missing."""
    dose, before = joining.tilts("dose"), joining.tilts("dose_before")
    sequence = np.argsort(order)
    if (order < 0).any():
        return dose, before
    if not np.isfinite(dose).any() and np.isfinite(before).all() and len(order) > 1:
        steps = np.diff(before[sequence])
        if (steps > 0).all():
            usual = float(np.median(steps))  # larger ones are those of images that are not listed
            dose[sequence] = np.append(np.where(steps > 1.5 * usual, usual, steps), usual)
            joining.sources["dose"] = joining.sources["dose_before"] + ", as differences"
    elif not np.isfinite(before).any() and np.isfinite(dose).all():
        before[sequence] = np.cumsum(dose[sequence]) - dose[sequence]
        joining.sources["dose_before"] = joining.sources["dose"] + ", as sums"
    return dose, before


def _excluded(joining: _Joining, aligned: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
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
    return excluded


def _contradiction(
    what: str, value: Any, winner: SeriesFacts, other: Any, facts: SeriesFacts
) -> str:
    a, b = (f"{v[0]} × {v[1]}" if isinstance(v, tuple) else f"{v:g}" for v in (value, other))
    return f"{what}: {winner.name} says {a}, {facts.name} {b}; the former is taken"
