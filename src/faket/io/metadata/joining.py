"""The files of a series in the order in which they win, and what they say field by field."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from faket.data import DoubleArray
from faket.io.metadata.facts import SeriesFacts

# Beyond these two files contradict each other. Chosen: calibrations of pixels differ by up to 1 %.
_TOLERANCES = {
    "pixel_size_A": lambda a, b: abs(a / b - 1) > 0.01,
    "voltage_kV": lambda a, b: abs(a - b) > 1,
    "spherical_aberration_mm": lambda a, b: abs(a - b) > 0.05,
    "amplitude_contrast": lambda a, b: abs(a - b) > 0.03,
    "hand": lambda a, b: a != b,
    "target_defocus_um": lambda a, b: abs(a - b) > 0.5,
    "image_size": lambda a, b: a != b,
}
# Its size is that of the aligned images, whose sides change places where the axis is along x.
_TURNED = "IMOD tilt.com"
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
class Joining:
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
            if name == "image_size" and facts.kind == _TURNED and other == value[::-1]:
                continue
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


def _contradiction(
    what: str, value: Any, winner: SeriesFacts, other: Any, facts: SeriesFacts
) -> str:
    a, b = (f"{v[0]} × {v[1]}" if isinstance(v, tuple) else f"{v:g}" for v in (value, other))
    return f"{what}: {winner.name} says {a}, {facts.name} {b}; the former is taken"
