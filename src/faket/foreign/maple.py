"""Maple: foci by Chebyshev moments, Rytov's wave; events counted once or twice; normalised."""

import numpy as np
from scipy import fft, special

from faket.data import AnyArray, DoubleArray, FloatArray, Volume
from faket.foreign import plane
from faket.foreign.formation import Formation, Taken
from faket.projection import project
from faket.seeds import generator

NAME = "maple"
HELD_OUT = True
# All values chosen: within what microscopes do, and unlike those of the other modules.
PIXEL_A = 3.8
ANGLES_DEG = np.arange(-50.0, 60.1, 2.0)
START_DEG = 4.0  # the lamella is flat about here: exposures alternate from this angle
VOLTAGE_KV, CS_A = 200.0, 2.7e7
THICKNESS_A, PATH_A, WEDGE = 950.0, 2800.0, 0.12
DEFOCUS_A, SCATTER_A = 29000.0, 1000.0
ASTIGMATISM_A, DIRECTION_RAD = 500.0, 2.1
AMPLITUDE, SUPPOSED = 0.05, 0.1  # true, and as CTF programs were told
DOSE = 1.7  # e/Å² of each tilt
MOMENTS = 3  # over heights
GRAIN_V = 0.55  # of ice, in voxels of this size
MOTION_A, MOTION_RAD = 7.0, 1.9  # within an exposure, and where to
TWICE = 0.26  # share of the electrons that a neighbour counts again
# Slow noise is the microscope's, by tilt: σ over that of counting, and where it falls.
_HAZE = generator(0, NAME, "haze")
HAZE = _HAZE.lognormal(0.4, 0.45, len(ANGLES_DEG))
FALL_PER_A = _HAZE.uniform(0.003, 0.007, len(ANGLES_DEG))


def expose(volume: Volume, seed: int) -> Taken:
    """Take the series."""
    rng = generator(seed, NAME, "stage")
    shape = volume.data.shape[1:]
    tilts = len(ANGLES_DEG)
    angles = ANGLES_DEG + rng.normal(0, 0.08, tilts)
    shifts_px = rng.normal(0, 2.2, (tilts, 2)) / PIXEL_A
    turns = rng.normal(0, 0.15, tilts)
    focus = DEFOCUS_A + rng.normal(0, SCATTER_A, tilts)
    paths_px = MOTION_A / PIXEL_A * rng.lognormal(-0.2, 0.5, tilts)
    order = plane.nearest_zero_first(ANGLES_DEG - START_DEG)
    moments, half_A = _moments(volume, angles), PIXEL_A * volume.data.shape[0] / 2
    images, signal = np.empty((2, tilts, *shape), np.float32)
    for i in range(tilts):
        draw = generator(seed, NAME, i)
        sine, cosine = _transfers(shape, focus[i])
        kept = _kept(shape, DOSE * (order[i] + 0.5), paths_px[i])
        wave = _linear(moments[:, i], angles[i], half_A, (sine, cosine))
        seen = plane.through(np.expm1(wave), kept)
        seen = plane.moved(seen, shifts_px[i], turns[i])
        path_A = THICKNESS_A / np.cos(np.radians(angles[i]))
        grain_rad = plane.phase_per_V_A(VOLTAGE_KV) * GRAIN_V * np.sqrt(PIXEL_A * path_A)
        rough = plane.cloud(draw, shape, -2 * grain_rad * sine * np.sqrt(kept))
        wedge = WEDGE / 2 * np.linspace(-1, 1, shape[1])
        rate = DOSE * PIXEL_A**2 * np.exp(-path_A * (1 + wedge) / PATH_A)
        images[i], signal[i] = _developed(seen, rough, rate, (HAZE[i], FALL_PER_A[i]), draw)
    fitted_um = 1e-4 * (focus + rng.normal(0, 300.0, tilts))
    known = {
        "order": order,
        "dose_e_per_A2": np.full(tilts, DOSE),
        "defocus_um": fitted_um,
        "amplitude_contrast": SUPPOSED,
        "voltage_kV": VOLTAGE_KV,
    }
    return Taken(images.astype(np.float16).astype(np.float32), signal, known)


def _moments(volume: Volume, angles_deg: DoubleArray) -> FloatArray:
    """Return phases, rad [moment, tilt, y, x]: heights above the middle weighted by T_n(z)."""
    nz = volume.data.shape[0]
    z = (np.arange(nz) - nz // 2) / (nz / 2)  # from -1 to 1
    phase = plane.phase_per_V_A(VOLTAGE_KV) * PIXEL_A
    weights = (phase * special.eval_chebyt(np.arange(MOMENTS)[:, None], z)).astype(np.float32)
    made = np.empty((MOMENTS, len(angles_deg), *volume.data.shape[1:]), np.float32)
    for moment, row in zip(made, weights, strict=True):
        moment[:] = project(volume.data * row[:, None, None], angles_deg)
    return made


def _transfers(shape: tuple[int, ...], focus_A: float) -> tuple[FloatArray, FloatArray]:
    """Return sine and cosine of the phase that a wave gains from the middle of the specimen."""
    ky, kx = plane.half_plane((shape[0], shape[1]), PIXEL_A)
    square, wavelength = ky**2 + kx**2, plane.wavelength_A(VOLTAGE_KV)
    local = focus_A + ASTIGMATISM_A * np.cos(2 * (np.arctan2(ky, kx) - DIRECTION_RAD))
    chi = np.pi * wavelength * square * (local - 0.5 * CS_A * wavelength**2 * square)
    chi += np.arcsin(AMPLITUDE)
    return np.sin(chi).astype(np.float32), np.cos(chi).astype(np.float32)


def _kept(shape: tuple[int, ...], spent: float, path_px: float) -> AnyArray:
    """Return what is left of amplitudes after coherence, damage and motion along a line."""
    k = plane.radius((shape[0], shape[1]), PIXEL_A)
    critical = 0.8 * (0.245 * np.maximum(k, 1e-3) ** -1.665 + 2.81)  # Grant & Grigorieff, 200 kV
    ky, kx = plane.half_plane((shape[0], shape[1]), 1.0)
    along = kx * np.cos(MOTION_RAD) + ky * np.sin(MOTION_RAD)
    spared = np.exp(-70 / 4 * k**2 - spent / (2 * critical))
    return np.asarray(spared * np.abs(np.sinc(path_px * along)), np.float32)


def _linear(
    moments: FloatArray, angle_deg: float, half_A: float, transfers: tuple[FloatArray, FloatArray]
) -> FloatArray:
    """Return twice the logarithm of the wave's modulus in the plane in focus, to first order.

    A source at column u of the image and height z from the middle of the slab is further along the
    beam by z / cos θ - u tan θ, so its transfer is Im exp(iχ) exp(iπλk²(z / cos θ - u tan θ)).
    Either factor is a sum of Chebyshev polynomials of its place, with Bessel functions of k² as
    filters.
    """
    _, ny, nx = moments.shape
    theta = np.radians(angle_deg)
    square = (plane.radius((ny, nx), PIXEL_A) ** 2).astype(np.float32)
    knots = np.linspace(0, float(square.max()), 2048)
    per_A = np.pi * plane.wavelength_A(VOLTAGE_KV)
    depth_A = half_A / np.cos(theta)
    aside_A = -PIXEL_A * nx / 2 * np.tan(theta)
    place = (np.arange(nx) - nx // 2) / (nx / 2)
    terms = int(np.ceil(per_A * knots[-1] * abs(aside_A))) + 5
    sine, cosine = transfers
    turned = (sine, cosine, -sine, -cosine)  # Im exp(iχ) i^n
    total = np.zeros(square.shape, np.complex64)
    for n, part in enumerate(moments):
        within = special.jv(n, per_A * depth_A * knots) * (2 if n else 1)
        for m in range(terms):
            across = special.jv(m, per_A * aside_A * knots) * (2 if m else 1)
            bessel = np.interp(square, knots, within * across).astype(np.float32)
            column = special.eval_chebyt(m, place).astype(np.float32)
            total += fft.rfft2(part * column) * (bessel * turned[(m + n) % 4])
    # [y, x // 2 + 1] → [y, x]
    return np.asarray(-2 * fft.irfft2(total, s=(ny, nx)), np.float32)


def _developed(
    seen: FloatArray,
    rough: FloatArray,
    rate: AnyArray,
    haze: tuple[float, float],
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """Count, recolour, take a plane off, normalise; the same with the signal alone."""
    ny, nx = seen.shape
    f, k = plane.radius((ny, nx), 1.0), plane.radius((ny, nx), PIXEL_A)
    y, x = np.linspace(-1, 1, ny)[:, None], np.linspace(-1, 1, nx)
    mean = 0.92 * rate * np.exp(-0.09 * ((x - 0.3) ** 2 + 0.6 * (y + 0.4) ** 2))
    astray = np.exp(-1.1 * f**1.5)  # electrons are counted beside the place where they came in
    expected = mean * plane.through(seen, astray)
    scattered = mean * plane.through(rough, astray)
    counts = rng.poisson(np.maximum(mean + expected + scattered, 0.02 * mean))
    again = [
        np.roll(rng.binomial(counts, TWICE / 4), step, axis) for step in (-1, 1) for axis in (0, 1)
    ]
    fy, fx = plane.half_plane((ny, nx), 1.0)
    echo = 1 + TWICE / 2 * (np.cos(2 * np.pi * fy) + np.cos(2 * np.pi * fx))
    strength, fall_per_A = haze
    slow = strength * np.sqrt(mean.mean()) / (1 + (k / fall_per_A) ** 1.7)
    image = counts + np.sum(again, axis=0) + plane.cloud(rng, (ny, nx), slow)
    shoulder = 0.62 + 0.38 / (1 + np.exp((k - 0.042) / 0.007))
    colour = (1 + 0.7 / (1 + (k / 0.013) ** 2)) * shoulder / (1 + np.exp((k - 0.112) / 0.005))
    flat, signal = (
        _level(plane.through(*part)) for part in ((image, colour), (expected, echo * colour))
    )
    return flat / flat.std(), signal / flat.std()


def _level(image: FloatArray) -> FloatArray:
    """Return an image without the plane that fits it best."""
    y, x = (np.arange(n) - (n - 1) / 2 for n in image.shape)
    down, right = y @ image.mean(axis=1) / (y @ y), x @ image.mean(axis=0) / (x @ x)
    return np.asarray(image - image.mean() - down * y[:, None] - right * x, np.float32)


FORMATION = Formation(
    NAME, PIXEL_A, ANGLES_DEG, VOLTAGE_KV, THICKNESS_A, expose, HELD_OUT,
    ("order", "dose_e_per_A2", "defocus_um", "amplitude_contrast", "voltage_kV"), counted=False,
)  # fmt: skip
