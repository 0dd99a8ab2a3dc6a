"""Scores of a confusion matrix: F1 of each class, and both macro averages.

F1 of a class is 2 TP / (2 TP + FP + FN). No object is truly background, so the F1 of background
is 0, and SHREC'21's published macro average includes it: see :class:`Classification`. A score
whose denominator is 0 counts as 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faket.data import DoubleArray
from faket.errors import InputError
from faket.evaluation.matching import IntArray


@dataclass(frozen=True)
class ClassScore:
    """The scores of one class.

    Attributes
    ----------
    name : str
    n_objects : int
    found : int
        Objects of this class that a pick hit, whatever class was predicted.
    true_positives, false_positives, false_negatives : int
        Objects of this class predicted as this class; objects of other classes predicted as it;
        objects of this class predicted as another or missed.
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
    """Which class was predicted for the objects of each class.

    Attributes
    ----------
    labels : tuple of str
        "background", then the scored classes.
    confusion : ndarray of int, shape (labels, labels)
        Rows are the true class, columns the class of the first pick; the row of background is
        empty.
    unnamed : ndarray of int, shape (labels,)
        Objects in the column of background that were found, but predicted as an excluded class.
    classes : tuple of ClassScore
    f1_macro_with_background : float
        The published score: the sum of the classes' F1 divided by their number C + 1, because
        background is a class whose F1 is 0. At most C / (C + 1).
    f1_macro_without_background : float
        Mean F1 of the classes. Classes that neither occur nor are predicted are left out of both.
    """

    labels: tuple[str, ...]
    confusion: IntArray
    unnamed: IntArray
    classes: tuple[ClassScore, ...]
    f1_macro_with_background: float
    f1_macro_without_background: float


def classification_scores(
    labels: Sequence[str], confusion: IntArray, unnamed: IntArray | None = None
) -> Classification:
    """Return the scores of a confusion matrix.

    Parameters
    ----------
    labels : sequence of str
        "background" first.
    confusion : ndarray of int, shape (labels, labels)
        Rows are the true class, columns the predicted class.
    unnamed : ndarray of int, shape (labels,), optional
        See :class:`Classification`; 0 by default.

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
            f"(no object is truly background), found shape {matrix.shape} or other counts; give "
            "rows of true and columns of predicted classes"
        )
    other = np.zeros(n, np.int64) if unnamed is None else np.asarray(unnamed, np.int64)
    with_background, without = macro_f1(matrix)
    return Classification(
        labels=tuple(labels),
        confusion=matrix,
        unnamed=other,
        classes=tuple(_class_score(labels[i], matrix, other, i) for i in range(1, n)),
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


def recall_precision_f1(found: int, n_objects: int, n_picks: int) -> tuple[float, float, float]:
    """Return recall, precision and F1; 0 where the denominator is 0."""
    recall = found / n_objects if n_objects else 0.0
    precision = found / n_picks if n_picks else 0.0
    return recall, precision, 2 * recall * precision / (recall + precision) if found else 0.0


def _class_score(name: str, confusion: IntArray, unnamed: IntArray, i: int) -> ClassScore:
    right = int(confusion[i, i])
    of_class, predicted = int(confusion[i].sum()), int(confusion[:, i].sum())
    recall, precision, _ = recall_precision_f1(right, of_class, predicted)
    return ClassScore(
        name=name,
        n_objects=of_class,
        found=of_class - int(confusion[i, 0]) + int(unnamed[i]),
        true_positives=right,
        false_positives=predicted - right,
        false_negatives=of_class - right,
        recall=recall,
        precision=precision,
        f1=2 * right / (of_class + predicted) if of_class + predicted else 0.0,
    )
