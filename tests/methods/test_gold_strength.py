"""How strong a reference's gold is: found on its beads, given to the specimen's, nothing else."""

import json
from dataclasses import replace

import numpy as np
import pytest

from faket.constants import GOLD_POTENTIAL_V, ICE_POTENTIAL_V
from faket.data import plain_record
from faket.io.records import parse_record
from faket.methods.contrast import expected_contrast, filtered
from faket.methods.gold_beads import bead_spectra
from faket.methods.gold_masks import gold_masks
from faket.methods.gold_scaling import scaled_gold, weight_of_gold
from faket.methods.gold_strength import gold_strength
from faket.methods.reference_properties import ReferenceProperties
from faket.methods.signal_curves import Curves
from faket.methods.spectral import signal_to_noise, spectral_images
from faket.noise import white_noise
from made_up_properties import ANGLES, RINGS, properties

PIXEL_A, SIDE = 8.0, 512
NO_SHIFT = np.zeros(2)


def there():
    """Return a counting microscope, smooth in frequency, whose signal was measured."""
    k = np.linspace(0, 0.7072, RINGS)
    made = properties(known=False)
    return replace(
        made, pixel_size_A=PIXEL_A, fraction_source="tilts", background=None,
        envelope=np.tile(np.exp(-((k / 0.4) ** 2)), (3, 1)), power=np.full((3, RINGS), 40.0),
        electrons=np.full(3, 200.0),
    )  # fmt: skip


def curves():
    k = np.linspace(0, 0.7072, RINGS)
    amplitude = 90 * (1 + np.exp(-((k / 0.1) ** 2)))
    return Curves(np.tile(amplitude, (3, 1)), np.full((3, RINGS), 40.0), None, np.zeros((3, RINGS)))


def beads(diameter_A, apart_A, side=SIDE, pixel_A=PIXEL_A):
    """Return minus line integrals (V·Å) of spheres of gold on a grid, off pixels' middles."""
    place = np.arange(side) * pixel_A
    off = (place + 0.3 * pixel_A) % apart_A - apart_A / 2
    thick_A = 2 * np.sqrt(np.maximum(diameter_A**2 / 4 - off[:, None] ** 2 - off**2, 0))
    return (-(GOLD_POTENTIAL_V - ICE_POTENTIAL_V) * thick_A).astype(np.float32)


def reference(noise_free, gold, seed=1):
    """Return images of gold whose contrast is ``gold`` times what physics expects."""
    images = []
    for tilt in range(3):
        contrast = gold * expected_contrast(there(), tilt, noise_free)
        noise = np.sqrt(40.0) * white_noise(seed, tilt, noise_free.shape)
        images.append(40 + filtered(contrast, curves().amplitude[tilt]) + noise)
    return np.array(images, np.float32)


def strength(images):
    found = bead_spectra(images, gold_masks(images, PIXEL_A), ANGLES, PIXEL_A)
    return gold_strength(replace(there(), gold=found), curves()), len(found)


@pytest.mark.parametrize("gold", [0.75, 1.0, 1.3])
@pytest.mark.parametrize(("diameter_A", "apart_A"), [(60.0, 560.0), (100.0, 560.0), (100.0, 800.0)])
def test_the_strength_is_found_whatever_number_and_size_of_beads(gold, diameter_A, apart_A):
    found, number = strength(reference(beads(diameter_A, apart_A), gold))
    assert number > 40
    assert found == pytest.approx(gold, rel=0.1)
    # What is found is drawn to 1 by a fixed part; without that it is the truth.
    assert np.log(found) == pytest.approx(0.85 * np.log(gold), abs=0.06)


def test_the_unit_of_grey_values_does_not_matter():
    images, made, seen = reference(beads(80.0, 560.0), 1.3), there(), curves()
    found = bead_spectra(images, gold_masks(images, PIXEL_A), ANGLES, PIXEL_A)
    usual = gold_strength(replace(made, gold=found), seen)
    other = gold_strength(
        replace(made, gold=np.concatenate([found[:, :1], 50 * found[:, 1:]], axis=1)),
        replace(seen, amplitude=50 * seen.amplitude),
    )
    assert other == pytest.approx(usual)


def test_few_beads_tell_little_and_none_nothing():
    images = reference(beads(100.0, 560.0), 1.4)
    found = bead_spectra(images, gold_masks(images, PIXEL_A), ANGLES, PIXEL_A)
    told = [gold_strength(replace(there(), gold=found[:n]), curves()) for n in (60, 12, 6, 4, 0)]
    assert told[0] > told[1] > told[2] > told[3] == told[4] == 1
    assert gold_strength(there(), curves()) == 1
    assert gold_strength(replace(there(), gold=found, fraction_source="none"), curves()) == 1


@pytest.mark.parametrize("off_A", [(0, 0), (-300, 0), (300, 0), (0, -300), (0, 300)])
def test_a_bead_whose_surroundings_are_not_whole_is_left_out(off_A):
    whole = beads(90.0, 1024.0, side=128)  # one, in the middle
    image = np.roll(whole, np.rint(np.array(off_A) / PIXEL_A).astype(int), axis=(0, 1))
    images = reference(image, 1.0)
    found = bead_spectra(images, gold_masks(images, PIXEL_A), ANGLES, PIXEL_A)
    assert len(found) == (0 if any(off_A) else 3)


def test_what_is_wider_than_beads_is_no_gold():
    """A carbon edge, a crystal of ice, and something as dark beside a bead."""
    y, x = np.mgrid[:SIDE, :SIDE] * PIXEL_A
    images = reference(np.zeros((SIDE, SIDE), np.float32), 1.0)
    images[0] -= 60 * (x < 900)
    images[1] -= 60 * (np.hypot(y - 2000, x - 2000) < 260)
    images[2] -= 60 * (np.hypot(y - 2000, x - 2000) < 40)
    images[2] -= 60 * (np.hypot(y - 2000, x - 2230) < 40)
    kept = gold_masks(images, PIXEL_A)
    assert all(mask is not None for mask in kept)
    assert len(bead_spectra(images, kept, ANGLES, PIXEL_A)) == 0


@pytest.mark.parametrize("pixel_A", [3.0, 8.0, 12.0])
@pytest.mark.parametrize("diameter_A", [50.0, 100.0, 160.0])
def test_gold_is_scaled_and_nothing_else(pixel_A, diameter_A):
    side = int(2400 / pixel_A)
    noise_free = beads(diameter_A, 1200.0, side, pixel_A)
    contrast = np.random.default_rng(0).standard_normal((side, side)).astype(np.float32)
    shift_px = np.array([2.0, -3.0])
    found = scaled_gold(contrast, noise_free, pixel_A, shift_px, 1.3) / contrast
    place = np.arange(side) * pixel_A
    off_x, off_y = ((place + 0.3 * pixel_A - shift * pixel_A) % 1200 - 600 for shift in shift_px)
    away_A = np.hypot(off_y[:, None], off_x)
    np.testing.assert_allclose(found[away_A < 80], 1.3, rtol=1e-5)
    np.testing.assert_array_equal(found[away_A > 280], 1)
    assert scaled_gold(contrast, noise_free, pixel_A, shift_px, 1.0) is contrast


def test_thick_and_crowded_protein_is_no_gold():
    """3 V above ice, 2000 V·Å deep: spheres of 10 nm in layers, and a step of carbon's height."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:256, :256] * 10.0
    noise_free = np.zeros((256, 256), np.float32)
    for at in rng.uniform(0, 2560, (600, 2)):
        square = 50.0**2 - (y - at[0]) ** 2 - (x - at[1]) ** 2
        noise_free -= 3.3 * 2 * np.sqrt(np.maximum(square, 0)).astype(np.float32)
    noise_free -= np.where(x > 1280, 900, 0).astype(np.float32)
    assert noise_free.min() < -2000
    contrast = rng.standard_normal((256, 256)).astype(np.float32)
    assert scaled_gold(contrast, noise_free, 10.0, NO_SHIFT, 1.3) is contrast


def test_what_is_sharp_everywhere_is_no_gold():
    noise_free = -1e5 * np.random.default_rng(0).random((96, 96), np.float32)
    assert weight_of_gold(noise_free, 10.0) is None
    assert weight_of_gold(beads(80.0, 560.0), PIXEL_A) is not None


def test_a_field_that_is_hardly_wider_than_a_bead():
    """Nothing would be left without gold, so nothing is left out."""
    images = reference(beads(100.0, 560.0), 1.0)
    found = bead_spectra(images, gold_masks(images, PIXEL_A), ANGLES, PIXEL_A)
    noise_free = np.stack([beads(100.0, 560.0, 96)[20:52, 20:52]] * 3)
    assert noise_free.min() < -1500
    made = spectral_images(noise_free, replace(there(), gold=found), ANGLES, seed=1)
    assert np.isfinite(made).all()


def test_without_gold_images_are_the_same_whatever_the_reference_has():
    images = reference(beads(100.0, 560.0), 1.4)
    found = bead_spectra(images, gold_masks(images, PIXEL_A), ANGLES, PIXEL_A)
    rng = np.random.default_rng(2)
    noise_free = -50 * rng.standard_normal((3, 128, 96)).clip(0).astype(np.float32)
    none, empty, some = (
        spectral_images(noise_free, replace(there(), gold=gold), ANGLES, seed=1)
        for gold in (None, found[:0], found)
    )
    assert none.tobytes() == empty.tobytes() == some.tobytes()


def test_gold_of_the_specimen_has_the_strength_of_the_references():
    """Images, and the ratio of signal to noise, of strong gold over those of usual gold."""
    noise_free = np.stack([beads(100.0, 560.0, 128)] * 3)
    images = reference(beads(100.0, 560.0), 1.4)
    found = bead_spectra(images, gold_masks(images, PIXEL_A), ANGLES, PIXEL_A)
    # Weak gold in the reference, by the same factor in all rings.
    signals, ratios = [], []
    for gold in (found[:0], found * 1.0):
        measured = replace(there(), gold=gold, contrast_power=np.full((3, RINGS), 1e-4))
        made = spectral_images(noise_free, measured, ANGLES, seed=1, amount=0.0)
        signals.append(made - made.mean(axis=(1, 2), keepdims=True))
        ratios.append(signal_to_noise(noise_free, measured, ANGLES))
    near = noise_free < -1500
    factor = np.median(signals[1][near] / signals[0][near])
    assert factor != pytest.approx(1, abs=0.02)
    low = slice(3, 12)
    np.testing.assert_allclose(np.median((ratios[1] / ratios[0])[:, low]), factor**2, rtol=0.1)


def read_back(record):
    text = json.dumps(record, default=np.ndarray.tolist)
    return parse_record(
        text, ReferenceProperties, "a.json", what="a record", remedy="make it again"
    )


def test_a_record_without_gold_is_still_read():
    record = plain_record(there())
    del record["gold"]
    old = read_back(record)
    assert old.gold is None
    noise_free = np.stack([beads(100.0, 560.0, 128)] * 3)
    images = [spectral_images(noise_free, one, ANGLES, seed=1) for one in (old, there())]
    assert images[0].tobytes() == images[1].tobytes()
    images = reference(beads(100.0, 560.0), 1.0)
    found = bead_spectra(images, gold_masks(images, PIXEL_A), ANGLES, PIXEL_A)
    for gold in (found, found[:0]):
        again = read_back(plain_record(replace(there(), gold=gold)))
        np.testing.assert_array_equal(again.gold.ravel(), gold.ravel())
