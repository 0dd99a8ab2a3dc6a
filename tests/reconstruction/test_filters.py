"""Filters named after programs have the closed form that the programs' sources tell."""

import numpy as np
import pytest

from faket.reconstruction import reconstruct
from faket.reconstruction.filters import FILTERS, ramp, row_filter
from made_up_tomograms import ANGLES, DEPTH, series

SIZE = 512
F = np.fft.rfftfreq(SIZE)
STEP = np.radians(3.0)


def test_imod_is_a_ramp_that_ends_in_half_a_gaussian():
    found = row_filter("imod", SIZE, 0.0, STEP, 20)
    np.testing.assert_allclose(found[F <= 0.35], ramp(SIZE)[F <= 0.35])
    fall = 0.35 * np.exp(-(((F - 0.35) / 0.035) ** 2) / 2)
    np.testing.assert_allclose(found[F > 0.36], fall[F > 0.36], rtol=1e-3)


@pytest.mark.parametrize(("iterations", "exponent"), [(5, 5.3), (20, 19.3), (50, 39.3)])
def test_imods_sirt_like_filter(iterations, exponent):
    plain = row_filter("imod", SIZE, 0.0, STEP, 20)
    found = row_filter("imod-sirt", SIZE, 0.0, STEP, iterations)
    f = F[1:]
    np.testing.assert_allclose(found[1:] / plain[1:], 1 - (1 - 0.00195 / f) ** exponent, rtol=1e-6)


def test_aretomo_weights_rows_and_tilts():
    flat, tilted = (row_filter("aretomo", SIZE, angle, STEP, 20) for angle in (0.0, 60.0))
    np.testing.assert_allclose(tilted, flat / 2)
    wanted = F * (0.55 + 0.45 * np.cos(2 * np.pi * F))
    np.testing.assert_allclose(flat[2:], wanted[2:], rtol=0.02)


def test_warp_is_flat_where_tilts_do_not_overlap():
    found = row_filter("warp", SIZE, 0.0, STEP, 20)
    apart = 1 / (192 * STEP)
    np.testing.assert_allclose(found[apart > F], ramp(SIZE)[apart > F])
    np.testing.assert_allclose(found[1.01 * apart < F], apart)


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_shows_the_specimen(name):
    volume = reconstruct(series(1, noise=0), depth=DEPTH, filter=name, taper=4).data
    plain = reconstruct(series(1, noise=0), depth=DEPTH, taper=4).data
    assert volume.shape == plain.shape
    assert np.corrcoef(volume.ravel(), plain.ravel())[0, 1] > 0.3
    assert len(ANGLES) == len(series(1).images)
