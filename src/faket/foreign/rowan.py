"""Rowan: every column at its own focus, by a matrix; thick uneven ice, no filter; signed bytes."""

import numpy as np
from scipy import fft, ndimage

from faket.data import AnyArray, FloatArray, Volume
from faket.foreign import plane
from faket.foreign.formation import Formation, Taken
from faket.seeds import generator

NAME = "rowan"
HELD_OUT = False
# All values chosen: within what microscopes do, and unlike those of the other modules.
PIXEL_A = 11.2
_PLANNED_DEG = np.arange(-42.0, 66.1, 3.0)  # exposed in this order
_KEPT = ~np.isin(_PLANNED_DEG, (-18.0, 51.0))  # two were spoilt, and thrown away
ANGLES_DEG = _PLANNED_DEG[_KEPT]
VOLTAGE_KV, CS_A = 300.0, 2.0e7
THICKNESS_A, LOST_A, INELASTIC_A = 2600.0, 8500.0, 3100.0  # mean free paths
WEDGE, BUMPS_A, BUMP_PER_A = 0.12, 90.0, 1 / 1800  # thickness: slope, roughness and its scale
TARGET_UM = 5.0
DEFOCUS_A, DRIFT_A_PER_DEG, SCATTER_A = 53000.0, 35.0, 1100.0  # the stage is not eucentric
ASTIGMATISM_A, DIRECTION_RAD = 1300.0, 0.9
AMPLITUDE = 0.17
DOSE = 1.7  # e/Å² at 0°, more at tilts
AXIS_DEG = 4.7  # of the tilt axis on the camera
# The microscope's, by tilt: σ of slow noise over that of counting, at the lowest frequencies;
# beam current; where the content lay on the camera.
_HABITS = generator(0, NAME, "habits")
HAZE = _HABITS.lognormal(0.9, 0.35, len(ANGLES_DEG)) * (1 + 0.5 * np.abs(ANGLES_DEG / 66))
CURRENT = _HABITS.lognormal(0, 0.04, len(ANGLES_DEG))
APART_PX = _HABITS.uniform(-2.5, 2.5, (len(ANGLES_DEG), 2))


def expose(volume: Volume, seed: int) -> Taken:
    """Take the series."""
    rng = generator(seed, NAME, "stage")
    ny, nx = volume.data.shape[1:]
    tilts = len(ANGLES_DEG)
    angles = ANGLES_DEG + rng.normal(0, 0.15, tilts)
    errors_px = rng.normal(0, 6.0, (tilts, 2)) / PIXEL_A
    turns = AXIS_DEG + rng.normal(0, 0.25, tilts)
    scales = 1 + rng.normal(0, 1.5e-3, tilts)
    focus = DEFOCUS_A + DRIFT_A_PER_DEG * angles + rng.normal(0, SCATTER_A, tilts)
    tilted = np.cos(np.radians(angles))
    doses = DOSE * CURRENT * tilted**-0.35
    spent = 1.15 * DOSE * (np.flatnonzero(_KEPT) + 0.5)
    # The camera saw more than is left after images were turned back.
    down, aside = (4 + n // 16 for n in (ny, nx))
    border, inner = ((down, down), (aside, aside)), np.s_[down : down + ny, aside : aside + nx]
    faces = [_bumps(rng, (ny + 2 * down, nx + 2 * aside)) for _ in range(2)]
    images, signal = np.empty((2, tilts, ny, nx), np.float32)
    for i in range(tilts):
        seen = _contrast(plane.integrals(volume, angles[i]), focus[i], angles[i])
        path_A = _path(faces, angles[i])
        seen = _mixed(np.pad(seen, border), path_A, spent[i])
        turn, lie = _turn(turns[i]) * scales[i], APART_PX[i, ::-1]
        back = np.linalg.inv(turn)
        seen, path_A = (
            _sampled(part, back, -back @ (lie + errors_px[i]), order=3) for part in (seen, path_A)
        )
        rate = 0.7 * doses[i] * PIXEL_A**2 * np.exp(-path_A / LOST_A)
        pair = _developed(seen, rate, HAZE[i], generator(seed, NAME, i))
        # Turned back as well as the lab knows how, in one interpolation.
        images[i], signal[i] = (
            _coloured(_sampled(part, _turn(AXIS_DEG), lie, order=1))[inner] for part in pair
        )
    middle, scale = images.mean(), 22 / images.std()  # one for all tilts
    stored = np.clip(np.rint(scale * (images - middle) - 6), -128, 127).astype(np.float32)
    known = {"defocus_um": np.full(tilts, TARGET_UM), "voltage_kV": VOLTAGE_KV}
    return Taken(stored, scale * signal, known)


def _contrast(integrals: FloatArray, focus_A: float, angle_deg: float) -> FloatArray:
    """Return the contrast of a phase grating, tilted about y: column u is in focus at its height.

    What defocus does to a wave is exp(iπλf kx²) exp(iπλf ky²), so that with f(u) the sum over kx is
    a product with one matrix [u, kx], and the rest a factor of ky and u.
    """
    ny, nx = integrals.shape
    grating = np.expm1((1j - AMPLITUDE) * plane.phase_per_V_A(VOLTAGE_KV) * integrals)
    ky, kx = fft.fftfreq(ny, PIXEL_A)[:, None], fft.fftfreq(nx, PIXEL_A)
    square, per_A = ky**2 + kx**2, np.pi * plane.wavelength_A(VOLTAGE_KV)
    # What is the same for all columns: astigmatism and spherical aberration.
    alike_A = ASTIGMATISM_A * np.cos(2 * (np.arctan2(ky, kx) - DIRECTION_RAD))
    alike_A -= 0.5 * CS_A * plane.wavelength_A(VOLTAGE_KV) ** 2 * square
    wave = fft.fft2(grating.astype(np.complex64)) * _phasor(per_A * alike_A * square)
    columns = np.arange(nx)
    local_A = focus_A - (columns - nx // 2) * PIXEL_A * np.tan(np.radians(angle_deg))
    phase = 2 * np.pi * np.outer(columns, np.arange(nx)) / nx
    matrix = _phasor(phase + per_A * np.outer(local_A, kx**2)) / np.float32(nx)  # [u, kx]
    wave = (wave @ matrix.T) * _phasor(per_A * ky**2 * local_A)  # [ky, kx] → [ky, u]
    wave = fft.ifft(wave, axis=0)  # [ky, u] → [y, u]
    return np.asarray(2 * wave.real + np.abs(wave) ** 2, np.float32)


def _phasor(angle: AnyArray) -> AnyArray:
    return np.asarray(np.exp(1j * angle).astype(np.complex64))


def _bumps(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """Return the roughness of one face of the ice, Å."""
    k = plane.radius(shape, PIXEL_A)
    at_zero = np.sqrt(2 / np.pi) * BUMPS_A / (BUMP_PER_A * PIXEL_A)
    amplitude = at_zero / (1 + (k / BUMP_PER_A) ** 2) ** 1.5
    amplitude[0, 0] = 0
    return plane.cloud(rng, shape, amplitude)


def _path(faces: list[FloatArray], angle_deg: float) -> FloatArray:
    """Return the way of the beam through the ice, Å: both faces move and shrink with the tilt."""
    cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    nx = faces[0].shape[1]
    path = np.full(faces[0].shape, THICKNESS_A)
    path *= 1 + WEDGE / 2 * np.linspace(-1, 1, faces[0].shape[0])[:, None]
    for face, side in zip(faces, (-0.5, 0.5), strict=True):
        place = (np.arange(nx) - nx // 2 - side * THICKNESS_A / PIXEL_A * sin) / cos + nx // 2
        left = np.floor(place).astype(int)
        share = (place - left).astype(np.float32)
        path += (1 - share) * face[:, left % nx] + share * face[:, (left + 1) % nx]
    return np.asarray(path / cos, np.float32)


def _mixed(contrast: FloatArray, path_A: FloatArray, spent: float) -> FloatArray:
    """Return the contrast of electrons with and without loss of energy, after some exposure."""
    k = plane.radius((contrast.shape[0], contrast.shape[1]), PIXEL_A)
    # Mass is lost early; then all creeps, and finer details fade.
    kept = (0.8 + 0.2 * np.exp(-spent / 25)) * np.exp(-(500 + 4.5 * spent) / 4 * k**2)
    slowed = plane.through(contrast, 0.55 * kept * np.exp(-((k / 0.028) ** 2)))
    without = np.exp(-path_A / INELASTIC_A)
    return np.asarray(without * plane.through(contrast, kept) + (1 - without) * slowed, np.float32)


def _turn(angle_deg: float) -> AnyArray:
    """Return the matrix of a turn of (y, x)."""
    cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.array([[cos, sin], [-sin, cos]])


def _sampled(image: FloatArray, matrix: AnyArray, start: AnyArray, order: int) -> FloatArray:
    """Return an image's values at `matrix @ p + start`, p and the result being from its middle."""
    middle = np.array(image.shape) // 2
    offset = middle + start - matrix @ middle
    made = ndimage.affine_transform(image, matrix, offset, order=order, mode="nearest")
    return np.asarray(made, np.float32)


def _developed(
    seen: FloatArray, rate: FloatArray, haze: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Integrate the light of electrons, each as bright as it likes; the same with the signal."""
    shape = (seen.shape[0], seen.shape[1])
    f, k = plane.radius(shape, 1.0), plane.radius(shape, PIXEL_A)
    lost = 1 - 0.3 * f  # of the signal before light is made
    expected = rate * plane.through(seen, lost)
    counts = rng.poisson(np.maximum(rate + expected, 0.02 * rate))
    light = rng.gamma(4.0 * counts) / 4
    tails = 0.2 * np.exp(-f / 0.012) + 0.3 * np.exp(-f / 0.3) + 0.5 * np.exp(-((f / 0.8) ** 2))
    read = 0.3 * np.sqrt(rate.mean()) * rng.standard_normal(shape, np.float32)
    slow = haze * np.sqrt(rate.mean()) / (1 + (k / 0.0011) ** 2) ** 0.75
    image = plane.through(light, tails) + read + plane.cloud(rng, shape, slow)
    return image, plane.through(expected, tails)


def _coloured(image: FloatArray) -> FloatArray:
    """Return an image as the program left it: a band raised, the finest details lowered."""
    k = plane.radius((image.shape[0], image.shape[1]), PIXEL_A)
    band = 1 + 0.9 * np.exp(-(((k - 0.019) / 0.007) ** 2))
    return plane.through(image, band * np.exp(-0.5 * (k / 0.042) ** 4) / (1 + 0.3 * (k / 0.03)))


FORMATION = Formation(
    NAME, PIXEL_A, ANGLES_DEG, VOLTAGE_KV, THICKNESS_A, expose, HELD_OUT,
    ("defocus_um", "voltage_kV"), counted=False,
)  # fmt: skip
