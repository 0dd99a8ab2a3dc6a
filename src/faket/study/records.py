"""The records that a study stores of its runs and its data."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from faket.errors import InputError
from faket.evaluation import FBeta, Scores, classification_scores
from faket.evaluation.f_beta import f_beta_of_counts
from faket.evaluation.scores import Localisation
from faket.io.records import read_record

RESULT = "result.json"
_MOST = 10**6  # chosen: picks and objects of a tomogram; masks number 65535 objects
_LATER = {"may": "be missing"}  # see faket.io.records
_MOST_CLASSES = 256  # of a class mask, with background


@dataclass(frozen=True)
class Counts:
    """The matrix from which the scores of the classes are computed; see Classification."""

    labels: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    unnamed: tuple[int, ...]

    def __post_init__(self) -> None:
        """Raise InputError for numbers that no tomogram can have."""
        n = len(self.labels)
        if not 0 < n <= _MOST_CLASSES or [len(row) for row in (*self.confusion, self.unnamed)] != [
            n
        ] * (n + 1):
            raise InputError(f"expected counts of each of {n} classes, found other shapes")
        missed = [row[0] for row in self.confusion]
        within = all(0 <= count <= _MOST for row in self.confusion for count in row)
        if not within or not all(0 <= u <= m for u, m in zip(self.unnamed, missed, strict=True)):
            raise InputError("expected counts of objects and picks, found impossible ones")


@dataclass(frozen=True)
class ClassHits:
    """The counts from which the F-beta of a class is computed; see ClassFBeta."""

    name: str
    radius_A: float | None
    weight: float
    true_positives: int
    false_positives: int
    false_negatives: int

    def __post_init__(self) -> None:
        """Raise InputError for numbers that no tomogram can have."""
        counts = self.true_positives, self.false_positives, self.false_negatives
        if not all(0 <= count <= _MOST for count in counts) or self.weight < 0:
            raise InputError("expected counts of objects and picks, found impossible ones")


@dataclass(frozen=True)
class Hits:
    """The classes of a stored F-beta."""

    classes: tuple[ClassHits, ...]

    def score(self) -> FBeta:
        """Return the score, computed again."""
        rows = [(c.true_positives, c.false_positives, c.false_negatives) for c in self.classes]
        return f_beta_of_counts(
            [c.name for c in self.classes],
            [c.radius_A for c in self.classes],
            [c.weight for c in self.classes],
            np.array(rows, np.int64).reshape(-1, 3),
        )


@dataclass(frozen=True)
class RunScores:
    """The scores in the test tomogram."""

    localisation: Localisation
    classification: Counts
    excluded: tuple[str, ...]
    counted: tuple[str, ...]
    f_beta: Hits | None = field(default=None, metadata=_LATER)

    def __post_init__(self) -> None:
        """Raise InputError for impossible counts of picks and objects."""
        place = self.localisation
        if not 0 <= place.found <= place.n_picks <= _MOST or not 0 <= place.n_objects <= _MOST:
            raise InputError("expected counts of objects and picks, found impossible ones")

    def scores(self) -> Scores:
        """Return the scores; those of the classes are computed again."""
        kind = self.classification
        return Scores(
            localisation=self.localisation,
            classification=classification_scores(
                kind.labels, np.array(kind.confusion), np.array(kind.unnamed)
            ),
            orientations=(),
            excluded=self.excluded,
            counted=self.counted,
            f_beta=None if self.f_beta is None else self.f_beta.score(),
        )


@dataclass(frozen=True)
class StageCosts:
    """Time and memory of one stage of a run or of a tomogram."""

    seconds: float
    peak_rss_MB: float
    cpu_seconds: float | None = field(default=None, metadata=_LATER)


@dataclass(frozen=True)
class RunCosts:
    """Time and memory of a run, including its interrupted parts."""

    seconds: float
    cpu_seconds: float
    stages: dict[str, StageCosts]


@dataclass(frozen=True)
class Trained:
    """On what a picker was trained, and for how long."""

    objects: int
    epochs: int
    steps: int
    best_epoch: int
    models: tuple[str, ...] = field(default=(), metadata=_LATER)
    validation: str = field(default="", metadata=_LATER)
    before: int = field(default=0, metadata=_LATER)


@dataclass(frozen=True)
class RunRecord:
    """The content of result.json."""

    scores: RunScores  # in the first test tomogram
    digests: dict[str, str]
    costs: RunCosts
    training: Trained | None = field(default=None, metadata=_LATER)  # not of template matching
    further_scores: tuple[RunScores, ...] = field(default=(), metadata=_LATER)
    software: dict[str, str] = field(default_factory=dict, metadata=_LATER)


@dataclass(frozen=True)
class SpentTime:
    """Time spent in the interrupted parts of a run."""

    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class DataCosts:
    """The content of a tomogram's run.json that is used here."""

    stages: dict[str, StageCosts]


def read_run(path: Path) -> RunRecord:
    """Read a result.json; InputError if it is damaged."""
    return read_record(
        path,
        RunRecord,
        what="a result of `faket study`",
        remedy="remove the file and run the study again",
        others=True,
    )


def trained_of(path: Path) -> Trained:
    """Read the training of a result.json; InputError if it is damaged or has none."""
    trained = read_run(path).training
    if trained is None:
        raise InputError(
            f"{path}: expected the result of a training, found none in it; remove the file and "
            "run the study again"
        )
    return trained


def read_costs(path: Path) -> tuple[StageCosts, ...]:
    """Read time and memory of the stages of a tomogram; InputError if its run.json is damaged."""
    costs = read_record(
        path,
        DataCosts,
        what="the costs of a tomogram",
        remedy="remove the file, and the page will leave them out",
        others=True,
    )
    return tuple(costs.stages.values())


def read_spent(path: Path) -> SpentTime:
    """Read the time spent in interrupted parts of a run; InputError if the file is damaged."""
    return read_record(
        path,
        SpentTime,
        what="the costs of a run",
        remedy="remove the file, and costs will be counted from now on",
    )
