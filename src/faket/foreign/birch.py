"""Birch: weak phases, each layer at its own focus; grainy ice; aligned by linear interpolation."""

import numpy as np
from scipy import fft

from faket.data import DoubleArray, FloatArray, Volume
from faket.foreign import plane
from faket.foreign.formation import Formation, Taken
from faket.seeds import generator

NAME = "birch"
HELD_OUT = False
# All values chosen: within what microscopes do, and unlike those of the other modules.
PIXEL_A = 5.4
ANGLES_DEG = np.arange(-66.0, 66.1, 3.0)
VOLTAGE_KV, CS_A = 300.0, 2.7e7
THICKNESS_A, PATH_A = 1200.0, 3800.0
DEFOCUS_A, SCATTER_A = 26000.0, 1500.0
AMPLITUDE = 0.08
DOSE = 2.2  # e/Å² of each tilt
LAYER_A = 200.0
GRAIN_V = 0.45  # of ice, in voxels of this size
GAIN = 0.37  # grey values of an electron
# σ of slow noise over that of counting, at the lowest frequencies: the microscope's, by tilt.
HAZE = generator(0, NAME, "haze").lognormal(0.3, 0.5, len(ANGLES_DEG))


def expose(volume: Volume, seed: int) -> Taken:
    """Take the series."""
    rng = generator(seed, NAME, "stage")
    shape = volume.data.shape[1:]
    tilts = len(ANGLES_DEG)
    angles = ANGLES_DEG + rng.normal(0, 0.1, tilts)
    # How far images were shifted in alignment. Interpolation takes high frequencies from the noise
    # by the fraction of a pixel; so that specimens can be compared, it is the same for all.
    apart_px = generator(0, NAME, "apart").uniform(-2, 2, (tilts, 2))
    error_px = rng.normal(0, 2.5, (tilts, 2)) / PIXEL_A
    focus = DEFOCUS_A + rng.normal(0, SCATTER_A, tilts)
    order = plane.one_side_first(ANGLES_DEG)
    images, signal = np.empty((2, tilts, *shape), np.float32)
    for i in range(tilts):
        draw = generator(seed, NAME, i)
        slices, heights_A = plane.layers(volume, angles[i], LAYER_A)
        seen = _contrast(slices, focus[i] + heights_A, DOSE * (order[i] + 0.5))
        path_A = THICKNESS_A / np.cos(np.radians(angles[i]))
        grain = draw.standard_normal((1, *shape), np.float32)
        grain *= np.float32(GRAIN_V * PIXEL_A * np.sqrt(path_A / PIXEL_A))
        rough = _contrast(grain, focus[i : i + 1], 0.0)
        seen = plane.moved(seen, apart_px[i] + error_px[i])
        rate = DOSE * PIXEL_A**2 * float(np.exp(-path_A / PATH_A))
        image, expected = _developed(seen, rough, rate, HAZE[i], draw)
        # The content was imaged off its place and is brought back, with the noise.
        images[i] = image.mean() + plane.moved(image - image.mean(), -apart_px[i], order=1)
        signal[i] = plane.moved(expected, -apart_px[i], order=1)
    known = {"order": order, "dose_e_per_A2": np.full(tilts, DOSE), "voltage_kV": VOLTAGE_KV}
    return Taken(images, signal, known)


def _contrast(slices: FloatArray, foci_A: DoubleArray, spent: float) -> FloatArray:
    """Return the linear contrast of layers, each at its focus, after some exposure."""
    shape = slices.shape[1:]
    k = plane.radius(shape, PIXEL_A)
    wavelength, sigma = plane.wavelength_A(VOLTAGE_KV), plane.phase_per_V_A(VOLTAGE_KV)
    lag = np.arcsin(AMPLITUDE)
    total = np.zeros(k.shape, np.complex64)
    for layer, focus_A in zip(slices, foci_A, strict=True):
        chi = np.pi * wavelength * k**2 * (focus_A - 0.5 * CS_A * (wavelength * k) ** 2)
        total += fft.rfft2(layer) * np.sin(chi + lag).astype(np.float32)
    spared = np.exp(-spent * k / 4) * np.exp(-45 * k**2)
    # [y, x // 2 + 1] → [y, x]
    return np.asarray(-2 * sigma * fft.irfft2(total * spared, s=shape), np.float32)


def _developed(
    seen: FloatArray, rough: FloatArray, rate: float, strength: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Count electrons; the same with the signal alone."""
    shape = seen.shape
    f, k = plane.radius(shape, 1.0), plane.radius(shape, PIXEL_A)
    ny, nx = shape
    uneven = 1 + 0.06 * np.linspace(-1, 1, ny)[:, None] - 0.05 * np.linspace(-1, 1, nx) ** 2
    lost = 0.78 - 0.5 * f**1.2  # √ of the efficiency, as the signal is weakened before counting
    mean = 0.85 * rate * uneven
    expected = mean * plane.through(seen, lost)
    scattered = mean * plane.through(rough, lost)
    counts = rng.poisson(np.maximum(mean + expected + scattered, 0.02 * mean))
    haze = np.sqrt(rate) * strength / (1 + (k / 0.005) ** 2) ** 0.9
    image = counts + plane.cloud(rng, shape, haze)
    mtf = np.sinc(f) * (1 - 0.35 * f)
    return GAIN * plane.through(image, mtf), GAIN * plane.through(expected, mtf)


FORMATION = Formation(
    NAME, PIXEL_A, ANGLES_DEG, VOLTAGE_KV, THICKNESS_A, expose, HELD_OUT,
    ("order", "dose_e_per_A2", "voltage_kV"),
)  # fmt: skip
