"""SHREC'21's scores: against a naive implementation, closed forms, and the archived ones."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from scipy.spatial.transform import Rotation

from faket.data import Particles
from faket.errors import InputError
from faket.evaluation import Picks, Truth, score_picks
from faket.evaluation.scores import default_excluded
from faket.vocabulary import SHREC_BY_SIZE

VOXEL_A = 10.0
NAMES = ("ring", "bean", "gold", "vesicle")
SHREC = (*SHREC_BY_SIZE, "vesicle", "gold")


def grid_truth(species, classes=NAMES):
    """Cubes of 3 voxels, one a particle, 3 voxels of background between them."""
    n = len(species)
    mask = np.zeros((9, 9, 6 * max(n, 1) + 3), np.uint16)
    centres = np.array([[6 * i + 4, 4, 4] for i in range(n)]).reshape(-1, 3)
    for i, (x, y, z) in enumerate(centres):
        mask[z - 1 : z + 2, y - 1 : y + 2, x - 1 : x + 2] = i + 1
    particles = Particles(
        ids=np.arange(1, n + 1),
        species=tuple(species),
        positions_A=centres * VOXEL_A,
        rotations=Rotation.random(n, rng=n) if n else Rotation.identity(0),
        semi_axes_A=np.full((n, 3), np.nan),
    )
    return Truth(particles, mask, VOXEL_A, tuple(classes))


def perfect(truth):
    return Picks(truth.particles.species, truth.particles.positions_A, truth.particles.rotations)


def with_pick(picks, species, position_A=(0.0, 0.0, 0.0)):
    return Picks((*picks.species, species), np.vstack([picks.positions_A, position_A]))


def subset(picks, keep):
    return Picks(tuple(picks.species[i] for i in keep), picks.positions_A[list(keep)])


def naive(voxels, named, mask, species, classes, excluded, counted):
    """The definitions word for word: whole dilation, loops, exact fractions."""
    grown = ndimage.grey_dilation(mask, footprint=ndimage.generate_binary_structure(3, 1))
    names_of, on_background = {}, 0
    for voxel, name in zip(voxels, named, strict=True):
        x, y, z = (
            min(max(round(float(v)), 0), n - 1)
            for v, n in zip(voxel, mask.shape[::-1], strict=True)
        )
        hit = int(grown[z, y, x])
        if hit == 0:
            on_background += 1
        else:
            names_of.setdefault(hit, []).append(name)
    scored = [i for i, s in enumerate(species, 1) if s not in excluded]
    found = [i for i in scored if i in names_of]
    n_objects = len(scored) + sum(s in counted for s in species)
    truth = [species[i - 1] for i in scored]
    predicted = [
        names_of[i][0] if i in names_of and names_of[i][0] not in excluded else "background"
        for i in scored
    ]
    f1 = {}
    for name in classes:
        right = sum(t == s == name for t, s in zip(truth, predicted, strict=True))
        total = truth.count(name) + predicted.count(name)
        if total:
            f1[name] = Fraction(2 * right, total)
    recall = Fraction(len(found), n_objects) if n_objects else Fraction(0)
    precision = Fraction(len(found), len(named)) if named else Fraction(0)
    both = recall + precision
    return {
        "found": len(found),
        "missed": len(scored) - len(found),
        "on_background": on_background,
        "repeated": sum(len(names_of[i]) - 1 for i in found),
        "n_objects": n_objects,
        "recall": recall,
        "precision": precision,
        "f1": 2 * recall * precision / both if both else Fraction(0),
        "with": sum(f1.values(), Fraction(0)) / (len(f1) + 1),
        "without": sum(f1.values(), Fraction(0)) / max(len(f1), 1),
        "classes": f1,
    }


@st.composite
def crowded(draw):
    """Any mask of up to five objects, some without a voxel, and picks in and around it."""
    species = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5))
    mask = draw(arrays(np.uint16, (3, 4, 5), elements=st.integers(0, len(species))))
    half = st.integers(-4, 14).map(lambda v: v / 2)
    picks = draw(st.lists(st.tuples(st.sampled_from(NAMES), half, half, half), max_size=12))
    excluded = draw(st.sets(st.sampled_from(NAMES), max_size=2))
    counted = draw(st.sets(st.sampled_from(sorted(excluded)))) if excluded else set()
    return species, mask, picks, excluded, counted


@settings(max_examples=120, deadline=None)
@given(crowded())
def test_agrees_with_the_definitions_word_for_word(case):
    species, mask, listed, excluded, counted = case
    n = len(species)
    particles = Particles(
        np.arange(1, n + 1), tuple(species), np.zeros((n, 3)), Rotation.identity(n),
        np.full((n, 3), np.nan),
    )  # fmt: skip
    voxels = np.array([p[1:] for p in listed], float).reshape(-1, 3)
    named = [p[0] for p in listed]
    classes = [name for name in NAMES if name not in excluded]
    expected = naive(voxels, named, mask, species, classes, excluded, counted)
    scores = score_picks(
        Picks(tuple(named), voxels * VOXEL_A), Truth(particles, mask, VOXEL_A, NAMES),
        excluded=excluded, counted=counted,
    )  # fmt: skip
    place, kind = scores.localisation, scores.classification
    for name in ("found", "missed", "on_background", "repeated", "n_objects"):
        assert getattr(place, name) == expected[name], name
    for name in ("recall", "precision", "f1"):
        assert getattr(place, name) == pytest.approx(float(expected[name]), abs=1e-15)
    assert kind.f1_macro_with_background == pytest.approx(float(expected["with"]), abs=1e-15)
    assert kind.f1_macro_without_background == pytest.approx(float(expected["without"]), abs=1e-15)
    for item in kind.classes:
        assert item.f1 == pytest.approx(float(expected["classes"].get(item.name, 0)), abs=1e-15)
    everything = place.found + place.repeated + place.on_background + place.on_excluded
    assert everything == place.n_picks == len(listed)
    assert sum(item.found for item in kind.classes) == place.found
    assert kind.confusion.sum() == place.found + place.missed


@given(st.lists(st.sampled_from(NAMES[:3]), min_size=1, max_size=8))
def test_perfect_picks_give_one(species):
    truth = grid_truth(species)
    scores = score_picks(perfect(truth), truth)
    place, kind = scores.localisation, scores.classification
    n = len(set(species))
    assert (place.recall, place.precision, place.f1) == (1, 1, 1)
    assert kind.f1_macro_without_background == 1
    assert kind.f1_macro_with_background == pytest.approx(n / (n + 1), abs=1e-15)
    assert place.mean_distance_A == 0


@given(st.data())
def test_order_of_picks_of_distinct_objects_does_not_matter(data):
    species = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=8))
    truth = grid_truth(species)
    named = data.draw(st.lists(st.sampled_from(NAMES), min_size=len(species),
                               max_size=len(species)))  # fmt: skip
    picks = Picks(tuple(named), truth.particles.positions_A)
    order = data.draw(st.permutations(range(len(species))))
    first = score_picks(picks, truth)
    other = score_picks(subset(picks, order), truth)
    assert first.localisation == other.localisation
    np.testing.assert_array_equal(first.classification.confusion, other.classification.confusion)


@given(st.integers(1, 7), st.integers(0, 7), st.integers(0, 5))
def test_wrong_picks_lower_precision_exactly_and_nothing_else(n, found, wrong):
    found = min(found, n)
    truth = grid_truth(["ring"] * n)
    picks = subset(perfect(truth), range(found))
    before = score_picks(picks, truth)
    for _ in range(wrong):
        picks = with_pick(picks, "bean")
    after = score_picks(picks, truth)
    assert after.localisation.recall == before.localisation.recall == found / n
    assert after.localisation.on_background == wrong
    expected = found / (found + wrong) if found else 0
    assert after.localisation.precision == expected
    assert after.localisation.f1 == pytest.approx(2 * found / (n + found + wrong), abs=1e-15)
    np.testing.assert_array_equal(
        after.classification.confusion, before.classification.confusion
    )  # a wrong pick has no object to classify


def test_second_pick_of_an_object_costs_precision_and_has_no_say():
    truth = grid_truth(["ring", "bean"])
    centre_A = truth.particles.positions_A[0]
    twice = score_picks(with_pick(perfect(truth), "bean", centre_A), truth)
    assert twice.localisation.repeated == 1
    assert twice.localisation.precision == 2 / 3
    assert twice.classification.f1_macro_without_background == 1
    reverse = score_picks(subset(with_pick(perfect(truth), "bean", centre_A), [2, 1, 0]), truth)
    assert reverse.classification.classes[0].f1 == 0
    assert reverse.classification.classes[1].f1 == pytest.approx(2 / 3)


def test_a_found_object_called_by_an_excluded_name_is_found_but_background():
    truth = grid_truth(["ring", "bean"])
    scores = score_picks(Picks(("vesicle", "bean"), truth.particles.positions_A), truth)
    assert scores.localisation.recall == 1
    assert scores.classification.confusion.tolist()[1] == [1, 0, 0, 0]
    assert scores.classification.unnamed.tolist() == [0, 1, 0, 0]
    assert [c.found for c in scores.classification.classes] == [1, 1, 0]


def test_shrec_counts_vesicles_but_not_4v94_and_scores_neither():
    species = [*SHREC, "vesicle"]
    truth = grid_truth(species, SHREC)
    scores = score_picks(perfect(truth), truth)
    assert set(scores.excluded) == {"4V94", "vesicle"}
    assert scores.counted == ("vesicle",)
    place = scores.localisation
    assert (place.found, place.missed, place.n_objects) == (13, 0, 15)
    assert place.on_excluded == 3
    assert place.recall == 13 / 15
    assert place.precision == 13 / 16
    assert scores.classification.labels == ("background", *SHREC_BY_SIZE[:-1], "gold")
    assert scores.classification.f1_macro_with_background == pytest.approx(13 / 14, abs=1e-15)


def test_other_class_lists_leave_only_vesicles_out_and_do_not_count_them():
    truth = grid_truth(["ring", "vesicle", "4V94"], (*NAMES, "4V94"))
    scores = score_picks(perfect(truth), truth)
    assert scores.excluded == ("vesicle",)
    assert scores.counted == ()
    assert scores.localisation.n_objects == 2
    assert default_excluded(("ring", "Vesicle")) == ("Vesicle",)
    everything = score_picks(perfect(truth), truth, excluded=())
    assert everything.localisation.n_objects == 3


def test_objects_without_a_class_are_not_scored():
    truth = grid_truth(["ring", "debris"])
    scores = score_picks(Picks(("ring",) * 2, truth.particles.positions_A), truth)
    assert (scores.localisation.n_objects, scores.localisation.on_excluded) == (1, 1)
    assert scores.localisation.precision == 0.5


@pytest.mark.parametrize("species", [[], ["ring"], ["vesicle"]])
@pytest.mark.parametrize("n_picks", [0, 2])
def test_empty_sets_score_zero(species, n_picks):
    truth = grid_truth(species)
    picks = Picks(("ring",) * n_picks, np.zeros((n_picks, 3)))
    scores = score_picks(picks, truth)
    place, kind = scores.localisation, scores.classification
    assert (place.recall, place.precision, place.f1, place.mean_distance_A) == (0, 0, 0, None)
    assert kind.f1_macro_with_background == kind.f1_macro_without_background == 0
    no_classes = score_picks(Picks((), np.zeros((0, 3))), truth, excluded=NAMES)
    assert no_classes.classification.f1_macro_with_background == 0


def test_classes_that_neither_occur_nor_are_named_do_not_dilute_the_mean():
    truth = grid_truth(["ring"], ("ring", "bean", "block"))
    assert score_picks(perfect(truth), truth).classification.f1_macro_without_background == 1
    wrong = score_picks(Picks(("bean",), truth.particles.positions_A), truth)
    assert [c.name for c in wrong.classification.classes] == ["ring", "bean", "block"]
    assert wrong.classification.f1_macro_without_background == 0


def test_unknown_classes_are_one_line():
    truth = grid_truth(["ring"])
    for options in ({}, {"excluded": ["foo"]}, {"counted": ["ring"]}, {"symmetries": {"x": "C2"}}):
        picks = perfect(truth) if options else Picks(("foo",), np.zeros((1, 3)))
        with pytest.raises(InputError) as error:
            score_picks(picks, truth, **options)
        assert "\n" not in str(error.value)


def test_distance_is_from_the_first_pick_as_given_to_the_centre():
    truth = grid_truth(["ring", "bean"])
    moved = truth.particles.positions_A + [[3.0, 4.0, 0.0], [0.0, 0.0, 1.0]]
    scores = score_picks(Picks(("ring", "ring"), moved), truth)
    assert scores.localisation.mean_distance_A == pytest.approx(3.0)


def test_orientations_of_rightly_named_molecules_modulo_symmetry():
    truth = grid_truth(["ring", "bean", "ring", "gold"])
    turn = Rotation.from_euler("z", [[90], [30], [100], [45]], degrees=True)
    rotations = truth.particles.rotations * turn
    picks = Picks(("ring", "ring", "ring", "gold"), truth.particles.positions_A, rotations)
    plain = {o.name: o for o in score_picks(picks, truth).orientations}
    assert list(plain) == ["all", "ring", "bean"]
    assert (plain["all"].n, plain["ring"].n, plain["bean"].n) == (2, 2, 0)
    assert plain["ring"].mean_deg == pytest.approx(95)
    assert plain["bean"].median_deg is None
    fourfold = score_picks(picks, truth, symmetries={"RING": "C4"}).orientations[0]
    assert fourfold.mean_deg == pytest.approx(5)
    assert score_picks(replace(picks, rotations=None), truth).orientations == ()
