"""Alder: multislice through strong absorbers; counted finely, Fourier-cropped, recoloured."""

import numpy as np
from scipy import fft

from faket.data import AnyArray, FloatArray, Volume
from faket.foreign import plane
from faket.foreign.formation import Formation, Taken
from faket.seeds import generator

NAME = "alder"
HELD_OUT = False
# All values chosen: within what microscopes do, and unlike those of the other modules.
PIXEL_A, FINE = 10.0, 2
ANGLES_DEG = np.arange(-60.0, 60.1, 3.0)
VOLTAGE_KV, CS_A = 300.0, 2.7e7
THICKNESS_A, PATH_A = 1600.0, 3300.0
DEFOCUS_A, SCATTER_A = 31000.0, 700.0
ABSORPTION = 0.14  # imaginary part of the potential over the real one
DOSE = 2.6  # e/Å² of each tilt
SLICE_A = 400.0
DETECTED = 0.8
# σ of slow noise over that of counting, at the lowest frequencies: the microscope's, by tilt.
HAZE = generator(0, NAME, "haze").lognormal(0.6, 0.4, len(ANGLES_DEG))


def expose(volume: Volume, seed: int) -> Taken:
    """Take the series."""
    rng = generator(seed, NAME, "stage")
    shape = volume.data.shape[1:]
    tilts = len(ANGLES_DEG)
    angles = ANGLES_DEG + rng.normal(0, 0.1, tilts)
    shifts_px = rng.normal(0, 3.5, (tilts, 2)) / PIXEL_A
    turns = rng.normal(0, 0.1, tilts)
    focus = DEFOCUS_A + rng.normal(0, SCATTER_A, tilts)
    spent = DOSE * (plane.nearest_zero_first(ANGLES_DEG) + 0.5)
    k = plane.radius(shape, PIXEL_A)
    images, signal = np.empty((2, tilts, *shape), np.float32)
    for i in range(tilts):
        # Displacements within an exposure and damage: a B-factor that grows with the exposure.
        blur = np.exp(-(250 + 5.0 * spent[i]) / 4 * k**2)
        contrast = _intensity(volume, angles[i], focus[i]) - 1
        contrast = plane.moved(plane.through(contrast, blur), shifts_px[i], turns[i])
        rate = DOSE * DETECTED * PIXEL_A**2 * np.exp(-THICKNESS_A / PATH_A / _cos(angles[i]))
        images[i], signal[i] = _developed(contrast, float(rate), HAZE[i], generator(seed, NAME, i))
        images[i] -= images[i].mean()
    stored = images.astype(np.float16).astype(np.float32)
    return Taken(stored, signal, {"voltage_kV": VOLTAGE_KV})


def _cos(angle_deg: float) -> float:
    return float(np.cos(np.radians(angle_deg)))


def _intensity(volume: Volume, angle_deg: float, defocus_A: float) -> FloatArray:
    """Return the intensity in the image plane, 1 where there is nothing."""
    slices, heights_A = plane.layers(volume, angle_deg, SLICE_A)
    ky, kx = (fft.fftfreq(n, PIXEL_A) for n in slices.shape[1:])
    square = ky[:, None] ** 2 + kx**2
    wavelength = plane.wavelength_A(VOLTAGE_KV)
    step = _phasor(-np.pi * wavelength * SLICE_A * square)
    sigma = plane.phase_per_V_A(VOLTAGE_KV)
    wave: AnyArray = np.ones(slices.shape[1:], np.complex64)
    for layer in slices:
        wave = wave * np.exp((1j - ABSORPTION) * sigma * layer).astype(np.complex64)
        wave = fft.ifft2(fft.fft2(wave) * step)
    # Back from the exit of the last slice to the middle, and on to the plane in focus.
    back_A = heights_A[-1] + SLICE_A + defocus_A
    chi = np.pi * wavelength * square * (back_A - 0.5 * CS_A * wavelength**2 * square)
    wave = fft.ifft2(fft.fft2(wave) * _phasor(chi))
    return np.asarray(np.abs(wave) ** 2, np.float32)


def _phasor(angle: AnyArray) -> AnyArray:
    return np.asarray(np.exp(1j * angle).astype(np.complex64))


def _developed(
    contrast: FloatArray, rate: float, haze: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Count on fine pixels, crop the transform, recolour; the same with the contrast alone."""
    ny, nx = contrast.shape
    fine = (FINE * ny, FINE * nx)
    f = plane.radius(fine, 1.0)
    quantum = np.sqrt(1 / (1 + (f / 0.45) ** 2))  # √ of the detective quantum efficiency
    mtf = np.exp(-((f / 0.75) ** 1.5))
    per_pixel = rate / FINE**2 * (1 + 0.04 * np.linspace(-1, 1, fine[1]))  # beam off its centre
    seen = per_pixel * plane.through(plane.resampled(contrast, fine), quantum)
    counts = rng.poisson(np.maximum(per_pixel + seen, 0.02 * per_pixel))
    image, expected = (
        FINE**2 * plane.resampled(plane.through(part, mtf / quantum), (ny, nx))
        for part in (counts, seen)
    )
    k = plane.radius((ny, nx), PIXEL_A)
    strength = np.sqrt(rate) * haze
    image = image + plane.cloud(rng, (ny, nx), strength / (1 + (k / 0.0025) ** 2))
    colour = (0.6 + 0.9 * np.exp(-((k / 0.009) ** 2))) * np.exp(-0.6 * (k / 0.05) ** 4)
    return plane.through(image, colour), plane.through(expected, colour)


FORMATION = Formation(
    NAME, PIXEL_A, ANGLES_DEG, VOLTAGE_KV, THICKNESS_A, expose, HELD_OUT, ("voltage_kV",)
)
