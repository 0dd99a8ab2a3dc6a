"""The CZII challenge's F-beta: by hand, its laws, and its radii."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from faket.data import Particles
from faket.errors import InputError
from faket.evaluation import Picks, Truth, pooled_f_beta, score_picks, summarise_scores
from faket.evaluation.f_beta import CZII_PARTICLES, f_beta, particle_radii_A

VOXEL_A = 10.0
RADII_A = {"ball": 40.0, "rod": 80.0}
places = st.tuples(st.sampled_from(sorted(RADII_A)), *[st.integers(0, 20)] * 3)


def truth_of(species, positions_A, classes=("ball", "rod"), mask=None):
    n = len(species)
    particles = Particles(
        np.arange(1, n + 1), tuple(species), np.reshape(positions_A, (n, 3)).astype(float),
        Rotation.identity(n), np.full((n, 3), np.nan),
    )  # fmt: skip
    return Truth(particles, np.zeros((4, 4, 4), np.uint16) if mask is None else mask, VOXEL_A,
                 tuple(classes))  # fmt: skip


def picks_of(species, positions_A):
    return Picks(tuple(species), np.reshape(positions_A, (len(species), 3)).astype(float))


def scored(truth, picks, **options):
    return f_beta(picks, truth, truth.class_names, **{"radii_A": RADII_A, **options})


def test_by_hand():
    """ball: 2 of 3 hit, with 4 picks; rod: 1 of 1, 1 pick; weights 1 and 2.

    ball: 17 · 2 / (17 · 2 + 16 · 1 + 2) = 34/52; rod: 1; (34/52 + 2 · 1) / 3.
    """
    truth = truth_of(
        ["ball", "ball", "ball", "rod"], [[0, 0, 0], [200, 0, 0], [400, 0, 0], [600, 0, 0]]
    )
    picks = picks_of(
        ["ball", "ball", "ball", "ball", "rod"],
        # On the border of 20 Å, a second pick of it, one hit, one of another class, one at 40 Å.
        [[20, 0, 0], [0, 5, 0], [200, 19, 0], [600, 0, 0], [600, 40, 0]],
    )
    found = scored(truth, picks, weights={"rod": 2.0})
    ball, rod = found.classes
    assert (ball.true_positives, ball.false_positives, ball.false_negatives) == (2, 2, 1)
    assert (ball.recall, ball.precision) == (2 / 3, 1 / 2)
    assert ball.f_beta == pytest.approx(34 / 52)
    assert rod.f_beta == 1
    assert found.weighted == pytest.approx((34 / 52 + 2) / 3)
    assert scored(truth, picks).weighted == pytest.approx((34 / 52 + 1) / 2)
    assert scored(truth, picks, weights={"rod": 0.0}).weighted == pytest.approx(34 / 52)
    missed = scored(truth, picks_of(["rod"], [[600, 40.1, 0]]))
    assert missed.weighted == 0


def test_tomograms_are_summed_before_f_beta():
    """1 of 1 and 0 of 3 of a class are 1 of 4, not the mean of 1 and 0."""
    one = scored(truth_of(["ball"], [[0, 0, 0]]), picks_of(["ball"], [[0, 0, 0]]))
    none = scored(truth_of(["ball"] * 3, np.eye(3) * 100), picks_of([], []))
    pooled = pooled_f_beta([one, none])
    assert pooled.weighted == pytest.approx(17 / (17 + 16 * 3))
    assert pooled_f_beta([one]) == one
    other = f_beta(
        picks_of([], []), truth_of(["ball"], [[0, 0, 0]]), ["ball"], radii_A={"ball": 40.0}
    )
    with pytest.raises(InputError, match="same classes"):
        pooled_f_beta([one, other])


@given(st.lists(places, max_size=6), st.lists(places, max_size=6), st.randoms())
def test_bounds_permutations_and_roles(there, found, rng):
    truth = truth_of([t[0] for t in there], [np.multiply(t[1:], 10) for t in there])
    picks = picks_of([p[0] for p in found], [np.multiply(p[1:], 10) for p in found])
    score = scored(truth, picks)
    assert 0 <= score.weighted <= 1
    order = list(range(len(found)))
    rng.shuffle(order)
    assert scored(truth, picks.subset(np.array(order, int))) == score
    roles = scored(
        truth_of(picks.species, picks.positions_A),
        picks_of(truth.particles.species, truth.particles.positions_A),
    )
    for c, swapped in zip(score.classes, roles.classes, strict=True):
        assert c.true_positives <= min(
            truth.particles.species.count(c.name), picks.species.count(c.name)
        )
        # What is a pick and what a particle makes no difference, except that it is β that tells.
        assert (c.recall, c.precision) == (swapped.precision, swapped.recall)
    own = scored(truth, picks_of(truth.particles.species, truth.particles.positions_A))
    assert own.weighted == (1 if there else 0)


def test_a_particle_of_one_voxel_is_half_a_voxel_in_radius():
    mask = np.zeros((3, 4, 5), np.uint16)
    mask[0, 0, 0] = 1
    truth = truth_of(["ball"], [[0, 0, 0]], mask=mask)
    assert particle_radii_A(truth, ("ball",)) == {"ball": VOXEL_A / 2}
    assert f_beta(picks_of(["ball"], [[2, 0, 0]]), truth, truth.class_names).classes[0].f_beta == 1


def test_one_pick_is_no_two_hits():
    truth = truth_of(["ball", "ball"], [[0, 0, 0], [10, 0, 0]])
    (ball, _) = scored(truth, picks_of(["ball"], [[5, 0, 0]])).classes
    assert (ball.true_positives, ball.false_positives, ball.false_negatives) == (1, 0, 1)


def test_radii_are_those_of_the_mask():
    """A ball of 3 voxels' radius, one cut by the border, and a rod of 9 voxels."""
    mask = np.zeros((20, 20, 30), np.uint16)
    z, y, x = np.indices(mask.shape)
    mask[(x - 10) ** 2 + (y - 10) ** 2 + (z - 10) ** 2 <= 9] = 1
    mask[(x - 0) ** 2 + (y - 3) ** 2 + (z - 3) ** 2 <= 1] = 2
    mask[5, 5, 15:24] = 3
    truth = truth_of(
        ["ball", "ball", "rod"], [[100, 100, 100], [0, 30, 30], [190, 50, 50]], mask=mask
    )
    assert particle_radii_A(truth, ("ball", "rod")) == {"ball": 30.0, "rod": 40.0}
    score = f_beta(picks_of(["rod"], [[190, 50, 70]]), truth, truth.class_names)
    assert [c.radius_A for c in score.classes] == [30.0, 40.0]
    assert score.classes[1].f_beta == 1
    moved = f_beta(picks_of(["rod"], [[190, 50, 70.1]]), truth, truth.class_names)
    assert moved.classes[1].f_beta == 0


def test_the_challenges_classes_have_its_radii_and_weights():
    names = ("ribosome", "thyroglobulin", "beta-amylase")
    truth = truth_of(["ribosome"], [[0, 0, 0]], classes=names)
    score = f_beta(picks_of(["ribosome"], [[75, 0, 0]]), truth, names)
    assert [(c.radius_A, c.weight) for c in score.classes] == [CZII_PARTICLES[n] for n in names]
    assert score.weighted == 1  # classes that neither occur nor are picked are left out
    wrong = f_beta(picks_of(["ribosome", "thyroglobulin"], np.zeros((2, 3))), truth, names)
    assert wrong.weighted == pytest.approx(1 / 3)
    mixed = truth_of(["ribosome"], [[0, 0, 0]], classes=(*names, "ball"))
    assert [c.weight for c in f_beta(picks_of([], []), mixed, mixed.class_names).classes] == [1] * 4


@pytest.mark.parametrize(
    "options", [{"radii_A": {"ball": 0.0}}, {"weights": {"ball": -1.0}}, {"radii_A": {"x": 1.0}}]
)
def test_what_cannot_be_is_refused(options):
    with pytest.raises(InputError) as error:
        scored(truth_of(["ball"], [[0, 0, 0]]), picks_of([], []), **options)
    assert "\n" not in str(error.value)


def test_scores_contain_it_with_an_interval():
    truth = truth_of(["ball"] * 4, np.arange(12).reshape(4, 3) * 100)
    picks = picks_of(["ball"] * 3, truth.particles.positions_A[:3])
    scores = score_picks(picks, truth, radii_A=RADII_A)
    assert scores.f_beta == scored(truth, picks)
    interval = summarise_scores([scores]).f_beta
    assert interval.mean == pytest.approx(51 / 67)
    low, high = interval.interval_95
    assert low < interval.mean < high <= 1
    other = score_picks(picks_of([], []), truth, radii_A=RADII_A)
    assert summarise_scores([scores, other]).f_beta.mean == pytest.approx(51 / 67 / 2)
    assert summarise_scores([scores, replace(other, f_beta=None)]).f_beta is None
    # Two tomograms of one seed: 3 of 8 particles and nothing wrong; drawn alike, 3 of 4 or none.
    summed = summarise_scores([scores, other], tomograms=2).f_beta
    assert summed.mean == pytest.approx(17 * 3 / (17 * 3 + 16 * 5))
    assert summed.interval_95 == pytest.approx((0, 51 / 67))
    # Two seeds of two tomograms: the mean of both seeds' sums.
    four = summarise_scores([scores, other, scores, scores], tomograms=2).f_beta
    assert four.mean == pytest.approx((summed.mean + 51 / 67) / 2)
