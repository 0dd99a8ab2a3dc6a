"""Elm: waves spread in real space, line by line; thin ice, fine pixels, grey values with offset."""

from functools import lru_cache

import numpy as np
from scipy import linalg

from faket.data import AnyArray, FloatArray, Volume
from faket.foreign import plane
from faket.foreign.formation import Formation, Taken
from faket.seeds import generator

NAME = "elm"
HELD_OUT = False
# All values chosen: within what microscopes do, and unlike those of the other modules.
PIXEL_A = 3.2
ANGLES_DEG = np.arange(-54.0, 54.1, 3.0)
VOLTAGE_KV = 300.0  # the spherical aberration is corrected
THICKNESS_A, PATH_A = 640.0, 4200.0
DEFOCUS_UM, SCATTER_UM = 1.7, 0.04
AMPLITUDE = 0.09
DOSE = 3.4  # e/Å² of each tilt
LAYER_A = 250.0
OFFSET, GAIN = 300.0, 11.0  # grey values without beam, and of an electron
# σ of slow noise over that of counting, at the lowest frequencies: the microscope's, by tilt.
HAZE = generator(0, NAME, "haze").lognormal(0.0, 0.3, len(ANGLES_DEG))


def expose(volume: Volume, seed: int) -> Taken:
    """Take the series."""
    rng = generator(seed, NAME, "stage")
    shape = volume.data.shape[1:]
    tilts = len(ANGLES_DEG)
    angles = ANGLES_DEG + rng.normal(0, 0.05, tilts)
    shifts_px = rng.normal(0, 1.8, (tilts, 2)) / PIXEL_A
    focus_um = DEFOCUS_UM + rng.normal(0, SCATTER_UM, tilts)
    order = plane.nearest_zero_first(ANGLES_DEG)
    k = plane.radius(shape, PIXEL_A)
    images, signal = np.empty((2, tilts, *shape), np.float32)
    for i in range(tilts):
        seen = _contrast(*plane.layers(volume, angles[i], LAYER_A), round(1e4 * focus_um[i], -2))
        # Bonds break first: little is left at high frequencies after a few tilts.
        spent = DOSE * (order[i] + 0.5)
        kept = np.exp(-35 * k**2) / (1 + spent * k / 1.6)
        seen = plane.moved(plane.through(seen, kept), shifts_px[i])
        path_A = THICKNESS_A / np.cos(np.radians(angles[i]))
        rate = DOSE * PIXEL_A**2 * float(np.exp(-path_A / PATH_A))
        images[i], signal[i] = _developed(seen, rate, HAZE[i], generator(seed, NAME, i))
    known = {
        # What was asked for at the microscope; the true values scatter about another mean.
        "defocus_um": np.full(tilts, DEFOCUS_UM + 0.1),
        "order": order,
        "voltage_kV": VOLTAGE_KV,
    }
    return Taken(np.rint(OFFSET + images), signal, known)


def _contrast(layers: FloatArray, heights_A: AnyArray, defocus_A: float) -> FloatArray:
    """Return the contrast behind all layers, each a phase grating, in the plane in focus."""
    sigma = plane.phase_per_V_A(VOLTAGE_KV)
    more: AnyArray = np.zeros(layers.shape[1:], np.complex64)  # of the wave than the plain one
    for layer in layers:
        grating = np.expm1((1j - AMPLITUDE) * sigma * layer).astype(np.complex64)
        more = _spread(more + grating + more * grating, LAYER_A)
    back_A = heights_A[-1] + LAYER_A + defocus_A
    more = _spread(more, -back_A)
    return np.asarray(2 * more.real + np.abs(more) ** 2, np.float32)


def _spread(wave: AnyArray, distance_A: float) -> AnyArray:
    """Return a wave further along the beam: Fresnel's integral, first over y, then over x."""
    rows, columns = (_fresnel(n, round(float(distance_A), 1)) for n in wave.shape)
    return np.asarray(rows @ wave @ columns)  # the matrices are symmetric


@lru_cache(maxsize=8)
def _fresnel(n: int, distance_A: float) -> AnyArray:
    """Return Fresnel's kernel between n points of a line, up to Nyquist's frequency [n, n]."""
    k = (np.arange(2 * n) + 0.5) / (4 * n * PIXEL_A)  # quadrature from 0 to Nyquist's frequency
    phase = np.exp(-1j * np.pi * plane.wavelength_A(VOLTAGE_KV) * distance_A * k**2)
    apart_A = PIXEL_A * np.arange(n)
    kernel = 2 * np.cos(2 * np.pi * np.outer(apart_A, k)) @ phase / (4 * n)
    return np.asarray(linalg.toeplitz(kernel, kernel), np.complex64)


def _developed(
    seen: FloatArray, rate: float, haze: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Count, sharpen as a program does by default; the same with the signal alone."""
    shape = seen.shape
    f, k = plane.radius(shape, 1.0), plane.radius(shape, PIXEL_A)
    mean = 0.9 * rate * (1 + 0.08 * np.linspace(-1, 1, shape[0])[:, None])
    expected = mean * plane.through(seen, np.cos(np.minimum(0.95 * np.pi * f, np.pi / 2)))
    counts = rng.poisson(np.maximum(mean + expected, 0.02 * mean))
    slow = np.sqrt(rate) * haze / (1 + (k / 0.008) ** 2)
    sharpened = 0.5 + 1.1 * (2 * f) ** 1.3 - 0.35 * (2 * f) ** 4
    sharpened[0, 0] = 1.0
    image = counts + plane.cloud(rng, shape, slow)
    return GAIN * plane.through(image, sharpened), GAIN * plane.through(expected, sharpened)


FORMATION = Formation(
    NAME, PIXEL_A, ANGLES_DEG, VOLTAGE_KV, THICKNESS_A, expose, HELD_OUT,
    ("defocus_um", "order", "voltage_kV"),
)  # fmt: skip
