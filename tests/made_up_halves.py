"""Two halves of an exposure with a known specimen and known noise, for tests."""

import numpy as np

from faket.noise import coloured_noise

FALL = np.exp(-np.linspace(0, 10, 96))


def specimen(images, side, *, seed=0, strength=1.0):
    """Images that share most of what they show, as neighbouring tilts do."""
    shape = (side, side)
    common = 0.9 * coloured_noise(seed, 0, shape, FALL)
    own = [0.45 * coloured_noise(seed, tilt + 1, shape, FALL) for tilt in range(images)]
    return strength * np.array([common + one for one in own])


def halves(images=3, side=128, *, seed=0, r=1.0, noise=(1.0, 1.0), strength=4.0, colour=None):
    """Signals √r s and s / √r, noise of two powers and one colour; all of it is returned."""
    signal = specimen(images, side, seed=seed, strength=strength)
    power = np.ones(96) if colour is None else colour
    made = [
        np.array([coloured_noise(seed + 1000 * k, t, (side, side), power) for t in range(images)])
        for k in (1, 2)
    ]
    first = np.sqrt(r) * signal + np.sqrt(noise[0]) * made[0]
    second = signal / np.sqrt(r) + np.sqrt(noise[1]) * made[1]
    return first.astype(np.float32), second.astype(np.float32), signal


def counted(images=5, side=128, *, seed=0, p=0.5, mean=40.0, strength=30.0):
    """Poisson counts of a fraction p and of the rest of one exposure."""
    expected = np.maximum(mean + specimen(images, side, seed=seed, strength=strength), 0.1)
    rng = np.random.default_rng(seed)
    return tuple(rng.poisson(part * expected).astype(np.float32) for part in (p, 1 - p))
