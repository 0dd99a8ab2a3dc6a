"""The CZII challenge's score: F-beta of each class with β = 4, and its weighted mean.

A pick is a hit if it lies within half the particle's radius of a true particle of its class; each
true particle counts once. Hits, surplus picks and missed particles of a class are summed over the
tomograms, and F-beta is computed from the sums: with β = 4 recall weighs 16 times as much as
precision. The score is the mean over the classes, weighted.

Source: "CZII – CryoET Object Identification" (Kaggle, 2024), its metric ``czi-cryoet-84969``.
There one pick near two particles is two hits, so that precision may exceed 1; here it is one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.spatial import cKDTree

from faket.data import DoubleArray
from faket.errors import InputError
from faket.evaluation.matching import IntArray, Picks, Truth, resolve_names

BETA = 4.0  # the challenge's
REACH = 0.5  # of the radius; the challenge's
# The challenge's classes, radii in Å and weights; with others, all weights are 1.
CZII_PARTICLES = {
    "apo-ferritin": (60.0, 1.0),
    "beta-amylase": (65.0, 0.0),
    "beta-galactosidase": (90.0, 2.0),
    "ribosome": (150.0, 1.0),
    "thyroglobulin": (130.0, 2.0),
    "virus-like-particle": (135.0, 1.0),
}


@dataclass(frozen=True)
class ClassFBeta:
    """The F-beta of one class.

    Attributes
    ----------
    name : str
    radius_A : float or None
        A pick hits a particle within half of it; None if the class has no particle and no given
        radius.
    weight : float
    true_positives, false_positives, false_negatives : int
        Particles hit, picks beyond these, particles missed.
    recall, precision, f_beta : float
    """

    name: str
    radius_A: float | None
    weight: float
    true_positives: int
    false_positives: int
    false_negatives: int
    recall: float
    precision: float
    f_beta: float


@dataclass(frozen=True)
class FBeta:
    """The challenge's score.

    Attributes
    ----------
    beta : float
    weighted : float
        Mean F-beta of the classes that occur or are picked, by their weights.
    classes : tuple of ClassFBeta
    """

    beta: float
    weighted: float
    classes: tuple[ClassFBeta, ...]


def f_beta(
    picks: Picks,
    truth: Truth,
    classes: Sequence[str],
    *,
    radii_A: Mapping[str, float] | None = None,
    weights: Mapping[str, float] | None = None,
) -> FBeta:
    """Return the challenge's score of the picks in one tomogram.

    Parameters
    ----------
    picks : Picks
    truth : Truth
    classes : sequence of str
        The truth's classes that are scored; picks of others are ignored.
    radii_A : mapping of str to float, optional
        Particle radius of each class. By default the challenge's if all classes are its own;
        otherwise see :func:`particle_radii_A`.
    weights : mapping of str to float, optional
        By default the challenge's if all classes are its own; otherwise 1.

    Raises
    ------
    InputError
        If a radius is not positive, a weight is negative, or a class is unknown.
    """
    radii, factors = _radii_and_weights(truth, classes, radii_A or {}, weights or {})
    named = np.array(resolve_names(picks.species, truth.class_names, "picks"), object)
    true = np.array(truth.particles.species, object)
    counts = np.zeros((len(classes), 3), np.int64)
    for i, name in enumerate(classes):
        there, found = truth.particles.positions_A[true == name], picks.positions_A[named == name]
        hits = _hits(found, there, REACH * radii[i]) if len(there) else 0
        counts[i] = hits, len(found) - hits, len(there) - hits
    known = [radius if np.isfinite(radius) else None for radius in radii]
    return f_beta_of_counts(classes, known, factors.tolist(), counts)


def f_beta_of_counts(
    classes: Sequence[str],
    radii_A: Sequence[float | None],
    weights: Sequence[float],
    counts: IntArray,
) -> FBeta:
    """Return the score of counts, shape (class, 3): true positives, false ones, false negatives."""
    each, precision, recall, score = _scores(np.asarray(counts), np.array(weights))
    return FBeta(
        beta=BETA,
        weighted=float(score),
        classes=tuple(
            ClassFBeta(
                name,
                radii_A[i],
                float(weights[i]),
                int(counts[i, 0]),
                int(counts[i, 1]),
                int(counts[i, 2]),
                float(recall[i]),
                float(precision[i]),
                float(each[i]),
            )
            for i, name in enumerate(classes)
        ),
    )


def counts_of(score: FBeta) -> IntArray:
    """Return true positives, false positives and false negatives, shape (class, 3)."""
    rows = [(c.true_positives, c.false_positives, c.false_negatives) for c in score.classes]
    return np.array(rows, np.int64).reshape(-1, 3)


def pooled_f_beta(scores: Sequence[FBeta]) -> FBeta:
    """Return the score of several tomograms with the same classes: their counts are summed.

    Raises
    ------
    InputError
        If there is none, or their classes or weights differ.
    """
    kinds = {tuple((c.name, c.weight) for c in score.classes) for score in scores}
    if len(kinds) != 1:
        raise InputError(
            f"F-beta: expected tomograms with the same classes and weights, found {len(kinds)} "
            "kinds; score them apart"
        )
    first = scores[0].classes
    counts = np.sum([counts_of(score) for score in scores], axis=0)
    return f_beta_of_counts(
        [c.name for c in first], [c.radius_A for c in first], [c.weight for c in first], counts
    )


def weighted_f_beta(counts: IntArray, weights: DoubleArray) -> DoubleArray:
    """Return the weighted mean F-beta of counts, shape (..., class, 3), for each leading index."""
    return _scores(counts, weights)[3]


def particle_radii_A(truth: Truth, classes: Collection[str]) -> dict[str, float]:
    """Return the radius of each class that occurs, measured on the instance mask, Å.

    The radius of a particle is the largest distance of its voxels from its position, which for
    the challenge's particles is half the longest diameter, as in the challenge. It is never less
    than half a voxel, which is what a particle of one voxel has. That of a class is the median
    over its particles that the border does not cut, or over all if it cuts all.
    """
    mask, particles = truth.instance_mask, truth.particles
    boxes = ndimage.find_objects(np.asarray(mask))
    whole, cut = dict[str, list[float]](), dict[str, list[float]]()
    for i, name, position_A in zip(
        particles.ids, particles.species, particles.positions_A, strict=True
    ):
        box = boxes[i - 1] if 0 < i <= len(boxes) else None
        if name not in classes or box is None:
            continue
        first = np.array([side.start for side in box])
        voxels = np.argwhere(mask[box] == i) + first  # z y x
        away = np.linalg.norm(voxels[:, ::-1] * truth.voxel_size_A - position_A, axis=1)
        inside = first.min() > 0 and all(
            side.stop < n for side, n in zip(box, mask.shape, strict=True)
        )
        (whole if inside else cut).setdefault(name, []).append(float(away.max()))
    least_A = truth.voxel_size_A / 2
    return {name: max(float(np.median(r)), least_A) for name, r in {**cut, **whole}.items()}


def _radii_and_weights(
    truth: Truth,
    classes: Sequence[str],
    radii_A: Mapping[str, float],
    weights: Mapping[str, float],
) -> tuple[DoubleArray, DoubleArray]:
    """Return radius (NaN if unknown) and weight of each class."""
    known = {name: CZII_PARTICLES.get(name.casefold()) for name in classes}
    challenge = {name: values for name, values in known.items() if values is not None}
    if len(challenge) < len(known):
        challenge = {}
    own_A = dict(zip(resolve_names(list(radii_A), classes, "radii"), radii_A.values(), strict=True))
    missing = [name for name in classes if name not in own_A and name not in challenge]
    measured_A = particle_radii_A(truth, missing) if missing else {}
    default_A = {name: radius for name, (radius, _) in challenge.items()} | measured_A
    factors = dict.fromkeys(classes, 1.0) | {name: w for name, (_, w) in challenge.items()}
    factors |= zip(resolve_names(list(weights), classes, "weights"), weights.values(), strict=True)
    radii = np.array([own_A.get(name, default_A.get(name, np.nan)) for name in classes])
    chosen = np.array([factors[name] for name in classes])
    if (radii <= 0).any() or not (np.isfinite(chosen) & (chosen >= 0)).all():
        raise InputError(
            f"F-beta: expected radii > 0 Å and weights >= 0, found {radii.tolist()} and "
            f"{chosen.tolist()}; correct them"
        )
    return radii, chosen


def _hits(picks_A: DoubleArray, centres_A: DoubleArray, reach_A: float) -> int:
    """Return how many particles get a pick of their own within reach."""
    if len(picks_A) == 0:
        return 0
    near = cKDTree(centres_A).query_ball_tree(cKDTree(picks_A), reach_A)
    columns = np.array([pick for found in near for pick in found], np.int32)
    starts = np.cumsum([0, *map(len, near)], dtype=np.int32)
    graph = csr_matrix(
        (np.ones(len(columns), np.int8), columns, starts), shape=(len(centres_A), len(picks_A))
    )
    return int((maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())


def _scores(
    counts: IntArray, weights: DoubleArray
) -> tuple[DoubleArray, DoubleArray, DoubleArray, DoubleArray]:
    """Return F-beta, precision and recall of each class, and the weighted mean F-beta."""
    right, surplus, missed = np.moveaxis(np.asarray(counts, np.float64), -1, 0)  # (..., class)
    recall = _ratio(right, right + missed)
    precision = _ratio(right, right + surplus)
    squared = BETA**2
    each = _ratio((1 + squared) * right, (1 + squared) * right + squared * missed + surplus)
    occurring = weights * (right + surplus + missed > 0)
    return each, precision, recall, _ratio((each * occurring).sum(-1), occurring.sum(-1))


def _ratio(numerator: DoubleArray, denominator: DoubleArray) -> DoubleArray:
    """Divide; 0 where the denominator is 0."""
    top, bottom = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
