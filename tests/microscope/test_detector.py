"""The camera: mean, noise power and signal transfer against closed forms."""

import numpy as np
import pytest
import torch

from faket.constants import DETECTOR_DQE, DETECTOR_MTF
from faket.microscope.detector import Camera, detector_curves

DETECTORS = ("K2", "K3", "generic", "perfect")
SHAPE, ELECTRONS = (64, 96), 40.0


def camera_of(detector, fraction_at_nyquist=1.0):
    ky, kx = np.fft.fftfreq(SHAPE[0])[:, None], np.fft.rfftfreq(SHAPE[1])
    mtf, dqe = detector_curves(detector, np.hypot(kx, ky) * 2 * fraction_at_nyquist)
    return Camera(mtf, dqe, "cpu"), mtf, dqe


@pytest.mark.parametrize("detector", DETECTORS)
def test_curves_pass_through_their_tables_and_fall(detector):
    for curve, table in zip(
        detector_curves(detector, np.linspace(0, 1, 201)),
        (DETECTOR_MTF[detector], DETECTOR_DQE[detector]),
        strict=True,
    ):
        assert np.all(np.diff(curve) <= 1e-12)
        assert curve[0] == pytest.approx(table[0][1])
        assert curve[-1] == pytest.approx(table[-1][1])
    assert DETECTOR_MTF[detector][0] == (0.0, 1.0)


@pytest.mark.parametrize("detector", DETECTORS)
def test_flat_field(detector):
    """Mean D p², noise power D p² MTF² / DQE at every frequency."""
    camera, mtf, dqe = camera_of(detector)
    flat, rng = torch.ones(SHAPE), np.random.default_rng(0)
    images = np.stack(
        [camera.read_out(camera.count(flat, ELECTRONS, rng)).numpy() for _ in range(400)]
    )
    pixels = SHAPE[0] * SHAPE[1]
    error = np.sqrt(ELECTRONS / dqe[0, 0] / (400 * pixels))
    assert images.mean(dtype=float) == pytest.approx(ELECTRONS, abs=5 * error)
    power = np.mean(np.abs(np.fft.rfft2(images - images.mean())) ** 2, axis=0) / pixels
    ratio = (power / (ELECTRONS * mtf**2 / dqe))[1:, 1:-1]
    assert ratio.mean() == pytest.approx(1.0, abs=0.005)
    for part in np.array_split(np.argsort(mtf[1:, 1:-1].ravel()), 8):
        assert ratio.ravel()[part].mean() == pytest.approx(1.0, abs=0.015)


def test_perfect_detector_counts_electrons():
    """DQE ≡ 1, MTF ≡ 1: images are counts, variance = mean."""
    camera, _, _ = camera_of("perfect")
    counts = camera.count(torch.full(SHAPE, 0.7), ELECTRONS, np.random.default_rng(1))
    image = camera.read_out(counts)
    np.testing.assert_allclose(image, counts, atol=1e-4)
    assert counts.var().item() == pytest.approx(0.7 * ELECTRONS, rel=0.06)


@pytest.mark.parametrize("detector", ["K2", "K3", "generic"])
def test_signal_arrives_with_the_mtf(detector):
    """At a dose so high that noise does not matter."""
    camera, mtf, _ = camera_of(detector)
    x = np.arange(SHAPE[1])
    column = 18
    wave = 1 + 0.2 * np.cos(2 * np.pi * column * x / SHAPE[1]) * np.ones(SHAPE)
    intensity = torch.from_numpy(wave.astype(np.float32))
    counts = camera.count(intensity, 1e6, np.random.default_rng(2))
    spectrum = np.fft.rfft2(camera.read_out(counts).numpy() / 1e6)
    amplitude = np.abs(spectrum[0, column]) / (0.1 * intensity.numel())
    assert amplitude == pytest.approx(mtf[0, column], rel=5e-3)


def test_binning_uses_the_low_part_of_the_curves():
    """A pixel binned by 4 sees the physical detector up to a quarter of its Nyquist frequency."""
    _, mtf, dqe = camera_of("K3", fraction_at_nyquist=0.25)
    assert mtf[0, -1] == pytest.approx(0.96)
    assert dqe[0, -1] == pytest.approx(detector_curves("K3", np.array(0.25))[1])
