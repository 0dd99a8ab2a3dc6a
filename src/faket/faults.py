"""What is wrong with images: one line each, which tilts, and how grave it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["refuse", "exclude", "say"]


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with images, or that one should know of them.

    Attributes
    ----------
    severity : {"refuse", "exclude", "say"}
        Nothing of it can be used; its tilts cannot be used; it can be used as it is.
    what : str
        What was found, in words, without the tilts.
    remedy : str
        What to do about it; empty if nothing need be done.
    tilts : tuple of int
        From 0; empty if it concerns all.
    """

    severity: Severity
    what: str
    remedy: str = ""
    tilts: tuple[int, ...] = ()

    @property
    def line(self) -> str:
        """The fault in one line, with its tilts and its remedy."""
        where = f"{named_tilts(self.tilts)}: " if self.tilts else ""
        return f"{where}{self.what}{f'; {self.remedy}' if self.remedy else ''}"


def named_tilts(tilts: Sequence[int]) -> str:
    """Return tilts in words: "tilts 0 to 3, 7 and 9 (from 0)"."""
    runs: list[list[int]] = []
    for tilt in sorted(tilts):
        if runs and tilt == runs[-1][-1] + 1:
            runs[-1].append(tilt)
        else:
            runs.append([tilt])
    parts: list[str] = []
    for run in runs:
        parts += [f"{run[0]} to {run[-1]}"] if len(run) > 2 else [str(tilt) for tilt in run]
    listed = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    return f"tilt{'s' * (len(tilts) > 1)} {listed} (from 0)"
