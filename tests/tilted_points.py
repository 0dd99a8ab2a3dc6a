"""Tilt-series of clouds of points, made without faket's projector: for measurements of alignment.

Points keep together in particles, as atoms do; their positions are turned about the tilt axis and
counted in pixels. What a camera adds comes after: a gain pattern with lines, a gradient, counts.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from faket.data import DoubleArray, FloatArray

_POINTS = 60  # per particle, of Gaussian shape


@dataclass(frozen=True)
class Scene:
    """What is imaged, and how; lengths in pixels.

    Attributes
    ----------
    angles_deg : ndarray, shape (tilts,)
    axis_deg : float
        From y, counter-clockwise.
    size : int
        Of the square images.
    snr : float
        Variance of the noise-free image at no tilt over that of the noise, per pixel.
    thickness : float
    particles : int
        In an area of the image's size.
    gold : int
        Likewise.
    radius : float
        Of a particle.
    shift : float
        σ of the images' displacements.
    step : float
        σ of the displacement from one tilt to the next.
    gain : float
        Relative σ of a gain pattern that is fixed to the camera, a third of it in lines.
    gradient : float
        Relative change of brightness from one side to the other.
    border : int
        Width of black edges.
    """

    angles_deg: DoubleArray
    axis_deg: float = 0.0
    size: int = 512
    snr: float = 0.05
    thickness: float = 80.0
    particles: int = 600
    gold: int = 0
    radius: float = 5.0
    shift: float = 8.0
    step: float = 0.0
    gain: float = 0.0
    gradient: float = 0.0
    border: int = 0


def imaged(scene: Scene, rng: np.random.Generator) -> tuple[FloatArray, DoubleArray]:
    """Return images [tilt, y, x] and the displacements (x, y) of their content."""
    points, weights = _cloud(scene, rng)
    n = len(scene.angles_deg)
    shifts = scene.shift * rng.normal(size=(n, 2))
    shifts += np.cumsum(scene.step * rng.normal(size=(n, 2)), axis=0)
    noise_free = np.stack(
        [
            _image(points, weights, np.radians(angle), shift, scene)
            for angle, shift in zip(scene.angles_deg, shifts, strict=True)
        ]
    )
    scale = noise_free[np.argmin(abs(scene.angles_deg))].std()
    images = _camera(noise_free * (np.sqrt(scene.snr) / scale), scene, rng)
    return images, shifts


def _cloud(scene: Scene, rng: np.random.Generator) -> tuple[DoubleArray, DoubleArray]:
    """Return points x y z, from the middle, and what each scatters."""
    half = np.array([1.5 * scene.size, 1.5 * scene.size, scene.thickness]) / 2
    # At 60° an image shows a width of twice its own, turned ones their corners, too.
    half[:2] *= 1.5
    area = np.prod(2 * half[:2]) / scene.size**2
    centres = rng.uniform(-half, half, (round(scene.particles * area), 3))
    shape = scene.radius * rng.uniform(0.3, 1.0, (len(centres), 1, 3))
    points = (centres[:, None] + shape * rng.normal(size=(len(centres), _POINTS, 3))).reshape(-1, 3)
    weights = np.repeat(rng.uniform(0.3, 1.0, len(centres)), _POINTS)
    if scene.gold:
        gold = rng.uniform(-half, half, (round(scene.gold * area), 3))
        inside = 4.0 * rng.normal(size=(len(gold), 200, 3)) / 1.7
        points = np.concatenate([points, (gold[:, None] + inside).reshape(-1, 3)])
        weights = np.concatenate([weights, np.full(200 * len(gold), 1.5)])
    return points, weights


def _image(
    points: DoubleArray, weights: DoubleArray, tilt: float, shift: DoubleArray, scene: Scene
) -> FloatArray:
    """Return one projection [y, x]."""
    axis, n = np.radians(scene.axis_deg), scene.size
    across = points[:, 0] * np.cos(tilt) + points[:, 2] * np.sin(tilt)
    along = points[:, 1]
    x = np.cos(axis) * across - np.sin(axis) * along + shift[0] + n // 2
    y = np.sin(axis) * across + np.cos(axis) * along + shift[1] + n // 2
    ix, iy = np.rint(x).astype(int), np.rint(y).astype(int)
    seen = (ix >= 0) & (iy >= 0) & (ix < n) & (iy < n)
    counts = np.bincount(iy[seen] * n + ix[seen], weights[seen], n * n).reshape(n, n)
    image = -ndimage.gaussian_filter(counts, 1.0)
    return np.asarray(image - image.mean(), np.float32)


def _camera(signal: FloatArray, scene: Scene, rng: np.random.Generator) -> FloatArray:
    """Return counts with a mean of 20 a pixel; the noise of the thick, tilted ice is the same."""
    n, mean = scene.size, 20.0
    gain = 1 + 0.67 * scene.gain * rng.normal(size=(n, n))
    gain += 0.33 * scene.gain * (rng.normal(size=(n, 1)) + rng.normal(size=(1, n)))
    images = np.empty(signal.shape, np.float32)
    for i, image in enumerate(signal):
        # Noise has σ 1 where the signal has √snr: √mean counts.
        slope = scene.gradient * rng.normal(size=2) / n
        ramp = 1 + slope[0] * (np.arange(n)[:, None] - n / 2) + slope[1] * (np.arange(n) - n / 2)
        expected = (mean + np.sqrt(mean) * image) * ramp * gain
        images[i] = rng.poisson(np.maximum(expected, 0))
        if scene.border:
            edge = rng.integers(0, 2 * scene.border, 4)
            images[i, : edge[0]] = images[i, n - edge[1] :] = 0
            images[i, :, : edge[2]] = images[i, :, n - edge[3] :] = 0
    return images
