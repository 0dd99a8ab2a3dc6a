"""Mistakes made on purpose with picks that fit: the hint names the mistake, or nothing."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from faket.data import Particles
from faket.errors import InputError
from faket.evaluation import Picks, Truth, angle_hint, check_frame, frame_hint
from faket.evaluation.conventions import CONVENTIONS, EulerAngles, other_readings, rotations_of

SHAPE, VOXEL_A = (40, 90, 130), 7.0  # z y x


@pytest.fixture(scope="module")
def truth():
    rng = np.random.default_rng(5)
    centres = np.array([[x, y, z] for x in range(8, 126, 13) for y in range(8, 86, 13)
                        for z in (8, 30)]) + rng.integers(-2, 3, (120, 3))  # fmt: skip
    mask = np.zeros(SHAPE, np.uint16)
    for i, (x, y, z) in enumerate(centres, start=1):
        mask[z - 1 : z + 2, y - 1 : y + 2, x - 1 : x + 2] = i
    n = len(centres)
    particles = Particles(
        np.arange(1, n + 1), tuple(("ring", "bean")[i % 2] for i in range(n)),
        centres * VOXEL_A, Rotation.random(n, rng=2), np.full((n, 3), np.nan),
    )  # fmt: skip
    return Truth(particles, mask, VOXEL_A, ("ring", "bean"))


def picks_of(truth, change, n=60):
    voxels = truth.particles.positions_A[:n] / VOXEL_A
    return Picks(truth.particles.species[:n], np.asarray(change(voxels)) * VOXEL_A)


def hint_of(truth, picks):
    """Return what is said, be it an error or a hint."""
    try:
        check_frame(picks, truth)
    except InputError as error:
        assert "\n" not in str(error)
        return str(error)
    return frame_hint(picks, truth)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v * 2, "divided by 2 "),
        (lambda v: v * 8, "divided by 8 "),
        (lambda v: v / 4, "multiplied by 4 "),
        (lambda v: v * VOXEL_A, "they are Å, not voxels"),
        (lambda v: v / VOXEL_A, "they are voxels, not Å"),
        (lambda v: v - [65, 45, 20], "from a centred origin"),
        (
            lambda v: (v - [65, 45, 20]) * VOXEL_A,
            "they are Å, not voxels) and moved from a centred",
        ),
        (lambda v: v[:, ::-1], "swapped in x and z"),
        (lambda v: np.column_stack([v[:, 0], v[:, 1], 39 - v[:, 2]]), "mirrored along z"),
        (lambda v: v + [0, 0, 166], r"moved by +0 +0 -166 voxels"),
        (lambda v: v + [-30, 10, 0], r"moved by +30 -10 +0 voxels"),
    ],
)
def test_the_usual_mistakes_are_named(truth, change, words):
    said = hint_of(truth, picks_of(truth, change))
    assert said is not None
    assert words in said
    assert "60 of 60 would hit" in said


def test_picks_that_fit_are_left_alone(truth):
    assert hint_of(truth, picks_of(truth, lambda v: v)) is None
    assert hint_of(truth, picks_of(truth, lambda v: v, n=0)) is None


@pytest.mark.parametrize("seed", range(4))
def test_bad_picks_are_not_explained_away(truth, seed):
    rng = np.random.default_rng(seed)
    anywhere = rng.uniform(0, np.array(SHAPE[::-1]) - 1, (60, 3))
    assert hint_of(truth, picks_of(truth, lambda v: anywhere)) is None
    said = hint_of(truth, picks_of(truth, lambda v: anywhere + 500))
    assert "60 of 60 outside; check their unit" in said


def test_half_outside_is_no_reason_and_vesicles_do_not_count(truth):
    picks = picks_of(truth, lambda v: np.where(np.arange(len(v))[:, None] % 2, v, v + 900))
    check_frame(picks, truth)
    far = picks_of(truth, lambda v: v + 900)
    with pytest.raises(InputError, match="60 of 60 outside"):
        check_frame(far, truth)
    check_frame(Picks(("vesicle",) * 60, far.positions_A), truth)


@pytest.mark.parametrize("written", CONVENTIONS)
@pytest.mark.parametrize("read", CONVENTIONS)
def test_another_convention_is_named(truth, written, read):
    degrees = np.random.default_rng(1).uniform([-180, 5, -180], [180, 175, 180], (120, 3))
    if written == "TOM/AV3":
        degrees = degrees[:, [0, 2, 1]]
    particles = Particles(
        truth.particles.ids, truth.particles.species, truth.particles.positions_A,
        rotations_of(written, degrees), truth.particles.semi_axes_A,
    )  # fmt: skip
    there = Truth(particles, truth.instance_mask, VOXEL_A, truth.class_names)
    angles = EulerAngles(read, degrees)
    picks = Picks(particles.species, particles.positions_A, angles.rotations(), angles=angles)
    said = angle_hint(picks, there)
    if written == read:
        assert said is None
    else:
        right = [name for name, turned in other_readings(picks.rotations, angles)
                 if (turned.inv() * particles.rotations).magnitude().max() < 1e-6]  # fmt: skip
        assert f"{written} angles" in right
        assert any(f"if they were {name}" in said for name in right)


def test_quaternions_have_their_own_mistakes(truth):
    true = truth.particles.rotations
    places = truth.particles.positions_A
    for rotations, words in (
        (true.inv(), "the inverse rotations"),
        (Rotation.from_quat(true.as_quat()[:, [3, 0, 1, 2]]), "with the scalar first"),
        (Rotation.random(120, rng=9), None),
        (true * Rotation.from_euler("z", 90, degrees=True), None),
    ):
        said = angle_hint(Picks(truth.particles.species, places, rotations), truth)
        assert said is None if words is None else words in said
    quarter = Picks(
        truth.particles.species, places, true * Rotation.from_euler("z", 90, degrees=True)
    )
    assert angle_hint(quarter, truth, {"ring": "C4", "bean": "C4"}) is None
    assert angle_hint(Picks(truth.particles.species, places), truth) is None
