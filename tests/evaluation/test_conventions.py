"""Signs, scales and conventions of angles, each in a case that has one exact answer."""

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from faket.evaluation import contrast_sign
from faket.evaluation.contrast import _band
from faket.evaluation.conventions import CONVENTIONS, EulerAngles, angles_of, rotations_of
from faket.evaluation.features import patch_features
from faket.evaluation.matching import Picks

SIDE = 64


def about_x(degrees):
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def about_z(degrees):
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def euler_angles2matrix(rot, tilt, psi):
    """The matrix of RELION's source, by its own formula."""
    ca, cb, cg = (math.cos(math.radians(v)) for v in (rot, tilt, psi))
    sa, sb, sg = (math.sin(math.radians(v)) for v in (rot, tilt, psi))
    return np.array([
        [cg * cb * ca - sg * sa, cg * cb * sa + sg * ca, -cg * sb],
        [-sg * cb * ca - cg * sa, -sg * cb * sa + cg * ca, sg * sb],
        [sb * ca, sb * sa, cb],
    ])  # fmt: skip


MATRICES = {  # particle's frame to tomogram's, of three angles as written
    "RELION": euler_angles2matrix,
    "Dynamo": lambda tdrot, tilt, narot: (about_z(narot) @ about_x(tilt) @ about_z(tdrot)).T,
    "TOM/AV3": lambda phi, psi, theta: about_z(psi) @ about_x(theta) @ about_z(phi),
    "SHREC zxz": lambda a, b, c: about_z(c) @ about_x(b) @ about_z(a),
    "SHREC ZXZ": lambda a, b, c: about_z(a) @ about_x(b) @ about_z(c),
}


@pytest.mark.parametrize("name", CONVENTIONS)
def test_every_convention_is_its_product_of_matrices(name):
    angles = (35.0, 70.0, -110.0)
    found = rotations_of(name, np.array([angles])).as_matrix()[0]
    np.testing.assert_allclose(found, MATRICES[name](*angles), atol=1e-12)


@pytest.mark.parametrize("name", CONVENTIONS)
@pytest.mark.parametrize("middle", [0.0, 70.0, 180.0])
def test_angles_of_a_rotation_give_that_rotation_back(name, middle):
    turn = [MATRICES[name](*np.insert([35.0, -110.0], CONVENTIONS[name].order.index(1), middle))]
    found = angles_of(name, Rotation.from_matrix(np.array(turn)))
    np.testing.assert_allclose([MATRICES[name](*found[0])], turn, atol=1e-7)


def features_of(image):
    values, names = patch_features(np.asarray(image, np.float64)[None])
    return dict(zip(names, values[0], strict=True))


def wave(v, u, side=SIDE):
    y, x = np.indices((side, side))
    return np.cos(2 * np.pi * (v * y + u * x) / side + 0.4)


@pytest.mark.parametrize(
    ("periods", "band"),
    [
        (5, "0.05-0.12"), (6, "0.05-0.12"), (10, "0.12-0.25"), (14, "0.12-0.25"),
        (18, "0.25-0.38"), (22, "0.25-0.38"), (26, "0.38-0.50"), (30, "0.38-0.50"),
    ],
)  # fmt: skip
def test_a_wave_counts_in_its_ring_its_band_and_its_direction(periods, band):
    """periods / 64 cycles per pixel, in rings of 1/24 and bands that end at 1/8, 1/4, 3/8, 1/2."""
    noise = 0.01 * np.random.default_rng(0).standard_normal((SIDE, SIDE))
    along_x, along_y, rising, falling = (
        features_of(wave(*vu) + noise)
        for vu in ((0, periods), (periods, 0), (periods * 0.7, periods * 0.7),
                   (-periods * 0.7, periods * 0.7))
    )  # fmt: skip
    powers = {name: along_x[name] for name in along_x if name.startswith("power 0.")}
    ring = math.ceil(periods / SIDE * 24) - 1
    assert max(powers, key=powers.__getitem__) == f"power {ring / 24:.2f}-{(ring + 1) / 24:.2f}"
    for name in (name for name in along_x if name.startswith(("power x - y", "power diag"))):
        here = name.endswith(band)
        if "x - y" in name:
            assert (along_x[name] > 3, along_y[name] < -3) == (here, here), name
        elif here:
            assert rising[name] > 2 > -2 > falling[name]


def test_a_wave_beyond_nyquist_counts_in_the_corners():
    inside, outside = features_of(wave(20, 20)), features_of(wave(26, 26))
    assert inside["power in corners"] + 5 < outside["power in corners"]


def test_autocorrelation_of_waves():
    """cos of the phase from pixel to pixel, along x, y and both diagonals."""
    turn = 2 * np.pi * 6 / SIDE
    cases = {
        (0, 6): {"x": 1, "y": 0, "xy": 1, "yx": 1},
        (6, 0): {"x": 0, "y": 1, "xy": 1, "yx": 1},
        (6, 6): {"x": 1, "y": 1, "xy": 2, "yx": 0},
        (6, -6): {"x": 1, "y": 1, "xy": 0, "yx": 2},
    }
    for (v, u), turns in cases.items():
        found = features_of(wave(v, u))
        for name, n in turns.items():
            assert found[f"autocorrelation {name}"] == pytest.approx(np.cos(n * turn), abs=0.03)


def test_moments_of_a_wave_and_of_its_averages():
    """A cosine has ⟨z⁴⟩ = 3/2 and no skewness, also averaged over 2 and 4 pixels."""
    found = features_of(wave(3, 0) + 5)
    cubed = features_of(np.exp(wave(3, 0)))
    y = np.exp(wave(3, 0)[:, 0])
    for scale in (1, 2, 4):
        assert found[f"log kurtosis /{scale}"] == pytest.approx(np.log(1.5), abs=1e-5)
        assert found[f"skewness /{scale}"] == pytest.approx(0, abs=1e-5)
        u = y.reshape(-1, scale).mean(axis=1)
        z = (u - u.mean()) / u.std()
        assert cubed[f"skewness /{scale}"] == pytest.approx(np.arcsinh((z**3).mean()), abs=1e-5)
        assert cubed[f"log kurtosis /{scale}"] == pytest.approx(np.log((z**4).mean()), abs=1e-5)


def test_quantiles_and_gradients_of_a_ramp():
    """Uniform grey values have the quantiles (q − ½) √12; all its gradients are of one length."""
    y, x = np.indices((SIDE, SIDE))
    found = features_of(SIDE * y + x)
    for q in (0.005, 0.05, 0.25, 0.75, 0.95, 0.995):
        assert found[f"quantile {q}"] == pytest.approx((q - 0.5) * math.sqrt(12), abs=0.01)
    for q in (0.05, 0.5, 0.95, 0.99):
        assert found[f"gradient quantile {q}"] == pytest.approx(1, abs=1e-3)
    # Of the 63 steps 47 are 1 and 16 are 3, in units of their mean 95 / 63.
    slope = np.cumsum(np.where(np.arange(SIDE) % 4 == 3, 3.0, 1.0))
    steep = features_of(np.broadcast_to(slope, (SIDE, SIDE)))
    assert steep["gradient quantile 0.05"] == pytest.approx(63 / 95, abs=1e-4)
    assert steep["gradient quantile 0.95"] == pytest.approx(3 * 63 / 95, abs=1e-4)


def test_detail_that_grows_with_brightness():
    """Blocks of 4 x 4 pixels with a checkerboard inside, of power 1 + brightness."""
    brightness = np.random.default_rng(1).uniform(0, 1, (16, 16))
    checks = (-1.0) ** np.add(*np.indices((SIDE, SIDE)))
    spread = np.kron(brightness, np.ones((4, 4)))
    grown = features_of(spread + 0.1 * np.sqrt(1 + spread) * checks)
    fallen = features_of(spread + 0.1 * np.sqrt(2 - spread) * checks)
    even = features_of(spread + 0.1 * checks)
    assert grown["detail against brightness"] == pytest.approx(1, abs=1e-3)
    assert fallen["detail against brightness"] == pytest.approx(-1, abs=1e-3)
    expected = np.log((1 + brightness).std() / (1 + brightness).mean())
    assert grown["spread of detail"] == pytest.approx(expected, abs=1e-3)
    assert even["spread of detail"] < -8


def test_lattices_of_a_tiled_patch():
    """What repeats every 4 pixels is all on lattices of 4 and 8, its 2 x 2 mean on that of 2."""
    tile = np.random.default_rng(2).standard_normal((4, 4))
    tile = (tile - tile.mean()) / tile.std()
    found = features_of(np.tile(tile, (16, 16)))
    halves = tile.reshape(2, 2, 2, 2).mean(axis=(0, 2))
    assert found["lattice of 4"] == pytest.approx(0, abs=1e-5)
    assert found["lattice of 8"] == pytest.approx(0, abs=1e-5)
    assert found["lattice of 2"] == pytest.approx(np.log(halves.var()), abs=1e-5)


@pytest.mark.parametrize("scale", [3.0, 6.0, 12.0])
def test_bands_of_contrast_are_differences_of_gaussians(scale):
    """σ of ``scale`` and of four times as much, at j / 2n cycles per pixel of n pixels."""
    band = _band((120, 200), scale)
    ky, kx = (np.arange(m) / (2 * n) for m, n in zip(band.shape, (120, 200), strict=True))
    squared = ky[:, None] ** 2 + kx**2
    expected = np.exp(-2 * np.pi**2 * scale**2 * squared)
    expected -= np.exp(-2 * np.pi**2 * (4 * scale) ** 2 * squared)
    np.testing.assert_allclose(band, expected, atol=1e-6)
    assert max(band[-1].max(), band[:, -1].max()) < 1e-4 < expected.max()


def test_dark_spots_are_normal_and_gradients_do_not_matter():
    """The significance is in standard errors √(8π / pixels) σ of the scale that counts."""
    y, x = np.indices((160, 144))
    image = np.random.default_rng(0).standard_normal((160, 144))
    for cy, cx in np.random.default_rng(1).uniform(10, 130, (12, 2)):
        image -= 8 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * 4.0**2))
    found = contrast_sign(image[None])
    assert found.sign == "normal"
    assert contrast_sign(-image[None]).skewness == pytest.approx(-found.skewness, rel=1e-4)
    error = abs(found.skewness) / found.significance / math.sqrt(8 * math.pi / image.size)
    assert min(abs(error - scale) for scale in (3, 6, 12)) < 1e-6
    sloped = image + 30 * (x / 144) ** 3 - 20 * (y / 160) ** 2
    assert contrast_sign(sloped[None]).skewness == pytest.approx(found.skewness, rel=0.05)


def test_a_subset_of_picks_keeps_what_belongs_to_each():
    turns = Rotation.from_euler("z", [[10], [20], [30]], degrees=True)
    angles = EulerAngles("RELION", np.arange(9.0).reshape(3, 3))
    picks = Picks(("a", "b", "c"), np.arange(9.0).reshape(3, 3), turns, np.arange(3.0), angles)
    some = picks.subset(np.array([2, 0]))
    assert some.species == ("c", "a")
    np.testing.assert_array_equal(some.positions_A, [[6, 7, 8], [0, 1, 2]])
    np.testing.assert_allclose(some.rotations.as_matrix(), turns[[2, 0]].as_matrix())
    np.testing.assert_array_equal(some.scores, [2, 0])
    np.testing.assert_array_equal(some.angles.degrees, [[6, 7, 8], [0, 1, 2]])
    none = picks.subset(np.array([], int))
    assert (len(none), none.rotations) == (0, None)
