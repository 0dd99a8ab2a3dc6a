"""Hazel: a thick phase grating in partly coherent light, with an inelastic halo (held out)."""

import numpy as np
from scipy import fft

from faket.data import FloatArray, Volume
from faket.foreign import plane
from faket.foreign.formation import Formation, Taken
from faket.seeds import generator

NAME = "hazel"
HELD_OUT = True
# All values chosen: within what microscopes do, and unlike those of the other modules.
PIXEL_A, FINE = 8.4, 2
ANGLES_DEG = np.arange(-60.0, 60.1, 3.0)
VOLTAGE_KV, CS_A = 300.0, 2.7e7
THICKNESS_A, SLIT_A = 1500.0, 1900.0  # ice; the mean free path of inelastic scattering
DEFOCUS_A, SCATTER_A, SPREAD_A = 24000.0, 900.0, 400.0
ASTIGMATISM_A, DIRECTION_RAD = 1400.0, 0.5
AMPLITUDE = 0.11
DOSE = 2.3  # e/Å² at 0°
HALO, HALO_PER_A = 0.35, 1 / 70  # part of the inelastic electrons that passes; its sharpness
# σ of slow noise over that of counting, at the lowest frequencies: the microscope's, by tilt.
HAZE = generator(0, NAME, "haze").lognormal(0.5, 0.35, len(ANGLES_DEG))


def expose(volume: Volume, seed: int) -> Taken:
    """Take the series."""
    rng = generator(seed, NAME, "stage")
    shape = volume.data.shape[1:]
    tilts = len(ANGLES_DEG)
    angles = ANGLES_DEG + rng.normal(0, 0.15, tilts)
    shifts_px = rng.normal(0, 3.0, (tilts, 2)) / PIXEL_A + (FINE - 1) / (2 * FINE)
    turns = rng.normal(0, 0.12, tilts)
    focus = DEFOCUS_A + rng.normal(0, SCATTER_A, tilts)
    dose = DOSE / np.sqrt(np.cos(np.radians(ANGLES_DEG)))
    order = plane.nearest_zero_first(ANGLES_DEG)
    spent = np.array([dose[order < place].sum() for place in order])
    k = plane.radius(shape, PIXEL_A)
    images, signal = np.empty((2, tilts, *shape), np.float32)
    for i in range(tilts):
        contrast = _contrast(plane.integrals(volume, angles[i]), focus[i], angles[i])
        kept = np.exp(-(spent[i] + dose[i] / 2) / (6 + 0.23 / np.maximum(k, 1e-4) ** 1.4) / 2)
        contrast = plane.through(contrast, kept * np.exp(-70 * k**2))
        contrast = plane.moved(contrast, shifts_px[i], turns[i])
        dark = np.exp(-THICKNESS_A / 3600 / np.cos(np.radians(angles[i])))
        draw = generator(seed, NAME, i)
        image, seen = _developed(contrast, dark * dose[i], spent[i], HAZE[i], draw)
        scale = 1 / image.std()
        images[i], signal[i] = (image - image.mean()) * scale, seen * scale
    return Taken(images, signal, {"voltage_kV": VOLTAGE_KV})


def _contrast(integrals: FloatArray, defocus_A: float, angle_deg: float) -> FloatArray:
    """Return the contrast of the sum over foci, and of the electrons that lost energy."""
    phase = plane.phase_per_V_A(VOLTAGE_KV) * integrals
    wave = fft.fft2(np.exp((1j - AMPLITUDE) * phase).astype(np.complex64))
    ky, kx = (fft.fftfreq(n, PIXEL_A) for n in integrals.shape)
    square = ky[:, None] ** 2 + kx**2
    turn = np.arctan2(ky[:, None], kx) - DIRECTION_RAD
    wavelength = plane.wavelength_A(VOLTAGE_KV)
    local = defocus_A + ASTIGMATISM_A * np.cos(2 * turn)
    sphere = 0.5 * np.pi * CS_A * wavelength**3 * square**2
    elastic = np.zeros(integrals.shape, np.float32)
    for step, weight in ((-1.0, 0.25), (0.0, 0.5), (1.0, 0.25)):
        chi = sphere - np.pi * wavelength * square * (local + step * SPREAD_A)
        elastic += weight * np.abs(fft.ifft2(wave * np.exp(-1j * chi).astype(np.complex64))) ** 2
    elastic -= 1
    lost = HALO * (1 - np.exp(-THICKNESS_A / SLIT_A / np.cos(np.radians(angle_deg))))
    blur = np.exp(-((plane.radius(integrals.shape, PIXEL_A) / HALO_PER_A) ** 2))
    return np.asarray((1 - lost) * elastic + lost * plane.through(elastic, blur), np.float32)


def _developed(
    contrast: FloatArray, dose: float, spent: float, haziness: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Count on fine pixels, average them, weight by exposure; the same with the contrast alone."""
    ny, nx = contrast.shape
    fine = (FINE * ny, FINE * nx)
    f = plane.radius(fine, 1.0)  # cycles per fine pixel
    sharp = 1 / (1 + (f / 0.62) ** 2)
    slope = 1 + 0.05 * np.linspace(-1, 1, fine[1]) - 0.03 * np.linspace(-1, 1, fine[0])[:, None]
    rate = dose * 0.72 * (PIXEL_A / FINE) ** 2 * slope
    seen = rate * plane.resampled(contrast, fine)
    counted = rng.poisson(np.maximum(rate + seen, 0.01 * rate)) - (rate + seen)
    # Two electrons at one place count as one: noise is lower where frequencies are low.
    noise = plane.through(counted, np.sqrt(1 - 0.28 / (1 + (f / 0.08) ** 2)))
    k = plane.radius((ny, nx), PIXEL_A)
    level = rate.mean() ** 0.5 / FINE  # σ of the counts in one stored pixel
    strength = level * haziness
    haze = plane.cloud(rng, (ny, nx), strength / (1 + (k / 0.0032) ** 2) ** 0.75)
    colour = np.exp(-0.5 * spent / (9 + 0.35 / np.maximum(k, 1e-4) ** 1.5)) * (
        0.7 + 0.8 / (1 + (k / 0.014) ** 2)
    )
    expected, scatter = (plane.averaged(plane.through(part, sharp), FINE) for part in (seen, noise))
    image = plane.through(expected + scatter + haze + plane.averaged(rate, FINE), colour)
    return image, plane.through(expected, colour)


FORMATION = Formation(
    NAME, PIXEL_A, ANGLES_DEG, VOLTAGE_KV, THICKNESS_A, expose, HELD_OUT, ("voltage_kV",)
)
