"""Tools of the foreign microscopes: electrons, and images on other grids."""

import math

import numpy as np
from scipy import constants, fft, ndimage

from faket.data import AnyArray, DoubleArray, FloatArray, Volume
from faket.projection import project, project_slices


def wavelength_A(voltage_kV: float) -> float:
    """Return the relativistic wavelength of electrons."""
    energy_eV = 1e3 * voltage_kV
    rest_eV = constants.m_e * constants.c**2 / constants.e
    momentum_eV = math.sqrt(energy_eV * (energy_eV + 2 * rest_eV))  # times c
    return float(1e10 * constants.h * constants.c / constants.e / momentum_eV)


def phase_per_V_A(voltage_kV: float) -> float:
    """Return the phase, rad, of 1 V over 1 Å: 2π (E₀ + E) / (λ E (2E₀ + E))."""
    energy_eV = 1e3 * voltage_kV
    rest_eV = constants.m_e * constants.c**2 / constants.e
    per_eV = (rest_eV + energy_eV) / (energy_eV * (2 * rest_eV + energy_eV))
    return float(2 * math.pi * per_eV / wavelength_A(voltage_kV))


def half_plane(shape: tuple[int, int], pixel_A: float) -> tuple[DoubleArray, DoubleArray]:
    """Return the frequencies of a real image's transform, 1/Å: ky [y, 1] and kx [1, x // 2 + 1]."""
    return fft.fftfreq(shape[0], pixel_A)[:, None], fft.rfftfreq(shape[1], pixel_A)[None, :]


def radius(shape: tuple[int, int], pixel_A: float) -> DoubleArray:
    """Return the absolute frequency (1/Å), shape (y, x // 2 + 1)."""
    return np.asarray(np.hypot(*half_plane(shape, pixel_A)))


def through(image: AnyArray, transfer: AnyArray) -> FloatArray:
    """Return an image after a linear filter, given over the half plane."""
    # [y, x] → [y, x // 2 + 1] → [y, x]
    return np.asarray(fft.irfft2(fft.rfft2(image) * transfer, s=image.shape), np.float32)


def resampled(image: AnyArray, shape: tuple[int, int]) -> FloatArray:
    """Return an image with more or fewer pixels, by Fourier padding or cropping."""
    from scipy import signal  # every command would wait half a second for it

    rows = signal.resample(image, shape[0], axis=0)
    return np.asarray(signal.resample(rows, shape[1], axis=1), np.float32)


def averaged(image: AnyArray, n: int) -> FloatArray:
    """Return the means of blocks of n x n pixels."""
    ny, nx = (size // n for size in image.shape)
    # [y, x] → [block of y, y in it, block of x, x in it] → [block of y, block of x]
    blocks = image[: ny * n, : nx * n].reshape(ny, n, nx, n)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)


def moved(image: AnyArray, shift_px: AnyArray, turn_deg: float = 0.0, order: int = 3) -> FloatArray:
    """Return an image displaced by (x, y) and turned about its middle; 0 comes in at the border."""
    cos, sin = math.cos(math.radians(turn_deg)), math.sin(math.radians(turn_deg))
    back = np.array([[cos, -sin], [sin, cos]])  # (y, x) of the result to that of the source
    middle = np.array(image.shape) // 2
    start = middle - back @ (middle + np.asarray(shift_px)[::-1])
    made = ndimage.affine_transform(image, back, start, order=order, mode="constant")
    return np.asarray(made, np.float32)


def cloud(rng: np.random.Generator, shape: tuple[int, int], amplitude: AnyArray) -> FloatArray:
    """Return Gaussian noise of a given amplitude (√power) over the half plane."""
    return through(rng.standard_normal(shape, np.float32), amplitude)


def integrals(volume: Volume, angle_deg: float) -> FloatArray:
    """Return the line integrals of the potential at one angle, V·Å."""
    image = project(volume.data, [angle_deg])[0] * np.float32(volume.voxel_size_A)
    return np.asarray(image, np.float32)


def layers(volume: Volume, angle_deg: float, thickness_A: float) -> tuple[FloatArray, DoubleArray]:
    """Return the integrals of layers across the beam, V·Å [layer, y, x], and their heights.

    Heights (Å) are those of the layers' middles along the beam, from the middle of the specimen.
    """
    theta, p = math.radians(angle_deg), volume.voxel_size_A
    nz, _, nx = volume.data.shape
    across_A = p * (nz * math.cos(theta) + nx * abs(math.sin(theta)))
    count = max(1, math.ceil(across_A / thickness_A))
    cut = project_slices(
        volume.data, angle_deg, n_slices=count, slice_thickness_voxels=thickness_A / p
    )
    heights_A = (np.arange(count) + 0.5 - count / 2) * thickness_A
    return cut * np.float32(p), np.asarray(heights_A)


def nearest_zero_first(angles_deg: DoubleArray) -> AnyArray:
    """Return the place of each tilt in a dose-symmetric scheme: 0, +, −, −, +, +, …"""
    size = np.abs(angles_deg)
    steps = np.rint(size / np.diff(np.sort(angles_deg)).min())
    turned = np.where(steps % 2 == 1, angles_deg, -angles_deg)  # the sign that comes first
    order: AnyArray = np.lexsort((-turned, np.rint(1e3 * size)))
    return order.argsort()


def one_side_first(angles_deg: DoubleArray) -> AnyArray:
    """Return the place of each tilt in a bidirectional scheme: up from 0, then down from 0."""
    start = int(np.abs(angles_deg).argmin())
    order = [*range(start, len(angles_deg)), *range(start - 1, -1, -1)]
    return np.argsort(order)
