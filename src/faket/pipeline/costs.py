"""What parts of a data set have cost: time, memory and disk, from the records of their making."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from faket.io.manifest import run_path
from faket.io.model_folder import MANIFEST
from faket.pipeline.clock import Clock

_BEFORE = ("placement", "painting", "projection")
_AFTER = ("reconstruction", "writing", "hashes")
_FACTS = ("seconds", "cpu_seconds", "peak_rss_MB")  # as of faket.pipeline.clock


@dataclass(frozen=True)
class StageCost:
    """What one stage costs.

    Attributes
    ----------
    seconds : float
        By the clock on the wall.
    cpu_seconds : float
        Of all cores.
    peak_MB : float
        Largest memory of the process (MiB).
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_MB: float = 0.0

    def and_then(self, other: Self) -> "StageCost":
        """Return the cost of both, one after the other."""
        return StageCost(
            self.seconds + other.seconds,
            self.cpu_seconds + other.cpu_seconds,
            max(self.peak_MB, other.peak_MB),
        )

    def without(self, other: Self) -> "StageCost":
        """Return the cost of what is beside ``other`` in this one."""
        seconds, cpu_seconds = self.seconds - other.seconds, self.cpu_seconds - other.cpu_seconds
        return StageCost(max(0.0, seconds), max(0.0, cpu_seconds), self.peak_MB)


@dataclass(frozen=True)
class PartCost:
    """What a tomogram or a reference costs: each stage by name, and its size on disk (bytes)."""

    stages: Mapping[str, StageCost]
    disk_bytes: float

    @property
    def whole(self) -> StageCost:
        """All stages together."""
        every = StageCost()
        for stage in self.stages.values():
            every = every.and_then(stage)
        return every


def cost_of(folder: Path) -> PartCost | None:
    """Return what a finished part has cost; None if it is not finished or has no such record."""
    try:
        text = run_path(folder / MANIFEST).read_text()
        stages = _stages(json.loads(text)["stages"])
        files = (path for path in folder.rglob("*") if path.is_file())  # of an OME-Zarr image too
        size = sum(path.stat().st_size for path in files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return PartCost(stages, size)


def stage_costs(clock: Clock) -> dict[str, StageCost]:
    """Return what a clock has measured."""
    return _stages(clock.stages)


def _stages(stages: Mapping[str, Mapping[str, Any]]) -> dict[str, StageCost]:
    rest = [name for name in stages if name not in (*_BEFORE, *_AFTER)]  # that of the method
    names = [name for name in (*_BEFORE, *rest, *_AFTER) if name in stages]
    return {name: StageCost(*(float(stages[name][fact]) for fact in _FACTS)) for name in names}


def mean_cost(parts: Sequence[PartCost]) -> PartCost:
    """Return the mean of times and sizes, and the largest memory."""
    return _combined(parts, lambda values: sum(values) / len(values), max)


def sum_of(parts: Sequence[PartCost]) -> PartCost:
    """Return the sum of times and sizes, and the largest memory: one after the other."""
    return _combined(parts, sum, max)


def extrapolated(pieces: tuple[PartCost, PartCost], ratio: float, times: float) -> PartCost:
    """Return the cost of a part from those of two smaller ones, by the lines through them.

    A stage has a fixed part and one that grows with voxels times tilts. Nothing costs less than in
    the larger of the two.

    Parameters
    ----------
    pieces : pair of PartCost
        The smaller one first.
    ratio : float
        Voxels times tilts of the larger over those of the smaller.
    times : float
        Voxels times tilts of the wanted part over those of the larger.
    """
    slope = (times - 1) / (1 - 1 / ratio)

    def along(values: Sequence[float]) -> float:
        first, second = values
        return max(second, second + slope * (second - first))

    return _combined(pieces, along, along)


def _combined(
    parts: Sequence[PartCost],
    of_amounts: Callable[[Sequence[float]], float],
    of_peaks: Callable[[Sequence[float]], float],
) -> PartCost:
    names = dict.fromkeys(name for part in parts for name in part.stages)
    stages = {}
    for name in names:
        costs = [part.stages.get(name, StageCost()) for part in parts]
        stages[name] = StageCost(
            of_amounts([cost.seconds for cost in costs]),
            of_amounts([cost.cpu_seconds for cost in costs]),
            of_peaks([cost.peak_MB for cost in costs]),
        )
    return PartCost(stages, of_amounts([part.disk_bytes for part in parts]))
