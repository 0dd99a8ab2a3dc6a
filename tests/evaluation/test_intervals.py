"""Bootstrap intervals: closed forms, coverage of the known spread, the same every time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faket.errors import InputError
from faket.evaluation import Scores, ratio_interval, seed_interval, summarise_scores
from faket.evaluation.classification import classification_scores, recall_precision_f1
from faket.evaluation.intervals import METRICS, metric_values
from faket.evaluation.scores import Localisation


def scores(confusion, surplus=0, extra=0, unnamed=None):
    """Scores of a confusion matrix without background hits but ``surplus`` wrong picks."""
    matrix = np.array(confusion)
    labels = ("background", *"abcdefg"[: len(matrix) - 1])
    kind = classification_scores(labels, matrix, unnamed)
    found = int(matrix[:, 1:].sum() + kind.unnamed.sum())
    n = int(matrix.sum())
    ratios = recall_precision_f1(found, n + extra, found + surplus)
    place = Localisation(found + surplus, n + extra, found, n - found, surplus, 0, 0, 0, *ratios,
                         None)  # fmt: skip
    return Scores(place, kind, (), (), ())


def test_two_seeds_by_hand():
    """The mean of two draws is a, the middle or b with probability 1/4, 1/2, 1/4."""
    interval = seed_interval([0.2, 0.6])
    assert interval.mean == pytest.approx(0.4)
    assert interval.interval_68 == pytest.approx((0.2, 0.6))
    assert interval.interval_95 == pytest.approx((0.2, 0.6))


def test_many_seeds_tend_to_the_normal_interval():
    values = np.random.default_rng(0).normal(0.5, 0.1, 400)
    interval = seed_interval(values, seed=3)
    error = values.std() / np.sqrt(len(values))
    low, high = interval.interval_68
    assert (high - low) / 2 == pytest.approx(0.9945 * error, rel=0.04)
    low, high = interval.interval_95
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.04)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8), st.integers(0, 5))
def test_nested_within_the_values_and_deterministic(values, seed):
    interval = seed_interval(values, seed=seed, n_resamples=500)
    assert interval == seed_interval(values, seed=seed, n_resamples=500)
    (low_68, high_68), (low_95, high_95) = interval.interval_68, interval.interval_95
    edge = 1e-12
    assert min(values) - edge <= low_95 <= low_68 <= high_68 <= high_95 <= max(values) + edge


def test_seeds_and_tomograms_are_drawn_independently():
    """Where only one of both matters, the interval is that of its values alone."""
    seeds = np.array([0.2, 0.5, 0.9])
    alone = seed_interval(seeds, seed=2)
    both = seed_interval(np.stack([seeds, seeds], axis=1), seed=2)
    assert both.interval_95 == pytest.approx(alone.interval_95)
    two = seed_interval([[0.2, 0.6]] * 5)
    assert two.mean == pytest.approx(0.4)
    assert two.interval_68 == pytest.approx((0.2, 0.6))
    base = np.array([[0.2, 0.4], [0.3, 0.9]])
    assert ratio_interval(0.9 * base, base).interval_95 == pytest.approx((0.9, 0.9))
    # Sums of independent effects: variances of the two means add.
    rng = np.random.default_rng(1)
    rows, columns = rng.normal(0, 1, (40, 1)), rng.normal(0, 1, (1, 40))
    widths = [
        np.diff(seed_interval(values).interval_68)[0]
        for values in (rows + 0 * columns, 0 * rows + columns, rows + columns)
    ]
    assert widths[2] == pytest.approx(np.hypot(*widths[:2]), rel=0.05)


def test_one_seed_has_no_interval_and_none_is_refused():
    assert seed_interval([0.7]).interval_68 is None
    for values in ([], [np.nan], [[[0.1, 0.2]]]):
        with pytest.raises(InputError, match="seeds"):
            seed_interval(values)


def test_what_a_seed_does_to_both_does_not_widen_their_ratio():
    base = np.array([0.2, 0.5, 0.8])
    assert ratio_interval(1.1 * base, base).interval_95 == pytest.approx((1.1, 1.1))
    assert ratio_interval([0.3, 0.9], [0.6, 0.6]).interval_68 == pytest.approx((0.5, 1.5))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 1)), min_size=1, max_size=6))
def test_a_ratio_lies_between_those_of_its_seeds(pairs):
    above, below = np.array(pairs).T
    found = ratio_interval(above, below, n_resamples=200)
    assert found.mean == pytest.approx(above.sum() / below.sum())
    low, high = found.interval_95 or (found.mean, found.mean)
    edge = 1e-12
    assert (above / below).min() - edge <= low <= high <= (above / below).max() + edge


def test_a_ratio_to_nothing_is_none_and_other_seeds_are_refused():
    assert ratio_interval([0.5, 0.5], [0.0, 0.0]).mean == 0
    with pytest.raises(InputError, match="equally many of both methods, found 2 and 1"):
        ratio_interval([0.5, 0.5], [0.5])


def test_seeds_are_summarised_score_by_score():
    first = scores([[0, 0, 0], [1, 3, 0], [0, 1, 5]], surplus=2)
    second = scores([[0, 0, 0], [2, 2, 0], [1, 0, 5]], surplus=1)
    summary = summarise_scores([first, second], seed=4)
    assert (summary.over, summary.n_seeds) == ("seeds", 2)
    for i, name in enumerate(METRICS):
        values = [metric_values(item)[i] for item in (first, second)]
        assert summary.metrics[name] == seed_interval(values, seed=4)
    assert list(summary.class_f1) == ["a", "b"]


def test_scores_of_several_tomograms_are_averaged_and_both_are_resampled():
    one, other = scores([[0, 0], [1, 3]]), scores([[0, 0], [3, 1]])
    summary = summarise_scores([one, other, other, other], tomograms=2)
    assert (summary.over, summary.n_seeds) == ("seeds and tomograms", 2)
    assert summary.metrics["recall"] == seed_interval([[0.75, 0.25], [0.25, 0.25]])
    assert summarise_scores([one, other], tomograms=2).over == "tomograms"
    with pytest.raises(InputError, match="those of 2 tomograms"):
        summarise_scores([one, other, one], tomograms=2)


def test_particles_of_one_seed_have_the_binomial_spread():
    """Of N objects p N are found: recall spreads by about √(p (1 − p) / N)."""
    n, found, surplus = 400, 300, 100
    summary = summarise_scores([scores([[0, 0], [n - found, found]], surplus)], seed=1)
    assert (summary.over, summary.n_seeds) == ("particles", 1)
    for name, trials in (("recall", n), ("precision", found + surplus)):
        low, high = summary.metrics[name].interval_68
        assert (high - low) / 2 == pytest.approx(np.sqrt(0.75 * 0.25 / trials), rel=0.12)
        assert low < 0.75 < high
    again = summarise_scores([scores([[0, 0], [n - found, found]], surplus)], seed=1)
    assert again == summary


def test_perfect_and_empty_scores_do_not_spread():
    for matrix, value in (([[0, 0], [0, 9]], 1.0), ([[0, 0], [0, 0]], 0.0)):
        summary = summarise_scores([scores(matrix)])
        assert summary.metrics["localisation_f1"].interval_95 == (value, value)
        assert summary.class_f1["a"].interval_95 == (value, value)
    lost = summarise_scores([scores([[0, 0], [9, 0]], surplus=3)])
    assert lost.metrics["precision"].interval_95 == (0, 0)


def test_found_but_unnamed_objects_count_as_found():
    item = scores([[0, 0], [10, 0]], unnamed=[0, 10])
    summary = summarise_scores([item])
    assert summary.metrics["recall"].interval_95 == (1, 1)
    assert summary.class_f1["a"].mean == 0


def test_objects_counted_without_being_scored_stay_in_recall():
    summary = summarise_scores([scores([[0, 0], [0, 30]], extra=10)])
    assert summary.metrics["recall"].interval_95 == (0.75, 0.75)


def test_seeds_of_other_classes_and_no_seeds_are_refused():
    with pytest.raises(InputError, match="same classes"):
        summarise_scores([scores([[0, 0], [0, 1]]), scores(np.zeros((3, 3), int))])
    with pytest.raises(InputError, match="at least one"):
        summarise_scores([])
