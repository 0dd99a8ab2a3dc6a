"""Cedar: a phase grating imaged strip by strip, each at its focus; averaged pixels, as bytes."""

import numpy as np
from scipy import fft

from faket.data import AnyArray, DoubleArray, FloatArray, Volume
from faket.foreign import plane
from faket.foreign.formation import Formation, Taken
from faket.seeds import generator

NAME = "cedar"
HELD_OUT = False
# All values chosen: within what microscopes do, and unlike those of the other modules.
PIXEL_A, FINE = 12.0, 2
ANGLES_DEG = np.arange(-40.0, 40.1, 2.0)
VOLTAGE_KV, CS_A = 200.0, 2.7e7
THICKNESS_A, PATH_A = 2200.0, 3000.0
DEFOCUS_A, SCATTER_A = 42000.0, 2000.0
ASTIGMATISM_A, DIRECTION_RAD = 2500.0, 0.6
AMPLITUDE = 0.06
DOSE = 3.0  # e/Å² of each tilt
STRIPS = 6
# σ of slow noise over that of counting, at the lowest frequencies: the microscope's, by tilt.
HAZE = generator(0, NAME, "haze").lognormal(0.9, 0.3, len(ANGLES_DEG))


def expose(volume: Volume, seed: int) -> Taken:
    """Take the series."""
    rng = generator(seed, NAME, "stage")
    shape = volume.data.shape[1:]
    tilts = len(ANGLES_DEG)
    angles = ANGLES_DEG + rng.normal(0, 0.1, tilts)
    # Blocks of pixels have their middle half a fine pixel beyond the first.
    shifts_px = rng.normal(0, 5.0, (tilts, 2)) / PIXEL_A + (FINE - 1) / (2 * FINE)
    turns = rng.normal(0, 0.2, tilts)
    focus = DEFOCUS_A + rng.normal(0, SCATTER_A, tilts)
    spent = DOSE * (plane.nearest_zero_first(ANGLES_DEG) + 0.5)
    k = plane.radius(shape, PIXEL_A)
    # The exposure that halves the weight of a frequency; images were weighted by it.
    weights = np.exp(-spent[:, None, None] * k / 3.2)
    images, signal = np.empty((2, tilts, *shape), np.float32)
    for i in range(tilts):
        seen = _contrast(plane.integrals(volume, angles[i]), focus[i], angles[i])
        seen = plane.through(seen, np.exp(-(400 + 6 * spent[i]) / 4 * k**2))
        seen = plane.moved(seen, shifts_px[i], turns[i])
        path_A = THICKNESS_A / np.cos(np.radians(angles[i]))
        rate = DOSE * PIXEL_A**2 * float(np.exp(-path_A / PATH_A))
        pair = _developed(seen, rate, HAZE[i], generator(seed, NAME, i))
        image, expected = (plane.through(part, weights[i]) for part in pair)
        scale = 1 / image.std()
        images[i], signal[i] = scale * (image - image.mean()), scale * expected
    stored = np.clip(np.rint(120 + 22 * images), 0, 255).astype(np.float32)
    return Taken(stored, 22 * signal)


def _contrast(integrals: FloatArray, focus_A: float, angle_deg: float) -> FloatArray:
    """Return the contrast of a phase grating whose plane is tilted about y."""
    phase = plane.phase_per_V_A(VOLTAGE_KV) * integrals
    wave = fft.fft2(np.exp((1j - AMPLITUDE) * phase).astype(np.complex64))
    nx = integrals.shape[1]
    middles = (np.arange(STRIPS) + 0.5) * nx / STRIPS
    columns = np.arange(nx)
    total = np.zeros(integrals.shape, np.float32)
    for middle, share in zip(middles, _shares(columns, middles), strict=True):
        height_A = -(middle - nx // 2) * PIXEL_A * np.tan(np.radians(angle_deg))
        chi = _aberration(integrals.shape, focus_A + height_A)
        intensity = np.abs(fft.ifft2(wave * np.exp(1j * chi).astype(np.complex64))) ** 2
        total += share.astype(np.float32) * (intensity - 1)
    return total


def _shares(columns: AnyArray, middles: DoubleArray) -> DoubleArray:
    """Return how much each strip adds to each column: linear between middles [strip, x]."""
    return np.array([np.interp(columns, middles, row) for row in np.eye(len(middles))])


def _aberration(shape: tuple[int, ...], focus_A: float) -> DoubleArray:
    ky, kx = (fft.fftfreq(n, PIXEL_A) for n in shape)
    square = ky[:, None] ** 2 + kx**2
    wavelength = plane.wavelength_A(VOLTAGE_KV)
    direction = np.arctan2(ky[:, None], kx) - DIRECTION_RAD
    local = focus_A + ASTIGMATISM_A * np.cos(2 * direction)
    return np.asarray(np.pi * wavelength * square * (local - CS_A / 2 * wavelength**2 * square))


def _developed(
    seen: FloatArray, rate: float, haze: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Integrate on fine pixels with readout noise and average; the same with the signal alone."""
    ny, nx = seen.shape
    fine = (FINE * ny, FINE * nx)
    f, k = plane.radius(fine, 1.0), plane.radius((ny, nx), PIXEL_A)
    y, x = np.linspace(-1, 1, fine[0])[:, None], np.linspace(-1, 1, fine[1])
    mean = rate / FINE**2 * (1 - 0.07 * (x**2 + y**2) + 0.03 * x)
    expected = mean * plane.resampled(seen, fine)
    light = rng.poisson(np.maximum(mean + expected, 0.02 * mean))
    spread = 0.25 * np.exp(-((f / 0.06) ** 2)) + 0.75 * np.exp(-((f / 0.42) ** 2))
    read = 0.4 * np.sqrt(mean.mean()) * rng.standard_normal(fine)
    image, signal = (
        FINE**2 * plane.averaged(part, FINE)
        for part in (plane.through(light, spread) + read, plane.through(expected, spread))
    )
    slow = np.sqrt(rate) * haze * np.exp(-np.sqrt(k / 0.0012))
    return image + plane.cloud(rng, (ny, nx), slow), signal


FORMATION = Formation(
    NAME, PIXEL_A, ANGLES_DEG, VOLTAGE_KV, THICKNESS_A, expose, HELD_OUT, counted=False
)
