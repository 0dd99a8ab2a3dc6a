"""Weights of tilts, in a case that has one exact answer."""

import numpy as np

from faket.data import TiltGeometry, TiltSeries
from faket.reconstruction import reconstruct


def tomogram(images, angles):
    series = TiltSeries(images, TiltGeometry(np.asarray(angles, float), 10.0))
    return reconstruct(series, depth=9, device="cpu").data


def test_a_tilt_stands_for_half_the_way_to_both_neighbours():
    """20°, 30° and 40° for tilts at -20°, 0° and 40°; a single one stands for 180°."""
    images = np.random.default_rng(0).standard_normal((3, 12, 16)).astype(np.float32)
    angles = (-20.0, 0.0, 40.0)
    alone = [tomogram(images[[i]], [angle]) for i, angle in enumerate(angles)]
    expected = sum(w / 180 * part for w, part in zip((20, 30, 40), alone, strict=True))
    np.testing.assert_allclose(tomogram(images, angles), expected, atol=1e-5)
    again = tomogram(images[[0, 1, 1, 2]], (-20.0, 0.0, 0.0, 40.0))
    np.testing.assert_allclose(again, expected, atol=1e-5)
