"""Beads are found where they are in the specimen, by all tilts together; nothing else is."""

import numpy as np
import pytest

from faket.methods import gold_places as room
from faket.methods.gold_masks import gold_masks
from faket.methods.gold_places import gold_places, number_of_beads, shown_at, with_beads
from faket.projection import project
from slabs import slab_series, sphere_series

ANGLES = np.arange(-60.0, 61.0, 3.0)
FIELD_A = 2400.0
BEADS_A = np.array([[-700.0, 500, 300], [150, -800, -420], [620, 640, 90], [-90, 60, 0]])


def beads(places_A, pixel_A, angles=ANGLES, radius_A=45.0):
    """Return images [tilt, y, x] of spheres, dark, of 0.9 in their middle."""
    side = round(FIELD_A / pixel_A)
    return -0.01 * sphere_series(places_A, angles, side=side, pixel_A=pixel_A, radius_A=radius_A)


def noise(images, pixel_A, seed=0):
    """Return noise as strong in every Å², whatever the pixels."""
    drawn = np.random.default_rng(seed).standard_normal(images.shape, np.float32)
    return drawn * np.float32(0.6 * 8 / pixel_A)


def assert_same(found, expected):
    assert found.shape == expected.shape
    away = found[:, None] - expected
    nearest = np.hypot(away[..., 0], away[..., 1]).argmin(axis=1)
    assert sorted(nearest) == list(range(len(expected)))
    off = found - expected[nearest]
    assert np.abs(off[:, :2]).max() < 30
    assert np.abs(off[:, 2]).max() < 60


@pytest.mark.parametrize("pixel_A", [4.0, 8.0, 12.0])
def test_beads_are_found_that_no_single_image_shows(pixel_A):
    images = beads(BEADS_A, pixel_A)
    images += noise(images, pixel_A)
    assert all(mask is None for mask in gold_masks(images, pixel_A))
    assert_same(gold_places(images, ANGLES, pixel_A), BEADS_A)


@pytest.mark.parametrize("number", [2, 8, 20])
def test_however_many_and_however_faint_the_faintest(number):
    """Of many some are fainter by chance; all are far from what is no gold."""
    turn = 2.4 * np.arange(number)
    out_A = 950 * np.sqrt((np.arange(number) + 0.5) / number)
    places = np.column_stack([out_A * np.cos(turn), out_A * np.sin(turn), 150 * np.sin(7 * turn)])
    images = beads(places, 8.0)
    images += 1.15 * noise(images, 8.0)
    assert_same(gold_places(images, ANGLES, 8.0), places)


def crowd(radii_A, seed, pixel_A=8.0):
    """Return images of 700 faint spheres of 6 nm and of beads of some radii, and places of these.

    Faint spheres are not beside a bead, or its place would be another.
    """
    rng = np.random.default_rng(seed)
    gold, molecules = (rng.uniform(-1, 1, (n, 3)) * [1100, 1100, 500] for n in (len(radii_A), 700))
    away = np.abs(molecules[:, None] - gold).max(axis=2) > 150
    images = 0.35 * beads(molecules[away.all(axis=1)], pixel_A, radius_A=30.0)
    for place, radius_A in zip(gold, radii_A, strict=True):
        images += beads(place[None], pixel_A, radius_A=radius_A)
    return images + 0.4 * noise(images, pixel_A, seed), gold


@pytest.mark.parametrize("seed", range(3))
def test_many_beads_of_all_sizes_in_a_crowd(seed):
    """There is no gap between the smallest and what is darkest in the crowd."""
    images, places = crowd(np.linspace(27, 45, 8), seed)
    found = gold_places(images, ANGLES, 8.0)
    assert len(found) >= 0.6 * len(places)
    away = np.abs(found[:, None] - places)[..., :2].max(axis=2).min(axis=1)
    assert away.max() < 40


def depths_of(n_gold, mean, n_molecules, scale, seed):
    """Return the depths, falling, of gold that is alike by a factor of 1.25, and of molecules."""
    rng = np.random.default_rng(seed)
    gold = mean * np.exp(0.22 * rng.standard_normal(n_gold))
    return np.sort(np.append(gold, 12 + rng.exponential(scale, n_molecules)))[::-1]


@pytest.mark.parametrize("scale", [1.0, 1.8])
@pytest.mark.parametrize(
    ("n_gold", "n_molecules"),
    [(8, 0), (8, 1), (8, 12), (8, 600), (20, 1), (20, 12), (60, 100), (60, 600)],
)
@pytest.mark.parametrize("mean", [38.0, 50.0])
def test_gold_is_told_by_depths_that_lie_around_a_mean(n_gold, n_molecules, mean, scale):
    """However few molecules there are, and whether there is a gap or not."""
    told = [
        room._told_apart(depths_of(n_gold, mean, n_molecules, scale, seed)) for seed in range(100)
    ]
    assert np.mean(np.array(told) >= 0.6 * n_gold) > 0.95
    assert 0.95 * n_gold < np.mean(told) < 1.08 * n_gold


def test_gold_alone_need_not_fall_steeply():
    """As birch has it in a field of 2000 Å: seven of gold, one doubtful, one of a molecule."""
    depths = np.array([45.5, 40.6, 37.1, 36.2, 34.9, 34.0, 28.6, 22.0, 14.7])
    assert room._told_apart(depths) in (7, 8)


@pytest.mark.parametrize("scale", [1.0, 1.8, 4.0])
@pytest.mark.parametrize("n_molecules", [5, 30, 600])
def test_depths_of_molecules_that_fall_exponentially_are_no_gold(n_molecules, scale):
    told = [room._of_two_kinds(depths_of(0, 1.0, n_molecules, scale, seed)) for seed in range(100)]
    assert np.mean(np.array(told) > 0) <= 0.02


def test_a_crowd_alone_has_no_gold():
    assert len(gold_places(crowd([], 3)[0], ANGLES, 8.0)) == 0


def test_a_wide_bead_is_counted_once():
    aside = np.random.default_rng(0).uniform(-40, 40, (3, 4, 3))
    assert number_of_beads((BEADS_A + aside).reshape(-1, 3)) == len(BEADS_A)
    assert number_of_beads(np.zeros((0, 3))) == 0


def test_order_of_tilts_and_grey_values_do_not_matter():
    images = beads(BEADS_A, 8.0)
    images += noise(images, 8.0)
    order = np.random.default_rng(1).permutation(len(ANGLES))
    found = gold_places((7 + 40 * images)[order], ANGLES[order], 8.0)
    np.testing.assert_allclose(found, gold_places(images, ANGLES, 8.0))


def test_a_bead_beside_the_image_is_found_by_the_tilts_that_show_it():
    beside = np.array([[1.15 * FIELD_A / 2, 300.0, 0.0]])
    images = beads(beside, 8.0, radius_A=60.0)
    images += 0.7 * noise(images, 8.0)
    assert_same(gold_places(images, ANGLES, 8.0), beside)


@pytest.mark.parametrize("density", [5e-6, 4e-5])
@pytest.mark.parametrize("scatter", [0.2, 0.5, 1.0])
def test_molecules_are_no_gold_however_few_and_clear(density, scatter):
    """Their darkness differs, and does not fall steeply. (The signal's σ is 0.1.)"""
    images = slab_series(ANGLES, side=300, thickness=120, density=density, seed=2)
    images += scatter * np.random.default_rng(0).standard_normal(images.shape)
    assert len(gold_places(images.astype(np.float32), ANGLES, 8.0)) == 0


def test_gold_is_told_from_molecules():
    molecules = slab_series(ANGLES, side=300, thickness=120, density=4e-5, seed=3)
    images = 0.15 * molecules + beads(BEADS_A, 8.0)
    images += noise(images, 8.0)
    assert_same(gold_places(images.astype(np.float32), ANGLES, 8.0), BEADS_A)


def test_few_tilts_and_images_of_nothing_tell_nothing():
    images = beads(BEADS_A, 8.0)[::12]
    assert len(images) == 4
    assert gold_places(images, ANGLES[::12], 8.0).shape == (0, 3)
    assert gold_places(np.zeros((9, 64, 64), np.float32), ANGLES[:9], 8.0).shape == (0, 3)


def test_masks_leave_out_beads_in_every_image_and_little_else():
    kept = with_beads([None] * len(ANGLES), BEADS_A, ANGLES, (300, 300), 8.0)
    for angle, mask in zip(ANGLES, kept, strict=True):
        seen = np.rint(shown_at(BEADS_A, angle, (300, 300), 8.0)).astype(int)
        assert (mask[tuple(seen.T)] == 0).all()
        assert mask.mean() > 0.93
    dark = np.argwhere(beads(BEADS_A, 8.0)[5] < 0)
    assert (kept[5][tuple(dark.T)] == 0).all()


def test_z_is_the_projector_s():
    """So that places are those of a specimen, not its mirror image."""
    volume = np.zeros((40, 100, 100), np.float32)
    volume[30:33, 60:63, 20:23] = 1  # z, y, x
    projected = project(volume, [-40.0, 30.0])
    middle = np.array([[21.0 - 50, 61.0 - 50, 31.0 - 20]])
    for image, angle in zip(projected, (-40.0, 30.0), strict=True):
        seen = np.unravel_index(image.argmax(), image.shape)
        np.testing.assert_allclose(shown_at(middle, angle, image.shape, 1.0)[0], seen, atol=1)


def test_masks_of_single_images_are_kept():
    own = np.ones((300, 300), np.float32)
    own[:40] = 0
    both = with_beads([own, None], BEADS_A, np.array([0.0, 10.0]), (300, 300), 8.0)
    assert (both[0][:40] == 0).all()
    assert both[0].mean() < own.mean()
    assert both[1].mean() > 0.93
    assert with_beads([own, None], BEADS_A[:0], np.zeros(2), (300, 300), 8.0) == [own, None]
    far = BEADS_A + 1e5
    assert with_beads([own, None], far, np.zeros(2), (300, 300), 8.0) == [own, None]


def test_where_gold_would_take_most_of_an_image_it_is_not_masked():
    rng = np.random.default_rng(0)
    many = np.column_stack([rng.uniform(-1200, 1200, (300, 2)), np.zeros(300)])
    assert with_beads([None], many, np.zeros(1), (300, 300), 8.0) == [None]
