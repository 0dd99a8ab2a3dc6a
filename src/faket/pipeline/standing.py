"""Where a data set stands: made, being made, set aside, how fast and for how long yet."""

import json
import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from faket.io.leftovers import time_there
from faket.io.model_folder import ALL_MODELS, MANIFEST, PROGRESS, model_name
from faket.pipeline.claim import RECIPE
from faket.pipeline.costs import cost_of
from faket.pipeline.progress_records import (
    BEAT_S,
    NO_PARTS,
    Failed,
    Making,
    making_path,
    read_progress,
    tidy,
)

_RECENT = 20  # finished tomograms whose mean time is taken; chosen
_SILENT_S = 6 * BEAT_S  # without a sign from another machine; chosen: networks are late


@dataclass(frozen=True)
class Standing:
    """Where the parts of a data set, or the runs of a study, stand.

    Attributes
    ----------
    name : str
        Of the data set's folder, or "runs".
    made : int
    total : int or None
        None while it is not known.
    making : tuple of Making
        By processes that live, or most likely do.
    lost : tuple of Making
        By processes that ended or give no sign; a run makes these again.
    failed : tuple of Failed
        Set aside.
    seconds_each : float or None
        Mean time of those that were finished last; None if there are none.
    """

    name: str
    made: int
    total: int | None
    making: tuple[Making, ...] = ()
    lost: tuple[Making, ...] = ()
    failed: tuple[Failed, ...] = ()
    seconds_each: float | None = None

    @property
    def at_work(self) -> int:
        """How many parts are being made; to prepare, or to start workers, makes none."""
        return sum(one.name not in NO_PARTS for one in self.making)

    @property
    def an_hour(self) -> float | None:
        """How many are finished in an hour by those who work now; None if nobody can know."""
        if not self.at_work or not self.seconds_each:
            return None
        return 3600 * self.at_work / self.seconds_each

    @property
    def seconds_left(self) -> float | None:
        """The time until all are finished but those set aside; None if nobody can know."""
        if self.an_hour is None or self.total is None:
            return None
        return 3600 * max(0, self.total - self.made - len(self.failed)) / self.an_hour


def standing_of(out: Path) -> Standing:
    """Return where a data set stands; nothing is locked, nothing stays written."""
    total = None
    with suppress(OSError, ValueError, KeyError, TypeError):
        total = int(json.loads((out / RECIPE).read_text())["tomograms"])
    made = sorted(path.parent for path in out.glob(f"{ALL_MODELS}/{MANIFEST}"))
    names = {path.name for path in made}
    if total is not None:
        names &= {model_name(index) for index in range(total)}
    making, lost, failed = sorted_records(out, names)
    return Standing(out.name, len(names), total, making, lost, failed, _mean_seconds(made))


def sorted_records(
    out: Path, made: set[str]
) -> tuple[tuple[Making, ...], tuple[Making, ...], tuple[Failed, ...]]:
    """Return what is being made, what was left by processes that are gone, what is set aside."""
    records = read_progress(out)
    unmade = [one for one in records.making if one.name not in made]
    lost = _lost(out, unmade)
    return (
        tuple(one for one in unmade if one not in lost),
        tuple(lost),
        tuple(one for one in records.failed if one.name not in made),
    )


def _lost(out: Path, records: list[Making]) -> list[Making]:
    """Return the records of processes that ended, or that gave no sign from another machine."""
    lost = [one for one in records if one.writer == "dead"]
    others = [one for one in records if one.writer == "unknown"]
    if others:
        # Both dates are of the clock of the drive; those of the two machines may differ.
        now = time_there(out / PROGRESS)
        tidy(out)  # if all are finished meanwhile, who wished to remove the folder could not
        lost += [one for one in others if now - _last_sign(out, one) > _SILENT_S]
    return [one for one in records if one in lost]


def _last_sign(out: Path, record: Making) -> float:
    with suppress(OSError):  # it has just been finished
        return making_path(out, record.name).stat().st_mtime
    return math.inf


def _mean_seconds(made: list[Path]) -> float | None:
    """Return the mean time of the tomograms that were finished last."""
    dated = list[tuple[float, Path]]()
    for folder in made:
        with suppress(OSError):
            dated.append(((folder / MANIFEST).stat().st_mtime, folder))
    recent = [cost_of(folder) for _, folder in sorted(dated)[-_RECENT:]]
    seconds = [cost.whole.seconds for cost in recent if cost]
    return sum(seconds) / len(seconds) if seconds else None
