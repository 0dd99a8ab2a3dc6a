"""Juniper: the logarithm of the wave, layer by layer, on a scintillator (held out)."""

import numpy as np
from scipy import fft

from faket.data import DoubleArray, FloatArray, Volume
from faket.foreign import plane
from faket.foreign.formation import Formation, Taken
from faket.seeds import generator

NAME = "juniper"
HELD_OUT = True
# All values chosen: within what microscopes do, and unlike those of the other modules.
PIXEL_A = 6.3
ANGLES_DEG = np.arange(-48.0, 57.1, 2.5)
VOLTAGE_KV, CS_A = 200.0, 2.0e7
THICKNESS_A, PATH_A = 1300.0, 2900.0
DEFOCUS_A, SCATTER_A = 39000.0, 1200.0
AMPLITUDE = 0.05
DOSE = 2.7  # e/Å² of each tilt
LAYER_A = 300.0
GRAIN_V = 0.4  # of ice, in voxels of this size
SPARED_E = 20.0  # e/Å²: exposures that blur by one unit
# σ of slow noise over that of counting, at the lowest frequencies: the microscope's, by tilt.
HAZE = generator(0, NAME, "haze").lognormal(0.2, 0.4, len(ANGLES_DEG))


def expose(volume: Volume, seed: int) -> Taken:
    """Take the series."""
    rng = generator(seed, NAME, "stage")
    shape = volume.data.shape[1:]
    tilts = len(ANGLES_DEG)
    angles = ANGLES_DEG + rng.normal(0, 0.2, tilts)
    shifts_px = rng.normal(0, 4.0, (tilts, 2)) / PIXEL_A
    focus = DEFOCUS_A + rng.normal(0, SCATTER_A, tilts)
    order = plane.one_side_first(ANGLES_DEG)
    drift_A = rng.normal(0, 5.0, (tilts, 2)) * np.exp(-order / 6)[:, None] + rng.normal(
        0, 2.5, (tilts, 2)
    )
    images, signal = np.empty((2, tilts, *shape), np.float32)
    for i in range(tilts):
        blur = _blur(shape, drift_A[i], DOSE * (order[i] + 0.5))
        slices, heights_A = plane.layers(volume, angles[i], LAYER_A)
        transfers = [_transfer(shape, focus[i] + height) for height in heights_A]
        draw = generator(seed, NAME, i)
        grain = draw.standard_normal(shape, np.float32)
        voxels = THICKNESS_A / PIXEL_A / np.cos(np.radians(angles[i]))
        grain *= GRAIN_V * PIXEL_A * np.sqrt(voxels)
        seen = _log_intensity(slices, transfers, blur)
        rough = _log_intensity(grain[None], [_transfer(shape, focus[i])], blur)
        seen, rough = (plane.moved(part, shifts_px[i]) for part in (seen, rough))
        path_A = _path(shape) / np.cos(np.radians(angles[i]))
        rate = DOSE * PIXEL_A**2 * np.exp(-path_A / PATH_A)
        images[i], signal[i] = _developed(rate, seen, rough, HAZE[i], draw)
    scale = 27.0 / images.std()
    images = np.clip(np.rint(128 + scale * (images - images.mean())), 0, 255)
    known = {"order": order, "dose_e_per_A2": np.full(tilts, DOSE)}
    return Taken(np.asarray(images, np.float32), signal * np.float32(scale), known)


def _path(shape: tuple[int, ...]) -> DoubleArray:
    """Return the thickness of the ice, a wedge, Å [y, x]."""
    y, x = (np.linspace(-1, 1, n) for n in shape)
    return np.asarray(THICKNESS_A * (1.1 + 0.12 * x + 0.07 * y[:, None] ** 2))


def _transfer(shape: tuple[int, ...], defocus_A: float) -> tuple[FloatArray, FloatArray]:
    """Return how a phase and an absorption become log-intensity, over the half plane."""
    k2 = plane.radius((shape[0], shape[1]), PIXEL_A) ** 2
    wavelength = plane.wavelength_A(VOLTAGE_KV)
    chi = np.pi * wavelength * k2 * (defocus_A - 0.5 * CS_A * wavelength**2 * k2)
    return np.asarray(np.sin(chi), np.float32), np.asarray(np.cos(chi), np.float32)


def _log_intensity(
    slices: FloatArray, transfers: list[tuple[FloatArray, FloatArray]], blur: DoubleArray
) -> FloatArray:
    """Return the logarithm of the intensity behind layers of phase and absorption."""
    sigma = plane.phase_per_V_A(VOLTAGE_KV)
    total = np.zeros(blur.shape, np.complex64)
    for layer, (phase, absorption) in zip(slices, transfers, strict=True):
        total += fft.rfft2(sigma * layer) * (phase + AMPLITUDE * absorption)
    # [y, x // 2 + 1] → [y, x]
    return np.asarray(-2 * fft.irfft2(total * blur, s=slices.shape[1:]), np.float32)


def _blur(shape: tuple[int, ...], drift_A: DoubleArray, spent: float) -> DoubleArray:
    """Return the transfer of a straight drift and of damage."""
    ky, kx = plane.half_plane((shape[0], shape[1]), PIXEL_A)
    k2 = ky**2 + kx**2
    return np.asarray(np.sinc(kx * drift_A[0] + ky * drift_A[1]) * np.exp(-(60 + spent) * k2))


def _developed(
    rate: DoubleArray,
    seen: FloatArray,
    rough: FloatArray,
    haziness: float,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """Collect light, read it out and flatten the background; the same with the signal alone."""
    shape = rate.shape
    f, k = plane.radius(shape, 1.0), plane.radius(shape, PIXEL_A)
    expected = rate * np.exp(np.clip(seen + rough, -4, 2))
    signal = rate * np.expm1(np.clip(seen, -4, 2))
    # An electron gives more or less light, which widens the scatter of counts.
    light = rng.poisson(expected) + np.sqrt(0.55 * expected) * rng.standard_normal(shape)
    spread = 0.15 + 0.85 / (1 + (f / 0.33) ** 2)
    level = float(np.sqrt(rate.mean()))
    haze = level * haziness / (1 + (k / 0.004) ** 1.6)
    read = plane.through(light, spread) + 0.22 * level * rng.standard_normal(shape)
    read += plane.cloud(rng, shape, haze)
    flat = (1 - 0.75 * np.exp(-((400 * k) ** 2))) * (1 + 0.5 * np.sin(np.pi * f) ** 2)
    flat *= np.exp(-((f / 0.6) ** 4))
    return plane.through(read, flat), plane.through(signal, spread * flat)


FORMATION = Formation(
    NAME, PIXEL_A, ANGLES_DEG, VOLTAGE_KV, THICKNESS_A, expose, HELD_OUT,
    ("order", "dose_e_per_A2"), counted=False,
)  # fmt: skip
