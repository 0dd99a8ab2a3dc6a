"""SHREC'21's scores (localisation, classification, orientation), and the CZII challenge's F-beta.

Localisation: recall = objects found / objects, precision = objects found / picks (a second pick of
an object, and a pick of an excluded one, count as picks), F1 their harmonic mean.

Classification: each object has a true class, and a predicted class, that of its first pick. An
object that was missed, or predicted as an excluded class, counts as background. The scores of
that confusion matrix are in :mod:`faket.evaluation.classification`.

F-beta has a rule of its own for what a pick hits: see :mod:`faket.evaluation.f_beta`.

A score whose denominator is 0 counts as 0.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from faket.evaluation.classification import (
    Classification,
    classification_scores,
    recall_precision_f1,
)
from faket.evaluation.f_beta import FBeta, f_beta
from faket.evaluation.matching import (
    IntArray,
    Matches,
    Picks,
    Truth,
    match_picks,
    resolve_names,
)
from faket.evaluation.orientations import OrientationErrors, angular_errors_deg, summarise_errors
from faket.vocabulary import (
    BACKGROUND,
    NO_MOLECULES,
    SHREC_BY_SIZE,
    SHREC_PROTEINS,
    SHREC_UNSCORED,
    VESICLE,
    is_extended,
)


@dataclass(frozen=True)
class Localisation:
    """How many objects were found, whatever class was predicted.

    Attributes
    ----------
    n_picks : int
    n_objects : int
        Denominator of recall: the scored objects, and those of classes that are counted without
        being scored.
    found, missed : int
        Scored objects that were hit by at least one pick (TP), or by none (FN).
    on_background : int
        Picks that hit no object; FP as SHREC reports it.
    on_excluded : int
        Picks of objects that are not scored.
    repeated : int
        Second and later picks of scored objects.
    outside : int
        Picks outside the volume, which were moved to its border.
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
class Scores:
    """All scores of one tomogram's picks.

    Attributes
    ----------
    localisation : Localisation
    classification : Classification
    orientations : tuple of OrientationErrors
        "all", then class by class; empty if the picks have no orientations.
    excluded : tuple of str
        Classes that were not scored.
    counted : tuple of str
        Excluded classes whose objects are part of the denominator of recall.
    tolerance_A : float
        0 is SHREC'21's rule; see :func:`faket.evaluation.match_picks`.
    f_beta : FBeta or None
        The CZII challenge's score of the same classes; None in results of earlier versions.
    """

    localisation: Localisation
    classification: Classification
    orientations: tuple[OrientationErrors, ...]
    excluded: tuple[str, ...]
    counted: tuple[str, ...]
    tolerance_A: float = 0.0
    f_beta: FBeta | None = None


def score_picks(
    picks: Picks,
    truth: Truth,
    *,
    excluded: Collection[str] | None = None,
    counted: Collection[str] | None = None,
    symmetries: Mapping[str, str] | None = None,
    tolerance_A: float = 0.0,
    radii_A: Mapping[str, float] | None = None,
    weights: Mapping[str, float] | None = None,
) -> Scores:
    """Return SHREC'21's scores of picks, and the CZII challenge's.

    Parameters
    ----------
    picks : Picks
    truth : Truth
    excluded : collection of str, optional
        Classes that are not scored. By default vesicles, and 4V94 if the classes are SHREC's
        (see :func:`default_excluded`). Objects whose species is no class are never scored.
    counted : collection of str, optional
        Excluded classes whose objects are still part of the denominator of recall. SHREC'21
        counts its vesicles so: the default if the classes are SHREC's; otherwise none.
    symmetries : mapping of str to str, optional
        Class → Schoenflies symbol, for orientations; C1 if not given.
    tolerance_A : float
        For hollow species, whose centre is background: a pick on background hits the object
        whose centre is within this distance. 0 is SHREC'21's rule.
    radii_A, weights : mapping of str to float, optional
        Particle radius and weight of classes, for F-beta: see
        :func:`faket.evaluation.f_beta.f_beta`.

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
    predicted = np.array([codes.get(name, 0) for name in named], np.int64)
    classification = _classify(classes, true, predicted, matches)
    extra = sum(name in counting for name in truth.particles.species)
    return Scores(
        localisation=_localise(picks, truth, matches, true > 0, extra),
        classification=classification,
        orientations=_orient(picks, truth, matches, true, predicted, classes, symmetries or {}),
        excluded=left_out,
        counted=counting,
        tolerance_A=tolerance_A,
        f_beta=f_beta(picks, truth, classes, radii_A=radii_A, weights=weights),
    )


def is_shrec(class_names: Collection[str]) -> bool:
    """Return whether the classes are those of SHREC'21: its 13 proteins and no others."""
    names = {name.upper() for name in class_names}
    return names - {name.upper() for name in NO_MOLECULES} == set(SHREC_PROTEINS)


def default_excluded(class_names: Collection[str]) -> tuple[str, ...]:
    """Return the classes that are not scored by default: all extended ones, and SHREC's 4V94."""
    unscored = {SHREC_UNSCORED} if is_shrec(class_names) else set()
    return tuple(n for n in class_names if n.upper() in unscored or is_extended(n))


def _ordered(classes: Sequence[str]) -> tuple[str, ...]:
    """Order SHREC's proteins from small to large; leave other classes as they are."""
    if not set(SHREC_PROTEINS) - {SHREC_UNSCORED} <= {name.upper() for name in classes}:
        return tuple(classes)
    rank = {name: i for i, name in enumerate(SHREC_BY_SIZE)}
    return tuple(sorted(classes, key=lambda name: rank.get(name.upper(), len(rank))))


def _localise(
    picks: Picks, truth: Truth, matches: Matches, scored: np.ndarray, extra: int
) -> Localisation:
    hit = (matches.hits > 0) & scored
    found = int(hit.sum())
    n_objects = int(scored.sum()) + extra
    recall, precision, f1 = recall_precision_f1(found, n_objects, len(picks))
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
    classes: tuple[str, ...], true: IntArray, predicted: IntArray, matches: Matches
) -> Classification:
    n = len(classes) + 1
    named = np.append(predicted, 0)[matches.first_picks]  # index -1, a missed object, is background
    confusion = np.zeros((n, n), np.int64)
    np.add.at(confusion, (true[true > 0], named[true > 0]), 1)
    unnamed = np.bincount(true[(matches.hits > 0) & (named == 0)], minlength=n)
    unnamed[0] = 0
    return classification_scores((BACKGROUND, *classes), confusion, unnamed)


def _orient(
    picks: Picks,
    truth: Truth,
    matches: Matches,
    true: IntArray,
    predicted: IntArray,
    classes: tuple[str, ...],
    symmetries: Mapping[str, str],
) -> tuple[OrientationErrors, ...]:
    spellings = resolve_names(sorted(symmetries), truth.class_names, "symmetries")
    symbols = dict(zip(spellings, [symmetries[name] for name in sorted(symmetries)], strict=True))
    if picks.rotations is None:
        return ()
    right = (true > 0) & (np.append(predicted, 0)[matches.first_picks] == true)
    errors = {}
    for code, name in enumerate(classes, start=1):
        objects = np.flatnonzero(right & (true == code))
        if name.casefold() in NO_MOLECULES or is_extended(name):
            continue
        errors[name] = np.zeros(0)
        if len(objects):
            picked = picks.rotations[matches.first_picks[objects]]
            actual = truth.particles.rotations[objects]
            errors[name] = angular_errors_deg(picked, actual, symbols.get(name, "C1"))
    everything = np.concatenate([*errors.values(), np.zeros(0)])
    each = [summarise_errors(name, values) for name, values in errors.items()]
    return (summarise_errors("all", everything), *each)
