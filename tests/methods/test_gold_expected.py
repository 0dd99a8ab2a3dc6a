"""A bead is as deep in images as physics says, whatever their gain, and deeper than molecules."""

import numpy as np
import pytest

from faket.constants import interaction_constant_rad_per_V_A
from faket.methods import gold_places as room
from faket.methods.gold_expected import expected_beads
from faket.methods.gold_places import gold_places
from faket.microscope.ctf_estimate import CtfEstimate
from slabs import sphere_series

ANGLES = np.arange(-60.0, 61.0, 6.0)
PIXEL_A, SIDE, ELECTRONS = 10.0, 240, 150.0
DOSE = np.full(len(ANGLES), 3.0)
IN_FOCUS = CtfEstimate(
    ANGLES, np.full(len(ANGLES), 1e-6), (1e-6, 1e-6), True, "metadata", amplitude_contrast=0.9
)


def counted(places_A, gain, seed=0):
    """Return counted images of beads of 8 nm that only absorb, in focus: exp(−2 w φ)."""
    thick_A = sphere_series(places_A, ANGLES, side=SIDE, pixel_A=PIXEL_A, radius_A=40.0)
    thick_A *= 80.0 / thick_A.max()
    phase = interaction_constant_rad_per_V_A(300.0) * 25.37 * thick_A
    rng = np.random.default_rng(seed)
    return gain * rng.poisson(ELECTRONS * np.exp(-2 * 0.9 * phase)).astype(np.float32)


def expected(images):
    mean = images.mean(axis=(1, 2))
    return expected_beads(images, IN_FOCUS, mean, DOSE, False, PIXEL_A)


@pytest.mark.parametrize("gain", [1.0, 40.0])
def test_beads_are_as_deep_as_expected(gain):
    images = counted(np.array([[0.0, 0.0, 0.0], [600.0, -500.0, 100.0]]), gain)
    depths = []

    def told(found, of_bead):
        depths.append(found / of_bead)
        return len(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "_told_apart", told)
        gold_places(images, ANGLES, PIXEL_A, expected(images))
    np.testing.assert_allclose(depths[0][:2], 1.0, atol=0.35)  # of blocks of 20 Å


def test_grey_values_do_not_matter():
    one, other = (counted(np.zeros((1, 3)), gain) for gain in (1.0, 40.0))
    np.testing.assert_allclose(expected(other), 40 * expected(one), rtol=1e-3)


def test_what_is_deeper_than_physics_allows_for_molecules_is_gold():
    """However the depths are distributed: here only gold is seen in a crowd."""
    depths = np.linspace(34.0, 12.5, 70)
    assert room._told_apart(depths) == 0
    assert room._told_apart(depths, expected=7.0) == np.sum(depths >= 17.5)
    assert room._told_apart(depths, expected=30.0) == 0
