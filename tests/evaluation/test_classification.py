"""Scores of confusion matrices: closed forms, and the archived ones."""

import csv
import json
from fractions import Fraction

import numpy as np
import pytest

from faket.errors import InputError
from faket.evaluation import classification_scores
from faket.evaluation.classification import recall_precision_f1


def test_macro_f1_of_a_matrix_by_hand():
    matrix = np.array([[0, 0, 0, 0], [1, 3, 1, 0], [2, 1, 4, 0], [5, 0, 0, 0]])
    scores = classification_scores(("background", "a", "b", "c"), matrix)
    a, b = Fraction(6, 5 + 4), Fraction(8, 7 + 5)
    assert scores.f1_macro_with_background == pytest.approx(float((a + b) / 4), abs=1e-15)
    assert scores.f1_macro_without_background == pytest.approx(float((a + b) / 3), abs=1e-15)
    assert scores.classes[0].precision == 3 / 4
    assert scores.classes[0].recall == 3 / 5
    assert scores.classes[2].f1 == 0


def test_impossible_matrices_are_refused():
    for matrix in (np.zeros((2, 3)), -np.eye(2), np.array([[0, 1], [0, 0]])):
        with pytest.raises(InputError, match="confusion matrix"):
            classification_scores(("background", "a"), matrix)


@pytest.mark.parametrize("name", ["styled_seed1", "gauss_seed3", "baseline_seed2"])
def test_archived_matrices_give_their_archived_scores(real_data, name):
    """As archived by FakET's authors (github.com/paloha/faket)."""
    folder = real_data / "scores"
    with open(folder / f"{name}_confusion_matrix.csv", newline="") as stream:
        labels, *rows = csv.reader(stream)
    archived = json.loads((folder / f"{name}.json").read_text())
    place = archived["localization"]
    confusion = np.array(rows, dtype=int)
    scores = classification_scores(labels, confusion)
    assert scores.f1_macro_with_background == pytest.approx(archived["F1_macro"], abs=1e-12)
    ratio = scores.f1_macro_without_background / scores.f1_macro_with_background
    assert ratio == pytest.approx(14 / 13, abs=1e-12)
    assert confusion.sum() == place["TP"] + place["FN"]
    recall, precision, f1 = recall_precision_f1(
        place["TP"], place["expected_particles"], place["predicted_particles"]
    )
    assert recall == pytest.approx(place["recall"], abs=1e-12)
    assert precision == pytest.approx(place["Precision"], abs=1e-12)
    assert f1 == pytest.approx(place["F1 score"], abs=1e-12)
