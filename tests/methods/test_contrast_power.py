"""The power of a specimen's contrast without gold, which is found as in the reference."""

from dataclasses import replace

import numpy as np
import pytest

from faket.constants import GOLD_POTENTIAL_V, ICE_POTENTIAL_V
from faket.methods.contrast_power import contrast_power
from faket.methods.gold_masks import gold_masks, power_of_kept
from faket.methods.gpu import SpectralImager
from faket.methods.measurement import measure_reference
from faket.methods.reference_properties import UNKNOWN
from faket.methods.spectral import spectral_images
from faket.microscope.ctf_estimate import CtfEstimate
from faket.noise import background, ring_power, without_background
from made_up_properties import properties
from slabs import slab_series, sphere_series

ANGLES = np.arange(-44.0, 45.0, 11.0)
PIXEL_A, SIDE = 6.0, 256


def beads(seed):
    """Return minus line integrals (V·Å) of three beads of 8 nm in a slab, at every tilt."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(-1, 1, (3, 3)) * [90, 100, 30]
    thick_A = sphere_series(PIXEL_A * places, ANGLES, side=SIDE, pixel_A=PIXEL_A, radius_A=40.0)
    return -(GOLD_POTENTIAL_V - ICE_POTENTIAL_V) * thick_A


@pytest.fixture(scope="module")
def trial():
    """A reference with gold whose signal is measured; another specimen, and its gold."""
    molecules, other = (
        400 * slab_series(ANGLES, side=SIDE, thickness=70, seed=seed, radius=1.0, density=8e-5)
        for seed in (1, 2)
    )
    ctf = CtfEstimate(ANGLES, np.full(len(ANGLES), 3.0), (3.0, 3.0), True, "metadata")
    flat = np.random.default_rng(0).poisson(40.0, molecules.shape).astype(np.float32)
    made = measure_reference(flat, ANGLES, PIXEL_A, ctf=ctf)
    unknown = np.full_like(made.power, UNKNOWN)  # all power is noise of counted electrons
    made = replace(made, signal_fraction_sigma=unknown, contrast_power=0 * made.power)
    reference = spectral_images(molecules + beads(3), made, ANGLES, seed=5)
    measured = measure_reference(reference, ANGLES, PIXEL_A, ctf=ctf)
    return replace(measured, strength_sigma=3.0), other, beads(4)


def test_what_is_gold_does_not_depend_on_the_exposure_that_was_stated(trial):
    """The reference tells how strong the signal is, and with it how much is found."""
    measured, molecules, gold = trial
    usual, less, more = (
        contrast_power(replace(measured, electrons=factor * measured.electrons), molecules + gold)
        for factor in (1.0, 0.1, 10.0)
    )
    low = slice(2, 40)
    for other in (less, more):
        np.testing.assert_allclose(other[:, low].mean(), usual[:, low].mean(), rtol=0.05)


def test_images_have_the_power_of_the_reference_where_there_is_no_gold(trial):
    """Whatever the exposure is said to be."""
    measured, molecules, gold = trial
    low = slice(3, 40)
    expected = measured.power[:, low].mean(axis=0)
    for factor in (0.1, 10.0):
        there = replace(measured, electrons=factor * measured.electrons)
        made = spectral_images(molecules + gold, there, ANGLES, seed=7)
        kept = gold_masks(made, PIXEL_A)
        assert any(mask is not None for mask in kept)
        made = without_background(made, background(made, ANGLES))
        found = [power_of_kept(*pair) for pair in zip(made, kept, strict=True)]
        ratio = np.mean(found, axis=0)[low] / expected
        assert ratio.mean() == pytest.approx(1.0, abs=0.12)


def test_without_gold_it_is_the_power_of_the_contrast(trial):
    """So it was before gold was looked for, to the last digit; and torch finds the same."""
    measured, molecules, _ = trial
    measured = replace(measured, background=None)
    look = SpectralImager(measured, molecules, "cpu")
    rings = measured.power.shape[1]
    whole = np.array(
        [
            ring_power(look.contrast(tilt).numpy(), rings, limit=0.7072)
            for tilt in range(len(ANGLES))
        ]
    )
    found = contrast_power(measured, molecules)
    np.testing.assert_allclose(found, whole, rtol=1e-3, atol=1e-4 * whole.max())


def test_torch_finds_the_same(trial):
    measured, molecules, gold = trial
    specimen = molecules + gold
    expected = contrast_power(measured, specimen)
    found = contrast_power(measured, specimen, SpectralImager(measured, specimen, "cpu"))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5 * expected.max())


def test_one_tilt_is_enough():
    made = properties(known=False)
    one = made.at([10.0])
    assert contrast_power(one, np.zeros((1, 96, 80), np.float32)).shape == (1, 48)


@pytest.mark.parametrize("torch", [False, True])
def test_images_have_the_references_background_whatever_the_specimens_trend(
    trial, torch, monkeypatch
):
    """A specimen is as wide as its field, so that tilted images are emptier at their sides."""
    measured, molecules, _ = trial
    if torch:
        monkeypatch.setattr(
            "faket.methods.spectral._imager", lambda *given: SpectralImager(*given[:2], "cpu")
        )
    across = np.linspace(-1, 1, SIDE)
    sides = np.abs(across) > np.cos(np.radians(ANGLES))[:, None] - 0.2
    emptier = molecules - 4000 * np.broadcast_to(sides[:, None], molecules.shape)
    own, found = (
        background(spectral_images(emptier, measured, ANGLES, seed=8, amount=amount), ANGLES)
        for amount in (0.0, 1.0)
    )
    assert np.abs(own).max() > 0.5
    np.testing.assert_allclose(found, measured.background, atol=0.1)
