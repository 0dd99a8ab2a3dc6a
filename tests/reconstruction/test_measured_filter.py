"""A linear reconstruction is copied; nothing else is taken for one."""

import numpy as np
import pytest

from faket.data import Volume
from faket.reconstruction import match_spectra, measure_filter, reconstruct
from faket.reconstruction.cells import CELLS
from made_up_tomograms import DEPTH, SIDE, series, shell_power


@pytest.fixture(scope="module")
def own():
    return series(1)


@pytest.fixture(scope="module")
def ours(own):
    return reconstruct(own, depth=DEPTH + 12, taper=4)


def correlation(one, two):
    return np.corrcoef(one.ravel(), two.ravel())[0, 1]


def radial(volume, factor):
    """Multiply a volume's spectrum by a function of |k|."""
    k = [np.fft.fftfreq(n) for n in volume.shape]
    radius = np.sqrt(k[0][:, None, None] ** 2 + k[1][:, None] ** 2 + k[2] ** 2)
    return np.fft.ifftn(np.fft.fftn(volume) * factor(radius)).real.astype(np.float32)


@pytest.mark.parametrize("name", ["hamming", "shrec"])
def test_another_filter_of_ours_is_copied(own, ours, name):
    theirs = reconstruct(own, depth=DEPTH, filter=name, taper=4)
    found = measure_filter(theirs, ours)
    assert found.source == "tilt-series"
    assert found.coherence > 0.98
    assert found.sign_changes == 0
    for each in (own, series(2)):  # its own specimen, and another
        wanted = reconstruct(each, depth=DEPTH, filter=name, taper=4).data
        made = reconstruct(each, depth=DEPTH, taper=4, measured=found).data
        np.testing.assert_allclose(shell_power(made) / shell_power(wanted), 1, atol=0.1)
        assert correlation(made, wanted) > 0.97


def test_sign_grey_scale_flip_shift_and_crop_are_found(own, ours):
    wanted = 900 - 7 * reconstruct(own, depth=DEPTH, filter="hamming", taper=4).data
    theirs = Volume(wanted[::-1, :, 5:][6:34], 10.0)
    found = measure_filter(theirs, ours)
    assert found.flips == (-1, 1, 1)
    assert found.mean == pytest.approx(theirs.data.mean())
    made = reconstruct(own, depth=DEPTH, taper=4, measured=found).data
    assert correlation(made, wanted) > 0.99
    assert made.mean() == pytest.approx(found.mean, abs=0.01)
    assert made.std() == pytest.approx(wanted.std(), rel=0.05)


def test_a_filter_that_changes_sign_is_copied(own, ours):
    flips = radial(reconstruct(own, depth=DEPTH, taper=4).data, lambda k: np.where(k < 0.2, 1, -1))
    found = measure_filter(Volume(flips, 10.0), ours)
    assert found.sign_changes == 1
    made = reconstruct(own, depth=DEPTH, taper=4, measured=found).data
    assert correlation(made, flips) > 0.95


def test_weights_of_tilts_of_one_sign_are_copied(own, ours):
    """As exposure weights them when the series was taken from one end to the other."""
    weights = np.linspace(0.3, 1.5, len(own.images), dtype=np.float32)[:, None, None]
    weighted = type(own)(own.images * weights, own.geometry)
    wanted = reconstruct(weighted, depth=DEPTH, taper=4)
    found = measure_filter(wanted, ours)
    made = reconstruct(own, depth=DEPTH, taper=4, measured=found).data
    assert correlation(made, wanted.data) > 0.99


def test_another_specimen_is_not_taken_for_the_same(ours):
    theirs = reconstruct(series(2), depth=DEPTH, filter="hamming", taper=4)
    assert measure_filter(theirs, ours) is None


def test_mean_amplitudes_alone_give_power_grey_scale_and_sign(own):
    def of_theirs(each):
        return 30 - 5 * reconstruct(each, depth=DEPTH, filter="hamming", taper=4).data

    found = match_spectra(
        Volume(of_theirs(own), 10.0), reconstruct(series(2), depth=DEPTH, taper=4), inverted=True
    )
    assert found.source == "spectra"
    made = reconstruct(series(3), depth=DEPTH, taper=4, measured=found).data
    wanted = of_theirs(series(3))
    assert correlation(made, wanted) > 0.97
    assert made.mean() == pytest.approx(wanted.mean(), abs=0.5)
    # Two specimens of few balls differ by a third where they show.
    noise = slice(6, None)
    ratio = shell_power(made) / shell_power(wanted)
    np.testing.assert_allclose(ratio[noise], 1, atol=0.15)


def test_a_factor_of_one_changes_nothing(own, ours):
    found = measure_filter(Volume(ours.data[6:-6], 10.0), ours)
    np.testing.assert_allclose(found.shells[2 : len(found.shells) // 2], 1, atol=0.02)
    assert np.abs(found.cells[CELLS + 5 : CELLS + 10, 5:20, 10:20]).max() < 0.05
    made = reconstruct(own, depth=DEPTH, taper=4, measured=found).data
    plain = reconstruct(own, depth=DEPTH, taper=4).data
    assert correlation(made, plain) > 0.999
    assert made.shape == (DEPTH, SIDE, SIDE)
