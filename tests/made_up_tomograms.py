"""Small specimens of balls, their tilt-series, and shells of the tomograms' power."""

import numpy as np

from faket.data import TiltGeometry, TiltSeries
from faket.projection import project
from faket.rings import equal_rings

SIDE, DEPTH = 96, 40
ANGLES = np.arange(-60.0, 61.0, 5.0)


def specimen(seed):
    """Dark balls of different size in a slab, [z, y, x]."""
    rng = np.random.default_rng(seed)
    volume = np.zeros((DEPTH, SIDE, SIDE), np.float32)
    for radius in rng.uniform(2, 5, 60):
        around = np.arange(-5, 6)
        ball = np.add.outer(np.add.outer(around**2, around**2), around**2) < radius**2
        z, y, x = (rng.integers(0, n - 11) for n in volume.shape)
        volume[z : z + 11, y : y + 11, x : x + 11] -= ball
    return volume


def series(seed, noise=4.0):
    """A tilt-series of the specimen of this seed, white noise added."""
    rng = np.random.default_rng([seed, 1])
    images = project(specimen(seed), ANGLES)
    images = 50 + images + rng.normal(0, noise, images.shape)
    return TiltSeries(images.astype(np.float32), TiltGeometry(ANGLES, 10.0))


def shell_power(volume, count=12):
    """Power of a volume in shells of equal width, from the second on."""
    window = np.hanning(volume.shape[0])[:, None, None]
    window = window * np.hanning(volume.shape[1])[:, None] * np.hanning(volume.shape[2])
    values = (volume - np.vdot(window, volume) / window.sum()) * window
    return equal_rings(volume.shape, count).mean(np.abs(np.fft.rfftn(values)) ** 2)[1:]
