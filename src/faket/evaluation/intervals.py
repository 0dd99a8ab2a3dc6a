"""Bootstrap intervals of scores: over seeds and tomograms, or over particles of one tomogram.

Percentile bootstrap (Efron 1979) of the mean. With few seeds the intervals are too narrow, by
about √((n − 1) / n) for the 68 % interval. FakET's paper has six seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from faket.data import DoubleArray
from faket.errors import InputError
from faket.evaluation.classification import class_f1, macro_f1
from faket.evaluation.f_beta_draws import draw_seeds, resampled_hits, resampled_runs
from faket.evaluation.matching import IntArray
from faket.evaluation.scores import Scores
from faket.seeds import generator

SEED_RESAMPLES = 10_000  # chosen, because percentiles then vary by about 1 % of the interval
PARTICLE_RESAMPLES = 2_000  # chosen likewise; each draw takes longer

METRICS = (
    "recall",
    "precision",
    "localisation_f1",
    "f1_macro_with_background",
    "f1_macro_without_background",
)


Over = Literal["seeds", "tomograms", "seeds and tomograms", "particles"]


@dataclass(frozen=True)
class Interval:
    """A score with its bootstrap intervals.

    Attributes
    ----------
    mean : float
        Over the seeds and tomograms; the score itself if there is one of each.
    interval_68, interval_95 : tuple of float, or None
        Low and high; None if there is only one value, so that nothing can be resampled.
    """

    mean: float
    interval_68: tuple[float, float] | None
    interval_95: tuple[float, float] | None


@dataclass(frozen=True)
class Summary:
    """The scores of one method with intervals.

    Attributes
    ----------
    n_seeds : int
    over : {"seeds", "tomograms", "seeds and tomograms", "particles"}
        What was resampled: whatever there is more than one of, or, of one seed in one tomogram, its
        particles and wrong picks.
    metrics : mapping of str to Interval
        Those of ``METRICS``.
    class_f1 : mapping of str to Interval
    f_beta : Interval or None
        The CZII challenge's weighted F-beta, of the summed counts of all tomograms; None if a
        result of an earlier version has none.
    """

    n_seeds: int
    over: Over
    metrics: dict[str, Interval]
    class_f1: dict[str, Interval]
    f_beta: Interval | None = None


def seed_interval(
    values: ArrayLike, *, seed: int = 0, n_resamples: int = SEED_RESAMPLES
) -> Interval:
    """Return the mean over seeds and test tomograms and its bootstrap intervals.

    Seeds and tomograms are each drawn with replacement, independently of each other.

    Parameters
    ----------
    values : array_like, shape (seeds,) or (seeds, tomograms)
    seed : int
        Of the bootstrap. Scores of equally many seeds are resampled with the same draws.
    n_resamples : int

    Raises
    ------
    InputError
        If there is no value, or one that is not finite.
    """
    given = _checked(values)
    if given.size == 1:
        return Interval(float(given.mean()), None, None)
    return _interval(float(given.mean()), _resampled_means(given, seed, n_resamples))


def ratio_interval(
    values: ArrayLike, base: ArrayLike, *, seed: int = 0, n_resamples: int = SEED_RESAMPLES
) -> Interval:
    """Return the ratio of two methods' means over the same seeds and its bootstrap intervals.

    Both are resampled with the same seeds and test tomograms, so what one of these does to both
    does not widen the interval.

    Parameters
    ----------
    values, base : array_like, shape (seeds,) or (seeds, tomograms)
        Scores of the method, and of the method it is compared with. A ratio to 0 counts as 0.
    seed : int
        Of the bootstrap.
    n_resamples : int

    Raises
    ------
    InputError
        If there is no value, one that is not finite, or not as many of both.
    """
    above, below = _checked(values), _checked(base)
    if above.shape != below.shape:
        raise InputError(
            f"scores of seeds: expected equally many of both methods, found {above.size} and "
            f"{below.size}; compare the seeds that both have"
        )
    ratio = float(_ratio(above.mean(), below.mean()))
    if above.size == 1:
        return Interval(ratio, None, None)
    tops, bottoms = (_resampled_means(given, seed, n_resamples) for given in (above, below))
    return _interval(ratio, _ratio(tops, bottoms))


def _checked(values: ArrayLike) -> DoubleArray:
    """Return the values as [seed, tomogram]."""
    given: DoubleArray = np.asarray(values, np.float64)
    if given.ndim not in (1, 2) or given.size == 0 or not np.isfinite(given).all():
        raise InputError(f"scores of seeds: expected finite numbers, found {values!r}")
    return given.reshape(len(given), -1)


def _resampled_means(values: DoubleArray, seed: int, n_resamples: int) -> DoubleArray:
    """Return means over seeds and tomograms that were both drawn with replacement [resample]."""
    seeds, tomograms = draw_seeds(values.shape, seed, n_resamples)
    # [seed, tomogram] → [resample, seed, tomogram] → [resample]
    return np.asarray(values[seeds[:, :, None], tomograms[:, None, :]].mean(axis=(1, 2)))


def summarise_scores(scores: Sequence[Scores], *, tomograms: int = 1, seed: int = 0) -> Summary:
    """Return the means and intervals of one method's scores.

    Parameters
    ----------
    scores : sequence of Scores
        One for each training seed and test tomogram; all tomograms of a seed follow each other.
        If there are two or more, seeds and tomograms are resampled; if there is one, the objects
        and the surplus picks of the tomogram.
    tomograms : int
        Number of test tomograms.
    seed : int
        Of the bootstrap.

    Raises
    ------
    InputError
        If there are none, or they were scored with different classes.
    """
    if not scores:
        raise InputError("scores: expected at least one seed, found none")
    if len(scores) % tomograms:
        raise InputError(
            f"scores: expected those of {tomograms} tomograms for every seed, found {len(scores)}"
        )
    labels = scores[0].classification.labels
    if any(item.classification.labels != labels for item in scores):
        raise InputError("scores: expected the same classes for all seeds, found different ones")
    if len(scores) == 1:
        return _over_particles(scores[0], seed)
    table = np.array([metric_values(item) for item in scores])
    classes = np.array([[c.f1 for c in item.classification.classes] for item in scores])
    hits = [item.f_beta for item in scores if item.f_beta is not None]
    known = len(hits) == len(scores)

    def interval(values: ArrayLike) -> Interval:
        return seed_interval(np.reshape(values, (-1, tomograms)), seed=seed)

    return Summary(
        n_seeds=len(scores) // tomograms,
        over=_over(len(scores) // tomograms, tomograms),
        metrics={name: interval(column) for name, column in zip(METRICS, table.T, strict=True)},
        class_f1={
            name: interval(column) for name, column in zip(labels[1:], classes.T, strict=True)
        },
        f_beta=_interval(*resampled_runs(hits, tomograms, seed, SEED_RESAMPLES)) if known else None,
    )


def _over(seeds: int, tomograms: int) -> Over:
    if tomograms == 1:
        return "seeds"
    return "tomograms" if seeds == 1 else "seeds and tomograms"


def metric_values(scores: Scores) -> tuple[float, ...]:
    """Return the scores in the order of ``METRICS``."""
    place, kind = scores.localisation, scores.classification
    return (
        place.recall,
        place.precision,
        place.f1,
        kind.f1_macro_with_background,
        kind.f1_macro_without_background,
    )


def _over_particles(scores: Scores, seed: int, n_resamples: int = PARTICLE_RESAMPLES) -> Summary:
    matrices, found, surplus = _resampled(scores, seed, n_resamples)
    scored = matrices.sum(axis=(1, 2))
    constant = scores.localisation.n_objects - int(scores.classification.confusion.sum())
    recall = _ratio(found, scored + constant)
    precision = _ratio(found, found + surplus)
    both = np.stack(
        [recall, precision, _ratio(2 * recall * precision, recall + precision),
         *macro_f1(matrices)]
    )  # fmt: skip
    names = scores.classification.labels[1:]
    own = [c.f1 for c in scores.classification.classes]
    f1, _ = class_f1(matrices)
    hits = scores.f_beta
    return Summary(
        n_seeds=1,
        over="particles",
        metrics={
            name: _interval(value, draws)
            for name, value, draws in zip(METRICS, metric_values(scores), both, strict=True)
        },
        class_f1={
            name: _interval(value, draws)
            for name, value, draws in zip(names, own, f1.T, strict=True)
        },
        f_beta=None
        if hits is None
        else _interval(hits.weighted, resampled_hits(hits, seed, n_resamples)),
    )


def _resampled(
    scores: Scores, seed: int, n_resamples: int
) -> tuple[IntArray, DoubleArray, DoubleArray]:
    """Resample objects and surplus picks together: confusion matrices, found objects, surplus.

    Drawing N of N units with replacement is drawing the counts of their kinds, multinomially.
    """
    kind = scores.classification
    k = len(kind.labels)
    missed = kind.confusion[:, 0] - kind.unnamed
    counts = np.concatenate(
        [kind.confusion[:, 1:].ravel(), kind.unnamed, missed,
         [scores.localisation.n_picks - scores.localisation.found]]
    )  # fmt: skip
    total = int(counts.sum())
    draws = np.zeros((n_resamples, len(counts)), np.int64)
    if total:
        rng = generator(seed, "bootstrap particles")
        draws = rng.multinomial(total, counts / total, size=n_resamples)
    named = draws[:, : k * (k - 1)].reshape(n_resamples, k, k - 1)
    unnamed, gone = draws[:, -2 * k - 1 : -k - 1], draws[:, -k - 1 : -1]
    matrices = np.concatenate([(unnamed + gone)[:, :, None], named], axis=2)
    found = named.sum(axis=(1, 2)) + unnamed.sum(axis=1)
    return matrices, found.astype(np.float64), draws[:, -1].astype(np.float64)


def _ratio(numerator: ArrayLike, denominator: ArrayLike) -> DoubleArray:
    top, bottom = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)


def _interval(mean: float, draws: DoubleArray) -> Interval:
    low_95, low_68, high_68, high_95 = np.percentile(draws, (2.5, 16, 84, 97.5)).tolist()
    return Interval(mean, (low_68, high_68), (low_95, high_95))
