"""How well a simple classifier distinguishes patches of two stacks."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faket.data import AnyArray, DoubleArray
from faket.errors import InputError
from faket.evaluation.features import LATTICE_PX, patch_features
from faket.evaluation.tilts import checked_stack, matched_tilts
from faket.seeds import generator

_STRIPS = 4  # along y, the tilt axis, so that content stays in its strip at all tilts
_TILT_GROUPS = 4  # chosen, because three quarters of the tilts are then left to train on
_RESAMPLES = 1000  # of the bootstrap; chosen, because 95 % limits then vary by a few percent
_BATCH = 1024  # patches described at once; chosen, to bound memory


@dataclass(frozen=True, eq=False)
class Separability:
    """How well a classifier distinguishes two stacks: 0.5 is chance, 1 is always right.

    Attributes
    ----------
    auc : float
        Probability that the classifier is right about a pair of patches, one from each stack and
        both from the same tilt and strip (area under the ROC curve within tilt and strip).
    auc_interval : (float, float)
        95 % interval of a bootstrap that resamples tilts and strips at once (Owen 2007,
        Ann. Appl. Stat. 1, 386), because patches of one tilt or one place are similar.
        Approximate; too narrow if the stacks show different specimens.
    balanced_accuracy : float
        Fraction of patches assigned to the right stack; both have the same number.
    balanced_accuracy_interval : (float, float)
    d_prime : float
        Distance between the two means of the classifier's score in standard deviations. It still
        distinguishes better from worse when the AUC has reached 1.
    auc_per_tilt, tilts : ndarray, shape (pairs,) and (pairs, 2)
        AUC of each pair of tilts, and their indices in ``stack`` and ``other``.
    patches : int
        Patches judged in each stack.
    patch_px : int
    feature_names : tuple of str
    feature_auc : ndarray, shape (features,), float64
        AUC of each feature alone: above 0.5 if the feature is larger in ``stack``.
    """

    auc: float
    auc_interval: tuple[float, float]
    balanced_accuracy: float
    balanced_accuracy_interval: tuple[float, float]
    d_prime: float
    auc_per_tilt: DoubleArray
    tilts: NDArray[np.int64]
    patches: int
    patch_px: int
    feature_names: tuple[str, ...]
    feature_auc: DoubleArray


@dataclass(frozen=True, eq=False)
class _Samples:
    """Features [pair, strip, side, patch, feature]; side 0 is ``stack``, side 1 ``other``."""

    features: DoubleArray
    angles: DoubleArray  # [pair], scaled to about -1 to 1
    names: tuple[str, ...]


def separability(
    stack: AnyArray,
    other: AnyArray,
    *,
    seed: int = 0,
    angles_deg: ArrayLike | None = None,
    other_angles_deg: ArrayLike | None = None,
    patch_px: int = 64,
    patches: int = 4096,
    tolerance_deg: float = 3.0,
) -> Separability:
    """Train a classifier to distinguish patches of two stacks, and test it on other patches.

    The classifier is linear discriminant analysis with shrunk covariance (OAS: Chen et al. 2010,
    IEEE Trans. Signal Process. 58, 5016) on :func:`patch_features`, their squares and the tilt
    angle. Each patch is first scaled to mean 0 and σ 1. The classifier is trained on three
    quarters of the tilts in three quarters of the image, and tested on the remaining tilts in the
    remaining quarter (a strip along y, which keeps its content at all tilts); this is done 16
    times. So neither the tilt nor the place of a test patch was used for training. If the image
    sizes agree, patches are cut at the same places of both stacks.

    If the stacks show the same specimen, only the imaging differs, and that is what is measured.
    If they show different specimens, differences in crowding, membranes or gold are found as
    well: then compare with the value of two reference stacks of different specimens, not with
    0.5.

    Parameters
    ----------
    stack, other : ndarray, shape (tilt, y, x)
        Of the same pixel size; tilt counts and image sizes may differ.
    seed : int
        Of the choice of patches, if there are too many, and of the bootstrap.
    angles_deg, other_angles_deg : array_like, shape (tilts,), optional
        Stage angles; tilts are matched one to one by angle if both are given, else by index.
    patch_px : int
        Side of a patch, a multiple of 8 from 16.
    patches : int
        Approximate largest number of patches from each stack.
    tolerance_deg : float
        Tilts with no partner within this angle are left out.

    Returns
    -------
    Separability

    Raises
    ------
    InputError
        If a tilt is constant or not finite, fewer than two tilts can be matched, or the images
        are not at least two patches high and one wide.
    """
    _check(stack, other, patch_px, patches)
    tilts = matched_tilts(
        len(stack),
        len(other),
        angles_deg,
        other_angles_deg,
        tolerance_deg=tolerance_deg,
        one_to_one=True,
    )
    if len(tilts) < 2:
        raise InputError(
            f"separability: expected at least 2 tilts that both stacks have, found {len(tilts)}; "
            "compare stacks with more tilts in common"
        )
    known = np.arange(len(stack)) if angles_deg is None else angles_deg
    angles = np.asarray(known, np.float64)[tilts[:, 0]]
    samples = _sample(stack, other, tilts, angles, patch_px, patches, seed)
    scores = _cross_validated(samples)
    auc = _auc(scores[..., None])[..., 0]  # [pair, strip]
    signs = np.sign(scores)  # a score of 0 is half right
    right = 0.5 + (signs[:, :, 0] - signs[:, :, 1]).mean(axis=2) / 4
    return Separability(
        auc=float(auc.mean()),
        auc_interval=_interval(auc, seed),
        balanced_accuracy=float(right.mean()),
        balanced_accuracy_interval=_interval(right, seed),
        d_prime=_d_prime(scores),
        auc_per_tilt=auc.mean(axis=1),
        tilts=tilts,
        patches=scores[:, :, 0].size,
        patch_px=patch_px,
        feature_names=samples.names,
        feature_auc=_auc(samples.features).mean(axis=(0, 1)),
    )


def _check(stack: AnyArray, other: AnyArray, patch_px: int, patches: int) -> None:
    if patch_px < 16 or patch_px % LATTICE_PX or patches < 1:
        raise InputError(
            f"`patch_px`, `patches`: expected a multiple of {LATTICE_PX} from 16 and at least 1 "
            f"patch, found {patch_px} and {patches}"
        )
    named = (("stack", stack), ("other", other))
    for name, images in named:
        checked_stack(images, name)
    for name, images in named:
        height, width = images.shape[1:]
        if height < 2 * patch_px or width < patch_px:
            raise InputError(
                f"{name}: expected images at least {2 * patch_px} pixels high and {patch_px} "
                f"wide, found {height} x {width}; take a smaller `patch_px`"
            )


def _sample(
    stack: AnyArray,
    other: AnyArray,
    tilts: NDArray[np.int64],
    angles: DoubleArray,
    patch_px: int,
    patches: int,
    seed: int,
) -> _Samples:
    sides, same = (stack, other), stack.shape[1:] == other.shape[1:]
    strips = min(_STRIPS, min(stack.shape[1], other.shape[1]) // patch_px)
    places = [
        [_places(images.shape[1:], strip, strips, patch_px) for strip in range(strips)]
        for images in sides
    ]
    number = min(len(spots) for side in places for spots in side)
    number = max(1, min(number, round(patches / (len(tilts) * strips))))
    size = patch_px, patch_px
    dtype = np.result_type(stack, other, np.float32)
    cut = np.empty((len(tilts), strips, 2, number, *size), dtype)
    for pair, strip, side in np.ndindex(cut.shape[:3]):
        # The same name gives the same random numbers, so the same places in both stacks.
        rng = generator(seed, "separability", pair, strip, "both" if same else side)
        spots = places[side][strip]
        image = sides[side][tilts[pair, side]]
        for k, spot in enumerate(rng.choice(len(spots), number, replace=False)):
            y, x = spots[spot]
            cut[pair, strip, side, k] = image[y : y + patch_px, x : x + patch_px]
    flat = cut.reshape(-1, *size)
    parts = [patch_features(flat[i : i + _BATCH]) for i in range(0, len(flat), _BATCH)]
    features = np.concatenate([part[0] for part in parts]).reshape(*cut.shape[:4], -1)
    span = max(float(np.abs(angles).max()), 1.0)
    return _Samples(features, np.asarray(angles / span, np.float64), parts[0][1])


def _places(
    shape: tuple[int, int], strip: int, strips: int, patch_px: int
) -> list[tuple[int, int]]:
    """Corners (y, x) of the patches in a strip, half a patch apart, at multiples of 8 pixels."""
    step = max(LATTICE_PX, patch_px // 2 // LATTICE_PX * LATTICE_PX)
    # Rounding down leaves a strip at least as high as a patch, which is a multiple of 8 too.
    top, bottom = (
        shape[0] * edge // strips // LATTICE_PX * LATTICE_PX for edge in (strip, strip + 1)
    )
    rows = range(top, bottom - patch_px + 1, step)
    columns = range(0, shape[1] - patch_px + 1, step)
    return [(y, x) for y in rows for x in columns]


def _cross_validated(samples: _Samples) -> DoubleArray:
    """Scores [pair, strip, side, patch] of patches whose tilt and strip were not trained on."""
    pairs, strips = samples.features.shape[:2]
    groups = np.arange(pairs) % min(_TILT_GROUPS, pairs)
    scores = np.empty(samples.features.shape[:4])
    for group in range(groups.max() + 1):
        inside = groups == group
        for strip in range(strips):
            known = np.arange(strips) != strip
            training = samples.features[~inside][:, known]
            centre = training.mean(axis=(0, 1, 2, 3))
            scale = np.maximum(training.std(axis=(0, 1, 2, 3)), 1e-9)
            weights, offset = _discriminant(
                _expanded((training - centre) / scale, samples.angles[~inside])
            )
            test = samples.features[inside][:, [strip]]
            expanded = _expanded((test - centre) / scale, samples.angles[inside])
            scores[inside, strip] = (expanded @ weights - offset)[:, 0]
    return scores


def _expanded(features: DoubleArray, angles: DoubleArray) -> DoubleArray:
    """Append the squares of the features, outliers cut off, and the angle and its square."""
    bounded = np.clip(features, -4, 4)
    angle = np.broadcast_to(angles[:, None, None, None, None], (*features.shape[:4], 1))
    return np.concatenate([bounded, bounded**2, angle, angle**2], axis=-1)


def _discriminant(training: DoubleArray) -> tuple[DoubleArray, float]:
    """Return weights and threshold of Fisher's discriminant, side 0 against side 1."""
    means = training.mean(axis=(0, 1, 3))  # [side, feature]
    centred = training - means[:, None]
    flat = centred.reshape(-1, centred.shape[-1])
    scale = np.maximum(flat.std(axis=0), 1e-9)
    flat = flat / scale
    covariance = flat.T @ flat / len(flat)
    n, p = flat.shape
    squares, trace = float((covariance**2).sum()), float(np.trace(covariance))
    shrink = ((1 - 2 / p) * squares + trace**2) / ((n + 1 - 2 / p) * (squares - trace**2 / p))
    shrink = min(max(shrink, 1e-6), 1.0)
    covariance *= 1 - shrink
    covariance[np.diag_indices(p)] += shrink * trace / p
    weights = np.linalg.solve(covariance, (means[0] - means[1]) / scale) / scale
    return weights, float(weights @ (means[0] + means[1]) / 2)


def _auc(values: DoubleArray) -> DoubleArray:
    """AUC [pair, strip, feature] of values [pair, strip, side, patch, feature]."""
    out = np.empty((*values.shape[:2], values.shape[-1]))
    for pair in range(values.shape[0]):
        for strip in range(values.shape[1]):
            first, second = values[pair, strip]
            above = np.sign(first[:, None] - second).mean(axis=(0, 1))
            out[pair, strip] = (above + 1) / 2
    return out


def _d_prime(scores: DoubleArray) -> float:
    gap = float((scores[:, :, 0] - scores[:, :, 1]).mean())
    spread = math.sqrt(float(scores.var(axis=(0, 3)).mean()))  # within strip and side
    return gap / spread if spread > 0 else 0.0


def _interval(values: DoubleArray, seed: int) -> tuple[float, float]:
    """95 % interval of the mean of values [pair, strip] whose rows and columns are resampled."""
    rng = generator(seed, "separability", "bootstrap")
    rows, columns = (rng.integers(n, size=(_RESAMPLES, n)) for n in values.shape)
    means = values[rows[:, :, None], columns[:, None, :]].mean(axis=(1, 2))
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)
