"""SHREC'21's scores: localisation, classification, orientation.

Localisation: recall = objects found / objects, precision = objects found / picks (a second pick of
an object, and a pick of an excluded one, count as picks), F1 their harmonic mean.

Classification: each object has a true class, and the class that its first pick names; an object
that was missed, or whose first pick names an excluded class, is called background. F1 of a class
is 2 TP / (2 TP + FP + FN). No object is truly background, so the F1 of background is 0, and the
published macro average counts it: see :class:`Classification`.

What is divided by nothing is 0.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from faket.data import DoubleArray
from faket.errors import InputError
from faket.evaluation.matching import (
    IntArray,
    Matches,
    Picks,
    Truth,
    match_picks,
    resolve_names,
)
from faket.evaluation.orientations import OrientationErrors, angular_errors_deg, summarise_errors

BACKGROUND = "background"
VESICLE, GOLD = "vesicle", "gold"
SHREC_PROTEINS = (
    "1S3X", "3QM1", "3GL1", "3H84", "2CG9", "3D2F", "1U6G", "3CF3", "1BXN", "1QVR", "4CR2", "5MRC",
    "4V94",
)  # fmt: skip
"""SHREC'21's proteins, small to large; 4V94 is left out of its scores."""


@dataclass(frozen=True)
class Localisation:
    """Were the objects found, whatever class was named?

    Attributes
    ----------
    n_picks : int
    n_objects : int
        What recall is divided by: the scored objects, and those of the classes that are counted
        without being scored.
    found, missed : int
        Scored objects that some pick hit, or none: TP and FN.
    on_background : int
        Picks that hit nothing: FP as SHREC reports it.
    on_excluded : int
        Picks of objects that are not scored.
    repeated : int
        Second and later picks of scored objects.
    outside : int
        Picks outside the volume, which were put to its border.
    recall, precision, f1 : float
    mean_distance_A : float or None
        From the first pick of each found object to its centre; None if none was found.
    """

    n_picks: int
    n_objects: int
    found: int
    missed: int
    on_background: int
    on_excluded: int
    repeated: int
    outside: int
    recall: float
    precision: float
    f1: float
    mean_distance_A: float | None


@dataclass(frozen=True)
class ClassScore:
    """One class: its objects, and what was named so.

    Attributes
    ----------
    name : str
    n_objects : int
    found : int
        Objects that were hit, whatever class was named.
    true_positives, false_positives, false_negatives : int
        Objects of this class named so; of other classes named so; of this class not named so.
    recall, precision, f1 : float
    """

    name: str
    n_objects: int
    found: int
    true_positives: int
    false_positives: int
    false_negatives: int
    recall: float
    precision: float
    f1: float


@dataclass(frozen=True)
class Classification:
    """Which class was named for which?

    Attributes
    ----------
    labels : tuple of str
        "background", then the scored classes.
    confusion : ndarray of int, shape (labels, labels)
        Rows are the truth, columns the first pick; the row of background is empty.
    unnamed : ndarray of int, shape (labels,)
        Objects in the column of background that were found, but named an excluded class.
    classes : tuple of ClassScore
    f1_macro_with_background : float
        The published one: the sum of the classes' F1 over their number + 1, because background
        is a class whose F1 is 0. At most C / (C + 1).
    f1_macro_without_background : float
        Mean F1 of the classes. Classes that neither occur nor are named are left out of both.
    """

    labels: tuple[str, ...]
    confusion: IntArray
    unnamed: IntArray
    classes: tuple[ClassScore, ...]
    f1_macro_with_background: float
    f1_macro_without_background: float


@dataclass(frozen=True)
class Scores:
    """All scores of one tomogram's picks.

    Attributes
    ----------
    localisation : Localisation
    classification : Classification
    orientations : tuple of OrientationErrors
        "all", then class by class; empty if the picks carry no orientations.
    excluded : tuple of str
        Classes that were not scored.
    counted : tuple of str
        Those of them that are counted among the objects that recall is divided by.
    tolerance_A : float
        0 is SHREC'21's rule; see :func:`faket.evaluation.match_picks`.
    """

    localisation: Localisation
    classification: Classification
    orientations: tuple[OrientationErrors, ...]
    excluded: tuple[str, ...]
    counted: tuple[str, ...]
    tolerance_A: float = 0.0


def score_picks(
    picks: Picks,
    truth: Truth,
    *,
    excluded: Collection[str] | None = None,
    counted: Collection[str] | None = None,
    symmetries: Mapping[str, str] | None = None,
    tolerance_A: float = 0.0,
) -> Scores:
    """Score picks as SHREC'21 does.

    Parameters
    ----------
    picks : Picks
    truth : Truth
    excluded : collection of str, optional
        Classes that are not scored. By default vesicles, and 4V94 if the classes are SHREC's
        (see :func:`default_excluded`). Objects whose species is no class are never scored.
    counted : collection of str, optional
        Excluded classes whose objects are still part of what recall is divided by. SHREC'21
        counts its vesicles: the default if the classes are SHREC's; otherwise none.
    symmetries : mapping of str to str, optional
        Class → Schoenflies symbol, for orientations; C1 where not given.
    tolerance_A : float
        For hollow species, whose centre is background: a pick on background hits the object
        whose centre is this near. 0 is SHREC'21's rule.

    Returns
    -------
    Scores

    Raises
    ------
    InputError
        If a class is not among the truth's, or picks and truth do not fit.
    """
    known = truth.class_names
    shrec = is_shrec(known)
    left_out = resolve_names(sorted(default_excluded(known) if excluded is None else excluded),
                             known, "excluded classes")  # fmt: skip
    if counted is None:
        counted = [name for name in left_out if shrec and name == VESICLE]
    counting = resolve_names(sorted(counted), left_out, "counted classes")
    named = resolve_names(picks.species, known, "picks")
    classes = _ordered([name for name in known if name not in left_out])
    matches = match_picks(picks, truth, tolerance_A=tolerance_A)
    codes = {name: code for code, name in enumerate(classes, start=1)}
    true = np.array([codes.get(name, 0) for name in truth.particles.species], np.int64)
    said = np.array([codes.get(name, 0) for name in named], np.int64)
    classification = _classify(classes, true, said, matches)
    extra = sum(name in counting for name in truth.particles.species)
    return Scores(
        localisation=_localise(picks, truth, matches, true > 0, extra),
        classification=classification,
        orientations=_orient(picks, truth, matches, true, said, classes, symmetries or {}),
        excluded=left_out,
        counted=counting,
        tolerance_A=tolerance_A,
    )


def localisation_ratios(found: int, n_objects: int, n_picks: int) -> tuple[float, float, float]:
    """Return recall, precision and F1; 0 where there is nothing to divide by."""
    recall = found / n_objects if n_objects else 0.0
    precision = found / n_picks if n_picks else 0.0
    return recall, precision, 2 * recall * precision / (recall + precision) if found else 0.0


def classification_scores(
    labels: Sequence[str], confusion: IntArray, unnamed: IntArray | None = None
) -> Classification:
    """Return the scores of a confusion matrix.

    Parameters
    ----------
    labels : sequence of str
        "background" first.
    confusion : ndarray of int, shape (labels, labels)
        Rows are the truth, columns what was named.
    unnamed : ndarray of int, shape (labels,), optional
        See :class:`Classification`; none by default.

    Raises
    ------
    InputError
        If the shape is another, a count is negative or the row of background is not empty.
    """
    matrix = np.asarray(confusion, np.int64)
    n = len(labels)
    if matrix.shape != (n, n) or n == 0 or matrix.min() < 0 or matrix[0].any():
        raise InputError(
            f"confusion matrix: expected counts of shape {(n, n)} with an empty first row "
            f"(nothing is truly background), found shape {matrix.shape} or other counts"
        )
    beside = np.zeros(n, np.int64) if unnamed is None else np.asarray(unnamed, np.int64)
    with_background, without = macro_f1(matrix)
    return Classification(
        labels=tuple(labels),
        confusion=matrix,
        unnamed=beside,
        classes=tuple(_class_score(labels[i], matrix, beside, i) for i in range(1, n)),
        f1_macro_with_background=float(with_background),
        f1_macro_without_background=float(without),
    )


def class_f1(confusion: IntArray) -> tuple[DoubleArray, DoubleArray]:
    """Return the F1 of each class and whether it occurs at all (1 or 0).

    Parameters
    ----------
    confusion : ndarray of int, shape (..., labels, labels)
        One matrix or many.

    Returns
    -------
    f1, occurs : ndarray, shape (..., labels - 1)
    """
    right = np.diagonal(confusion, axis1=-2, axis2=-1)[..., 1:].astype(np.float64)
    total = (confusion.sum(axis=-1) + confusion.sum(axis=-2))[..., 1:].astype(np.float64)
    f1 = np.divide(2 * right, total, out=np.zeros_like(total), where=total > 0)
    return f1, (total > 0).astype(np.float64)


def macro_f1(confusion: IntArray) -> tuple[DoubleArray, DoubleArray]:
    """Return the macro F1 with and without background of matrices of shape (..., k, k)."""
    f1, occurs = class_f1(confusion)
    total, number = f1.sum(axis=-1), occurs.sum(axis=-1)
    return total / (number + 1), total / np.maximum(number, 1)


def is_shrec(class_names: Collection[str]) -> bool:
    """Tell whether the classes are those of SHREC'21: its 13 proteins and no others."""
    names = {name.upper() for name in class_names}
    return names - {"VESICLE", "GOLD", "FIDUCIAL"} == set(SHREC_PROTEINS)


def default_excluded(class_names: Collection[str]) -> tuple[str, ...]:
    """Return the classes that are not scored unless asked for: vesicles, and SHREC's 4V94."""
    names = {"4V94", VESICLE.upper()} if is_shrec(class_names) else {VESICLE.upper()}
    return tuple(name for name in class_names if name.upper() in names)


def _ordered(classes: Sequence[str]) -> tuple[str, ...]:
    """Put SHREC's proteins from small to large; leave others as they are."""
    if not set(SHREC_PROTEINS) - {"4V94"} <= {name.upper() for name in classes}:
        return tuple(classes)
    rank = {name: i for i, name in enumerate(SHREC_PROTEINS)}
    return tuple(sorted(classes, key=lambda name: rank.get(name.upper(), len(rank))))


def _localise(
    picks: Picks, truth: Truth, matches: Matches, scored: np.ndarray, extra: int
) -> Localisation:
    hit = (matches.hits > 0) & scored
    found = int(hit.sum())
    n_objects = int(scored.sum()) + extra
    recall, precision, f1 = localisation_ratios(found, n_objects, len(picks))
    centres_A = truth.particles.positions_A[hit]
    away_A = picks.positions_A[matches.first_picks[hit]] - centres_A
    return Localisation(
        n_picks=len(picks),
        n_objects=n_objects,
        found=found,
        missed=int(scored.sum()) - found,
        on_background=int((matches.objects < 0).sum()),
        on_excluded=int(matches.hits[~scored].sum()),
        repeated=int(matches.hits[hit].sum()) - found,
        outside=matches.outside,
        recall=recall,
        precision=precision,
        f1=f1,
        mean_distance_A=float(np.linalg.norm(away_A, axis=1).mean()) if found else None,
    )


def _classify(
    classes: tuple[str, ...], true: IntArray, said: IntArray, matches: Matches
) -> Classification:
    n = len(classes) + 1
    named = np.append(said, 0)[matches.first_picks]  # index -1, a missed object, is background
    confusion = np.zeros((n, n), np.int64)
    np.add.at(confusion, (true[true > 0], named[true > 0]), 1)
    unnamed = np.bincount(true[(matches.hits > 0) & (named == 0)], minlength=n)
    unnamed[0] = 0
    return classification_scores((BACKGROUND, *classes), confusion, unnamed)


def _class_score(name: str, confusion: IntArray, unnamed: IntArray, i: int) -> ClassScore:
    right = int(confusion[i, i])
    of_class, named_so = int(confusion[i].sum()), int(confusion[:, i].sum())
    recall, precision, _ = localisation_ratios(right, of_class, named_so)
    return ClassScore(
        name=name,
        n_objects=of_class,
        found=of_class - int(confusion[i, 0]) + int(unnamed[i]),
        true_positives=right,
        false_positives=named_so - right,
        false_negatives=of_class - right,
        recall=recall,
        precision=precision,
        f1=2 * right / (of_class + named_so) if of_class + named_so else 0.0,
    )


def _orient(
    picks: Picks,
    truth: Truth,
    matches: Matches,
    true: IntArray,
    said: IntArray,
    classes: tuple[str, ...],
    symmetries: Mapping[str, str],
) -> tuple[OrientationErrors, ...]:
    spellings = resolve_names(sorted(symmetries), truth.class_names, "symmetries")
    symbols = dict(zip(spellings, [symmetries[name] for name in sorted(symmetries)], strict=True))
    if picks.rotations is None:
        return ()
    right = (true > 0) & (np.append(said, 0)[matches.first_picks] == true)
    errors = {}
    for code, name in enumerate(classes, start=1):
        objects = np.flatnonzero(right & (true == code))
        if name.casefold() in (VESICLE, GOLD, "fiducial"):
            continue
        errors[name] = np.zeros(0)
        if len(objects):
            picked = picks.rotations[matches.first_picks[objects]]
            actual = truth.particles.rotations[objects]
            errors[name] = angular_errors_deg(picked, actual, symbols.get(name, "C1"))
    everything = np.concatenate([*errors.values(), np.zeros(0)])
    each = [summarise_errors(name, values) for name, values in errors.items()]
    return (summarise_errors("all", everything), *each)
