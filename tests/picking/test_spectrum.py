"""The spectrum of a tomogram: closed forms, and what is noticed."""

import numpy as np
import pytest
from scipy import fft

from faket.picking.spectrum import (
    NOTICED,
    SHELLS,
    difference,
    mean_spectrum,
    radial_spectrum,
    spectrum_notice,
)
from faket.rings import frequencies


def noise(seed, shape=(40, 72, 96)):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def filtered(volume, amplitude):
    spectrum = fft.rfftn(volume) * amplitude(frequencies(volume.shape))
    return fft.irfftn(spectrum, volume.shape).astype(np.float32)


def test_white_noise_has_as_much_power_everywhere():
    np.testing.assert_allclose(radial_spectrum(noise(0)) * SHELLS, 1, rtol=0.25)
    assert radial_spectrum(noise(0)).sum() == pytest.approx(1)


def test_scale_offset_and_sign_make_no_difference():
    one, two = radial_spectrum(noise(0)), radial_spectrum(7 - 3 * noise(0))
    np.testing.assert_allclose(one, two, rtol=1e-3)
    assert not radial_spectrum(np.zeros((12, 12, 12), np.float32)).any()


@pytest.mark.parametrize("shape", [(40, 72, 96), (12, 20, 130)])
def test_a_filter_is_seen_shell_by_shell(shape):
    """Amplitude falls to 1/3 at Nyquist, so power to 1/9; rings are 1/24 wide."""
    volume = noise(1, shape)
    ratio = radial_spectrum(filtered(volume, lambda f: 3 ** (-2 * f))) / radial_spectrum(volume)
    centres = (np.arange(SHELLS) + 0.5) / (2 * SHELLS)
    expected = 9 ** (-2 * centres)
    np.testing.assert_allclose(ratio[1:] / ratio[1], expected[1:] / expected[1], rtol=0.15)


def test_the_difference_is_the_mean_of_the_factors():
    flat = np.full(SHELLS, 1 / SHELLS)
    assert difference(flat, flat)[0] == 1
    other = flat * np.where(np.arange(SHELLS) % 2, 4.0, 0.25)
    assert difference(other, flat)[0] == pytest.approx(4)
    assert difference(flat, other)[0] == pytest.approx(4)
    assert difference(np.where(np.arange(SHELLS) == 5, 0, flat), flat)[1] == 5


def test_another_filter_is_noticed_and_another_tomogram_is_not():
    expected = mean_spectrum([noise(0), noise(1)])
    assert spectrum_notice(noise(2), expected, 10.0) is None
    assert spectrum_notice(filtered(noise(2), lambda f: 1 - f), expected, 10.0) is None
    notice = spectrum_notice(filtered(noise(2), lambda f: np.exp(-8 * f)), expected, 10.0)
    assert "\n" not in notice
    assert "reconstruction.like" in notice
    assert "at 21 Å" in notice
    assert spectrum_notice(filtered(noise(2), lambda f: np.exp(-8 * f)), None, 10.0) is None


@pytest.mark.parametrize(("fall", "noticed"), [(2.0, False), (3.0, True)])
def test_a_factor_of_two_is_noticed(fall, noticed):
    """The amplitude falls with exp(-fall f): power differs by 1.8 with 2, by 2.5 with 3."""
    expected, volume = radial_spectrum(noise(0)), filtered(noise(2), lambda f: np.exp(-fall * f))
    factor, _ = difference(radial_spectrum(volume), expected)
    assert factor == pytest.approx({2.0: 1.84, 3.0: 2.53}[fall], rel=0.05)
    assert (factor >= NOTICED) == noticed
    assert (spectrum_notice(volume, expected, 10.0) is not None) == noticed
