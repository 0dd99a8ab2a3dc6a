"""What a recipe will cost: time, memory and disk, measured on small pieces or by its last run."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from faket.errors import InputError
from faket.io.model_folder import ALL_MODELS, ALL_REFERENCES, MANIFEST, model_name
from faket.pipeline.claim import is_own
from faket.pipeline.clock import Clock
from faket.pipeline.costs import (
    PartCost,
    StageCost,
    cost_of,
    extrapolated,
    mean_cost,
    stage_costs,
    sum_of,
)
from faket.pipeline.library import specimen_config
from faket.pipeline.like import with_grid_of_like
from faket.pipeline.machine import cores
from faket.pipeline.methods import Plan
from faket.pipeline.own_specimen import with_own_grid
from faket.pipeline.pieces import left_out, piece_of, piece_sides, work_of, works
from faket.pipeline.preparation import prepare
from faket.pipeline.recipe import Recipe
from faket.pipeline.reference import open_references
from faket.pipeline.tomogram import make_model
from faket.reports import Report


@dataclass(frozen=True)
class Forecast:
    """What a recipe will cost on a machine like this one.

    Attributes
    ----------
    source : {"pieces", "run"}
        Whether it was measured now, on pieces of a tomogram, or by the last run.
    basis : str
        The same in one line.
    tomograms : int
        Number of tomograms.
    tomogram : PartCost
        Mean of a tomogram.
    largest_MB : float
        Peak memory of the largest tomogram (MiB).
    references : PartCost
        What is measured once.
    start : StageCost or None
        What a process does before its first tomogram, besides references; None: not recorded.
    cores : int
        Of the machine on which it was measured.
    unknown : tuple of str
        What is not counted, because the pieces have none of it.
    """

    source: Literal["pieces", "run"]
    basis: str
    tomograms: int
    tomogram: PartCost
    largest_MB: float
    references: PartCost
    start: StageCost | None
    cores: int
    unknown: tuple[str, ...] = ()

    def an_hour(self, workers: int) -> float:
        """Return the tomograms an hour with so many at a time: at most what all cores can do."""
        cost = self.tomogram.whole
        seconds = max(cost.seconds / workers, cost.cpu_seconds / self.cores, 1e-3)
        return 3600 / seconds

    def seconds(self, workers: int) -> float:
        """Return the time of the whole data set with so many tomograms at a time."""
        start = self.start.seconds if self.start else 0.0
        made = self.tomograms * 3600 / self.an_hour(min(workers, self.tomograms))
        return self.references.whole.seconds + start + max(made, self.tomogram.whole.seconds)

    def most_workers(self, memory_MB: float) -> int:
        """Return how many tomograms at a time the memory holds."""
        command_MB = self.start.peak_MB if self.start else 0.0  # one process that only waits
        return int(max(memory_MB - command_MB, 0) / max(1.0, self.largest_MB))

    @property
    def disk_bytes(self) -> float:
        """Size of the whole data set."""
        return self.tomograms * self.tomogram.disk_bytes + self.references.disk_bytes


def forecast_of_run(recipe: Recipe, out: Path) -> Forecast | None:
    """Return what a recipe costs by the tomograms that its folder has; None if there are none.

    Raises
    ------
    InputError
        If the folder belongs to another recipe.
    """
    recipe = with_grid_of_like(with_own_grid(recipe))
    if not any(out.glob(f"{ALL_MODELS}/{MANIFEST}")):
        return None
    if not is_own(recipe, out):
        raise InputError(
            f"{out}: expected the data set of this recipe, found another's; leave OUT out to "
            "measure on small pieces"
        )
    made = [cost for path in sorted(out.glob(ALL_MODELS)) if (cost := cost_of(path))]
    if not made:
        return None
    return Forecast(
        "run",
        f"by the {len(made)} finished tomograms of {out}, with the workers that they had",
        recipe.tomograms,
        mean_cost(made),
        max(cost.whole.peak_MB for cost in made),
        references_cost(out),
        None,
        cores(),
    )


def forecast_of_pieces(recipe: Recipe, *, say: Report) -> Forecast:
    """Measure what a recipe costs on pieces of a tomogram, in a temporary folder.

    References of the user are measured whole, because a piece of them would tell nothing of their
    memory; simulated ones are pieces too.

    Raises
    ------
    InputError
        If the recipe or a file it names cannot be used.
    """
    recipe = with_grid_of_like(with_own_grid(recipe))
    sides = piece_sides(recipe) or (0,)
    with tempfile.TemporaryDirectory(prefix="faket-plan-") as folder:
        clock, n = Clock(), 1 + len(sides)
        say("the smallest piece, once to compile", 0, n)
        with clock.stage("cold"):  # in a process that has done nothing yet, as at its start
            plan = prepare(
                piece_of(recipe, sides[0], sides[0]), Path(folder, "cold"), {}, alone=True, say=say
            )
            make_model(plan, 0)
        pieces = list[_Piece]()
        for place, side in enumerate(sides, start=1):
            say(f"piece {place} of {len(sides)}", place, n)
            pieces.append(_measured(plan, recipe, side, sides[0], say))
        start = stage_costs(clock)["cold"]
    small = pieces[0]
    start = start.without(small.references.whole).without(small.tomogram.whole)
    return _forecast(recipe, pieces, start)


@dataclass(frozen=True)
class _Piece:
    """A piece's plan, what its references cost, and what its tomogram."""

    plan: Plan
    references: PartCost
    tomogram: PartCost


def _measured(cold: Plan, recipe: Recipe, side: int, least: int, say: Report) -> _Piece:
    """Measure a piece; ``cold``: the plan of the smallest, with the references that are given."""
    piece = piece_of(recipe, side, least)
    if open_references(recipe):
        plan = replace(cold, recipe=piece, specimen=specimen_config(piece, cold.library))
    else:
        out = cold.out.with_name(f"side_{side}")
        plan = prepare(piece, out, {}, alone=True, say=_quiet)  # notices are given once
    index = 1 + side  # another number than that of any other piece
    make_model(plan, index)
    cost = cost_of(plan.out / model_name(index))
    assert cost is not None
    return _Piece(plan, references_cost(plan.out), cost)


def references_cost(out: Path) -> PartCost:
    """Return what the references of a data set have cost, all together."""
    return sum_of([cost for path in sorted(out.glob(ALL_REFERENCES)) if (cost := cost_of(path))])


def _quiet(what: str, done: int, total: int) -> None:
    pass


def _forecast(recipe: Recipe, pieces: list[_Piece], start: StageCost) -> Forecast:
    plan, opened = pieces[-1].plan, open_references(recipe)
    every = list(works(plan, recipe, opened))
    work, tilts = work_of(plan.recipe, len(plan.angles_deg)), len(plan.angles_deg)
    of_mean, of_largest = sum(every) / len(every) / work, max(every) / work
    x, y, z = plan.recipe.specimen.size_voxels
    if len(pieces) == 1:
        tomogram = largest = pieces[0].tomogram
        once = pieces[0].references
        basis = f"measured on one whole tomogram of {x} x {y} x {z} voxels"
    else:
        ratio = work / work_of(pieces[0].plan.recipe, tilts)
        small, large = pieces
        tomogram = extrapolated((small.tomogram, large.tomogram), ratio, of_mean)
        largest = extrapolated((small.tomogram, large.tomogram), ratio, of_largest)
        once = large.references
        if not opened:
            once = extrapolated((small.references, once), ratio, of_mean)
        basis = (
            f"measured on two pieces of a tomogram, the larger with {x} x {y} x {z} voxels "
            f"({100 / of_mean:.2g} %), and scaled by voxels times tilts"
        )
    return Forecast(
        "pieces",
        basis,
        recipe.tomograms,
        tomogram,
        largest.whole.peak_MB,
        once,
        start,
        cores(),
        left_out(recipe, plan.recipe),
    )
